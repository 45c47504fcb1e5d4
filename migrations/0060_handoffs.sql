-- Every shift change that was handed over. `state` is offered, escalating, unanswered, accepted, unwatched or superseded; `body`
-- is the whole value as JSON, `report` what was handed over with it. `version` counts up with every change.
CREATE TABLE handoffs (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    schedule TEXT NOT NULL,
    state TEXT NOT NULL,
    shift_at BIGINT NOT NULL,
    due_at BIGINT,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    report TEXT NOT NULL
);
CREATE INDEX handoffs_open ON handoffs (state) WHERE state IN ('offered', 'escalating', 'unanswered');
CREATE INDEX handoffs_latest ON handoffs (schedule, number);

-- What people noted for the next shift. `handoff` is the one it was handed over with.
CREATE TABLE handoff_notes (
    id TEXT NOT NULL PRIMARY KEY,
    schedule TEXT NOT NULL,
    at BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    text TEXT NOT NULL,
    link TEXT,
    handoff TEXT,
    removed_at BIGINT
);
CREATE INDEX handoff_notes_waiting ON handoff_notes (schedule) WHERE handoff IS NULL AND removed_at IS NULL;

-- A shift looks back on what there was in it.
CREATE INDEX alert_groups_opened ON alert_groups (opened_at);
CREATE INDEX audit_at ON audit (at);
