/*
 * spamtraind_teach.c - requests retrain, undo, unlearn and release: put into the spool, and
 * answered with what became of them.
 */
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "spamtrain/daemon/spamtraind_request.h"

#include <stdlib.h>

static bool read_wait(struct request *request, int *wait_ms_r)
{
	int64_t seconds;

	*wait_ms_r = 0;
	if (strcmp(request_text(request, "wait"), "no") == 0)
		return true;
	if (!request_number(request, "wait", REQUEST_WAIT_MAX_S, 0, REQUEST_WAIT_MAX_S, &seconds))
		return false;
	*wait_ms_r = (int)seconds * 1000;
	return true;
}

static struct retrain_entry new_entry(const struct request *request, enum retrain_class class)
{
	const char *source = request_text(request, "source");

	return (struct retrain_entry){
		.user = strbuf_text(&request->user),
		.class = class,
		.source = source[0] != '\0' ? source : "other",
	};
}

/* ---- one ---- */

static void reply_result(struct request *request, const struct correction_result *result)
{
	bool ok = result->status == CORRECTION_DONE || result->status == CORRECTION_WAITING;

	packet_put(&request->reply, "status", ok ? "ok" : "error");
	packet_put(&request->reply, "outcome", correction_outcome(result));
	if (!ok)
		request->outcome = correction_outcome(result);
	if (ok)
		packet_put(&request->reply, "released", result->released ? "yes" : "no");
	if (result->reason != NULL)
		packet_put(&request->reply, "reason", result->reason);
	else if (result->status == CORRECTION_UNKNOWN)
		packet_put(&request->reply, "reason",
			   "this user was given no such signature, or it has expired");
}

static void log_refused(const struct request *request, const char *source, const char *reason)
{
	msg_error("user=<%s>, action=correct, source=%s, refused: %s", strbuf_text(&request->user),
		  source, reason);
}

static void submit_one(struct request *request, struct retrain_entry *entry, struct span message,
		       int wait_ms)
{
	struct correction_result result = {0};
	char *error = NULL;

	if (spool_worker_submit(request->worker, entry, message, wait_ms, &result, &error) == 0) {
		reply_result(request, &result);
	} else {
		log_refused(request, entry->source, error);
		reply_error(request, "deferred", error);
	}
	correction_result_free(&result);
	free(error);
}

/* By the signature, or by the message that came along. */
static void teach_one(struct request *request, enum retrain_class class, int wait_ms)
{
	struct retrain_entry entry = new_entry(request, class);
	struct strbuf message = STRBUF_INIT;
	uint64_t size;

	entry.signature = request_text(request, "signature");
	if (!request_message_read(request, RETRAIN_SPOOL_MAX_MESSAGE, &message, &size))
		return;
	if (message.size == 0 && entry.signature[0] == '\0')
		reply_error(request, "invalid", "neither signature nor message");
	else
		submit_one(request, &entry, strbuf_span(&message), wait_ms);
	strbuf_free(&message);
}

/* ---- many ---- */

static void count_outcome(json_t *counts, const char *outcome)
{
	json_int_t before = json_integer_value(json_object_get(counts, outcome));

	json_object_set_new(counts, outcome, json_integer(before + 1));
}

static void reply_results(struct request *request, const struct signatures *signatures,
			  const struct correction_result *results)
{
	json_t *list = json_array(), *counts = json_object();

	for (size_t i = 0; i < signatures->count; i++) {
		const char *outcome = correction_outcome(&results[i]);

		count_outcome(counts, outcome);
		json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "signature",
						      signatures->list[i], "outcome", outcome,
						      "released", results[i].released));
	}
	reply_json(request, json_pack("{s:o, s:o}", "results", list, "counts", counts));
}

/* classes: one a signature. */
static void teach_many(struct request *request, const struct signatures *signatures,
		       const enum retrain_class *classes, int wait_ms)
{
	struct retrain_entry *entries = xcalloc(signatures->count, sizeof(*entries));
	struct correction_result *results = xcalloc(signatures->count, sizeof(*results));
	char *error = NULL;

	for (size_t i = 0; i < signatures->count; i++) {
		entries[i] = new_entry(request, classes[i]);
		entries[i].signature = signatures->list[i];
	}
	if (spool_worker_submit_many(request->worker, entries, signatures->count, wait_ms, results,
				     &error) < 0)
		log_refused(request, entries[0].source, error);
	if (signatures->single)
		reply_result(request, &results[0]);
	else
		reply_results(request, signatures, results);
	for (size_t i = 0; i < signatures->count; i++)
		correction_result_free(&results[i]);
	free(error);
	free(results);
	free(entries);
}

static void teach_all(struct request *request, enum retrain_class class)
{
	enum retrain_class classes[REQUEST_SIGNATURES_MAX];
	struct signatures *signatures;
	int wait_ms;

	if (!read_wait(request, &wait_ms))
		return;
	if (packet_get(request->packet, "signatures") == NULL) {
		teach_one(request, class, wait_ms);
		return;
	}
	signatures = request_signatures(request);
	if (signatures == NULL)
		return;
	for (size_t i = 0; i < signatures->count; i++)
		classes[i] = class;
	teach_many(request, signatures, classes, wait_ms);
	free(signatures);
}

/* ---- requests ---- */

void request_retrain(struct request *request)
{
	const char *class = request_text(request, "class");

	if (strcmp(class, "spam") == 0)
		teach_all(request, RETRAIN_SPAM);
	else if (strcmp(class, "innocent") == 0)
		teach_all(request, RETRAIN_INNOCENT);
	else
		reply_error(request, "invalid", "class must be spam or innocent");
}

void request_release(struct request *request)
{
	teach_all(request, RETRAIN_INNOCENT);
}

void request_unlearn(struct request *request)
{
	teach_all(request, RETRAIN_NONE);
}

/*
 * Back to what the filter said; what it never judged is unlearned. The verdict in the history never
 * changes, so it does not matter what waits in the spool.
 */
static bool find_verdicts(struct request *request, const struct signatures *signatures,
			  enum retrain_class *classes_r)
{
	struct classifier *classifier = NULL;
	enum store_status status = STORE_OK;
	char *reason = NULL;

	if (!request_open_known(request, &classifier))
		return false;
	for (size_t i = 0; i < signatures->count && status == STORE_OK; i++) {
		struct store_message row;

		classes_r[i] = RETRAIN_NONE;
		status = store_message_by_signature(classifier_store(classifier),
						    signatures->list[i], &row, &reason);
		if (status == STORE_OK && row.result >= 0)
			classes_r[i] = row.result == (int)CLASSIFIER_SPAM ? RETRAIN_SPAM
									  : RETRAIN_INNOCENT;
		if (status == STORE_OK)
			store_message_free(&row);
		else if (status == STORE_NOT_FOUND)
			status = STORE_OK;
	}
	classifier_close(&classifier);
	if (status != STORE_OK)
		reply_store_error(request, status, reason);
	return status == STORE_OK;
}

void request_undo(struct request *request)
{
	enum retrain_class classes[REQUEST_SIGNATURES_MAX];
	struct signatures *signatures;
	int wait_ms;

	if (!read_wait(request, &wait_ms))
		return;
	signatures = request_signatures(request);
	if (signatures == NULL)
		return;
	if (find_verdicts(request, signatures, classes))
		teach_many(request, signatures, classes, wait_ms);
	free(signatures);
}
