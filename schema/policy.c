/* The policy store as a file: opened, migrated, asked. What it says of what is in policy_NAME.c. */
#include "policy_db.h"

#include "lib/xalloc.h"
#include "migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICY_FILE_MODE 0640

enum policy_status policy_failed(struct policy *policy, char **error_r)
{
	*error_r = xasprintf("policy store %s: %s", policy->path,
			     policy->db != NULL ? sqlite3_errmsg(policy->db) : strerror(ENOMEM));
	return POLICY_FAILED;
}

static int bind_arguments(sqlite3_stmt *statement, const char *types, va_list args)
{
	int ret = SQLITE_OK;

	for (int i = 0; types[i] != '\0' && ret == SQLITE_OK; i++) {
		if (types[i] == 't')
			ret = sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1,
						SQLITE_TRANSIENT);
		else
			ret = sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
	}
	return ret;
}

static sqlite3_stmt *prepare_list(struct policy *policy, char **error_r, const char *sql,
				  const char *types, va_list args)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(policy->db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    bind_arguments(statement, types, args) == SQLITE_OK)
		return statement;
	policy_failed(policy, error_r);
	sqlite3_finalize(statement);
	return NULL;
}

sqlite3_stmt *policy_prepare(struct policy *policy, char **error_r, const char *sql,
			     const char *types, ...)
{
	sqlite3_stmt *statement;
	va_list args;

	va_start(args, types);
	statement = prepare_list(policy, error_r, sql, types, args);
	va_end(args);
	return statement;
}

enum policy_status policy_run(struct policy *policy, int *changes_r, char **error_r,
			      const char *sql, const char *types, ...)
{
	enum policy_status status = POLICY_OK;
	sqlite3_stmt *statement;
	va_list args;

	va_start(args, types);
	statement = prepare_list(policy, error_r, sql, types, args);
	va_end(args);
	if (statement == NULL)
		return POLICY_FAILED;
	if (sqlite3_step(statement) != SQLITE_DONE)
		status = policy_failed(policy, error_r);
	else if (changes_r != NULL)
		*changes_r = sqlite3_changes(policy->db);
	sqlite3_finalize(statement);
	return status;
}

enum policy_status policy_rows(struct policy *policy, sqlite3_stmt *statement,
			       bool (*row)(void *context, sqlite3_stmt *statement), void *context,
			       char **error_r)
{
	enum policy_status status = POLICY_OK;
	int ret;

	if (statement == NULL)
		return POLICY_FAILED;
	while ((ret = sqlite3_step(statement)) == SQLITE_ROW) {
		if (!row(context, statement))
			break;
	}
	if (ret != SQLITE_DONE && ret != SQLITE_ROW)
		status = policy_failed(policy, error_r);
	sqlite3_finalize(statement);
	return status;
}

enum policy_status policy_value(struct policy *policy, int64_t *value_r, char **error_r,
				const char *sql, const char *types, ...)
{
	enum policy_status status = POLICY_OK;
	sqlite3_stmt *statement;
	va_list args;
	int ret;

	va_start(args, types);
	statement = prepare_list(policy, error_r, sql, types, args);
	va_end(args);
	if (statement == NULL)
		return POLICY_FAILED;
	ret = sqlite3_step(statement);
	if (ret == SQLITE_ROW)
		*value_r = sqlite3_column_int64(statement, 0);
	else if (ret == SQLITE_DONE)
		status = POLICY_NOT_FOUND;
	else
		status = policy_failed(policy, error_r);
	sqlite3_finalize(statement);
	return status;
}

enum policy_status policy_begin(struct policy *policy, char **error_r)
{
	return policy_run(policy, NULL, error_r, "BEGIN IMMEDIATE", "");
}

enum policy_status policy_end(struct policy *policy, enum policy_status status, char **error_r)
{
	if (status == POLICY_OK)
		status = policy_run(policy, NULL, error_r, "COMMIT", "");
	if (status != POLICY_OK)
		sqlite3_exec(policy->db, "ROLLBACK", NULL, NULL, NULL);
	return status;
}

const char *policy_column(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	return text != NULL ? (const char *)text : "";
}

/* The file exists with its final mode before SQLite writes; its journal then inherits the mode. */
static int make_file(const char *path, int64_t group, char **error_r)
{
	mode_t old_mask = umask(0);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, POLICY_FILE_MODE), ret = 0;

	umask(old_mask);
	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0) {
		*error_r = xasprintf("cannot make policy store %s: %s", path, strerror(errno));
		return -1;
	}
	if (group >= 0 && fchown(fd, (uid_t)-1, (gid_t)group) < 0) {
		*error_r = xasprintf("cannot give policy store %s to group %lld: %s", path,
				     (long long)group, strerror(errno));
		unlink(path);
		ret = -1;
	}
	close(fd);
	return ret;
}

static enum policy_status open_database(struct policy *policy, enum policy_mode mode,
					char **error_r)
{
	int flags = mode == POLICY_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	enum migrate_status migrated;
	char *problem = NULL;

	if (sqlite3_open_v2(policy->path, &policy->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return policy_failed(policy, error_r);
	sqlite3_extended_result_codes(policy->db, 1);
	sqlite3_busy_timeout(policy->db, POLICY_BUSY_MS);
	if (sqlite3_exec(policy->db, "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF", NULL,
			 NULL, NULL) != SQLITE_OK)
		return policy_failed(policy, error_r);
	if (mode == POLICY_READ)
		migrated = migrate_check(policy->db, migrations_policy, &problem);
	else
		migrated = migrate(policy->db, migrations_policy, &problem);
	if (migrated == MIGRATE_OK)
		return POLICY_OK;
	*error_r = xasprintf("policy store %s: %s", policy->path, problem);
	free(problem);
	return POLICY_FAILED;
}

enum policy_status policy_open(const char *path, enum policy_mode mode, int64_t group,
			       struct policy **policy_r, char **error_r)
{
	struct policy *policy;
	enum policy_status status;

	*policy_r = NULL;
	*error_r = NULL;
	if (mode == POLICY_CREATE && make_file(path, group, error_r) < 0)
		return POLICY_FAILED;
	if (access(path, R_OK) < 0) {
		status = errno == ENOENT ? POLICY_NOT_FOUND : POLICY_FAILED;
		*error_r = xasprintf("policy store %s: %s", path, strerror(errno));
		return status;
	}
	policy = xcalloc(1, sizeof(*policy));
	policy->path = xstrdup(path);
	status = open_database(policy, mode, error_r);
	if (status != POLICY_OK) {
		policy_close(&policy);
		return status;
	}
	policy_changed(policy);
	*policy_r = policy;
	return POLICY_OK;
}

void policy_close(struct policy **policy_p)
{
	struct policy *policy = *policy_p;

	if (policy == NULL)
		return;
	*policy_p = NULL;
	sqlite3_close(policy->db);
	free(policy->path);
	free(policy);
}

bool policy_changed(struct policy *policy)
{
	int64_t version = 0;
	char *error = NULL;
	bool changed;

	/* A store that cannot be read is looked at again by who asks next, and reported there. */
	if (policy_value(policy, &version, &error, "PRAGMA data_version", "") != POLICY_OK) {
		free(error);
		return true;
	}
	changed = version != policy->version;
	policy->version = version;
	return changed;
}
