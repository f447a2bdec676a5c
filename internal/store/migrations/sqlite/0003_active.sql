-- What is at work or waits is few rows, what ever was is many.
CREATE INDEX @export_runs_active ON @export_runs (export_id) WHERE owner <> '' OR waiting_seen IS NOT NULL;
ALTER TABLE @export_runs ADD COLUMN ended INTEGER; -- when the last attempt ended
UPDATE @export_runs SET ended = heartbeat WHERE owner = '';
CREATE INDEX @export_runs_ended ON @export_runs (realm_id, ended);
DROP INDEX @export_runs_realm;
