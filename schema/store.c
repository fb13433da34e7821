/*
 * store.c - opening a user's store, its transactions and statements. The tables are in
 * store_message.c and store_user.c, the dictionary in dictionary.c.
 *
 * Write-ahead log, synchronous FULL: what a commit acknowledged survives a power cut. A connection
 * that is closed leaves the log to the next checkpoint (every WAL_PAGES pages), because a
 * checkpoint costs two syncs and most users' stores are opened for one message.
 */
#include "schema/store_internal.h"

#include "lib/address.h"
#include "lib/file.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "schema/migrate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000
#define STORE_FILE	"store.sqlite"
#define STORE_PRAGMAS                                                                              \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"        \
	"PRAGMA cache_size = -1024; PRAGMA wal_autocheckpoint = 500;"                              \
	"PRAGMA journal_size_limit = 4194304;"

static const char *const statement_texts[] = {
#define STATEMENT_TEXT(id, sql) sql,
	STORE_STATEMENTS(STATEMENT_TEXT)
#undef STATEMENT_TEXT
};

enum store_status store_error(struct store *store, char **error_r)
{
	int code = sqlite3_errcode(store->db) & 0xff;

	*error_r = xasprintf("%s/" STORE_FILE ": %s", store->directory, sqlite3_errmsg(store->db));
	/* SQLITE_ERROR, as for a missing table, is a store that somebody has to mend. */
	return code == SQLITE_CONSTRAINT || code == SQLITE_MISUSE || code == SQLITE_RANGE
		       ? STORE_FAILED
		       : STORE_DEFER;
}

sqlite3_stmt *store_statement(struct store *store, enum store_statement id, char **error_r)
{
	sqlite3_stmt **statement = &store->statements[id];

	if (*statement != NULL) {
		sqlite3_reset(*statement);
		return *statement;
	}
	if (sqlite3_prepare_v3(store->db, statement_texts[id], -1, SQLITE_PREPARE_PERSISTENT,
			       statement, NULL) != SQLITE_OK) {
		store_error(store, error_r);
		return NULL;
	}
	return *statement;
}

enum store_status store_step(struct store *store, sqlite3_stmt *statement, char **error_r)
{
	enum store_status status;

	if (statement == NULL)
		return STORE_DEFER;
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return STORE_OK;
	case SQLITE_DONE:
		sqlite3_reset(statement);
		return STORE_NOT_FOUND;
	default:
		status = store_error(store, error_r);
		sqlite3_reset(statement);
		return status;
	}
}

enum store_status store_run(struct store *store, sqlite3_stmt *statement, char **error_r)
{
	enum store_status status = store_step(store, statement, error_r);

	if (status == STORE_OK)
		sqlite3_reset(statement);
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* The value would be NULL otherwise, and be written. */
static void check_bound(int code)
{
	if (code == SQLITE_NOMEM)
		xalloc_failed();
}

void store_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	store_bind_span(statement, index, span_of(text == NULL ? "" : text));
}

void store_bind_span(sqlite3_stmt *statement, int index, struct span text)
{
	check_bound(sqlite3_bind_text64(statement, index, text.size > 0 ? text.data : "", text.size,
					SQLITE_TRANSIENT, SQLITE_UTF8));
}

void store_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, size_t size)
{
	check_bound(sqlite3_bind_blob64(statement, index, bytes, size, SQLITE_TRANSIENT));
}

static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10) & 15;
}

void store_bind_hex(sqlite3_stmt *statement, int index, const char *hex)
{
	unsigned char bytes[32];
	size_t size = 0;

	for (; hex[0] != '\0' && hex[1] != '\0' && size < 32; hex += 2)
		bytes[size++] = (unsigned char)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
	store_bind_blob(statement, index, bytes, size);
}

const char *store_column(sqlite3_stmt *statement, int column)
{
	bool is_null = sqlite3_column_type(statement, column) == SQLITE_NULL;
	const char *text = (const char *)sqlite3_column_text(statement, column);

	if (text == NULL && !is_null)
		xalloc_failed();
	return is_null ? "" : text;
}

char *store_column_text(sqlite3_stmt *statement, int column)
{
	return xstrdup(store_column(statement, column));
}

void store_column_hex(sqlite3_stmt *statement, int column, char *out, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = sqlite3_column_blob(statement, column);
	size_t count = (size_t)sqlite3_column_bytes(statement, column);

	out[0] = '\0';
	for (size_t i = 0; i < count && 2 * i + 2 < size; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
		out[2 * i + 2] = '\0';
	}
}

