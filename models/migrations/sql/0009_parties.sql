-- How often terms and institutions were changed: one row, for ever.
INSERT INTO domain (one, revision) VALUES (true, 0);
