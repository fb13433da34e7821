/*
 * store_internal.h - what the files of the SQLite user store share: handle, statements, binding.
 */
#ifndef SHOVELER_STORE_INTERNAL_H
#define SHOVELER_STORE_INTERNAL_H

#include "schema/dictionary.h"
#include "schema/store.h"

#include <sqlite3.h>
#include <sys/types.h>

#define MESSAGE_COLUMNS                                                                            \
	"id, signature, digest, received, size, sender, \"from\", subject, message_id, queue_id, " \
	"result, probability, confidence, score, outcome, taught, initially, corrected, "          \
	"corrected_at, source, factors, counted, scores, sender_key, counts, wary, route_key, "     \
	"virus"

/* The class that counts now: what the user said, else what the filter did. */
#define MESSAGE_CLASS                                                                              \
	"(CASE WHEN corrected <> 0 THEN corrected WHEN result < 0 THEN 0 WHEN result = 1 THEN 2 "  \
	"ELSE 1 END)"

/* All, or those that no digest has told of. */
#define QUARANTINE_NEWS                                                                            \
	"(?6 = 0 OR q.signature NOT IN (SELECT signature FROM announced))"

#define QUARANTINE_CONTAINS                                                                        \
	"?4 = '' OR m.\"from\" LIKE ?4 ESCAPE '\\' OR q.sender LIKE ?4 ESCAPE '\\' OR m.subject "  \
	"LIKE ?4 ESCAPE '\\'"

/* Unmerged lessons keep their features. */
#define FEATURES_ARE_OLD                                                                           \
	"m.received < ?1 AND m.corrected_at < ?1 AND m.id NOT IN (SELECT message FROM lesson)"
#define HISTORY_IS_OLD                                                                             \
	FEATURES_ARE_OLD " AND NOT EXISTS (SELECT 1 FROM features f WHERE f.message = m.id) AND "  \
			 "NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.signature = m.signature)"

/* Statements, prepared when first used and kept as long as the store is open. */
/*
 * Columns are named: a daemon that runs while a newer program brings a store to its version goes on
 * until it is restarted.
 */
