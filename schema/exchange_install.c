/*
 * exchange_install.c - moves the scratch into a user's store.
 *
 * Snapshot files are written and synced first; then one transaction replaces all rows and names
 * them, as dictionary_merge() does. The dictionary's generation grows, so every process that has
 * the store open loads it anew; lessons get numbers behind all that were ever given out.
 */
#include "schema/exchange_internal.h"
#include "schema/store_internal.h"

#include "lib/xalloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000
#define LOG_TIMEOUT_MS	1000

static enum store_status execute(sqlite3 *db, const char *sql, char **error_r)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? STORE_OK
								    : exchange_error(db, error_r);
}

/* One value; text is malloc'ed, NULL on failure. */
static char *value_get(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	char *text = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW) {
		text = store_column_text(s, 0);
	}
	sqlite3_finalize(s);
	return text;
}

/* Does the query give a row? */
static enum store_status is_there(sqlite3 *db, const char *sql, bool *there_r, char **error_r)
{
	char *value = value_get(db, sql);

	if (value == NULL)
		return exchange_error(db, error_r);
	*there_r = strcmp(value, "0") != 0;
	free(value);
	return STORE_OK;
}

static bool is_kept(const struct exchange *exchange, const char *table)
{
	return exchange->keep_preferences && strcmp(table, "preference") == 0;
}

struct holder {
	const struct exchange *exchange;
	bool *holds;
};

static enum store_status holds_rows(void *context, const char *table, char **error_r)
{
	const struct holder *holder = context;
	enum store_status status;
	char *sql;

	if (*holder->holds || strcmp(table, "dictionary") == 0 || is_kept(holder->exchange, table))
		return STORE_OK;
	sql = xasprintf("SELECT EXISTS (SELECT 1 FROM store.\"%s\")", table);
	status = is_there(holder->exchange->db, sql, holder->holds, error_r);
	free(sql);
	return status;
}

/* May it be replaced? */
static enum store_status check(const struct exchange *exchange, bool replace, char **error_r)
{
	bool quarantine = false, holds = false;
	struct holder holder = {exchange, &holds};

	if (exchange->whole)
		return STORE_OK;
	enum store_status status =
		is_there(exchange->db, "SELECT EXISTS (SELECT 1 FROM store.quarantine)",
			 &quarantine, error_r);

	if (status == STORE_OK)
		status = is_there(exchange->db,
				  "SELECT EXISTS (SELECT 1 FROM store.dictionary "
				  "WHERE files <> '')",
				  &holds, error_r);
	if (status == STORE_OK)
		status = exchange_tables(exchange->db, holds_rows, &holder, error_r);
	if (status != STORE_OK)
		return status;
	if (quarantine)
		*error_r =
			xstrdup("messages are still in quarantine: release or delete them first");
	else if (holds && !replace)
		*error_r = xstrdup("the user's filter already holds something: with --replace it "
				   "is replaced");
	else
		return STORE_OK;
	return STORE_INVALID;
}

/* ---- rows ---- */

static enum store_status table_copy(void *context, const char *table, char **error_r)
{
	const struct exchange *exchange = context;
	sqlite3 *db = exchange->db;
	struct exchange_columns columns;
	struct strbuf sql = STRBUF_INIT;

	if (is_kept(exchange, table))
		return STORE_OK;
	if (!exchange_columns_get(db, table, &columns))
		return exchange_error(db, error_r);
	if (strcmp(table, "dictionary") == 0) {
		strbuf_append_text(&sql, "UPDATE store.dictionary SET (");
		exchange_columns_append(&sql, &columns);
		strbuf_append_text(&sql, ") = (SELECT ");
		exchange_columns_append(&sql, &columns);
		strbuf_append_text(&sql, " FROM main.dictionary)");
	} else {
		strbuf_printf(&sql, "DELETE FROM store.\"%s\"; INSERT INTO store.\"%s\" (", table,
			      table);
		exchange_columns_append(&sql, &columns);
		strbuf_append_text(&sql, ") SELECT ");
		exchange_columns_append(&sql, &columns);
		strbuf_printf(&sql, " FROM main.\"%s\" ORDER BY %s", table,
			      strcmp(table, "lesson") == 0 ? "seq" : "1");
	}
	enum store_status status = execute(db, strbuf_text(&sql), error_r);
	strbuf_free(&sql);
	exchange_columns_free(&columns);
	return status;
}

