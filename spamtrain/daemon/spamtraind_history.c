/*
 * spamtraind_history.c - requests history and message.
 */
#include "schema/store_web.h"
#include "spamtrain/daemon/spamtraind_request.h"
#include "spamtrain/daemon/spamtraind_rows.h"

#include <stdlib.h>

#define HISTORY_DEPTH 50000 /* rows looked at in a request */

/* ---- history ---- */

struct history {
	struct store *store;
	json_t *rows;
	size_t limit;
	int64_t last_id;
	bool more;
};

static bool add_row(void *context, const struct store_message *row)
{
	struct history *history = context;

	if (json_array_size(history->rows) == history->limit) {
		history->more = true;
		return false;
	}
	json_array_append_new(history->rows, row_json(history->store, row));
	history->last_id = row->id;
	return true;
}

/* The number of a word in a list that ends with NULL; "" is missing. */
static bool request_word(struct request *request, const char *name, const char *const *words,
			 int *number_r)
{
	const char *text = request_text(request, name);

	for (int i = 0; text[0] != '\0' && words[i] != NULL; i++) {
		if (strcmp(text, words[i]) == 0) {
			*number_r = i;
			return true;
		}
	}
	if (text[0] == '\0')
		return true;
	reply_error(request, "invalid", name);
	return false;
}

static bool read_words(struct request *request, struct store_filter *filter)
{
	static const char *const results[] = {"innocent", "spam", "whitelisted", "none", NULL};
	static const char *const classes[] = {"none", "innocent", "spam", NULL};
	static const char *const outcomes[] = {"none",	  "delivered", "tagged",   "quarantined",
					       "refused", "deferred",  "released", "deleted",
					       "virus",	  NULL};
	int result = -1, class = STORE_NONE, outcome = STORE_OUTCOME_NONE;

	if (!request_word(request, "result", results, &result) ||
	    !request_word(request, "class", classes, &class) ||
	    !request_word(request, "outcome", outcomes, &outcome))
		return false;
	filter->result = result == 3 ? STORE_RESULT_NONE : result;
	filter->class = (enum store_class) class;
	filter->outcome = (enum store_outcome)outcome;
	filter->corrected = strcmp(request_text(request, "corrected"), "yes") == 0;
	return true;
}

static bool read_filter(struct request *request, struct store_filter *filter)
{
	int64_t before, limit, since, until;

	if (!request_number(request, "before", 0, 0, INT64_MAX, &before) ||
	    !request_number(request, "limit", REQUEST_PAGE, 1, REQUEST_PAGE_MAX, &limit) ||
	    !request_number(request, "since", 0, 0, INT64_MAX, &since) ||
	    !request_number(request, "until", 0, 0, INT64_MAX, &until) ||
	    !read_words(request, filter))
		return false;
	filter->before_id = before;
	filter->limit = (size_t)limit;
	filter->since = (time_t)since;
	filter->until = (time_t)until;
	filter->contains = request_text(request, "contains");
	return true;
}

/* A page is looked for in HISTORY_DEPTH rows; *next_r: where to go on, 0 at the end. */
static enum store_status list(struct history *history, struct store_filter *filter, int64_t *next_r,
			      char **error_r)
{
	int64_t oldest, newest;
	enum store_status status = store_message_range(history->store, &oldest, &newest, error_r);

	if (status != STORE_OK)
		return status;
	if (filter->before_id == 0 || filter->before_id > newest)
		filter->before_id = newest + 1;
	filter->from_id = filter->before_id > HISTORY_DEPTH ? filter->before_id - HISTORY_DEPTH : 0;
	history->limit = filter->limit++;
	status = store_message_list(history->store, filter, add_row, history, error_r);
	*next_r = history->more ? history->last_id : filter->from_id > oldest ? filter->from_id : 0;
	return status;
}

void request_history(struct request *request)
{
	struct history history = {.rows = json_array()};
	struct classifier *classifier = NULL;
	enum store_status status = STORE_OK;
	struct store_filter filter = {0};
	int64_t next = 0;
	char *reason = NULL;

	if (!read_filter(request, &filter) || !request_open(request, false, &classifier)) {
		json_decref(history.rows);
		return;
	}
	if (classifier != NULL) {
		history.store = classifier_store(classifier);
		status = list(&history, &filter, &next, &reason);
	}
	classifier_close(&classifier);
	if (status == STORE_OK) {
		reply_json(request,
			   json_pack("{s:o, s:I}", "rows", history.rows, "next", (json_int_t)next));
	} else {
		json_decref(history.rows);
		reply_store_error(request, status, reason);
	}
}

/* ---- message ---- */

static void add_correction(void *context, time_t when, enum store_class class, const char *source)
{
	json_array_append_new(context,
			      json_pack("{s:I, s:s, s:o}", "time", (json_int_t)when, "class",
					store_class_name(class), "source", json_text(source)));
}

/* From the history and the quarantine; NULL and *status_r if neither has it. */
static json_t *find_row(struct request *request, struct store *store, const char *signature,
			struct store_message *row, enum store_status *status_r, char **error_r)
{
	struct store_quarantined held;
	json_t *json;

	*status_r = store_quarantine_get(store, signature, &held, error_r);
	if (*status_r == STORE_OK) {
		const char *state;

		json = held_json(request->service, store, &held, status_r, error_r);
		if (json != NULL)
			*status_r = held_row(store, &held, row, &state, error_r);
		store_quarantined_free(&held);
		if (*status_r == STORE_OK)
			return json;
		json_decref(json);
		return NULL;
	}
	if (*status_r == STORE_NOT_FOUND)
		*status_r = store_message_by_signature(store, signature, row, error_r);
	return *status_r == STORE_OK ? row_json(store, row) : NULL;
}

static void reply_row(struct request *request, struct store *store, const char *signature)
{
	struct store_message row;
	enum store_status status;
	char *reason = NULL;
	json_t *corrections, *json = find_row(request, store, signature, &row, &status, &reason);

	if (json == NULL) {
		reply_store_error(request, status, reason);
		return;
	}
	corrections = json_array();
	status = store_correction_list(store, row.id, add_correction, corrections, &reason);
	json = json_pack("{s:o, s:o, s:o}", "row", json, "reasons", row_reasons(&row),
			 "corrections", corrections);
	store_message_free(&row);
	if (status == STORE_OK) {
		reply_json(request, json);
	} else {
		json_decref(json);
		reply_store_error(request, status, reason);
	}
}

void request_message(struct request *request)
{
	struct classifier *classifier = NULL;
	char signature[STORE_SIGNATURE_SIZE];

	if (!request_signature(request, signature) || !request_open_known(request, &classifier))
		return;
	reply_row(request, classifier_store(classifier), signature);
	classifier_close(&classifier);
}
