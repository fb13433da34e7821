/*
 * store_message.c - history rows, kept features, corrections.
 */
#include "schema/store_internal.h"

#include "lib/xalloc.h"
#include "schema/hash_list.h"

#include <stdlib.h>

#define LIST_LIMIT 50

static const char *const outcome_names[] = {"",	       "delivered", "tagged",	"quarantined",
					    "refused", "deferred",  "released", "deleted",
					    "virus"};

const char *store_outcome_name(enum store_outcome outcome)
{
	size_t i = (size_t)outcome;

	return i < sizeof(outcome_names) / sizeof(*outcome_names) ? outcome_names[i] : "";
}

const char *store_class_name(enum store_class class)
{
	return class == STORE_SPAM ? "spam" : class == STORE_INNOCENT ? "innocent" : "none";
}

void store_message_free(struct store_message *row)
{
	free(row->sender);
	free(row->from);
	free(row->subject);
	free(row->message_id);
	free(row->queue_id);
	free(row->source);
	free(row->factors);
	free(row->virus);
	memset(row, 0, sizeof(*row));
}

enum store_status store_message_add(struct store *store, struct store_message *row, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_ADD, error_r);

	if (s == NULL)
		return STORE_DEFER;
	store_bind_hex(s, 1, row->signature);
	store_bind_hex(s, 2, row->digest);
	sqlite3_bind_int64(s, 3, row->received);
	sqlite3_bind_int64(s, 4, (int64_t)row->size);
	store_bind_text(s, 5, row->sender);
	store_bind_text(s, 6, row->from);
	store_bind_text(s, 7, row->subject);
	store_bind_text(s, 8, row->message_id);
	store_bind_text(s, 9, row->queue_id);
	sqlite3_bind_int(s, 10, row->result);
	sqlite3_bind_double(s, 11, row->probability);
	sqlite3_bind_double(s, 12, row->confidence);
	sqlite3_bind_double(s, 13, row->score);
	sqlite3_bind_int(s, 14, (int)row->outcome);
	sqlite3_bind_int(s, 15, (int)row->taught);
	sqlite3_bind_int(s, 16, (int)row->initially);
	sqlite3_bind_int(s, 17, (int)row->corrected);
	sqlite3_bind_int64(s, 18, row->corrected_at);
	store_bind_text(s, 19, row->source);
	store_bind_text(s, 20, row->factors);
	sqlite3_bind_int(s, 21, (int)row->counted);
	store_bind_blob(s, 22, row->scores, sizeof(row->scores));
	sqlite3_bind_int64(s, 23, row->sender_key);
	sqlite3_bind_int(s, 24, row->counts);
	sqlite3_bind_int(s, 25, row->wary);
	sqlite3_bind_int64(s, 26, row->route_key);
	store_bind_text(s, 27, row->virus);
	enum store_status status = store_run(store, s, error_r);
	if (status == STORE_OK)
		row->id = sqlite3_last_insert_rowid(store->db);
	return status;
}

static void row_read(sqlite3_stmt *s, struct store_message *row)
{
	memset(row, 0, sizeof(*row));
	row->id = sqlite3_column_int64(s, 0);
	store_column_hex(s, 1, row->signature, sizeof(row->signature));
	store_column_hex(s, 2, row->digest, sizeof(row->digest));
	row->received = sqlite3_column_int64(s, 3);
	row->size = (uint64_t)sqlite3_column_int64(s, 4);
	row->sender = store_column_text(s, 5);
	row->from = store_column_text(s, 6);
	row->subject = store_column_text(s, 7);
	row->message_id = store_column_text(s, 8);
	row->queue_id = store_column_text(s, 9);
	row->result = sqlite3_column_int(s, 10);
	row->probability = sqlite3_column_double(s, 11);
	row->confidence = sqlite3_column_double(s, 12);
	row->score = sqlite3_column_double(s, 13);
	row->outcome = (enum store_outcome)sqlite3_column_int(s, 14);
	row->taught = (enum store_class)sqlite3_column_int(s, 15);
	row->initially = (enum store_class)sqlite3_column_int(s, 16);
	row->corrected = (enum store_class)sqlite3_column_int(s, 17);
	row->corrected_at = sqlite3_column_int64(s, 18);
	row->source = store_column_text(s, 19);
	row->factors = store_column_text(s, 20);
	row->counted = (enum store_class)sqlite3_column_int(s, 21);
	/* Of a program with other learners: none of them is counted. */
	memset(row->scores, 0xff, sizeof(row->scores));
	if (sqlite3_column_bytes(s, 22) == sizeof(row->scores))
		memcpy(row->scores, sqlite3_column_blob(s, 22), sizeof(row->scores));
	row->sender_key = sqlite3_column_int64(s, 23);
	row->counts = sqlite3_column_int(s, 24) != 0;
	row->wary = sqlite3_column_int(s, 25) != 0;
	row->route_key = sqlite3_column_int64(s, 26);
	row->virus = store_column_text(s, 27);
}

