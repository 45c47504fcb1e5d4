-- Where each group's escalation stands. `body` is the whole value as JSON; `due_at` is for people and queries.
CREATE TABLE escalations (
    group_id TEXT NOT NULL PRIMARY KEY,
    policy TEXT NOT NULL,
    due_at BIGINT,
    body TEXT NOT NULL
);
