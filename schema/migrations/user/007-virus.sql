-- Signature of the virus that was found in it; "": none. Its outcome is then STORE_OUTCOME_VIRUS.
ALTER TABLE message ADD COLUMN virus TEXT NOT NULL DEFAULT '';
