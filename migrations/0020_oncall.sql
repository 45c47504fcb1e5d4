-- On call: what people changed about schedules, and the last good copy of those kept elsewhere.

-- Somebody takes the watch for a while. Kept after its end and after its removal.
CREATE TABLE oncall_overrides (
    id TEXT NOT NULL PRIMARY KEY,
    schedule TEXT NOT NULL,
    user_id TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE INDEX oncall_overrides_held ON oncall_overrides (ends_at) WHERE removed_at IS NULL;

-- `body` is the whole value as JSON; `state` is asked, accepted, declined, expired or undone.
CREATE TABLE oncall_swaps (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX oncall_swaps_open ON oncall_swaps (expires_at) WHERE state = 'asked';

-- The last copy that could be read, as it was fetched.
CREATE TABLE oncall_feeds (
    schedule TEXT NOT NULL PRIMARY KEY,
    etag TEXT,
    body TEXT NOT NULL,
    fetched_at BIGINT NOT NULL
);
