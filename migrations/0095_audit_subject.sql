-- What happened to one alert or one action is looked up in a log that is kept for ever.
CREATE INDEX audit_subject ON audit (subject);