#define STORE_STATEMENTS(S)                                                                                        \
	S(BEGIN, "BEGIN IMMEDIATE")                                                                                \
	S(BEGIN_READ, "BEGIN")                                                                                     \
	S(COMMIT, "COMMIT")                                                                                        \
	S(ROLLBACK, "ROLLBACK")                                                                                    \
	S(MESSAGE_ADD, "INSERT INTO message (" MESSAGE_COLUMNS ") VALUES (NULL, ?1, ?2, ?3, ?4, "                  \
		       "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "                    \
		       "?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27)")                                                               \
	S(MESSAGE_BY_SIGNATURE, "SELECT " MESSAGE_COLUMNS " FROM message WHERE signature = ?1")                    \
	S(MESSAGE_BY_DIGEST, "SELECT " MESSAGE_COLUMNS " FROM message WHERE digest = ?1")                          \
	S(MESSAGE_BY_MESSAGE_ID, "SELECT " MESSAGE_COLUMNS " FROM message WHERE message_id = ?1 "                  \
				 "AND message_id <> '' ORDER BY id DESC LIMIT 2")                                  \
	S(MESSAGE_UPDATE, "UPDATE message SET taught = ?2, initially = ?3, corrected = ?4, "                       \
			  "corrected_at = ?5, source = ?6, counted = ?7 WHERE id = ?1")                            \
	S(MESSAGE_OUTCOME, "UPDATE message SET outcome = ?2 WHERE signature = ?1")                                 \
	S(MESSAGE_VIRUS, "UPDATE message SET outcome = ?2, virus = ?3 WHERE signature = ?1")                       \
	S(MESSAGE_LIST, "SELECT " MESSAGE_COLUMNS " FROM message WHERE id < ?1 AND id >= ?5 AND "                  \
			"(?2 = -1 OR result = ?2 OR (?2 = -2 AND result < 0)) AND "                                \
			"(?6 = 0 OR " MESSAGE_CLASS " = ?6) AND (?7 = 0 OR outcome = ?7) AND "                     \
			"(?8 = 0 OR corrected <> 0) AND (?9 = 0 OR received >= ?9) AND "                           \
			"(?10 = 0 OR received < ?10) AND (?3 = '' OR \"from\" LIKE ?3 ESCAPE '\\' OR "           \
			"sender LIKE ?3 ESCAPE '\\' OR subject LIKE ?3 ESCAPE '\\') "                            \
			"ORDER BY id DESC LIMIT ?4")                                                               \
	/* Two questions: SQLite reads the whole table for min() and max() in one. */                              \
	S(MESSAGE_RANGE, "SELECT coalesce((SELECT min(id) FROM message), 0), "                                     \
			 "coalesce((SELECT max(id) FROM message), 0)")                                             \
	S(MESSAGE_WEEKS,                                                                                           \
	  "SELECT week, sum(messages), sum(messages * (" MESSAGE_CLASS " = 2)), "                                  \
	  "sum(messages * (" MESSAGE_CLASS " = 2 AND result = 1)), "                                               \
	  "sum(messages * (" MESSAGE_CLASS " <> 2 AND result = 1)) FROM ("                                         \
	  "SELECT (received - 345600) / 604800 AS week, result, corrected, count(*) AS messages FROM message "     \
	  "WHERE (received - 345600) / 604800 >= (?1 - 345600) / 604800 AND result >= 0 GROUP BY 1, 2, 3) "        \
	  "GROUP BY 1 ORDER BY 1")                                                                                 \
	S(MESSAGE_TAUGHT_SINCE,                                                                                    \
	  "SELECT " MESSAGE_COLUMNS " FROM message WHERE id > ?1 AND "                                             \
	  "(taught <> 0 OR counted <> 0) AND max(received, corrected_at) >= "                                      \
	  "?2 ORDER BY id LIMIT 1")                                                                                \
	S(MESSAGE_BY_ID, "SELECT " MESSAGE_COLUMNS " FROM message WHERE id = ?1") \
	S(UNCONFIRMED_AMONG, "SELECT id, score FROM message WHERE id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) AND " \
	  "result >= 0 AND corrected = 0 AND (taught <> 0 OR counted <> 0)") \
	S(UNCONFIRMED_SPAMMIEST, "SELECT id, score FROM message WHERE id > ?1 AND id < ?2 AND result IN (0, 2) AND " \
	  "corrected = 0 AND counted = 1 ORDER BY score DESC LIMIT ?3") \
	S(DOUBT_COUNT, "SELECT (SELECT count(*) FROM message WHERE corrected <> 0 AND result >= 0), " \
	  "(SELECT count(*) FROM message WHERE source = 'filter')") \
	S(ARCHIVED_LIST, "SELECT id FROM message WHERE result < 0 AND corrected <> 0 AND taught <> 0 " \
	  "ORDER BY id DESC LIMIT ?1") \
	S(MESSAGE_SCORES, "UPDATE message SET scores = ?2 WHERE id = ?1") \
	S(REPORTED_ADD, "INSERT OR IGNORE INTO reported (message) VALUES (?1)") \
	S(REPORTED_DELETE, "DELETE FROM reported WHERE message = ?1") \
	S(REPORTED_GET, "SELECT message FROM reported ORDER BY message LIMIT 1") \
	S(CORRECTION_ADD, "INSERT INTO correction (message, time, class, source) VALUES (?1, ?2, ?3, ?4)")                                  \
	S(CORRECTION_LIST, "SELECT time, class, source FROM correction WHERE message = ?1 ORDER BY id")            \
	S(FEATURES_ADD, "INSERT OR REPLACE INTO features (message, version, hashes) VALUES (?1, ?2, ?3)")                                     \
	S(FEATURES_GET, "SELECT version, hashes FROM features WHERE message = ?1")                                 \
	S(LESSON_ADD,                                                                                              \
	  "INSERT INTO lesson (message, class, delta, tokens, scores, gradient_header, "                           \
	  "gradient_body, day, learned) SELECT ?1, ?2, ?3, ?4, ?5, "                                               \
	  "iif(?3 < 0 AND ?4, coalesce(gradient_header, ?6), ?6), "                                                \
	  "iif(?3 < 0 AND ?4, coalesce(gradient_body, ?7), ?7), ?8, "                                              \
	  "iif(?3 < 0, iif(corrected_at > 0, corrected_at, received) / 86400, ?8) "                                \
	  "FROM message WHERE id = ?1")                                                                            \
	S(LESSON_TAUGHT, "UPDATE message SET gradient_header = ?2, gradient_body = ?3 WHERE id = ?1")              \
	S(LESSONS_SINCE,                                                                                           \
	  "SELECT l.seq, l.class, l.delta, l.tokens, l.scores, f.hashes, l.gradient_header, l.gradient_body, l.day, l.learned FROM " \
	  "lesson l LEFT JOIN features f ON f.message = l.message AND l.tokens "                                   \
	  "WHERE l.seq > ?1 ORDER BY l.seq")                                                                       \
	S(LESSONS_DELETE, "DELETE FROM lesson WHERE seq <= ?1")                                                    \
	S(DICTIONARY_GET, "SELECT generation, seq, files, sums, purged_before, purged_on FROM dictionary")                                   \
	S(DICTIONARY_GENERATION, "SELECT generation FROM dictionary")                                              \
	S(DICTIONARY_SET, "UPDATE dictionary SET generation = ?1, seq = ?2, files = ?3, "                          \
			  "sums = ?4, purged_before = ?5, purged_on = ?6")                                         \
	S(DICTIONARY_LOOKED, "UPDATE dictionary SET purged_on = ?1")                                               \
	S(SENDER_GET, "SELECT innocent, spam FROM sender WHERE key = ?1")                                          \
	S(SENDER_ADD, "INSERT INTO sender (key, innocent, spam) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET " \
		      "innocent = innocent + ?2, spam = spam + ?3")                                                \
	S(CORRESPONDENT_GET, "SELECT 1 FROM correspondent WHERE key = ?1")                                         \
	S(CORRESPONDENT_ADD, "INSERT OR REPLACE INTO correspondent (key, last) VALUES (?1, ?2)")                               \
	S(CORRESPONDENT_TRIM, "DELETE FROM correspondent WHERE key IN (SELECT key FROM correspondent "             \
			      "ORDER BY last DESC LIMIT -1 OFFSET ?1)")                                            \
	S(TRUSTED_GET, "SELECT 1 FROM trusted_sender WHERE key = ?1")                                              \
	S(TRUSTED_ADD, "INSERT OR IGNORE INTO trusted_sender (key, \"from\", signature, added) VALUES (?1, ?2, ?3, ?4)")                             \
	S(TRUSTED_DELETE, "DELETE FROM trusted_sender WHERE key = ?1 OR signature = ?2")                           \
	S(TRUSTED_LIST, "SELECT \"from\", signature, added FROM trusted_sender ORDER BY added, key")               \
	S(PREFERENCE_GET, "SELECT value FROM preference WHERE name = ?1")                                          \
	S(PREFERENCE_SET, "INSERT OR REPLACE INTO preference (name, value) VALUES (?1, ?2)")                                     \
	S(PREFERENCE_DELETE, "DELETE FROM preference WHERE name = ?1")                                             \
	S(PREFERENCE_LIST, "SELECT name, value FROM preference ORDER BY name")                                     \
	S(QUARANTINE_ADD, "INSERT OR REPLACE INTO quarantine (signature, file, sender, recipient, added, size) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                     \
	S(QUARANTINE_GET, "SELECT signature, file, sender, recipient, added, size FROM "                           \
			  "quarantine WHERE signature = ?1")                                                       \
	S(QUARANTINE_LIST, "SELECT signature, file, sender, recipient, added, size FROM "                          \
			   "quarantine ORDER BY added, rowid")                                                     \
	S(QUARANTINE_BY_SCORE,                                                                                     \
	  "SELECT q.signature, q.file, q.sender, q.recipient, q.added, q.size, "                                   \
	  "coalesce(m.score, 0) AS key, q.rowid FROM quarantine q LEFT JOIN message m ON "                         \
	  "m.signature = q.signature WHERE (?1 = 0 OR (coalesce(m.score, 0), q.rowid) > (?2, ?3)) "                \
	  "AND (" QUARANTINE_CONTAINS ") AND " QUARANTINE_NEWS " ORDER BY key, q.rowid LIMIT ?5")                                          \
	S(QUARANTINE_BY_TIME,                                                                                      \
	  "SELECT q.signature, q.file, q.sender, q.recipient, q.added, q.size, "                                   \
	  "q.added AS key, q.rowid FROM quarantine q LEFT JOIN message m ON "                                      \
	  "m.signature = q.signature WHERE (?1 = 0 OR (q.added, q.rowid) < (?2, ?3)) "                             \
	  "AND (" QUARANTINE_CONTAINS ") AND " QUARANTINE_NEWS " ORDER BY key DESC, q.rowid DESC LIMIT ?5")                                \
	S(QUARANTINE_NEW, "SELECT count(*) FROM quarantine WHERE signature NOT IN "                                \
			  "(SELECT signature FROM announced)")                                                     \
	S(ANNOUNCED_ADD, "INSERT OR IGNORE INTO announced (signature) VALUES (?1)")                                            \
	S(ANNOUNCED_PURGE, "DELETE FROM announced WHERE signature NOT IN "                                         \
			   "(SELECT signature FROM quarantine)")                                                   \
	S(DIGEST_GET, "SELECT day FROM digest WHERE id = 1")                                                       \
	S(DIGEST_SET, "INSERT OR REPLACE INTO digest (id, day) VALUES (1, ?1)")                                              \
	S(LINK_GET, "SELECT 1 FROM link_used WHERE link = ?1")                                                     \
	S(LINK_ADD, "INSERT OR IGNORE INTO link_used (link, expires) VALUES (?1, ?2)")                                             \
	S(LINK_PURGE, "DELETE FROM link_used WHERE expires < ?1")                                                  \
	S(QUARANTINE_DELETE, "DELETE FROM quarantine WHERE signature = ?1 AND file = ?2")                          \
	S(QUARANTINE_SIZE, "SELECT count(*), coalesce(sum(size), 0) FROM quarantine")                              \
	S(FEATURES_OLD, "SELECT m.id FROM features f JOIN message m ON m.id = f.message WHERE "                    \
			"m.id > ?2 AND " FEATURES_ARE_OLD " ORDER BY m.id LIMIT ?3")                               \
	S(FEATURES_EXPIRE, "UPDATE message SET features_version = f.version FROM features f WHERE "                \
			   "f.message = id AND f.version <> features_version AND "                                 \
			   "id IN (SELECT value FROM json_each(?1))")                                              \
	S(FEATURES_PURGE, "DELETE FROM features WHERE message IN (SELECT m.id FROM message m "                     \
			  "WHERE m.id IN (SELECT value FROM json_each(?2)) AND " FEATURES_ARE_OLD ")")             \
	S(FEATURES_VERSION, "SELECT features_version FROM message WHERE id = ?1")                                  \
	S(HISTORY_OLD, "SELECT m.id FROM message m WHERE m.id > ?2 AND " HISTORY_IS_OLD                            \
		       " ORDER BY m.id LIMIT ?3")                                                                  \
	S(HISTORY_PURGE, "DELETE FROM message WHERE id IN (SELECT m.id FROM message m "                            \
			 "WHERE m.id IN (SELECT value FROM json_each(?2)) AND " HISTORY_IS_OLD ")")                \
	S(PURGE_CORRECTIONS, "DELETE FROM correction WHERE time < ?1")                                             \
	S(COUNT_ROWS, "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM features)")

