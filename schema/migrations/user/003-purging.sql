-- What it takes to drop tokens that are of no use any more, and still to take back exactly.

-- Days since 1970. learned: of what is taken back, the day on which it was taught.
ALTER TABLE lesson ADD COLUMN day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lesson ADD COLUMN learned INTEGER NOT NULL DEFAULT 0;
UPDATE lesson SET day = unixepoch() / 86400;

-- The gradients of the lesson that the dictionary holds of it; NULL: they follow from its scores.
ALTER TABLE message ADD COLUMN gradient_header INTEGER;
ALTER TABLE message ADD COLUMN gradient_body INTEGER;
-- The version of its features, when these were purged (spamtrain/features.h).
ALTER TABLE message ADD COLUMN features_version INTEGER NOT NULL DEFAULT 1;

-- No token that was taught since this day was ever dropped; when they were last looked through.
ALTER TABLE dictionary ADD COLUMN purged_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dictionary ADD COLUMN purged_on INTEGER NOT NULL DEFAULT 0;