/* ---- folders ---- */

char *store_user_directory(const char *users_directory, const char *user)
{
	struct strbuf path = STRBUF_INIT;
	struct span local, domain;

	if (!address_is_user(span_of(user)) || !address_split(span_of(user), &local, &domain))
		return NULL;
	strbuf_printf(&path, "%s/", users_directory);
	address_escape(&path, domain);
	strbuf_append_char(&path, '/');
	address_escape(&path, local);
	return strbuf_steal(&path);
}

/* Durable: a file in a folder that a power cut takes away is not there either. */
static int make_folder(const char *path)
{
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? 0 : -1;
	return file_sync_parent(path);
}

static int make_folders(const char *directory)
{
	char *path = xstrdup(directory);
	int result = 0;

	for (char *slash = strchr(path + 1, '/'); result == 0; slash = strchr(slash + 1, '/')) {
		if (slash != NULL)
			*slash = '\0';
		result = make_folder(path);
		if (slash == NULL)
			break;
		*slash = '/';
	}
	free(path);
	return result;
}

/* ---- open ---- */

static enum store_status open_database(struct store *store, const char *path, char **error_r)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK) {
		*error_r = xasprintf("%s: %s", path, sqlite3_errmsg(store->db));
		return STORE_DEFER;
	}
	sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (sqlite3_exec(store->db, STORE_PRAGMAS, NULL, NULL, NULL) != SQLITE_OK) {
		store_error(store, error_r);
		return STORE_DEFER;
	}
	char *reason = NULL;
	if (migrate(store->db, migrations_user, &reason) != MIGRATE_OK) {
		*error_r = xasprintf("%s: %s", path, reason);
		free(reason);
		return STORE_DEFER;
	}
	return STORE_OK;
}

enum store_status store_open(struct store **store_r, const char *directory, bool create,
			     char **error_r)
{
	char *path = xasprintf("%s/" STORE_FILE, directory);
	enum store_status status = STORE_OK;
	struct stat st;

	*store_r = NULL;
	if (stat(path, &st) != 0) {
		if (errno == ENOENT && !create) {
			status = STORE_NOT_FOUND;
		} else if (errno != ENOENT || make_folders(directory) != 0) {
			*error_r = xasprintf("%s: %s", directory, strerror(errno));
			status = STORE_DEFER;
		}
	}
	if (status == STORE_OK) {
		struct store *store = xcalloc(1, sizeof(*store));
		store->directory = xstrdup(directory);
		status = open_database(store, path, error_r);
		store->inode = stat(path, &st) == 0 ? st.st_ino : 0;
		*store_r = store;
		if (status != STORE_OK)
			store_close(store_r);
	}
	free(path);
	return status;
}

void store_close(struct store **store)
{
	if (*store == NULL)
		return;
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize((*store)->statements[i]);
	sqlite3_close((*store)->db);
	dictionary_free(&(*store)->dictionary);
	free((*store)->directory);
	free(*store);
	*store = NULL;
}

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* One that was set aside has its dictionary in the same folder. */
static bool has_damaged(DIR *dir)
{
	struct dirent *entry;
	bool found = false;

	while (!found && (entry = readdir(dir)) != NULL)
		found = begins(entry->d_name, "damaged.");
	rewinddir(dir);
	return found;
}

/* damaged: those that were set aside go too. */
static enum store_status remove_files(const char *directory, bool damaged, char **error_r)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	enum store_status status = STORE_NOT_FOUND;
	bool tokens = dir != NULL && (damaged || !has_damaged(dir));

	if (dir == NULL && errno != ENOENT) {
		*error_r = xasprintf("%s: %s", directory, strerror(errno));
		return STORE_DEFER;
	}
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (!begins(entry->d_name, STORE_FILE) &&
		    (!tokens || !begins(entry->d_name, "tokens.")) &&
		    (!damaged || !begins(entry->d_name, "damaged.")))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) != 0) {
			*error_r =
				xasprintf("%s/%s: %s", directory, entry->d_name, strerror(errno));
			closedir(dir);
			return STORE_DEFER;
		}
		status = STORE_OK;
	}
	if (dir != NULL) {
		unlinkat(dirfd(dir), "quarantine", AT_REMOVEDIR);
		closedir(dir);
		rmdir(directory);
	}
	return status;
}

enum store_status store_remove(const char *directory, char **error_r)
{
	return remove_files(directory, true, error_r);
}

