#include "schema/store_doubt.h"

#include "schema/store_internal.h"

/* Reads rows of (id, score) to the end. */
static enum store_status unconfirmed_read(struct store *store, sqlite3_stmt *s,
					  struct store_unconfirmed *found_r, size_t limit,
					  size_t *found_count_r, char **error_r)
{
	enum store_status status;

	*found_count_r = 0;
	while ((status = store_step(store, s, error_r)) == STORE_OK && *found_count_r < limit)
		found_r[(*found_count_r)++] = (struct store_unconfirmed){
			sqlite3_column_int64(s, 0), sqlite3_column_double(s, 1)};
	if (status == STORE_OK)
		sqlite3_reset(s);
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status store_unconfirmed_among(struct store *store, const int64_t *ids, size_t count,
					  struct store_unconfirmed *found_r, size_t *found_count_r,
					  char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_UNCONFIRMED_AMONG, error_r);

	for (size_t i = 0; s != NULL && i < STORE_AMONG_MAX; i++)
		sqlite3_bind_int64(s, (int)i + 1, i < count ? ids[i] : 0);
	return unconfirmed_read(store, s, found_r, count, found_count_r, error_r);
}

enum store_status store_unconfirmed_spammiest(struct store *store, int64_t above, int64_t below,
					      struct store_unconfirmed *found_r, size_t limit,
					      size_t *found_count_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_UNCONFIRMED_SPAMMIEST, error_r);

	if (s != NULL) {
		sqlite3_bind_int64(s, 1, above);
		sqlite3_bind_int64(s, 2, below);
		sqlite3_bind_int64(s, 3, (int64_t)limit);
	}
	return unconfirmed_read(store, s, found_r, limit, found_count_r, error_r);
}

enum store_status store_archived_list(struct store *store, int64_t *ids_r, size_t limit,
				      size_t *count_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_ARCHIVED_LIST, error_r);
	enum store_status status;

	*count_r = 0;
	if (s != NULL)
		sqlite3_bind_int64(s, 1, (int64_t)limit);
	while ((status = store_step(store, s, error_r)) == STORE_OK && *count_r < limit)
		ids_r[(*count_r)++] = sqlite3_column_int64(s, 0);
	if (status == STORE_OK)
		sqlite3_reset(s);
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status store_message_scores(struct store *store, const struct store_message *row,
				       char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_SCORES, error_r);

	if (s != NULL) {
		sqlite3_bind_int64(s, 1, row->id);
		store_bind_blob(s, 2, row->scores, sizeof(row->scores));
	}
	return store_run(store, s, error_r);
}

enum store_status store_doubt_count(struct store *store, uint64_t *corrected_r, uint64_t *doubted_r,
				    char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_DOUBT_COUNT, error_r);
	enum store_status status = store_step(store, s, error_r);

	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? STORE_FAILED : status;
	*corrected_r = (uint64_t)sqlite3_column_int64(s, 0);
	*doubted_r = (uint64_t)sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	return STORE_OK;
}

static enum store_status run_with_id(struct store *store, enum store_statement id, int64_t message,
				     char **error_r)
{
	sqlite3_stmt *s = store_statement(store, id, error_r);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, message);
	return store_run(store, s, error_r);
}

enum store_status store_reported_add(struct store *store, int64_t message, char **error_r)
{
	return run_with_id(store, STATEMENT_REPORTED_ADD, message, error_r);
}

enum store_status store_reported_delete(struct store *store, int64_t message, char **error_r)
{
	return run_with_id(store, STATEMENT_REPORTED_DELETE, message, error_r);
}

enum store_status store_reported_get(struct store *store, int64_t *message_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_REPORTED_GET, error_r);
	enum store_status status = store_step(store, s, error_r);

	if (status != STORE_OK)
		return status;
	*message_r = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return STORE_OK;
}
