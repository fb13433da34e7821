/*
 * store_snapshot.c - the way out: store_backup.h.
 */
#include "schema/store_backup.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_ATTEMPTS	5
#define BUSY_TIMEOUT_MS 10000
#define FILES_MAX	16 /* of a dictionary */

struct store_snapshot {
	sqlite3 *db; /* in a read transaction */
	char *directory;
	int version;
	char *names[FILES_MAX];
	int descriptors[FILES_MAX];
	size_t count;
};

static enum store_status failed(sqlite3 *db, const char *path, char **error_r)
{
	*error_r = xasprintf("%s: %s", path, sqlite3_errmsg(db));
	return STORE_DEFER;
}

static enum store_status execute(sqlite3 *db, const char *path, const char *sql, char **error_r)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? STORE_OK
								    : failed(db, path, error_r);
}

static enum store_status open_file(sqlite3 **db_r, const char *path, int flags, char **error_r)
{
	if (sqlite3_open_v2(path, db_r, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return failed(*db_r, path, error_r);
	sqlite3_busy_timeout(*db_r, BUSY_TIMEOUT_MS);
	/* A checkpoint is the writers' business. */
	sqlite3_db_config(*db_r, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return STORE_OK;
}

static enum store_status version_read(sqlite3 *db, const char *path, int *version_r, char **error_r)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL) != SQLITE_OK ||
	    sqlite3_step(s) != SQLITE_ROW) {
		failed(db, path, error_r);
		sqlite3_finalize(s);
		return STORE_DEFER;
	}
	*version_r = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return STORE_OK;
}

/* ---- the files of the dictionary ---- */

static void files_close(struct store_snapshot *snapshot)
{
	while (snapshot->count > 0) {
		free(snapshot->names[--snapshot->count]);
		close(snapshot->descriptors[snapshot->count]);
	}
}

/* names is cut into pieces. STORE_NOT_FOUND: one was replaced since its name was read. */
static enum store_status files_open(struct store_snapshot *snapshot, char *names, char **error_r)
{
	char *rest = names, *name;

	while ((name = strsep(&rest, " ")) != NULL) {
		if (*name == '\0')
			continue;
		if (snapshot->count == FILES_MAX || strncmp(name, "tokens.", 7) != 0 ||
		    strchr(name, '/') != NULL) {
			*error_r = xasprintf("%s: damaged list of snapshots", snapshot->directory);
			return STORE_DEFER;
		}
		char *path = xasprintf("%s/%s", snapshot->directory, name);
		int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		int reason = errno;
		if (fd < 0)
			*error_r = xasprintf("%s: %s", path, strerror(reason));
		free(path);
		if (fd < 0)
			return reason == ENOENT ? STORE_NOT_FOUND : STORE_DEFER;
		snapshot->descriptors[snapshot->count] = fd;
		snapshot->names[snapshot->count++] = xstrdup(name);
	}
	return STORE_OK;
}

static enum store_status view_take(struct store_snapshot *snapshot, char **error_r)
{
	sqlite3 *db = snapshot->db;
	sqlite3_stmt *s = NULL;
	enum store_status status = execute(db, snapshot->directory, "BEGIN", error_r);

	if (status == STORE_OK)
		status = version_read(db, snapshot->directory, &snapshot->version, error_r);
	/* It is being made just now. */
	if (status != STORE_OK || snapshot->version == 0)
		return status;
	if (sqlite3_prepare_v2(db, "SELECT files FROM dictionary", -1, &s, NULL) != SQLITE_OK ||
	    sqlite3_step(s) != SQLITE_ROW) {
		status = failed(db, snapshot->directory, error_r);
		sqlite3_finalize(s);
		return status;
	}
	const char *text = (const char *)sqlite3_column_text(s, 0);
	char *names = xstrdup(text == NULL ? "" : text);
	sqlite3_finalize(s);
	status = files_open(snapshot, names, error_r);
	free(names);
	return status;
}

/* ---- open, write ---- */

enum store_status store_snapshot_open(struct store_snapshot **snapshot_r, const char *directory,
				      char **error_r)
{
	struct store_snapshot *snapshot = xcalloc(1, sizeof(*snapshot));
	char *path = xasprintf("%s/" STORE_BACKUP_FILE, directory);
	struct stat st;
	enum store_status status = STORE_NOT_FOUND;

	snapshot->directory = xstrdup(directory);
	*snapshot_r = snapshot;
	if (stat(path, &st) == 0) {
		status = open_file(&snapshot->db, path, SQLITE_OPEN_READWRITE, error_r);
		bool opened = status == STORE_OK;
		for (int i = 0; i < OPEN_ATTEMPTS && opened; i++) {
			free(*error_r);
			*error_r = NULL;
			status = view_take(snapshot, error_r);
			if (status != STORE_NOT_FOUND)
				break;
			files_close(snapshot);
			sqlite3_exec(snapshot->db, "ROLLBACK", NULL, NULL, NULL);
		}
		if (status == STORE_NOT_FOUND)
			status = STORE_DEFER;
		if (status == STORE_OK && snapshot->version == 0)
			status = STORE_NOT_FOUND;
	} else if (errno != ENOENT) {
		*error_r = xasprintf("%s: %s", path, strerror(errno));
		status = STORE_DEFER;
	}
	free(path);
	if (status != STORE_OK)
		store_snapshot_close(snapshot_r);
	return status;
}

