-- What the web page and the daily digest need.

-- Senders whose mail the user always wants: by the hash of the From: line, as in sender.
CREATE TABLE trusted_sender (
	key INTEGER PRIMARY KEY,
	"from" TEXT NOT NULL,
	signature BLOB NOT NULL, -- of the message by which the user said so
	added INTEGER NOT NULL
);

-- The day, YYYYMMDD in local time, on which the last digest was sent or begun.
CREATE TABLE digest (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	day INTEGER NOT NULL
);

-- Messages in quarantine that a digest has told of.
CREATE TABLE announced (signature BLOB PRIMARY KEY) WITHOUT ROWID;

-- Links of digests that were used.
CREATE TABLE link_used (
	link BLOB PRIMARY KEY, -- its mac
	expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX correction_by_message ON correction (message);
