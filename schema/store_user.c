/*
 * store_user.c - senders, preferences, the index of the quarantine, counting.
 */
#include "schema/store_internal.h"

#include "lib/xalloc.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- senders ---- */

enum store_status store_sender_get(struct store *store, int64_t key, struct store_sender *sender_r,
				   char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_SENDER_GET, error_r);

	*sender_r = (struct store_sender){0, 0};
	if (s != NULL)
		sqlite3_bind_int64(s, 1, key);
	enum store_status status = store_step(store, s, error_r);
	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? STORE_OK : status;
	sender_r->innocent = sqlite3_column_int64(s, 0);
	sender_r->spam = sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	return STORE_OK;
}

enum store_status store_sender_add(struct store *store, int64_t key, enum store_class class,
				   int delta, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_SENDER_ADD, error_r);

	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int(s, 2, class == STORE_INNOCENT ? delta : 0);
	sqlite3_bind_int(s, 3, class == STORE_SPAM ? delta : 0);
	return store_run(store, s, error_r);
}

/* ---- preferences ---- */

enum store_status store_preference_get(struct store *store, const char *name, char **value_r,
				       char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_PREFERENCE_GET, error_r);

	if (s != NULL)
		store_bind_text(s, 1, name);
	enum store_status status = store_step(store, s, error_r);
	if (status != STORE_OK)
		return status;
	*value_r = store_column_text(s, 0);
	sqlite3_reset(s);
	return STORE_OK;
}

enum store_status store_preference_set(struct store *store, const char *name, const char *value,
				       char **error_r)
{
	sqlite3_stmt *s = store_statement(
		store, value == NULL ? STATEMENT_PREFERENCE_DELETE : STATEMENT_PREFERENCE_SET,
		error_r);

	if (s == NULL)
		return STORE_DEFER;
	store_bind_text(s, 1, name);
	if (value != NULL)
		store_bind_text(s, 2, value);
	return store_run(store, s, error_r);
}

enum store_status store_preference_list(struct store *store,
					bool (*each)(void *context, const char *name,
						     const char *value),
					void *context, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_PREFERENCE_LIST, error_r);
	enum store_status status;

	while ((status = store_step(store, s, error_r)) == STORE_OK) {
		char *name = store_column_text(s, 0), *value = store_column_text(s, 1);
		bool go_on = each(context, name, value);
		free(name);
		free(value);
		if (!go_on) {
			sqlite3_reset(s);
			return STORE_OK;
		}
	}
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* ---- quarantine ---- */

void store_quarantined_free(struct store_quarantined *row)
{
	free(row->file);
	free(row->sender);
	free(row->recipient);
	memset(row, 0, sizeof(*row));
}

void store_quarantined_read(sqlite3_stmt *s, struct store_quarantined *row)
{
	memset(row, 0, sizeof(*row));
	store_column_hex(s, 0, row->signature, sizeof(row->signature));
	row->file = store_column_text(s, 1);
	row->sender = store_column_text(s, 2);
	row->recipient = store_column_text(s, 3);
	row->added = sqlite3_column_int64(s, 4);
	row->size = (uint64_t)sqlite3_column_int64(s, 5);
}

/* The history may know nothing of the message: it is kept for a shorter time. */
static enum store_status set_outcome(struct store *store, const char *signature,
				     enum store_outcome outcome, char **error_r)
{
	enum store_status status = store_message_outcome(store, signature, outcome, error_r);

	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status commit_or_not(struct store *store, enum store_status status,
				       char **error_r)
{
	if (status == STORE_OK)
		return store_commit(store, error_r);
	store_rollback(store);
	return status;
}

static enum store_status write_quarantined(struct store *store, const struct store_quarantined *row,
					   char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_QUARANTINE_ADD, error_r);

	if (s == NULL)
		return STORE_DEFER;
	store_bind_hex(s, 1, row->signature);
	store_bind_text(s, 2, row->file);
	store_bind_text(s, 3, row->sender);
	store_bind_text(s, 4, row->recipient);
	sqlite3_bind_int64(s, 5, row->added);
	sqlite3_bind_int64(s, 6, (int64_t)row->size);
	return store_run(store, s, error_r);
}

