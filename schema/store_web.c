#include "schema/store_web.h"

#include "schema/store_internal.h"

#include <stdlib.h>

#define FIRST_MONDAY (4 * 86400) /* 1970-01-05 */

/* The end of a list is no error. */
static enum store_status listed(enum store_status status)
{
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

/* Runs a statement that was bound; STORE_NOT_FOUND when it changed nothing. */
static enum store_status run_changing(struct store *store, sqlite3_stmt *s, char **error_r)
{
	enum store_status status = store_run(store, s, error_r);

	if (status == STORE_OK && sqlite3_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	return status;
}

/* Whether a bound statement finds a row. */
static enum store_status run_asking(struct store *store, sqlite3_stmt *s, char **error_r)
{
	enum store_status status = store_step(store, s, error_r);

	if (status == STORE_OK)
		sqlite3_reset(s);
	return status;
}

/* ---- history ---- */

enum store_status store_message_range(struct store *store, int64_t *oldest_r, int64_t *newest_r,
				      char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_RANGE, error_r);
	enum store_status status = store_step(store, s, error_r);

	if (status != STORE_OK)
		return status;
	*oldest_r = sqlite3_column_int64(s, 0);
	*newest_r = sqlite3_column_int64(s, 1);
	sqlite3_reset(s);
	return STORE_OK;
}

time_t store_week_start(time_t when)
{
	return when < FIRST_MONDAY ? FIRST_MONDAY
				   : when - (when - FIRST_MONDAY) % (time_t)STORE_WEEK;
}

enum store_status store_message_weeks(struct store *store, time_t since,
				      void (*each)(void *context, const struct store_week *week),
				      void *context, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_WEEKS, error_r);
	enum store_status status;

	if (s != NULL)
		sqlite3_bind_int64(s, 1, store_week_start(since));
	while ((status = store_step(store, s, error_r)) == STORE_OK) {
		const struct store_week week = {
			.start = sqlite3_column_int64(s, 0) * STORE_WEEK + FIRST_MONDAY,
			.messages = (uint64_t)sqlite3_column_int64(s, 1),
			.spam = (uint64_t)sqlite3_column_int64(s, 2),
			.caught = (uint64_t)sqlite3_column_int64(s, 3),
			.false_positives = (uint64_t)sqlite3_column_int64(s, 4),
		};

		each(context, &week);
	}
	return listed(status);
}

enum store_status store_correction_list(struct store *store, int64_t message,
					void (*each)(void *context, time_t when,
						     enum store_class class, const char *source),
					void *context, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_CORRECTION_LIST, error_r);
	enum store_status status;

	if (s != NULL)
		sqlite3_bind_int64(s, 1, message);
	while ((status = store_step(store, s, error_r)) == STORE_OK) {
		char *source = store_column_text(s, 2);

		each(context, sqlite3_column_int64(s, 0),
		     (enum store_class)sqlite3_column_int(s, 1), source);
		free(source);
	}
	return listed(status);
}

/* ---- trusted senders ---- */

enum store_status store_trusted_get(struct store *store, int64_t key, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_TRUSTED_GET, error_r);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, key);
	return run_asking(store, s, error_r);
}

enum store_status store_trusted_add(struct store *store, const struct store_message *row,
				    time_t now, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_TRUSTED_ADD, error_r);

	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, row->sender_key);
	store_bind_text(s, 2, row->from);
	store_bind_hex(s, 3, row->signature);
	sqlite3_bind_int64(s, 4, now);
	return store_run(store, s, error_r);
}

enum store_status store_trusted_delete(struct store *store, int64_t key, const char *signature,
				       char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_TRUSTED_DELETE, error_r);

	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, key);
	store_bind_hex(s, 2, signature);
	return run_changing(store, s, error_r);
}

enum store_status store_trusted_list(struct store *store,
				     void (*each)(void *context, const char *from,
						  const char *signature, time_t added),
				     void *context, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_TRUSTED_LIST, error_r);
	enum store_status status;

	while ((status = store_step(store, s, error_r)) == STORE_OK) {
		char *from = store_column_text(s, 0);
		char signature[STORE_SIGNATURE_SIZE];

		store_column_hex(s, 1, signature, sizeof(signature));
		each(context, from, signature, sqlite3_column_int64(s, 2));
		free(from);
	}
	return listed(status);
}

/* ---- quarantine ---- */

static void page_bind(sqlite3_stmt *s, const struct store_quarantine_page *page)
{
	char *pattern = store_like_pattern(page->contains);

	sqlite3_bind_int(s, 1, page->after);
	sqlite3_bind_double(s, 2, page->key);
	sqlite3_bind_int64(s, 3, page->rowid);
	store_bind_text(s, 4, pattern);
	sqlite3_bind_int64(s, 5, (int64_t)page->limit);
	sqlite3_bind_int(s, 6, page->news);
	free(pattern);
}

enum store_status store_quarantine_page(
	struct store *store, const struct store_quarantine_page *page,
	bool (*each)(void *context, const struct store_quarantined *row, double key, int64_t rowid),
	void *context, char **error_r)
{
	sqlite3_stmt *s = store_statement(
		store, page->by_time ? STATEMENT_QUARANTINE_BY_TIME : STATEMENT_QUARANTINE_BY_SCORE,
		error_r);
	enum store_status status = STORE_OK;
	bool go_on = true;

	if (s == NULL)
		return STORE_DEFER;
	page_bind(s, page);
	while (go_on && (status = store_step(store, s, error_r)) == STORE_OK) {
		struct store_quarantined row;

		store_quarantined_read(s, &row);
		go_on = each(context, &row, sqlite3_column_double(s, 6),
			     sqlite3_column_int64(s, 7));
		store_quarantined_free(&row);
	}
	if (!go_on)
		sqlite3_reset(s);
	return listed(status);
}

/* ---- digest ---- */

enum store_status store_digest_news(struct store *store, uint64_t *count_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_QUARANTINE_NEW, error_r);
	enum store_status status = store_step(store, s, error_r);

	if (status != STORE_OK)
		return status;
	*count_r = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return STORE_OK;
}

enum store_status store_digest_day(struct store *store, int64_t *day_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_DIGEST_GET, error_r);
	enum store_status status = store_step(store, s, error_r);

	*day_r = 0;
	if (status != STORE_OK)
		return listed(status);
	*day_r = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return STORE_OK;
}

enum store_status store_digest_set_day(struct store *store, int64_t day, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_DIGEST_SET, error_r);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, day);
	return store_run(store, s, error_r);
}

enum store_status store_digest_announced(struct store *store, const char *signature, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_ANNOUNCED_ADD, error_r);

	if (s != NULL)
		store_bind_hex(s, 1, signature);
	return store_run(store, s, error_r);
}

enum store_status store_digest_forget(struct store *store, char **error_r)
{
	return store_run(store, store_statement(store, STATEMENT_ANNOUNCED_PURGE, error_r),
			 error_r);
}

/* ---- links ---- */

enum store_status store_link_used(struct store *store, const char *link, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_LINK_GET, error_r);

	if (s != NULL)
		store_bind_hex(s, 1, link);
	return run_asking(store, s, error_r);
}

enum store_status store_link_use(struct store *store, const char *link, time_t expires,
				 char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_LINK_ADD, error_r);

	if (s == NULL)
		return STORE_DEFER;
	store_bind_hex(s, 1, link);
	sqlite3_bind_int64(s, 2, expires);
	return store_run(store, s, error_r);
}

enum store_status store_link_purge(struct store *store, time_t before, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_LINK_PURGE, error_r);

	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, before);
	return store_run(store, s, error_r);
}
