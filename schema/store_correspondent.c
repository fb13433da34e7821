#include "schema/store_correspondent.h"

#include "schema/store_internal.h"

enum store_status store_correspondent_get(struct store *store, int64_t key, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_CORRESPONDENT_GET, error_r);
	enum store_status status;

	if (s != NULL)
		sqlite3_bind_int64(s, 1, key);
	status = store_step(store, s, error_r);
	if (status == STORE_OK)
		sqlite3_reset(s);
	return status;
}

static enum store_status add(struct store *store, int64_t key, time_t now, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_CORRESPONDENT_ADD, error_r);

	if (s != NULL) {
		sqlite3_bind_int64(s, 1, key);
		sqlite3_bind_int64(s, 2, now);
	}
	return store_run(store, s, error_r);
}

static enum store_status trim(struct store *store, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_CORRESPONDENT_TRIM, error_r);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, STORE_CORRESPONDENTS_MAX);
	return store_run(store, s, error_r);
}

enum store_status store_correspondent_add(struct store *store, const int64_t *keys, size_t count,
					  time_t now, char **error_r)
{
	enum store_status status = store_begin(store, error_r);

	for (size_t i = 0; i < count && status == STORE_OK; i++)
		status = add(store, keys[i], now, error_r);
	if (status == STORE_OK)
		status = trim(store, error_r);
	if (status == STORE_OK)
		return store_commit(store, error_r);
	store_rollback(store);
	return status;
}
