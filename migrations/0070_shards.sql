-- What replicas tell each other when they divide the watch. Empty otherwise.

-- Verdicts of replicas that do not decide, for the one that does: the newest of each alert, gone once it is decided. `body` is the
-- whole value as JSON. `revision` is an id of its own for every verdict, so that one that came meanwhile is not taken for another.
CREATE TABLE signals (
    fingerprint TEXT NOT NULL PRIMARY KEY,
    shard TEXT NOT NULL,
    revision TEXT NOT NULL,
    body TEXT NOT NULL,
    posted_at BIGINT NOT NULL
);

-- What is known of a shard, for replicas that do not watch it and are asked about it. Who watches it publishes when
-- `wanted_at` is later than `published_at`. `body` is compressed JSON in base64.
CREATE TABLE views (
    shard TEXT NOT NULL PRIMARY KEY,
    wanted_at BIGINT NOT NULL,
    published_at BIGINT NOT NULL DEFAULT 0,
    body TEXT NOT NULL DEFAULT ''
);
