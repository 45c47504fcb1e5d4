-- The living message whose thread a job belongs to: what is said there is said in order, also when a later line is more urgent.
ALTER TABLE jobs ADD COLUMN thread TEXT;
