#include "lda/delivery.h"

#include "lda/account.h"
#include "lda/judge.h"
#include "lda/site.h"
#include "lib/address.h"
#include "lib/clock.h"
#include "lib/rewrite.h"
#include "lib/xalloc.h"

#include <stdlib.h>

static void begin_message(void *context, struct lmtp_transaction *transaction)
{
	struct message *message = xcalloc(1, sizeof(*message));

	(void)context;
	pthread_mutex_init(&message->lock, NULL);
	queue_id_find(transaction->content, message->queue_id);
	transaction->state = message;
	account_message(transaction);
}

static void end_message(void *context, struct lmtp_transaction *transaction)
{
	struct message *message = transaction->state;

	(void)context;
	if (message == NULL)
		return;
	classifier_message_free(&message->read);
	pthread_mutex_destroy(&message->lock);
	free(message);
	transaction->state = NULL;
}

/* False when Dovecot does not take the recipient, or cannot be reached: that is the reply. */
static bool ask_dovecot(struct delivery *delivery)
{
	struct lmtp_envelope envelope = {
		.sender = delivery->transaction->sender,
		.sender_parameters = delivery->transaction->sender_parameters,
		.recipient = delivery->recipient->address,
		.recipient_parameters = delivery->recipient->parameters,
	};

	delivery->result = lmtp_client_begin(delivery->site->pool, &envelope, &delivery->client,
					     &delivery->recipient->reply);
	return delivery->result == LMTP_ACCEPTED;
}

static enum store_outcome outcome_of(const struct delivery *delivery)
{
	int code = delivery->recipient->reply.code;

	if (code >= 300)
		return code < 500 ? STORE_OUTCOME_DEFERRED : STORE_OUTCOME_REFUSED;
	switch (delivery->action) {
	case ACTION_TAG:
		return STORE_OUTCOME_TAGGED;
	case ACTION_QUARANTINE:
		return STORE_OUTCOME_QUARANTINED;
	default:
		return STORE_OUTCOME_DELIVERED;
	}
}

static void give_to_dovecot(struct delivery *delivery, struct span own)
{
	struct rewrite rewrite;

	rewrite_init(&rewrite, delivery->transaction->content, own,
		     delivery->action == ACTION_TAG ? delivery->tag : NULL);
	delivery->result =
		lmtp_client_send(&delivery->client, &rewrite.source, &delivery->recipient->reply);
	rewrite_free(&rewrite);
}

static void act(struct delivery *delivery)
{
	struct strbuf own = STRBUF_INIT;

	if (delivery->verdict.signature[0] != '\0')
		dspam_headers_format(&own, &delivery->verdict, time(NULL));
	if (delivery->action == ACTION_QUARANTINE) {
		lmtp_client_abort(&delivery->client);
		judge_quarantine(delivery, strbuf_span(&own));
	} else {
		give_to_dovecot(delivery, strbuf_span(&own));
	}
	strbuf_free(&own);
}

static void deliver(void *context, struct lmtp_transaction *transaction,
		    struct lmtp_recipient *recipient)
{
	struct delivery *delivery = xcalloc(1, sizeof(*delivery));

	*delivery = (struct delivery){
		.site = context,
		.transaction = transaction,
		.message = transaction->state,
		.recipient = recipient,
		.started_ms = clock_ms(),
	};
	recipient->state = delivery;
	address_user(span_of(recipient->address), delivery->site->recipient_delimiter,
		     &delivery->user);
	if (ask_dovecot(delivery) && judge(delivery))
		act(delivery);
	lmtp_client_abort(&delivery->client);
	account_delivery(delivery);
}

/* Nobody waits for it: were we killed in between, Postfix would deliver again. */
static void settle(void *context, struct lmtp_transaction *transaction,
		   struct lmtp_recipient *recipient)
{
	struct delivery *delivery = recipient->state;

	(void)context, (void)transaction;
	if (outcome_of(delivery) != STORE_OUTCOME_QUARANTINED) /* that one came with the row */
		judge_outcome(delivery, outcome_of(delivery));
	classifier_verdict_free(&delivery->verdict);
	strbuf_free(&delivery->user);
	free(delivery);
	recipient->state = NULL;
}

const struct lmtp_handler delivery_handler = {
	.data = begin_message,
	.deliver = deliver,
	.settled = settle,
	.reset = end_message,
};
