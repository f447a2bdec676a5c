-- Exports that wait for their turn.
ALTER TABLE @export_runs ADD COLUMN waiting_since INTEGER;
ALTER TABLE @export_runs ADD COLUMN waiting_seen INTEGER; -- when it last asked; NULL if it does not wait
-- For when an organization's last export ended.
CREATE INDEX @export_runs_realm ON @export_runs (realm_id);
