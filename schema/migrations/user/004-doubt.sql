-- What the filter's second thoughts about its own verdicts need (spamtrain/rejudge.c).

-- 1: the verdict taught only as much as it was sure of itself.
ALTER TABLE message ADD COLUMN wary INTEGER NOT NULL DEFAULT 0;

-- Errors that the user reported, and verdicts that the filter itself took back.
CREATE INDEX message_corrected ON message (result) WHERE corrected <> 0;
CREATE INDEX message_doubted ON message (id) WHERE source = 'filter';

-- Messages that the user has just called spam: unconfirmed ones before and after them are judged again.
CREATE TABLE reported (message INTEGER PRIMARY KEY);
