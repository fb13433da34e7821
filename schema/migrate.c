#include "migrate.h"

#include "lib/xalloc.h"

#include <sqlite3.h>
#include <stdlib.h>

static int count_steps(const struct migration *steps)
{
	int count = 0;

	while (steps[count].name != NULL)
		count++;
	return count;
}

static enum migrate_status read_version(sqlite3 *db, int *version_r, char **error_r)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW) {
		*error_r =
			xasprintf("cannot read the version of the store: %s", sqlite3_errmsg(db));
		sqlite3_finalize(statement);
		return MIGRATE_FAILED;
	}
	*version_r = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return MIGRATE_OK;
}

static enum migrate_status compare_version(sqlite3 *db, int newest, int *version_r, char **error_r)
{
	enum migrate_status status = read_version(db, version_r, error_r);

	if (status != MIGRATE_OK)
		return status;
	if (*version_r < 0 || *version_r > newest) {
		*error_r = xasprintf("the store has version %d, this program knows versions up to "
				     "%d: upgrade the program",
				     *version_r, newest);
		return MIGRATE_NEWER;
	}
	return MIGRATE_OK;
}

/* The version is read again under the write lock: another process may have been faster. */
static enum migrate_status apply_step(sqlite3 *db, const struct migration *steps, int newest,
				      int *version, char **error_r)
{
	enum migrate_status status;
	char *set_version;
	int ret;

	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
		*error_r = xasprintf("cannot lock the store: %s", sqlite3_errmsg(db));
		return MIGRATE_FAILED;
	}
	status = compare_version(db, newest, version, error_r);
	if (status != MIGRATE_OK || *version == newest) {
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return status;
	}
	set_version = xasprintf("PRAGMA user_version = %d", *version + 1);
	ret = sqlite3_exec(db, steps[*version].sql, NULL, NULL, NULL);
	if (ret == SQLITE_OK)
		ret = sqlite3_exec(db, set_version, NULL, NULL, NULL);
	if (ret == SQLITE_OK)
		ret = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	free(set_version);
	if (ret == SQLITE_OK) {
		(*version)++;
		return MIGRATE_OK;
	}
	*error_r = xasprintf("migration %s failed: %s", steps[*version].name, sqlite3_errmsg(db));
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return MIGRATE_FAILED;
}

enum migrate_status migrate(sqlite3 *db, const struct migration *steps, char **error_r)
{
	int newest = count_steps(steps), version;
	enum migrate_status status = compare_version(db, newest, &version, error_r);

	while (status == MIGRATE_OK && version < newest)
		status = apply_step(db, steps, newest, &version, error_r);
	return status;
}

enum migrate_status migrate_check(sqlite3 *db, const struct migration *steps, char **error_r)
{
	int newest = count_steps(steps), version;
	enum migrate_status status = compare_version(db, newest, &version, error_r);

	if (status == MIGRATE_OK && version < newest) {
		*error_r = xasprintf("the store has version %d, this program needs %d: it has not "
				     "been upgraded yet",
				     version, newest);
		return MIGRATE_FAILED;
	}
	return status;
}
