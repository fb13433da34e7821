/*
 * spamtraind_senders.c - requests about the senders whom a user trusts by his word.
 */
#include "lib/msg.h"
#include "schema/store_web.h"
#include "spamtrain/daemon/spamtraind_request.h"

static void reply_trust(struct request *request, enum store_status status, const char *from,
			bool trust, char *reason)
{
	if (status != STORE_OK) {
		reply_store_error(request, status, reason);
		return;
	}
	msg_info("sender: user=<%s>, action=%s", strbuf_text(&request->user),
		 trust ? "trust" : "distrust");
	reply_ok(request);
	packet_put(&request->reply, "from", from);
}

static void trust(struct request *request, struct store *store, const struct store_message *row)
{
	enum store_status status;
	char *reason = NULL;

	if (row->sender_key == 0) {
		reply_error(request, "invalid", "the message names no sender");
		return;
	}
	status = store_trusted_add(store, row, time(NULL), &reason);
	reply_trust(request, status, row->from, true, reason);
}

/* The message by which he was trusted may have left the history. */
static void distrust(struct request *request, struct store *store, const char *signature)
{
	struct store_message row = {0};
	char *reason = NULL;
	enum store_status status = store_message_by_signature(store, signature, &row, &reason);

	if (status == STORE_OK || status == STORE_NOT_FOUND)
		status = store_trusted_delete(store, row.sender_key, signature, &reason);
	reply_trust(request, status, row.from != NULL ? row.from : "", false, reason);
	store_message_free(&row);
}

void request_sender_trust(struct request *request)
{
	const char *wanted = request_text(request, "trust");
	struct classifier *classifier = NULL;
	char signature[STORE_SIGNATURE_SIZE];
	struct store_message row;

	if (!request_signature(request, signature) || !request_open_known(request, &classifier))
		return;
	if (strcmp(wanted, "no") == 0) {
		distrust(request, classifier_store(classifier), signature);
	} else if (wanted[0] != '\0' && strcmp(wanted, "yes") != 0) {
		reply_error(request, "invalid", "trust must be yes or no");
	} else if (request_row(request, classifier_store(classifier), &row)) {
		trust(request, classifier_store(classifier), &row);
		store_message_free(&row);
	}
	classifier_close(&classifier);
}

static void add_trusted(void *context, const char *from, const char *signature, time_t added)
{
	json_array_append_new(context,
			      json_pack("{s:o, s:s, s:I}", "from", json_text(from), "signature",
					signature, "added", (json_int_t)added));
}

void request_trusted(struct request *request)
{
	struct classifier *classifier = NULL;
	enum store_status status = STORE_OK;
	char *reason = NULL;
	json_t *list;

	if (!request_open(request, false, &classifier))
		return;
	list = json_array();
	if (classifier != NULL)
		status = store_trusted_list(classifier_store(classifier), add_trusted, list,
					    &reason);
	classifier_close(&classifier);
	if (status == STORE_OK)
		reply_json(request, json_pack("{s:O}", "senders", list));
	else
		reply_store_error(request, status, reason);
	json_decref(list);
}
