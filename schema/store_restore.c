/*
 * store_restore.c - the way back: store_backup.h.
 *
 * A copy is judged as if a stranger had written it: its tables, indexes and triggers must be word
 * for word those that our migrations make, SQLite must find it whole, and only rows are taken from
 * it.
 */
#include "schema/store_backup.h"

#include "lib/xalloc.h"
#include "schema/exchange_internal.h"
#include "schema/migrate.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000
#define BUSY_ATTEMPTS	200
#define BUSY_WAIT_US	50000

struct store_restore {
	struct exchange exchange;
	char *directory;
	int version;
};

static enum store_status invalid(const char *path, const char *why, char **error_r)
{
	*error_r = xasprintf("%s: %s", path, why);
	return STORE_INVALID;
}

/* ---- is it ours, and whole? ---- */

/* One value; NULL on failure. malloc'ed. */
static char *value_of(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	char *value = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		value = xstrdup(text == NULL ? "" : text);
	}
	sqlite3_finalize(s);
	return value;
}

#define SCHEMA_SQL                                                                                 \
	"SELECT group_concat(type || ' ' || name || ' ' || tbl_name || ' ' || "                    \
	"coalesce(sql, ''), char(10)) FROM "                                                       \
	"(SELECT * FROM sqlite_schema WHERE name <> 'sqlite_stat1' ORDER BY type, name)"

/* An empty store of that version. */
static enum store_status model_make(sqlite3 **db_r, const struct migration *steps, int version,
				    char **error_r)
{
	struct migration *some = xcalloc((size_t)version + 1, sizeof(*some));
	enum store_status status = STORE_OK;

	memcpy(some, steps, (size_t)version * sizeof(*some));
	if (sqlite3_open(":memory:", db_r) != SQLITE_OK)
		status = exchange_error(*db_r, error_r);
	else if (migrate(*db_r, some, error_r) != MIGRATE_OK)
		status = STORE_DEFER;
	free(some);
	return status;
}

static enum store_status schema_check(sqlite3 *db, const char *path, const struct migration *steps,
				      int version, char **error_r)
{
	sqlite3 *model = NULL;
	enum store_status status = model_make(&model, steps, version, error_r);

	if (status == STORE_OK) {
		char *wanted = value_of(model, SCHEMA_SQL), *found = value_of(db, SCHEMA_SQL);
		if (wanted == NULL || found == NULL || strcmp(wanted, found) != 0)
			status = invalid(path, "its tables are not those of Shoveler", error_r);
		free(wanted);
		free(found);
	}
	sqlite3_close(model);
	return status;
}

static enum store_status version_check(sqlite3 *db, const char *path, const struct migration *steps,
				       int *version_r, char **error_r)
{
	char *text = value_of(db, "PRAGMA user_version");
	int newest = 0;

	if (text == NULL)
		return invalid(path, sqlite3_errmsg(db), error_r);
	*version_r = atoi(text);
	free(text);
	while (steps[newest].name != NULL)
		newest++;
	if (*version_r > newest) {
		*error_r = xasprintf("%s: it was written by a newer Shoveler (version %d of the "
				     "store, this one knows up to %d): upgrade Shoveler first",
				     path, *version_r, newest);
		return STORE_INVALID;
	}
	return *version_r < 1 ? invalid(path, "it is no store of Shoveler", error_r) : STORE_OK;
}

static enum store_status integrity_check(sqlite3 *db, const char *path, char **error_r)
{
	char *found = value_of(db, "PRAGMA integrity_check(1)");
	enum store_status status = STORE_OK;

	if (found == NULL || strcmp(found, "ok") != 0)
		status = invalid(path, found == NULL ? sqlite3_errmsg(db) : found, error_r);
	free(found);
	return status;
}

/* Reads it whole into a temporary database. */
static enum store_status scratch_read(sqlite3 *scratch, const char *path, char **error_r)
{
	sqlite3 *from = NULL;
	int code = sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (code == SQLITE_OK) {
		sqlite3_backup *backup = sqlite3_backup_init(scratch, "main", from, "main");
		code = backup == NULL ? sqlite3_errcode(scratch) : sqlite3_backup_step(backup, -1);
		int finished = sqlite3_backup_finish(backup);
		code = code == SQLITE_DONE ? finished : code;
	}
	sqlite3_close(from);
	return code == SQLITE_OK ? STORE_OK : invalid(path, sqlite3_errstr(code), error_r);
}