/* In the transaction, before the lessons are replaced. */
static enum store_status dictionary_name(sqlite3 *db, const char *files, char **error_r)
{
	char *sql = sqlite3_mprintf(
		"UPDATE store.dictionary SET generation = generation + 1, files = %Q, seq = "
		"max(seq, coalesce((SELECT seq FROM store.sqlite_sequence WHERE name = 'lesson'), "
		"0))",
		files);
	enum store_status status = execute(db, sql, error_r);

	sqlite3_free(sql);
	return status;
}

/* Of messages that are held and that the backup does not know. */
static enum store_status held_history_keep(sqlite3 *db, char **error_r)
{
	return execute(db,
		       "CREATE TEMP TABLE held AS SELECT * FROM store.message WHERE "
		       "signature IN (SELECT signature FROM store.quarantine) AND "
		       "signature NOT IN (SELECT signature FROM main.message) AND "
		       "digest NOT IN (SELECT digest FROM main.message);"
		       "UPDATE temp.held SET taught = 0, initially = 0, corrected = 0, counts = 0, "
		       "counted = 0",
		       error_r);
}

/* Under new numbers; what the filter had learned of them, it does not know any more. */
static enum store_status held_history_put(sqlite3 *db, char **error_r)
{
	struct exchange_columns all, columns = {.count = 0};
	struct strbuf names = STRBUF_INIT;

	if (!exchange_columns_get(db, "message", &all))
		return exchange_error(db, error_r);
	for (size_t i = 0; i < all.count; i++)
		if (strcmp(all.names[i], "id") != 0)
			columns.names[columns.count++] = all.names[i];
	exchange_columns_append(&names, &columns);
	exchange_columns_free(&all);
	char *sql = xasprintf("INSERT INTO store.message (%s) SELECT %s FROM temp.held ORDER BY id",
			      strbuf_text(&names), strbuf_text(&names));
	enum store_status status = execute(db, sql, error_r);
	free(sql);
	strbuf_free(&names);
	return status;
}

/*
 * What is held now stays held, and what was held in the backup is held again. The history says so,
 * or the sweep would take the files for left-overs.
 */
static enum store_status quarantine_merge(sqlite3 *db, char **error_r)
{
	return execute(
		db,
		"INSERT OR IGNORE INTO store.quarantine (signature, file, sender, recipient, added, "
		"size) SELECT signature, file, sender, recipient, added, size FROM main.quarantine;"
		"UPDATE store.message SET outcome = 3 WHERE outcome <> 3 AND signature IN "
		"(SELECT signature FROM store.quarantine);"
		"INSERT OR IGNORE INTO store.announced (signature) SELECT signature FROM main.announced;"
		"INSERT OR IGNORE INTO store.link_used (link, expires) "
		"SELECT link, expires FROM main.link_used;"
		"INSERT INTO store.digest (id, day) SELECT id, day FROM main.digest WHERE true "
		"ON CONFLICT (id) DO UPDATE SET day = max(day, excluded.day)",
		error_r);
}

/* ---- snapshot files ---- */

