-- One set for SQLite and Postgres: TEXT and BIGINT only; times are UTC milliseconds; ids are ULIDs; JSON is TEXT.

-- Everything that came in, once per dedupe key.
CREATE TABLE inbox (
    key TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT,
    finished_at BIGINT,
    outcome TEXT
);
CREATE INDEX inbox_waiting ON inbox (received_at, key) WHERE finished_at IS NULL;
CREATE INDEX inbox_finished ON inbox (finished_at) WHERE finished_at IS NOT NULL;

-- Everything that must go out. `claim` counts up with every claim, so an outdated holder is told apart from the present one.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    lane TEXT NOT NULL,
    priority BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    coalesce_key TEXT,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    claim BIGINT NOT NULL DEFAULT 0,
    claimed_by TEXT,
    claimed_until BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    unsure BIGINT NOT NULL DEFAULT 0,
    last_error TEXT,
    finished_at BIGINT
);
CREATE INDEX jobs_lane ON jobs (lane, priority DESC, id) WHERE state = 'queued';
CREATE INDEX jobs_claimed ON jobs (lane) WHERE claimed_by IS NOT NULL;
CREATE INDEX jobs_finished ON jobs (state, finished_at) WHERE finished_at IS NOT NULL;

-- Which Slack message is the living message of what.
CREATE TABLE messages (
    key TEXT NOT NULL PRIMARY KEY,
    channel TEXT NOT NULL,
    ts TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What the engine knows. `body` is the whole value as JSON; the other columns are for people and queries.
CREATE TABLE alerts (
    fingerprint TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    severity TEXT NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL
);

-- `past` is 1 for history the engine no longer keeps.
CREATE TABLE alert_groups (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    receiver TEXT NOT NULL,
    severity TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    past BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX alert_groups_past ON alert_groups (past, closed_at);

CREATE TABLE silences (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    past BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX silences_past ON silences (past, ends_at);

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- The audit chain and its head. Triggers that refuse UPDATE and DELETE are added by the program: their syntax is not portable.
CREATE TABLE audit (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL
);

CREATE TABLE audit_head (
    id BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    term BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Small things to remember: installations, the hash of the last config, the last canary.
CREATE TABLE facts (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
