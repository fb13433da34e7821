-- To whom the user wrote (learn_sent_recipients).
CREATE TABLE correspondent (
	key INTEGER PRIMARY KEY, -- hash of the address in lower case
	last INTEGER NOT NULL
);
