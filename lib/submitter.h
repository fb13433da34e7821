/*
 * submitter.h - how the milter vouches for the authenticated sender of a message.
 *
 * Only smtpd knows the SASL login; the training service gets the message later, by LMTP. So the
 * milter removes every such field that came in, and writes one of its own into mail for a training
 * address:
 *
 *	X-Shoveler-Submitter: v1; user=LOGIN; id=QUEUEID; time=EPOCH; mac=HEX
 *
 * mac is HMAC-SHA256 (RFC 2104) over "v1;LOGIN;QUEUEID;EPOCH" with the secret that both know. In
 * LOGIN everything but letters, digits and "@.+-_" is written as %XX, before the mac is made. The
 * training service believes nothing else, and nothing older than SUBMITTER_MAX_AGE.
 */
#ifndef SHOVELER_SUBMITTER_H
#define SHOVELER_SUBMITTER_H

#include "span.h"

#include <time.h>

#define SUBMITTER_FIELD	     "X-Shoveler-Submitter"
#define SUBMITTER_MAX_AGE    (10 * 24 * 3600) /* seconds: twice Postfix's maximal_queue_lifetime */
#define SUBMITTER_MAX_FUTURE 300	      /* seconds another host's clock may be ahead */
#define SUBMITTER_MAX_LOGIN  320	      /* bytes of a login and of a queue id */
#define SUBMITTER_SECRET_MIN 16 /* bytes of the secret file without the last line end */
#define SUBMITTER_SECRET_MAX 1024

struct strbuf;

struct submitter_secret {
	size_t size;
	char bytes[SUBMITTER_SECRET_MAX];
};

static inline struct span submitter_secret_span(const struct submitter_secret *secret)
{
	return (struct span){secret->bytes, secret->size};
}

/*
 * Reads the file at path, the value of that setting. One that others may read, that is too short
 * or too long is an error. Returns 0, or -1 and *error_r, freed by the caller.
 */
int submitter_secret_read(const char *setting, const char *path, struct submitter_secret *secret_r,
			  char **error_r);

/*
 * Appends the value of the field (no name, no line end). Returns 0; -1 if login or queue_id is
 * empty or too long: then no field must be written.
 */
int submitter_write(struct strbuf *out, const struct submitter_secret *secret, const char *login,
		    const char *queue_id, time_t now);

struct submitter {
	char login[SUBMITTER_MAX_LOGIN + 1]; /* unescaped */
	char queue_id[SUBMITTER_MAX_LOGIN + 1];
	time_t time;
};

/*
 * Checks the value of a field (folded or not). Returns NULL and *submitter_r, or a static text that
 * says why it is not believed. The time this takes does not depend on where the mac differs.
 */
const char *submitter_verify(const struct submitter_secret *secret, struct span value, time_t now,
			     struct submitter *submitter_r);

#endif
