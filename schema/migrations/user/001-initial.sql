-- The store of one user. Times are seconds since 1970; classes and outcomes as in schema/store.h.

-- History: a row a message.
CREATE TABLE message (
	id INTEGER PRIMARY KEY,
	signature BLOB NOT NULL UNIQUE, -- 12 bytes: seconds since 1970, then random
	digest BLOB NOT NULL UNIQUE, -- 16 bytes
	received INTEGER NOT NULL,
	size INTEGER NOT NULL,
	sender TEXT NOT NULL,
	"from" TEXT NOT NULL,
	subject TEXT NOT NULL,
	message_id TEXT NOT NULL,
	queue_id TEXT NOT NULL,
	result INTEGER NOT NULL, -- -1: not classified, only trained
	probability REAL NOT NULL,
	confidence REAL NOT NULL,
	score REAL NOT NULL,
	outcome INTEGER NOT NULL,
	taught INTEGER NOT NULL, -- class that the dictionary holds of it now
	initially INTEGER NOT NULL, -- class that it taught of itself
	corrected INTEGER NOT NULL, -- class that the user said
	corrected_at INTEGER NOT NULL,
	source TEXT NOT NULL,
	factors TEXT NOT NULL,
	counts INTEGER NOT NULL, -- whether the verdict counts its scores and sender
	counted INTEGER NOT NULL, -- class under which its scores and its sender are counted
	scores BLOB NOT NULL, -- the learners' scores, as bins of the histograms
	sender_key INTEGER NOT NULL -- hash of the From: line
);
CREATE INDEX message_by_message_id ON message (message_id) WHERE message_id <> '';

-- Signatures: what was seen of a message, kept so that it can be corrected.
CREATE TABLE features (
	message INTEGER PRIMARY KEY, -- message.id
	version INTEGER NOT NULL,
	hashes BLOB NOT NULL -- schema/hash_list.h
);

-- What was taught since the newest snapshot of the dictionary; a retraction has delta -1.
CREATE TABLE lesson (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	message INTEGER NOT NULL,
	class INTEGER NOT NULL,
	delta INTEGER NOT NULL,
	tokens INTEGER NOT NULL, -- 1: counts its features; 0: counts its scores
	scores BLOB NOT NULL,
	gradient_header INTEGER NOT NULL, -- schema/dictionary.h
	gradient_body INTEGER NOT NULL
);

-- The dictionary as of lesson seq: snapshot files (oldest first) and the sums beside them.
CREATE TABLE dictionary (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	generation INTEGER NOT NULL,
	seq INTEGER NOT NULL,
	files TEXT NOT NULL, -- names, separated by blanks
	sums BLOB NOT NULL
);
INSERT INTO dictionary VALUES (1, 0, 0, '', x'');

-- How often each From: line was innocent and spam.
CREATE TABLE sender (
	key INTEGER PRIMARY KEY,
	innocent INTEGER NOT NULL,
	spam INTEGER NOT NULL
);

-- Every correction ever asked for that changed something.
CREATE TABLE correction (
	id INTEGER PRIMARY KEY,
	message INTEGER NOT NULL,
	time INTEGER NOT NULL,
	class INTEGER NOT NULL,
	source TEXT NOT NULL
);

CREATE TABLE preference (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE quarantine (
	signature BLOB PRIMARY KEY,
	file TEXT NOT NULL,
	sender TEXT NOT NULL,
	recipient TEXT NOT NULL,
	added INTEGER NOT NULL,
	size INTEGER NOT NULL
);