static enum store_status row_get(struct store *store, sqlite3_stmt *s, struct store_message *row_r,
				 char **error_r)
{
	enum store_status status = store_step(store, s, error_r);

	if (status != STORE_OK)
		return status;
	row_read(s, row_r);
	sqlite3_reset(s);
	return STORE_OK;
}

enum store_status store_message_by_signature(struct store *store, const char *signature,
					     struct store_message *row_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_BY_SIGNATURE, error_r);

	if (s != NULL)
		store_bind_hex(s, 1, signature);
	return row_get(store, s, row_r, error_r);
}

enum store_status store_message_by_digest(struct store *store, const char *digest,
					  struct store_message *row_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_BY_DIGEST, error_r);

	if (s != NULL)
		store_bind_hex(s, 1, digest);
	return row_get(store, s, row_r, error_r);
}

enum store_status store_message_by_message_id(struct store *store, const char *message_id,
					      bool newest_ok, struct store_message *row_r,
					      char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_BY_MESSAGE_ID, error_r);

	if (s != NULL)
		store_bind_text(s, 1, message_id);
	enum store_status status = store_step(store, s, error_r);
	if (status != STORE_OK)
		return status;
	row_read(s, row_r);
	if (!newest_ok)
		status = store_step(store, s, error_r);
	else
		sqlite3_reset(s);
	if (newest_ok || status == STORE_NOT_FOUND)
		return STORE_OK;
	if (status == STORE_OK)
		sqlite3_reset(s);
	store_message_free(row_r);
	return status == STORE_OK ? STORE_NOT_FOUND : status;
}

enum store_status store_message_update(struct store *store, const struct store_message *row,
				       char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_UPDATE, error_r);

	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, row->id);
	sqlite3_bind_int(s, 2, (int)row->taught);
	sqlite3_bind_int(s, 3, (int)row->initially);
	sqlite3_bind_int(s, 4, (int)row->corrected);
	sqlite3_bind_int64(s, 5, row->corrected_at);
	store_bind_text(s, 6, row->source);
	sqlite3_bind_int(s, 7, (int)row->counted);
	return store_run(store, s, error_r);
}

enum store_status store_message_outcome(struct store *store, const char *signature,
					enum store_outcome outcome, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_OUTCOME, error_r);

	if (s == NULL)
		return STORE_DEFER;
	store_bind_hex(s, 1, signature);
	sqlite3_bind_int(s, 2, (int)outcome);
	enum store_status status = store_run(store, s, error_r);
	if (status == STORE_OK && sqlite3_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	return status;
}

enum store_status store_message_virus(struct store *store, const char *signature, const char *virus,
				      char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_VIRUS, error_r);

	if (s == NULL)
		return STORE_DEFER;
	store_bind_hex(s, 1, signature);
	sqlite3_bind_int(s, 2, (int)STORE_OUTCOME_VIRUS);
	store_bind_text(s, 3, virus);
	return store_run(store, s, error_r);
}

enum store_status store_message_taught_since(struct store *store, int64_t after_id, time_t since,
					     struct store_message *row_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_TAUGHT_SINCE, error_r);

	if (s != NULL) {
		sqlite3_bind_int64(s, 1, after_id);
		sqlite3_bind_int64(s, 2, since);
	}
	return row_get(store, s, row_r, error_r);
}

