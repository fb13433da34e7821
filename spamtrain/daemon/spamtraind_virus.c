/*
 * spamtraind_virus.c - request virus: a virus was kept from a user; told by the milter and by the
 * weekly re-scan.
 *
 * Who has no store yet gets one if Dovecot knows him and he is filtered: his first mail may be a
 * virus. Everybody else is unknown, so that nobody can make us fill the disk with stores of
 * strangers.
 */
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "spamtrain/daemon/spamtraind_request.h"
#include "spamtrain/classifier/virus.h"

#include <stdlib.h>

#define HEADER_MAX (64 * 1024) /* bytes of the message that are read */

METRIC_COUNTER(noted, "shoveler_spamtraind_viruses_total",
	       "Viruses that were noted in a user's history");

static bool knows_him(struct request *request)
{
	const struct lmtp_envelope envelope = {"", ""};
	struct lmtp_client *client = NULL;
	struct lmtp_reply reply;
	struct lmtp_destination to = {
		.address = strbuf_text(&request->user), .parameters = "", .reply = &reply};

	lmtp_client_begin(request->service->nexthop, &envelope, &to, 1, &client);
	lmtp_client_abort(&client);
	if (to.result == LMTP_ACCEPTED)
		return true;
	if (to.result == LMTP_REFUSED && reply.code >= 500)
		reply_error(request, "unknown", "there is no such user");
	else
		reply_error(request, "deferred", reply.text);
	return false;
}

static bool is_filtered(struct request *request)
{
	struct preferences preferences;
	char *error = NULL;

	if (classifier_user_defaults(request->service->site, strbuf_text(&request->user),
				     &preferences, &error) != CLASSIFIER_OK) {
		reply_store_error(request, STORE_DEFER, error);
		return false;
	}
	if (!preferences.opt_out && (!request->service->opt_in || preferences.opt_in))
		return true;
	reply_error(request, "unknown", "this user has no history");
	return false;
}

static bool open_history(struct request *request, struct classifier **classifier_r)
{
	if (!request_open(request, false, classifier_r))
		return false;
	if (*classifier_r != NULL)
		return true;
	return is_filtered(request) && knows_him(request) &&
	       request_open(request, true, classifier_r);
}

static bool read_virus(struct request *request, struct classifier_virus *virus)
{
	int64_t found, size;

	if (!request_number(request, "time", time(NULL), 0, INT64_MAX, &found) ||
	    !request_number(request, "size", (int64_t)virus->size, 0, INT64_MAX, &size))
		return false;
	virus->found = (time_t)found;
	virus->size = (uint64_t)size;
	virus->name = request_text(request, "virus");
	virus->sender = request_text(request, "sender");
	virus->id = request_text(request, "id");
	virus->in_mailbox = strcmp(request_text(request, "source"), "rescan") == 0;
	if (virus->name[0] != '\0' && strlen(virus->name) <= VIRUS_NAME_MAX && virus->id[0] != '\0')
		return true;
	reply_error(request, "invalid", "virus and id must be given");
	return false;
}

static void reply_noted(struct request *request, const struct classifier_virus *virus,
			const char *signature, bool again)
{
	const char *outcome = again ? "already" : "noted";

	metric_add(&noted, !again);
	msg_info("%s: user=<%s>, action=note-virus, virus=%s, signature=%s, outcome=%s", virus->id,
		 strbuf_text(&request->user), virus->name, signature, outcome);
	reply_ok(request);
	packet_put(&request->reply, "outcome", outcome);
	packet_put(&request->reply, "signature", signature);
}

static void note(struct request *request, const struct classifier_virus *virus)
{
	struct classifier *classifier = NULL;
	char signature[STORE_SIGNATURE_SIZE], *error = NULL;
	bool again;

	if (!open_history(request, &classifier))
		return;
	if (classifier_virus(classifier, virus, signature, &again, &error) == CLASSIFIER_OK)
		reply_noted(request, virus, signature, again);
	else
		reply_store_error(request, STORE_DEFER, error);
	classifier_close(&classifier);
}

void request_virus(struct request *request)
{
	struct strbuf header = STRBUF_INIT;
	struct classifier_virus virus = {0};

	if (!request_message_read(request, HEADER_MAX, &header, &virus.size))
		return;
	virus.message = strbuf_span(&header);
	if (read_virus(request, &virus))
		note(request, &virus);
	strbuf_free(&header);
}
