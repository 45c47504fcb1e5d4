-- The oldest binary that can work with this schema, by the newest migration it knows. A migration that only adds (expand) leaves it; one
-- that takes away what older binaries use (contract) raises it to the first one that did without.
CREATE TABLE schema_floor (floor BIGINT NOT NULL);
INSERT INTO schema_floor (floor) VALUES (90);
