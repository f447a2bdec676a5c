-- What several machines know of an archive that they make together. A heartbeat every few seconds changes a row of each: with room
-- on its page, and no index on what changes, the new version stays beside the old one and the next access removes that. Rows are
-- few, and come and go by the thousand, which is why vacuum looks at their number and not at their share.
CREATE TABLE @part_plans (
    attempt   text        PRIMARY KEY,
    heartbeat timestamptz NOT NULL, -- the coordinator's
    plan      bytea       NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- A part is
--   waiting   no worker, no result, not given up: Add and GiveBack lead here
--   at work   a worker, no result: Claim leads here, also from the work of one whose heartbeat is old
--   made      a result, and the worker who made it
--   given up  given_up, no worker, no result
-- and of what is made or given up, only the removal of the row makes anything else.
CREATE TABLE @parts (
    attempt   text        NOT NULL REFERENCES @part_plans ON DELETE CASCADE,
    number    bigint      NOT NULL,
    spec      bytea       NOT NULL,
    worker    text        NOT NULL DEFAULT '',
    heartbeat timestamptz,                     -- the worker's
    tries     integer     NOT NULL DEFAULT 0,  -- how often it was claimed
    result    bytea,
    reason    text        NOT NULL DEFAULT '', -- why the last try failed
    given_up  boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (attempt, number)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
