/*
 * policy_db.h - the parts of the policy store's implementation that its files share.
 *
 * Arguments of statements are given by a text of types: 't' const char *, 'i' int64_t.
 */
#ifndef SHOVELER_POLICY_DB_H
#define SHOVELER_POLICY_DB_H

#include "policy.h"

#include <sqlite3.h>

struct policy {
	sqlite3 *db;
	char *path;
	int64_t version; /* PRAGMA data_version at the last look */
};

/* POLICY_FAILED, with SQLite's reason in *error_r. */
enum policy_status policy_failed(struct policy *policy, char **error_r);

/* Prepares and binds. NULL and *error_r on failure. Finalize it. */
sqlite3_stmt *policy_prepare(struct policy *policy, char **error_r, const char *sql,
			     const char *types, ...);

/* Runs a statement that returns no rows; *changes_r (may be NULL): rows changed. */
enum policy_status policy_run(struct policy *policy, int *changes_r, char **error_r,
			      const char *sql, const char *types, ...);

/* Steps through all rows; row() returns false to stop. Finalizes the statement (NULL is fine). */
enum policy_status policy_rows(struct policy *policy, sqlite3_stmt *statement,
			       bool (*row)(void *context, sqlite3_stmt *statement), void *context,
			       char **error_r);

/* The first column of the first row: POLICY_OK, POLICY_NOT_FOUND (no *error_r) or POLICY_FAILED. */
enum policy_status policy_value(struct policy *policy, int64_t *value_r, char **error_r,
				const char *sql, const char *types, ...);

/* BEGIN IMMEDIATE; and COMMIT if status is POLICY_OK, else ROLLBACK: returns the final status. */
enum policy_status policy_begin(struct policy *policy, char **error_r);
enum policy_status policy_end(struct policy *policy, enum policy_status status, char **error_r);

/* A text column that is never NULL. */
const char *policy_column(sqlite3_stmt *statement, int column);

#endif