/* Whether it may go; else, or where nobody can tell, it stays. Under the caller's lock. */
struct removal {
	bool (*may_go)(sqlite3 *db, const struct removal *removal);
	bool (*is_known)(void *context, const char *file);
	void *context;
	bool went;
};

/* Has nobody put something into it? */
static bool is_unused(sqlite3 *db, const struct removal *removal)
{
	static const char *const tables[] = {"message", "quarantine", "preference"};
	bool unused = true;

	(void)removal;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables) && unused; i++) {
		char *sql = xasprintf("SELECT 1 FROM sqlite_schema WHERE name = '%s'", tables[i]);
		sqlite3_stmt *s = NULL;
		int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
		code = code == SQLITE_OK ? sqlite3_step(s) : code;
		sqlite3_finalize(s);
		free(sql);
		/* One that was half made lacks it. */
		if (code == SQLITE_ROW) {
			sql = xasprintf("SELECT 1 FROM %s", tables[i]);
			code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
			code = code == SQLITE_OK ? sqlite3_step(s) : code;
			sqlite3_finalize(s);
			free(sql);
		}
		unused = code == SQLITE_DONE;
	}
	return unused;
}

/* Are all that it holds known? */
static bool holds_known(sqlite3 *db, const struct removal *removal)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, "SELECT file FROM quarantine", -1, &s, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		const char *file = (const char *)sqlite3_column_text(s, 0);
		if (file != NULL && removal->is_known(removal->context, file))
			code = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return code == SQLITE_DONE;
}

static enum store_status remove_if(const char *directory, struct removal *removal, char **error_r)
{
	char *path = xasprintf("%s/" STORE_FILE, directory);
	enum store_status status = STORE_OK;
	sqlite3 *db = NULL;

	if (access(path, F_OK) != 0 && errno == ENOENT)
		status = STORE_NOT_FOUND;
	/* Not by store_open(): on a full disk it may be half made, and shall go. */
	else if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
			 SQLITE_OK ||
		 sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS) != SQLITE_OK ||
		 sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
		*error_r = xasprintf("%s: %s", path, sqlite3_errmsg(db));
		status = STORE_DEFER;
	} else if (removal->may_go(db, removal)) {
		status = remove_files(directory, false, error_r);
		removal->went = status == STORE_OK;
	}
	sqlite3_close(db);
	free(path);
	return status;
}

enum store_status store_remove_unused(const char *directory, char **error_r)
{
	struct removal removal = {.may_go = is_unused};

	return remove_if(directory, &removal, error_r);
}

enum store_status store_remove_restored(const char *directory,
					bool (*is_known)(void *context, const char *file),
					void *context, char **error_r)
{
	struct removal removal = {holds_known, is_known, context, false};
	enum store_status status = remove_if(directory, &removal, error_r);

	if (status != STORE_OK || removal.went)
		return status;
	*error_r = xasprintf("%s: it holds messages that came meanwhile", directory);
	return STORE_DEFER;
}

const char *store_directory(const struct store *store)
{
	return store->directory;
}

void store_set_quick(struct store *store)
{
	store->quick = true;
	sqlite3_exec(store->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
}

void store_set_synced(struct store *store, bool synced)
{
	if (!store->quick)
		sqlite3_exec(store->db,
			     synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
			     NULL, NULL, NULL);
}

bool store_is_current(const struct store *store)
{
	char *path = xasprintf("%s/" STORE_FILE, store->directory);
	struct stat st;
	bool current = stat(path, &st) == 0 && st.st_ino == store->inode;

	free(path);
	return current;
}

void store_set_now(struct store *store, time_t now)
{
	store->now = now;
}

time_t store_now(const struct store *store)
{
	return store->now != 0 ? store->now : time(NULL);
}

enum store_status store_begin(struct store *store, char **error_r)
{
	return store_run(store, store_statement(store, STATEMENT_BEGIN, error_r), error_r);
}

enum store_status store_commit(struct store *store, char **error_r)
{
	enum store_status status =
		store_run(store, store_statement(store, STATEMENT_COMMIT, error_r), error_r);

	if (status != STORE_OK)
		store_rollback(store);
	return status;
}

void store_rollback(struct store *store)
{
	char *ignored = NULL;

	if (sqlite3_get_autocommit(store->db) == 0)
		store_run(store, store_statement(store, STATEMENT_ROLLBACK, &ignored), &ignored);
	free(ignored);
}