/* names_r: separated by blanks. Those that were written are in it also on failure. */
static enum store_status snapshots_write(const struct exchange *exchange, const char *directory,
					 struct strbuf *names_r, char **error_r)
{
	uint64_t random = 0;
	int result = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL);
	for (size_t i = 0; result == 0 && i < exchange->snapshot_count; i++) {
		char *name = xasprintf("tokens.import%zu.%016" PRIx64, i, random);
		char *path = xasprintf("%s/%s", directory, name);
		result = tokens_write(path, exchange->snapshots[i].entries,
				      exchange->snapshots[i].count, error_r);
		if (result == 0)
			strbuf_printf(names_r, "%s%s", i == 0 ? "" : " ", name);
		free(name);
		free(path);
	}
	return result == 0 ? STORE_OK : STORE_DEFER;
}

static void snapshots_unlink(const char *directory, const char *names)
{
	char *copy = xstrdup(names), *rest = copy, *name;

	while ((name = strsep(&rest, " ")) != NULL) {
		char *path = xasprintf("%s/%s", directory, name);
		if (*name != '\0')
			unlink(path);
		free(path);
	}
	free(copy);
}

/* ---- all of it ---- */

/*
 * A store's log keeps its size, after what was rolled back too, and could fill a disk: it is
 * emptied. False: it is not, because of a reader, say; the next checkpoint does it.
 */
static bool log_empty(sqlite3 *db)
{
	sqlite3_busy_timeout(db, LOG_TIMEOUT_MS);
	return sqlite3_wal_checkpoint_v2(db, "store", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
	       SQLITE_OK;
}

static enum store_status transaction(struct exchange *exchange, const char *directory, bool replace,
				     char **error_r)
{
	struct strbuf names = STRBUF_INIT;
	sqlite3 *db = exchange->db;
	char *old = NULL;
	enum store_status status = execute(db, "BEGIN IMMEDIATE", error_r);

	if (status == STORE_OK)
		status = check(exchange, replace, error_r);
	if (status == STORE_OK)
		status = snapshots_write(exchange, directory, &names, error_r);
	if (status == STORE_OK &&
	    (old = value_get(db, "SELECT files FROM store.dictionary")) == NULL)
		status = exchange_error(db, error_r);
	if (status == STORE_OK && exchange->whole)
		status = held_history_keep(db, error_r);
	if (status == STORE_OK)
		status = dictionary_name(db, strbuf_text(&names), error_r);
	if (status == STORE_OK)
		status = exchange_tables(db, table_copy, exchange, error_r);
	if (status == STORE_OK && exchange->whole)
		status = held_history_put(db, error_r);
	if (status == STORE_OK && exchange->whole)
		status = quarantine_merge(db, error_r);
	bool committing = status == STORE_OK;
	if (committing)
		status = execute(db, "COMMIT", error_r);
	if (status != STORE_OK && sqlite3_get_autocommit(db) == 0)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	bool emptied = log_empty(db);
	/*
	 * A commit that failed may still be found done after a crash if the log has it: all stay.
	 */
	if (status == STORE_OK)
		snapshots_unlink(directory, old);
	else if (!committing || emptied)
		snapshots_unlink(directory, strbuf_text(&names));
	strbuf_free(&names);
	free(old);
	return status;
}

static enum store_status attach(sqlite3 *db, const char *directory, char **error_r)
{
	char *sql = sqlite3_mprintf("ATTACH '%q/store.sqlite' AS store; "
				    "PRAGMA store.synchronous = FULL",
				    directory);
	enum store_status status = execute(db, sql, error_r);

	sqlite3_free(sql);
	sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	return status;
}

enum store_status exchange_install(struct exchange *exchange, const char *directory, bool replace,
				   char **error_r)
{
	struct store *store = NULL;
	enum store_status status = store_open(&store, directory, false, error_r);
	bool created = status == STORE_NOT_FOUND;

	if (created)
		status = store_open(&store, directory, true, error_r);
	if (status != STORE_OK)
		return status;
	status = attach(exchange->db, directory, error_r);
	if (status == STORE_OK)
		status = transaction(exchange, directory, replace, error_r);
	store_close(&store);
	if (status != STORE_OK && created) {
		char *ignored = NULL;
		store_remove_unused(directory, &ignored);
		free(ignored);
	}
	return status;
}