enum store_status store_message_by_id(struct store *store, int64_t id,
				      struct store_message *row_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_BY_ID, error_r);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, id);
	return row_get(store, s, row_r, error_r);
}

/* "%text%" with LIKE's own signs escaped. */
char *store_like_pattern(const char *contains)
{
	struct strbuf pattern = STRBUF_INIT;

	if (contains == NULL || contains[0] == '\0')
		return xstrdup("");
	strbuf_append_char(&pattern, '%');
	for (; *contains != '\0'; contains++) {
		if (strchr("%_\\", *contains) != NULL)
			strbuf_append_char(&pattern, '\\');
		strbuf_append_char(&pattern, *contains);
	}
	strbuf_append_char(&pattern, '%');
	return strbuf_steal(&pattern);
}

enum store_status store_message_list(struct store *store, const struct store_filter *filter,
				     bool (*each)(void *context, const struct store_message *row),
				     void *context, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_MESSAGE_LIST, error_r);
	enum store_status status;
	bool go_on = true;

	if (s == NULL)
		return STORE_DEFER;
	char *pattern = store_like_pattern(filter->contains);
	sqlite3_bind_int64(s, 1, filter->before_id > 0 ? filter->before_id : INT64_MAX);
	sqlite3_bind_int(s, 2, filter->result);
	store_bind_text(s, 3, pattern);
	sqlite3_bind_int64(s, 4, (int64_t)(filter->limit > 0 ? filter->limit : LIST_LIMIT));
	sqlite3_bind_int64(s, 5, filter->from_id);
	sqlite3_bind_int(s, 6, (int)filter->class);
	sqlite3_bind_int(s, 7, (int)filter->outcome);
	sqlite3_bind_int(s, 8, filter->corrected);
	sqlite3_bind_int64(s, 9, filter->since);
	sqlite3_bind_int64(s, 10, filter->until);
	free(pattern);
	while (go_on && (status = store_step(store, s, error_r)) == STORE_OK) {
		struct store_message row;
		row_read(s, &row);
		go_on = each(context, &row);
		store_message_free(&row);
	}
	if (!go_on) {
		sqlite3_reset(s);
		return STORE_OK;
	}
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status store_correction_add(struct store *store, int64_t message, time_t when,
				       enum store_class class, const char *source, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_CORRECTION_ADD, error_r);

	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, message);
	sqlite3_bind_int64(s, 2, when);
	sqlite3_bind_int(s, 3, (int)class);
	store_bind_text(s, 4, source);
	return store_run(store, s, error_r);
}

/* ---- features ---- */

enum store_status store_features_add(struct store *store, int64_t message, unsigned version,
				     const uint32_t *hashes, size_t count, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_FEATURES_ADD, error_r);
	struct strbuf packed = STRBUF_INIT;

	if (s == NULL)
		return STORE_DEFER;
	hash_list_pack(&packed, hashes, count);
	sqlite3_bind_int64(s, 1, message);
	sqlite3_bind_int(s, 2, (int)version);
	sqlite3_bind_blob64(s, 3, strbuf_text(&packed), packed.size, SQLITE_STATIC);
	enum store_status status = store_run(store, s, error_r);
	sqlite3_clear_bindings(s);
	strbuf_free(&packed);
	return status;
}

enum store_status store_features_get(struct store *store, int64_t message, unsigned *version_r,
				     uint32_t **hashes_r, size_t *count_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_FEATURES_GET, error_r);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, message);
	enum store_status status = store_step(store, s, error_r);
	if (status != STORE_OK)
		return status;
	*version_r = (unsigned)sqlite3_column_int(s, 0);
	struct span blob = {sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1)};
	*hashes_r = hash_list_unpack(blob, count_r);
	sqlite3_reset(s);
	return STORE_OK;
}

enum store_status store_features_version(struct store *store, int64_t message, unsigned *version_r,
					 char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_FEATURES_VERSION, error_r);

	if (s != NULL)
		sqlite3_bind_int64(s, 1, message);
	enum store_status status = store_step(store, s, error_r);
	if (status != STORE_OK)
		return status;
	*version_r = (unsigned)sqlite3_column_int(s, 0);
	sqlite3_reset(s);
	return STORE_OK;
}