static enum store_status add_quarantined(struct store *store, const struct store_quarantined *row,
					 char **replaced_r, char **error_r)
{
	struct store_quarantined old;
	enum store_status status;

	/* Who removes the user holds the lock meanwhile: classifier_forget_user(). */
	if (!store_is_current(store)) {
		*error_r = xasprintf("%s: the store was removed", store->directory);
		return STORE_DEFER;
	}
	status = store_quarantine_get(store, row->signature, &old, error_r);
	if (status == STORE_OK) {
		*replaced_r = xstrdup(old.file);
		store_quarantined_free(&old);
	} else if (status != STORE_NOT_FOUND) {
		return status;
	}
	status = write_quarantined(store, row, error_r);
	return status == STORE_OK
		       ? set_outcome(store, row->signature, STORE_OUTCOME_QUARANTINED, error_r)
		       : status;
}

enum store_status store_quarantine_add(struct store *store, const struct store_quarantined *row,
				       char **replaced_r, char **error_r)
{
	enum store_status status = store_begin(store, error_r);

	*replaced_r = NULL;
	if (status != STORE_OK)
		return status;
	status = commit_or_not(store, add_quarantined(store, row, replaced_r, error_r), error_r);
	if (status != STORE_OK) {
		free(*replaced_r);
		*replaced_r = NULL;
	}
	return status;
}

enum store_status store_quarantine_get(struct store *store, const char *signature,
				       struct store_quarantined *row_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_QUARANTINE_GET, error_r);

	if (s != NULL)
		store_bind_hex(s, 1, signature);
	enum store_status status = store_step(store, s, error_r);
	if (status != STORE_OK)
		return status;
	store_quarantined_read(s, row_r);
	sqlite3_reset(s);
	return STORE_OK;
}

enum store_status store_quarantine_list(struct store *store,
					bool (*each)(void *context,
						     const struct store_quarantined *row),
					void *context, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_QUARANTINE_LIST, error_r);
	enum store_status status;

	while ((status = store_step(store, s, error_r)) == STORE_OK) {
		struct store_quarantined row;
		store_quarantined_read(s, &row);
		bool go_on = each(context, &row);
		store_quarantined_free(&row);
		if (!go_on) {
			sqlite3_reset(s);
			return STORE_OK;
		}
	}
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

static enum store_status delete_quarantined(struct store *store,
					    const struct store_quarantined *row, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_QUARANTINE_DELETE, error_r);

	if (s == NULL)
		return STORE_DEFER;
	store_bind_hex(s, 1, row->signature);
	store_bind_text(s, 2, row->file);
	enum store_status status = store_run(store, s, error_r);
	if (status == STORE_OK && sqlite3_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	return status;
}

enum store_status store_quarantine_delete(struct store *store, const struct store_quarantined *row,
					  enum store_outcome outcome, char **error_r)
{
	enum store_status status = store_begin(store, error_r);

	if (status != STORE_OK)
		return status;
	status = delete_quarantined(store, row, error_r);
	if (status == STORE_OK)
		status = set_outcome(store, row->signature, outcome, error_r);
	return commit_or_not(store, status, error_r);
}

enum store_status store_quarantine_size(struct store *store, uint64_t *rows_r, uint64_t *bytes_r,
					char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_QUARANTINE_SIZE, error_r);
	enum store_status status = store_step(store, s, error_r);

	if (status != STORE_OK)
		return status;
	*rows_r = (uint64_t)sqlite3_column_int64(s, 0);
	*bytes_r = (uint64_t)sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	return STORE_OK;
}

/* ---- counting ---- */

static uint64_t files_size(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	uint64_t sum = 0;
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	if (dir != NULL)
		closedir(dir);
	return sum;
}

enum store_status store_count(struct store *store, uint64_t *messages_r, uint64_t *features_r,
			      uint64_t *bytes_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_COUNT_ROWS, error_r);
	enum store_status status = store_step(store, s, error_r);

	if (status != STORE_OK)
		return status;
	*messages_r = (uint64_t)sqlite3_column_int64(s, 0);
	*features_r = (uint64_t)sqlite3_column_int64(s, 1);
	*bytes_r = files_size(store->directory);
	sqlite3_reset(s);
	return STORE_OK;
}
