-- The work on exports, beside Zulip's rows of them.
CREATE TABLE @export_runs (
    export_id bigint      PRIMARY KEY,
    realm_id  bigint      NOT NULL,
    attempt   integer     NOT NULL, -- of the present or last one; 0 before the first
    owner     text        NOT NULL, -- '' if nobody is at work
    heartbeat timestamptz,
    started   timestamptz,
    path      text        NOT NULL,
    spool     text        NOT NULL,
    cancelled text        NOT NULL, -- who asked for that, '' if nobody did
    reason    text        NOT NULL, -- why the last attempt failed
    -- Not jsonb, which cannot hold every text.
    progress  json,
    summary   json,
    missing   json
);
