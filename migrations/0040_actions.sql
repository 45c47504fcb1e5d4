-- What was asked for, with its plan, approvals and journal. `body` is the whole value as JSON; `version` counts its changes, so
-- that nobody decides on what somebody else has changed.
CREATE TABLE action_requests (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    target TEXT NOT NULL,
    rule TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    begun_at BIGINT,
    closed_at BIGINT,
    version BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX action_requests_live ON action_requests (number) WHERE closed_at IS NULL;
CREATE INDEX action_requests_begun ON action_requests (rule, begun_at) WHERE begun_at IS NOT NULL;

-- Every write to the outside, before and after: `intent`, `attempt`, then `succeeded`, `failed`, `blocked`, `unknown` or `skipped`.
CREATE TABLE action_journal (
    request TEXT NOT NULL,
    seq BIGINT NOT NULL,
    step BIGINT NOT NULL,
    entry TEXT NOT NULL,
    at BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (request, seq)
);
