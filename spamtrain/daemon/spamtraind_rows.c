#include "spamtrain/daemon/spamtraind_rows.h"

#include "lib/xalloc.h"
#include "schema/store_web.h"
#include "spamtrain/user/quarantine.h"
#include "spamtrain/daemon/spamtraind_request.h"

#include <stdlib.h>
#include <unistd.h>

#define HEADER_MAX (64 * 1024) /* bytes of a held message that are read for its header */

static const char *const result_names[] = {"innocent", "spam", "whitelisted"};

static const char *result_name(int result)
{
	return result < 0 || (size_t)result >= sizeof(result_names) / sizeof(result_names[0])
		       ? "none"
		       : result_names[result];
}

/* The class that counts now: what the user said, else what the filter did. */
static enum store_class row_class(const struct store_message *row)
{
	if (row->corrected != STORE_NONE || row->result < 0)
		return row->corrected;
	return row->result == (int)CLASSIFIER_SPAM ? STORE_SPAM : STORE_INNOCENT;
}

static bool is_trusted(struct store *store, const struct store_message *row)
{
	char *ignored = NULL;
	bool trusted = row->sender_key != 0 &&
		       store_trusted_get(store, row->sender_key, &ignored) == STORE_OK;

	free(ignored);
	return trusted;
}

json_t *row_json(struct store *store, const struct store_message *row)
{
	return json_pack(
		"{s:I, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:f, s:f, s:f, "
		"s:s, s:s, s:I, s:o, s:b, s:o}",
		"id", (json_int_t)row->id, "signature", row->signature, "received",
		(json_int_t)row->received, "size", (json_int_t)row->size, "sender",
		json_text(row->sender), "from", json_text(row->from), "subject",
		json_text(row->subject), "message_id", json_text(row->message_id), "queue_id",
		json_text(row->queue_id), "result", result_name(row->result), "class",
		row->outcome == STORE_OUTCOME_VIRUS ? "virus" : store_class_name(row_class(row)),
		"probability", row->probability, "confidence", row->confidence, "score", row->score,
		"outcome", store_outcome_name(row->outcome), "corrected",
		store_class_name(row->corrected), "corrected_at", (json_int_t)row->corrected_at,
		"source", json_text(row->source), "trusted", is_trusted(store, row), "virus",
		json_text(row->virus));
}

/* One "text, probability" a line: reasons_text(). */
json_t *row_reasons(const struct store_message *row)
{
	json_t *list = json_array();

	for (const char *line = row->factors; *line != '\0';) {
		size_t size = strcspn(line, "\n");
		char *text = xstrndup(line, size), *comma = strrchr(text, ',');

		if (comma != NULL) {
			*comma = '\0';
			json_array_append_new(list,
					      json_pack("{s:o, s:f}", "text", json_text(text),
							"probability", strtod(comma + 1, NULL)));
		}
		free(text);
		line += size + (line[size] == '\n');
	}
	return list;
}

/* ---- quarantine ---- */

static void read_header(const struct quarantined_file *file, struct store_message *row)
{
	struct classifier_message *message;
	struct strbuf bytes = STRBUF_INIT;
	ssize_t size;

	strbuf_reserve(&bytes, HEADER_MAX);
	size = file->fd >= 0 ? pread(file->fd, bytes.data, HEADER_MAX, 0) : -1;
	bytes.size = size > 0 ? (size_t)size : 0;
	message = classifier_message_read(strbuf_span(&bytes), file->row.size);
	row->from = xstrdup(classifier_message_from(message));
	row->subject = xstrdup(classifier_message_subject(message));
	row->message_id = xstrdup(classifier_message_id(message));
	classifier_message_free(&message);
	strbuf_free(&bytes);
}

static void make_row(const struct quarantined_file *file, struct store_message *row)
{
	*row = (struct store_message){
		.received = file->row.added,
		.size = file->row.size,
		.sender = xstrdup(file->row.sender),
		.queue_id = xstrdup(""),
		.source = xstrdup(""),
		.factors = xstrdup(""),
		.virus = xstrdup(""),
		.result = -1,
		.outcome = STORE_OUTCOME_QUARANTINED,
	};
	memcpy(row->signature, file->row.signature, sizeof(row->signature));
	read_header(file, row);
}

enum store_status held_row(struct store *store, const struct store_quarantined *held,
			   struct store_message *row_r, const char **file_state_r, char **error_r)
{
	struct quarantined_file file;
	enum store_status status = quarantine_open(store, held->signature, &file, error_r);

	if (status != STORE_OK)
		return status;
	*file_state_r = file.fd < 0 ? "vanished" : file.damaged ? "damaged" : "ok";
	status = store_message_by_signature(store, held->signature, row_r, error_r);
	if (status == STORE_NOT_FOUND) {
		make_row(&file, row_r);
		status = STORE_OK;
	}
	quarantine_close(&file);
	return status;
}

json_t *held_json(const struct spamtraind *service, struct store *store,
		  const struct store_quarantined *held, enum store_status *status_r, char **error_r)
{
	struct store_message row;
	const char *state;
	json_t *json;

	*status_r = held_row(store, held, &row, &state, error_r);
	if (*status_r != STORE_OK)
		return NULL;
	json = row_json(store, &row);
	json_object_set_new(json, "quarantine",
			    json_pack("{s:I, s:I, s:I, s:o, s:s}", "added", (json_int_t)held->added,
				      "expires",
				      (json_int_t)(held->added + service->quarantine_seconds),
				      "size", (json_int_t)held->size, "recipient",
				      json_text(held->recipient), "state", state));
	store_message_free(&row);
	return json;
}
