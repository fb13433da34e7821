/*
 * spamtraind_correct.h - the one way from a request to classifier_correct(): every correction of
 * this service, whoever asked for it, is counted and logged here. Only the thread of the spool
 * calls it: what was accepted last counts. What a correction to innocent is to take out of the
 * quarantine is told, and brought to Dovecot by the outbox.
 */
#ifndef SHOVELER_SPAMTRAIND_CORRECT_H
#define SHOVELER_SPAMTRAIND_CORRECT_H

#include "spamtrain/daemon/spamtraind.h"

struct correction {
	const char *user;	/* login or address; spamtraind_user() makes the user of it */
	enum store_class class; /* STORE_NONE: unlearn it */
	const char *signature;	/* "": find it by the message */
	struct span message;	/* whole or first part; empty: by the signature alone */
	const char *source;	/* "imap", "address", "cli", "web" */
	time_t said;		/* when it was accepted; 0: now */
	const char *event;	/* for the log: queue id, mailbox, "" */
};

enum correction_status {
	CORRECTION_DONE,
	CORRECTION_UNKNOWN,  /* not a signature of this user; nothing was done */
	CORRECTION_INVALID,  /* no valid user, or the class cannot be taught; nothing was done */
	CORRECTION_DEFERRED, /* the store is in trouble: ask again, it is idempotent */
	CORRECTION_WAITING   /* journalled and not done yet: spamtraind_spool.h */
};

struct correction_result {
	enum correction_status status;
	enum classifier_corrected corrected; /* when done */
	char held[STORE_SIGNATURE_SIZE]; /* it waits in quarantine and is to be released; or "" */
	bool released;			 /* and was delivered: spamtraind_spool.h */
	char *reason;			 /* what went wrong, or NULL; malloc'ed */
};

/*
 * In spool, the time of the last correction is kept for the metric. Before the thread of the spool
 * starts, and after it ended. That it cannot be kept is only logged.
 */
void correction_time_open(const char *spool);
void correction_time_close(void);

/* "learned", "already", "taken_back", "unknown", "invalid", "deferred", "waiting" */
const char *correction_outcome(const struct correction_result *result);

void correction_apply(struct spamtraind *service, const struct correction *correction,
		      struct correction_result *result_r);
void correction_result_free(struct correction_result *result);

#endif
