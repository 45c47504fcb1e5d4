-- Incidents. `body` is the whole value as JSON; `channel` is theirs alone, `open` is 1 until they are resolved. `version` counts up
-- with every change.
CREATE TABLE incidents (
    id TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    open BIGINT NOT NULL,
    channel TEXT,
    opened_at BIGINT NOT NULL,
    resolved_at BIGINT,
    version BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX incidents_open ON incidents (open) WHERE open = 1;
CREATE INDEX incidents_channel ON incidents (channel) WHERE channel IS NOT NULL;

-- What was written down for an incident's timeline. `source` is the message it is from, once each.
CREATE TABLE incident_entries (
    id TEXT NOT NULL PRIMARY KEY,
    incident TEXT NOT NULL,
    at BIGINT NOT NULL,
    source TEXT,
    body TEXT NOT NULL
);
CREATE INDEX incident_entries_of ON incident_entries (incident, at);
CREATE UNIQUE INDEX incident_entries_source ON incident_entries (incident, source) WHERE source IS NOT NULL;
