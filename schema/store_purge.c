/*
 * store_purge.c - dropping old signatures and old history.
 *
 * What may go is looked for without a lock and looked at again in the transaction that drops it: a
 * delivery waits for the dropping of some rows, never for the search.
 */
#include "schema/store_internal.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

/* At most limit ids above *after, as a JSON array; *after becomes the last. */
static enum store_status find_old(struct store *store, enum store_statement id, time_t before,
				  size_t limit, int64_t *after, struct strbuf *ids, size_t *count_r,
				  char **error_r)
{
	sqlite3_stmt *s = store_statement(store, id, error_r);
	enum store_status status;

	*count_r = 0;
	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, before);
	sqlite3_bind_int64(s, 2, *after);
	sqlite3_bind_int64(s, 3, (int64_t)limit);
	while ((status = store_step(store, s, error_r)) == STORE_OK) {
		*after = sqlite3_column_int64(s, 0);
		strbuf_printf(ids, "%s%lld", (*count_r)++ == 0 ? "[" : ",", (long long)*after);
	}
	strbuf_append_char(ids, ']');
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status expire(struct store *store, const char *ids, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_FEATURES_EXPIRE, error_r);

	if (s != NULL)
		store_bind_text(s, 1, ids);
	return store_run(store, s, error_r);
}

static enum store_status drop(struct store *store, enum store_statement id, time_t before,
			      const char *ids, char **error_r)
{
	enum store_status status = store_begin(store, error_r);

	if (status == STORE_OK && id == STATEMENT_FEATURES_PURGE)
		status = expire(store, ids, error_r);
	sqlite3_stmt *s = status == STORE_OK ? store_statement(store, id, error_r) : NULL;
	if (s != NULL) {
		sqlite3_bind_int64(s, 1, before);
		store_bind_text(s, 2, ids);
		status = store_run(store, s, error_r);
	}
	if (status == STORE_OK)
		status = s == NULL ? STORE_DEFER : store_commit(store, error_r);
	store_rollback(store);
	return status;
}

static enum store_status purge(struct store *store, enum store_statement find,
			       enum store_statement remove, time_t before, size_t limit,
			       char **error_r)
{
	enum store_status status = STORE_OK;
	size_t count = limit;
	int64_t after = 0;

	while (status == STORE_OK && count == limit) {
		struct strbuf ids = STRBUF_INIT;
		status = find_old(store, find, before, limit, &after, &ids, &count, error_r);
		if (status == STORE_OK && count > 0)
			status = drop(store, remove, before, strbuf_text(&ids), error_r);
		strbuf_free(&ids);
	}
	return status;
}

enum store_status store_purge_features(struct store *store, time_t before, size_t limit,
				       char **error_r)
{
	return purge(store, STATEMENT_FEATURES_OLD, STATEMENT_FEATURES_PURGE, before, limit,
		     error_r);
}

enum store_status store_purge_history(struct store *store, time_t before, size_t limit,
				      char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_PURGE_CORRECTIONS, error_r);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, before);
	enum store_status status = store_run(store, s, error_r);
	return status == STORE_OK ? purge(store, STATEMENT_HISTORY_OLD, STATEMENT_HISTORY_PURGE,
					  before, limit, error_r)
				  : status;
}