#define STATEMENT_ID(id, sql) STATEMENT_##id,
enum store_statement { STORE_STATEMENTS(STATEMENT_ID) STATEMENT_COUNT };
#undef STATEMENT_ID

struct dictionary; /* the view: dictionary.c */

struct store {
	sqlite3 *db;
	char *directory;
	ino_t inode; /* of the file that was opened */
	bool quick;  /* commits never wait for the disk */
	time_t now;  /* 0: the clock's */
	sqlite3_stmt *statements[STATEMENT_COUNT];
	struct dictionary *dictionary; /* NULL until first refreshed */
};

/* Reset, ready for binding. NULL and *error_r on failure. */
sqlite3_stmt *store_statement(struct store *store, enum store_statement id, char **error_r);

/* The status of a failed SQLite call, with its reason in *error_r. */
enum store_status store_error(struct store *store, char **error_r);

/* Steps a statement that returns no rows and resets it; NULL is a failure that has its *error_r. */
enum store_status store_run(struct store *store, sqlite3_stmt *statement, char **error_r);

/* STORE_OK: a row is there (reset the statement when it was read); STORE_NOT_FOUND; or an error. */
enum store_status store_step(struct store *store, sqlite3_stmt *statement, char **error_r);

/* What LIKE finds text with, anywhere in a value; "" for all. malloc'ed. */
char *store_like_pattern(const char *contains);

void store_bind_text(sqlite3_stmt *statement, int index, const char *text); /* NULL: "" */
void store_bind_hex(sqlite3_stmt *statement, int index, const char *hex);   /* as blob */
void store_bind_span(sqlite3_stmt *statement, int index, struct span text);
void store_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, size_t size);
char *store_column_text(sqlite3_stmt *statement, int column);		    /* malloc'ed */
/* size: of out, the NUL included. */
/* Never NULL; valid until the next step. */
const char *store_column(sqlite3_stmt *statement, int column);
void store_column_hex(sqlite3_stmt *statement, int column, char *out, size_t size);

/* The columns signature, file, sender, recipient, added, size. */
void store_quarantined_read(sqlite3_stmt *statement, struct store_quarantined *row);

void dictionary_free(struct dictionary **dictionary);

#endif
