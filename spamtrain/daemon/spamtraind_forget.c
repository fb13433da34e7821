/*
 * spamtraind_forget.c - request forget: what was learned of messages since a time is taken back.
 */
#include "lib/msg.h"
#include "spamtrain/daemon/spamtraind_request.h"

void request_forget(struct request *request)
{
	struct classifier *classifier = NULL;
	uint64_t forgotten = 0;
	char *reason = NULL;
	int64_t since;

	if (!request_number(request, "since", -1, 0, INT64_MAX, &since))
		return;
	if (since < 0) {
		reply_error(request, "invalid", "since is missing");
		return;
	}
	if (!request_open(request, false, &classifier))
		return;
	if (classifier != NULL && classifier_forget_since(classifier, (time_t)since, &forgotten,
							  &reason) != CLASSIFIER_OK) {
		reply_store_error(request, STORE_DEFER, reason);
	} else {
		msg_info("forget: user=<%s>, action=forget, messages=%llu",
			 strbuf_text(&request->user), (unsigned long long)forgotten);
		reply_ok(request);
		reply_number(request, "forgotten", (int64_t)forgotten);
	}
	classifier_close(&classifier);
}
