/*
 * spamtraind_sent.c - request sent: to whom a user wrote, told by the milter.
 */
#include "lib/metrics.h"
#include "lib/xalloc.h"
#include "spamtrain/classifier/correspondents.h"
#include "spamtrain/daemon/spamtraind_request.h"

#include <stdlib.h>

METRIC_COUNTER(sent, "shoveler_spamtraind_sent_total",
	       "Messages of users whose recipients were noted");

void request_sent(struct request *request)
{
	struct classifier *classifier = NULL;
	char *error = NULL;
	enum classifier_status status;

	if (!request_open_known(request, &classifier))
		return;
	status = classifier_sent(classifier, strbuf_text(&request->user),
				 request_text(request, "recipients"), &error);
	classifier_close(&classifier);
	if (status == CLASSIFIER_OK) {
		metric_add(&sent, 1);
		reply_ok(request);
	} else if (status == CLASSIFIER_INVALID) {
		reply_error(request, "invalid", error);
		free(error);
	} else {
		reply_store_error(request, STORE_DEFER, error);
	}
}
