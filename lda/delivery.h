/*
 * delivery.h - what shoveler-lda does with a message for one recipient (lda/main.c tells the
 * whole).
 */
#ifndef SHOVELER_LDA_DELIVERY_H
#define SHOVELER_LDA_DELIVERY_H

#include "lib/lmtp_client.h"
#include "lib/lmtp_server.h"
#include "lib/strbuf.h"
#include "lda/queue_id.h"
#include "spamtrain/classifier/classifier.h"

#include <pthread.h>
#include <stdint.h>

struct site;

enum action {
	ACTION_NONE,	   /* nothing yet: refused or deferred before the verdict */
	ACTION_DELIVER,	   /* with our fields */
	ACTION_TAG,	   /* the Subject too */
	ACTION_QUARANTINE, /* held back */
	ACTION_PASS,	   /* the user is not filtered */
	ACTION_UNMARKED,   /* without our fields: classifier failed, or address names no user */
	ACTION_COUNT,
};

/* One message of a session: transaction->state. */
struct message {
	char queue_id[QUEUE_ID_SIZE];
	/* The same for all, so that those with equal verdicts can have the same copy. */
	char signature[STORE_SIGNATURE_SIZE];
	time_t processed;
	pthread_mutex_t lock;		 /* of what follows; recipients have threads of their own */
	struct classifier_message *read; /* NULL until the first recipient who is filtered */
};

#define COPY_NONE SIZE_MAX

/* One recipient of it. */
struct delivery {
	struct site *site;
	const struct lmtp_transaction *transaction;
	struct message *message;
	struct lmtp_recipient *recipient; /* its reply is what becomes of the delivery */
	struct strbuf user;		  /* empty: the address names no user */
	enum action action;
	char tag[PREFERENCE_TEXT_MAX + 1];
	struct classifier_verdict verdict; /* signature "": none */
	struct strbuf own;		   /* our fields, as they go on top of his copy */
	enum lmtp_result result;	   /* of the last talk with Dovecot */
	size_t copy;			   /* which of the copies is his; COPY_NONE */
	const char *relay;		   /* for the log: to whom it is handed */
	int64_t started_ms;
};

void delivery_init(struct delivery *delivery, struct site *site,
		   const struct lmtp_transaction *transaction, struct lmtp_recipient *recipient);
void delivery_free(struct delivery *delivery);

/* judge(), and our fields. */
bool delivery_judge(struct delivery *delivery);

/* Mends what the history expected, where it came otherwise. Frees the delivery. */
void delivery_settle(struct delivery *delivery);

/* For lmtp_server_session(); the context is a struct site. */
extern const struct lmtp_handler delivery_handler;

#endif
