-- Who made an override: whoever puts themselves on call gets no say over actions by it. Unknown for those made before.
ALTER TABLE oncall_overrides ADD COLUMN made_by TEXT;
