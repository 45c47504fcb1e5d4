-- Signed notes of where the audit chain stood. `filed_at` is when the note was in the file outside, if there is one.
CREATE TABLE audit_checkpoints (
    seq BIGINT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    at BIGINT NOT NULL,
    key TEXT NOT NULL,
    signature TEXT NOT NULL,
    filed_at BIGINT
);