/* Into *db_r, closed by the caller also on failure, and brought up to the newest version. */
static enum store_status copy_read(sqlite3 **db_r, const char *path, const struct migration *steps,
				   int *version_r, char **error_r)
{
	/* No name: a temporary file that SQLite removes. */
	if (sqlite3_open_v2("", db_r, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK)
		return exchange_error(*db_r, error_r);
	sqlite3_db_config(*db_r, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	enum store_status status = scratch_read(*db_r, path, error_r);
	if (status == STORE_OK)
		status = version_check(*db_r, path, steps, version_r, error_r);
	if (status == STORE_OK)
		status = schema_check(*db_r, path, steps, *version_r, error_r);
	if (status == STORE_OK)
		status = integrity_check(*db_r, path, error_r);
	if (status == STORE_OK && migrate(*db_r, steps, error_r) != MIGRATE_OK)
		status = STORE_DEFER;
	return status;
}

/* ---- the dictionary ---- */

static bool is_ascending(const struct tokens *tokens)
{
	for (size_t i = 1; i < tokens->count; i++)
		if (tokens->entries[i].hash <= tokens->entries[i - 1].hash)
			return false;
	return true;
}

static enum store_status tokens_read(struct exchange *exchange, const char *path, char **error_r)
{
	struct exchange_snapshot *snapshot = &exchange->snapshots[exchange->snapshot_count];
	struct tokens tokens;

	if (tokens_open(&tokens, path, error_r) != 0)
		return STORE_INVALID;
	enum store_status status = STORE_OK;
	if (!is_ascending(&tokens)) {
		status = invalid(path, "damaged snapshot of a dictionary", error_r);
	} else {
		snapshot->count = snapshot->capacity = tokens.count;
		snapshot->entries = xmalloc((tokens.count + 1) * sizeof(*snapshot->entries));
		if (tokens.count > 0)
			memcpy(snapshot->entries, tokens.entries,
			       tokens.count * sizeof(*snapshot->entries));
		exchange->snapshot_count++;
	}
	tokens_close(&tokens);
	return status;
}

static enum store_status dictionary_read(struct store_restore *restore, char **error_r)
{
	char *names = value_of(restore->exchange.db, "SELECT files FROM dictionary");
	char *rest = names, *name;
	enum store_status status = STORE_OK;

	if (names == NULL)
		return invalid(restore->directory, "the dictionary's row is missing", error_r);
	while (status == STORE_OK && (name = strsep(&rest, " ")) != NULL) {
		if (*name == '\0')
			continue;
		if (restore->exchange.snapshot_count == EXCHANGE_FILES_MAX ||
		    strncmp(name, "tokens.", 7) != 0 || strchr(name, '/') != NULL) {
			status = invalid(restore->directory, "damaged list of snapshots", error_r);
			break;
		}
		char *path = xasprintf("%s/%s", restore->directory, name);
		status = tokens_read(&restore->exchange, path, error_r);
		free(path);
	}
	free(names);
	return status;
}

/* ---- a user's store ---- */

enum store_status store_restore_open(struct store_restore **restore_r, const char *directory,
				     char **error_r)
{
	struct store_restore *restore = xcalloc(1, sizeof(*restore));
	char *path = xasprintf("%s/" STORE_BACKUP_FILE, directory);

	restore->directory = xstrdup(directory);
	restore->exchange.whole = true;
	enum store_status status =
		copy_read(&restore->exchange.db, path, migrations_user, &restore->version, error_r);
	if (status == STORE_OK)
		status = dictionary_read(restore, error_r);
	free(path);
	*restore_r = restore;
	if (status != STORE_OK)
		store_restore_close(restore_r);
	return status;
}

void store_restore_close(struct store_restore **restore)
{
	if (*restore == NULL)
		return;
	exchange_close(&(*restore)->exchange);
	free((*restore)->directory);
	free(*restore);
	*restore = NULL;
}

int store_restore_version(const struct store_restore *restore)
{
	return restore->version;
}

enum store_status store_restore_quarantine(struct store_restore *restore,
					   bool (*each)(void *context, const char *file,
							uint64_t size),
					   void *context, char **error_r)
{
	sqlite3 *db = restore->exchange.db;
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, "SELECT file, size FROM quarantine", -1, &s, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		const char *file = (const char *)sqlite3_column_text(s, 0);
		code = SQLITE_OK;
		if (!each(context, file == NULL ? "" : file, (uint64_t)sqlite3_column_int64(s, 1)))
			code = SQLITE_DONE;
	}
	enum store_status status = code == SQLITE_DONE ? STORE_OK : exchange_error(db, error_r);
	sqlite3_finalize(s);
	return status;
}

enum store_status store_restore_install(struct store_restore *restore, const char *directory,
					char **error_r)
{
	return exchange_install(&restore->exchange, directory, true, error_r);
}

/* ---- any other file ---- */

/* Others may be reading it: their locks are short. */
static enum store_status pages_install(sqlite3 *from, const char *target, char **error_r)
{
	sqlite3 *to = NULL;
	enum store_status status = STORE_OK;
	int code = SQLITE_BUSY;

	if (sqlite3_open_v2(target, &to, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		status = invalid(target, sqlite3_errmsg(to), error_r);
	sqlite3_busy_timeout(to, BUSY_TIMEOUT_MS);
	sqlite3_backup *backup =
		status == STORE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
	for (int i = 0; backup != NULL && i < BUSY_ATTEMPTS; i++) {
		code = sqlite3_backup_step(backup, -1);
		if (code != SQLITE_BUSY && code != SQLITE_LOCKED)
			break;
		usleep(BUSY_WAIT_US);
	}
	int finished = backup == NULL ? SQLITE_ERROR : sqlite3_backup_finish(backup);
	if (status == STORE_OK && (code != SQLITE_DONE || finished != SQLITE_OK)) {
		*error_r = xasprintf("%s: %s", target, sqlite3_errstr(code));
		status = STORE_DEFER;
	}
	sqlite3_close(to);
	return status;
}

enum store_status sqlite_restore(const char *path, const struct migration *steps,
				 const char *target, char **error_r)
{
	sqlite3 *db = NULL;
	int version;
	enum store_status status = copy_read(&db, path, steps, &version, error_r);

	if (status == STORE_OK && target != NULL)
		status = pages_install(db, target, error_r);
	sqlite3_close(db);
	return status;
}

bool sqlite_is_damaged(const char *path)
{
	sqlite3 *db = NULL;
	char *found = NULL;
	bool damaged = false;

	if (access(path, F_OK) != 0)
		return false;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
	    SQLITE_OK) {
		sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		found = value_of(db, "PRAGMA quick_check(1)");
		int code = sqlite3_errcode(db) & 0xff;
		damaged = found == NULL ? code == SQLITE_CORRUPT || code == SQLITE_NOTADB
					: strcmp(found, "ok") != 0;
	}
	free(found);
	sqlite3_close(db);
	return damaged;
}
