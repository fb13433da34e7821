#include "spamtrain/daemon/traps.h"

#include "lib/address.h"
#include "lib/metrics.h"
#include "lib/msg.h"

#include <stdlib.h>

METRIC_COUNTER(trapped_learned, "shoveler_spamtraind_trap_mail_total{outcome=\"learned\"}",
	       "Mail to the spam traps");
METRIC_COUNTER(trapped_already, "shoveler_spamtraind_trap_mail_total{outcome=\"already\"}",
	       "Mail to the spam traps");
METRIC_COUNTER(trapped_deferred, "shoveler_spamtraind_trap_mail_total{outcome=\"deferred\"}",
	       "Mail to the spam traps");

bool trap_is(const struct spamtraind *service, const char *address)
{
	return address_is_listed((const char *const *)service->traps, address, service->delimiters);
}

static enum classifier_status learn(struct spamtraind *service, struct span content,
				    enum classifier_corrected *corrected_r, char **error_r)
{
	struct classifier *classifier = NULL;
	enum classifier_status status =
		classifier_open(service->site, CLASSIFIER_TRAPS, true, &classifier, error_r);

	if (status != CLASSIFIER_OK)
		return status;
	struct classifier_message *message =
		classifier_message_read(span_first(content, CLASSIFIER_MESSAGE_MAX), content.size);
	const struct classifier_correction correction = {
		.teaching = CLASSIFIER_TRAIN,
		.class = STORE_SPAM,
		.message = message,
		.source = "trap",
	};
	status = classifier_correct(classifier, &correction, corrected_r, error_r);
	classifier_message_free(&message);
	classifier_close(&classifier);
	return status;
}

void trap_deliver(struct spamtraind *service, const struct lmtp_transaction *transaction,
		  struct lmtp_recipient *recipient)
{
	enum classifier_corrected corrected = CLASSIFIER_UNKNOWN;
	char *error = NULL;

	if (learn(service, transaction->content, &corrected, &error) != CLASSIFIER_OK) {
		metric_add(&trapped_deferred, 1);
		msg_warn("trap: from=<%s>, to=<%s>, action=train, outcome=deferred, reason=%s",
			 transaction->sender, recipient->address,
			 error == NULL ? "unknown" : error);
		lmtp_reply_set(&recipient->reply, 451,
			       "4.3.0 The filter cannot learn now, try again");
	} else {
		metric_add(corrected == CLASSIFIER_LEARNED ? &trapped_learned : &trapped_already,
			   1);
		msg_info("trap: from=<%s>, to=<%s>, action=train, outcome=%s", transaction->sender,
			 recipient->address, classifier_corrected_name(corrected));
		lmtp_reply_set(&recipient->reply, 250, "2.0.0 Taken");
	}
	free(error);
}
