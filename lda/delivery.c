#include "lda/delivery.h"

#include "lda/account.h"
#include "lda/judge.h"
#include "lda/site.h"
#include "lib/address.h"
#include "lib/clock.h"
#include "lib/parallel.h"
#include "lib/rewrite.h"
#include "lib/xalloc.h"

#include <stdlib.h>

/* Recipients of a message that come together. */
struct batch {
	struct site *site;
	const struct lmtp_transaction *transaction;
	struct delivery *deliveries;
	size_t count; /* at most LMTP_CLIENT_RECIPIENTS_MAX, by the range of lda_batch_size */
};

/* A transaction with Dovecot. */
struct talk {
	struct lmtp_client *client; /* NULL: there is nobody to deliver to */
	struct lmtp_destination to[LMTP_CLIENT_RECIPIENTS_MAX];
	struct delivery *who[LMTP_CLIENT_RECIPIENTS_MAX];
	size_t count;
};

static void begin_message(void *context, struct lmtp_transaction *transaction)
{
	struct message *message = xcalloc(1, sizeof(*message));

	(void)context;
	pthread_mutex_init(&message->lock, NULL);
	queue_id_find(transaction->content, message->queue_id);
	message->processed = time(NULL);
	signature_make(message->signature, message->processed);
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

/* ---- one recipient ---- */

void delivery_init(struct delivery *delivery, struct site *site,
		   const struct lmtp_transaction *transaction, struct lmtp_recipient *recipient)
{
	*delivery = (struct delivery){.site = site,
				      .transaction = transaction,
				      .message = transaction->state,
				      .recipient = recipient,
				      .relay = site->nexthop,
				      .copy = COPY_NONE,
				      .started_ms = clock_ms()};
	address_user(span_of(recipient->address), site->recipient_delimiter, &delivery->user);
}

void delivery_free(struct delivery *delivery)
{
	classifier_verdict_free(&delivery->verdict);
	strbuf_free(&delivery->own);
	strbuf_free(&delivery->user);
}

bool delivery_judge(struct delivery *delivery)
{
	if (!judge(delivery))
		return false;
	if (delivery->verdict.signature[0] != '\0')
		dspam_headers_format(&delivery->own, &delivery->verdict,
				     delivery->message->processed);
	return true;
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

/* Nobody waits for it: were we killed before, Postfix would deliver again. */
void delivery_settle(struct delivery *delivery)
{
	enum store_outcome outcome = outcome_of(delivery);

	/* What was quarantined came with the row. */
	if (outcome != delivery->verdict.outcome && outcome != STORE_OUTCOME_QUARANTINED)
		judge_outcome(delivery, outcome);
	delivery_free(delivery);
}

/* ---- copies: recipients whose message is the same byte for byte, or held back ---- */

static const char *tag_of(const struct delivery *delivery)
{
	return delivery->action == ACTION_TAG ? delivery->tag : NULL;
}

static bool have_same_copy(const struct delivery *a, const struct delivery *b)
{
	const char *tag = tag_of(a), *other = tag_of(b);

	return a->action != ACTION_QUARANTINE && b->action != ACTION_QUARANTINE &&
	       span_equal(strbuf_span(&a->own), strbuf_span(&b->own)) &&
	       (tag == NULL) == (other == NULL) && (tag == NULL || strcmp(tag, other) == 0);
}

/*
 * Those who share a copy have the number of the first of them. Returns how many copies there are.
 */
static size_t find_copies(struct batch *batch)
{
	size_t copies = 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct delivery *delivery = &batch->deliveries[i];

		if (delivery->copy == COPY_NONE)
			continue;
		delivery->copy = i;
		for (size_t j = 0; j < i && delivery->copy == i; j++) {
			if (batch->deliveries[j].copy == j &&
			    have_same_copy(&batch->deliveries[j], delivery))
				delivery->copy = j;
		}
		copies += delivery->copy == i;
	}
	return copies;
}

/* ---- talking to Dovecot ---- */

/* MAIL, and RCPT for those who have this copy; all who have one: COPY_NONE. */
static void ask_dovecot(struct batch *batch, size_t copy, struct talk *talk)
{
	struct lmtp_envelope envelope = {batch->transaction->sender,
					 batch->transaction->sender_parameters};

	talk->count = 0;
	for (size_t i = 0; i < batch->count; i++) {
		struct delivery *delivery = &batch->deliveries[i];

		if (copy != COPY_NONE && delivery->copy != copy)
			continue;
		talk->who[talk->count] = delivery;
		talk->to[talk->count++] =
			(struct lmtp_destination){.address = delivery->recipient->address,
						  .parameters = delivery->recipient->parameters,
						  .reply = &delivery->recipient->reply};
	}
	lmtp_client_begin(batch->site->pool, &envelope, talk->to, talk->count, &talk->client);
}

static void note_results(struct talk *talk)
{
	for (size_t i = 0; i < talk->count; i++)
		talk->who[i]->result = talk->to[i].result;
}

/* first: of those who have the copy. */
static void give_to_dovecot(struct talk *talk, struct delivery *first)
{
	struct rewrite rewrite;

	if (talk->client != NULL) {
		rewrite_init(&rewrite, first->transaction->content, strbuf_span(&first->own),
			     tag_of(first));
		lmtp_client_send(&talk->client, &rewrite.source);
		rewrite_free(&rewrite);
	}
	note_results(talk);
}

/* ---- the recipients that come together ---- */

static void judge_one(void *context, size_t i)
{
	struct batch *batch = context;
	struct delivery *delivery = &batch->deliveries[i];

	if (delivery->result == LMTP_ACCEPTED && delivery_judge(delivery))
		delivery->copy = i;
}

static void deliver_copy(void *context, size_t i)
{
	struct batch *batch = context;
	struct delivery *first = &batch->deliveries[i];
	struct talk talk;

	if (first->copy != i)
		return;
	if (first->action == ACTION_QUARANTINE) {
		judge_quarantine(first, strbuf_span(&first->own));
		return;
	}
	ask_dovecot(batch, i, &talk);
	give_to_dovecot(&talk, first);
}

static bool has_copy(const struct delivery *delivery)
{
	return delivery->copy != COPY_NONE;
}

/*
 * Dovecot was asked for all of them, and holds that transaction. It can be used when they all have
 * the same copy; else it is given up, for one for each copy.
 */
static void deliver_copies(struct batch *batch, struct talk *talk)
{
	struct delivery *first = batch->deliveries, *end = first + batch->count;
	size_t copies = find_copies(batch), accepted = 0, wanted = 0;

	for (size_t i = 0; i < batch->count; i++) {
		accepted += batch->deliveries[i].result == LMTP_ACCEPTED;
		wanted += has_copy(&batch->deliveries[i]);
	}
	while (first < end && !has_copy(first))
		first++;
	if (copies == 1 && wanted == accepted && first->action != ACTION_QUARANTINE) {
		give_to_dovecot(talk, first);
		return;
	}
	lmtp_client_abort(&talk->client);
	parallel_for(batch->count, copies > 1 ? batch->site->parallel : 1, deliver_copy, batch);
}

static void deliver(void *context, struct lmtp_transaction *transaction,
		    struct lmtp_recipient *recipients, size_t count)
{
	struct batch batch = {.site = context,
			      .transaction = transaction,
			      .deliveries = xcalloc(count, sizeof(struct delivery)),
			      .count = count};
	struct talk talk;

	for (size_t i = 0; i < count; i++) {
		delivery_init(&batch.deliveries[i], context, transaction, &recipients[i]);
		recipients[i].state = &batch.deliveries[i];
	}
	ask_dovecot(&batch, COPY_NONE, &talk);
	note_results(&talk);
	if (talk.client != NULL) {
		parallel_for(count, batch.site->parallel, judge_one, &batch);
		deliver_copies(&batch, &talk);
	}
	for (size_t i = 0; i < count; i++)
		account_delivery(&batch.deliveries[i]);
}

/* ---- afterwards ---- */

static void settle_one(void *context, size_t i)
{
	delivery_settle((struct delivery *)context + i);
}

static void settle(void *context, struct lmtp_transaction *transaction,
		   struct lmtp_recipient *recipients, size_t count)
{
	const struct site *site = context;
	struct delivery *deliveries = recipients[0].state;

	(void)transaction;
	parallel_for(count, site->parallel, settle_one, deliveries);
	free(deliveries);
}

const struct lmtp_handler delivery_handler = {
	.data = begin_message,
	.deliver = deliver,
	.settled = settle,
	.reset = end_message,
};