void store_snapshot_close(struct store_snapshot **snapshot)
{
	if (*snapshot == NULL)
		return;
	files_close(*snapshot);
	sqlite3_close((*snapshot)->db);
	free((*snapshot)->directory);
	free(*snapshot);
	*snapshot = NULL;
}

int store_snapshot_version(const struct store_snapshot *snapshot)
{
	return snapshot->version;
}

size_t store_snapshot_files(const struct store_snapshot *snapshot)
{
	return snapshot->count;
}

const char *store_snapshot_name(const struct store_snapshot *snapshot, size_t i)
{
	return snapshot->names[i];
}

int store_snapshot_descriptor(const struct store_snapshot *snapshot, size_t i)
{
	return snapshot->descriptors[i];
}

/* In one step: between two of them another writer would make it begin anew. */
static enum store_status pages_copy(sqlite3 *from, const char *path, char **error_r)
{
	sqlite3 *to = NULL;
	enum store_status status =
		open_file(&to, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error_r);

	if (status == STORE_OK)
		status = execute(to, path, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF",
				 error_r);
	if (status == STORE_OK) {
		sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
		int code = backup == NULL ? sqlite3_errcode(to) : sqlite3_backup_step(backup, -1);
		int finished = sqlite3_backup_finish(backup);
		code = code == SQLITE_DONE ? finished : code;
		if (code != SQLITE_OK) {
			*error_r = xasprintf("%s: %s", path, sqlite3_errstr(code));
			status = STORE_DEFER;
		}
	}
	sqlite3_close(to);
	return status;
}

enum store_status store_snapshot_write(struct store_snapshot *snapshot, const char *path,
				       char **error_r)
{
	return pages_copy(snapshot->db, path, error_r);
}

/* ---- the copy ---- */

static enum store_status count_rows(sqlite3 *db, const char *path, const char *sql,
				    uint64_t *count_r, char **error_r)
{
	sqlite3_stmt *s = NULL;
	enum store_status status = STORE_OK;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		*count_r = (uint64_t)sqlite3_column_int64(s, 0);
	else
		status = failed(db, path, error_r);
	sqlite3_finalize(s);
	return status;
}

static enum store_status rows_check(sqlite3 *db, const char *path,
				    bool (*each)(void *context, const char *file, uint64_t size),
				    void *context, char **error_r)
{
	sqlite3_stmt *s = NULL, *drop = NULL;
	enum store_status status = STORE_OK;
	int code = sqlite3_prepare_v2(db, "SELECT file, size, rowid FROM quarantine", -1, &s, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(db, "DELETE FROM quarantine WHERE rowid = ?1", -1, &drop,
					  NULL);
	while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		const char *file = (const char *)sqlite3_column_text(s, 0);
		code = SQLITE_OK;
		if (file != NULL && each(context, file, (uint64_t)sqlite3_column_int64(s, 1)))
			continue;
		sqlite3_bind_int64(drop, 1, sqlite3_column_int64(s, 2));
		if (sqlite3_step(drop) != SQLITE_DONE)
			code = SQLITE_ERROR;
		sqlite3_reset(drop);
	}
	if (code != SQLITE_DONE)
		status = failed(db, path, error_r);
	sqlite3_finalize(s);
	sqlite3_finalize(drop);
	return status;
}

enum store_status store_copy_finish(const char *path,
				    bool (*each)(void *context, const char *file, uint64_t size),
				    void *context, struct store_copy *copy_r, char **error_r)
{
	sqlite3 *db = NULL;
	enum store_status status = open_file(&db, path, SQLITE_OPEN_READWRITE, error_r);

	/* The header says that there is a log; it is to be a file that stands alone. */
	if (status == STORE_OK)
		status = execute(db, path,
				 "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF;"
				 "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = MEMORY",
				 error_r);
	if (status == STORE_OK)
		status = rows_check(db, path, each, context, error_r);
	if (status == STORE_OK)
		status = count_rows(db, path, "SELECT count(*) FROM message", &copy_r->messages,
				    error_r);
	if (status == STORE_OK)
		status = count_rows(db, path, "SELECT count(*) FROM quarantine",
				    &copy_r->quarantined, error_r);
	sqlite3_close(db);
	return status;
}

enum store_status sqlite_copy(const char *source, const char *path, int *version_r, char **error_r)
{
	sqlite3 *db = NULL;
	enum store_status status = open_file(&db, source, SQLITE_OPEN_READONLY, error_r);

	if (status == STORE_OK)
		status = execute(db, source, "BEGIN", error_r);
	if (status == STORE_OK)
		status = version_read(db, source, version_r, error_r);
	if (status == STORE_OK)
		status = pages_copy(db, path, error_r);
	sqlite3_close(db);
	return status;
}
