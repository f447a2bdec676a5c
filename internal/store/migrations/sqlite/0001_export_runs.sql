-- The work on exports, beside Zulip's rows of them. Times are microseconds since 1970-01-01 UTC.
CREATE TABLE @export_runs (
    export_id INTEGER PRIMARY KEY,
    realm_id  INTEGER NOT NULL,
    attempt   INTEGER NOT NULL, -- of the present or last one; 0 before the first
    owner     TEXT    NOT NULL, -- '' if nobody is at work
    heartbeat INTEGER,
    started   INTEGER,
    path      TEXT    NOT NULL,
    spool     TEXT    NOT NULL,
    cancelled TEXT    NOT NULL, -- who asked for that, '' if nobody did
    reason    TEXT    NOT NULL, -- why the last attempt failed
    progress  TEXT,
    summary   TEXT,
    missing   TEXT
);
