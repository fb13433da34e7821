/*
 * training_address_answer.h - the mail that a user gets back from a training address: an
 * explanation when nothing could be learned, a note when not all of it could, or (if the site wants
 * it) a receipt.
 *
 * It goes straight into the user's own mailbox by Dovecot's LMTP: not through Postfix and not
 * through the filter, so it can neither loop nor be learned of. Null sender, Auto-Submitted: auto-
 * replied (RFC 3834), and at most one explanation a user in ANSWER_PAUSE_SECONDS.
 */
#ifndef SHOVELER_TRAINING_ADDRESS_ANSWER_H
#define SHOVELER_TRAINING_ADDRESS_ANSWER_H

#include "spamtrain/daemon/spamtraind_spool.h"

#define ANSWER_PAUSE_SECONDS 600
#define ANSWER_USERS_MAX     1000 /* users whose last explanation is remembered */

struct answer {
	const char *user;
	const char *training_address; /* to which it was sent */
	enum store_class class;
	enum training_language language; /* unknown: the site's */
	unsigned learned; /* 0: an explanation; else a receipt for so many messages */
	bool partly;	  /* there were more, which were left out: that is told too */
};

/* The whole message, lines ended by CRLF. */
void answer_format(struct strbuf *out, const struct spamtraind *service,
		   const struct answer *answer, time_t now);

/*
 * Puts it into the outbox, if the site wants such mail and it is not too soon. Returns 0 also when
 * it was not sent for such a reason; -1 and *reason_r: try again.
 */
int answer_send(struct spamtraind *service, struct spool_worker *worker,
		const struct answer *answer, char **reason_r);

#endif
