/*
 * session.h - one SMTP session as Postfix tells it. Private to session*.c.
 */
#ifndef SHOVELER_SESSION_H
#define SHOVELER_SESSION_H

#include "policy.h"
#include "protocol.h"
#include "rcpt_class.h"
#include "scanner_client.h"
#include "spool.h"

#include <xxhash.h>

/* Of what is sent on this host; what clients may is smtpd_recipient_limit, 1000. */
#define SESSION_MAX_RECIPIENTS 50000
#define SESSION_MAX_FORGED     100 /* header fields of our own names that are removed */
#define SESSION_MAX_NAME       128 /* bytes of a field name that can be one of ours */

struct recipient {
	char *address; /* as given in RCPT TO, without <> */
	char *given;   /* as given in RCPT TO: what Postfix knows it by */
	struct rcpt_class class;
};

struct forged_field {
	char *name;
	int index; /* which of that name, from 1 */
};

/* Everything from MAIL to the end of the message. */
struct transaction {
	char *sender; /* without <>; "" is the null sender */
	char *login;  /* of an authenticated user, or NULL */
	size_t recipient_count, recipient_room;
	struct recipient *recipients;
	unsigned classes;   /* of all recipients, or'ed */
	struct score score; /* as of the last recipient */
	bool separable;	    /* some recipient is no mailbox */
	bool inseparable;   /* some alias cannot be taken apart */
	size_t forged_count;
	struct forged_field forged[SESSION_MAX_FORGED];
	struct spool *spool; /* NULL: nobody wants it scanned */
	XXH3_state_t *digest;
	bool too_large;
	int spool_error; /* errno: it could not be kept for the scanner; or 0 */
	bool too_forged; /* more fields of our own names than can be removed */
};

struct session {
	struct protocol *protocol;
	struct policy *policy;
	bool has_ip;
	struct ip ip; /* of the client */
	char *client; /* address as text, "local" if it has none */
	char *helo;
	struct lookups *lookups;	 /* NULL: this client is not scored */
	struct transaction *transaction; /* NULL: between two */
};

/* Sets the reply, with foreign bytes made harmless. */
enum protocol_answer session_reply(struct session *session, const char *code, const char *status,
				   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Postfix's name of the message, "NOQUEUE" before it has one. */
const char *session_queue_id(const struct session *session);

/* The part of a log line that is the same in all: "client=..., from=<...>". Freed by the caller. */
char *session_describe(const struct session *session);

/* session_rcpt.c */
/* Judges recipients[recipient_count], which is not counted yet. */
enum protocol_answer session_recipient(struct session *session);

/* session_message.c */
void session_header(struct session *session, const char *name, const char *value);
void session_body(struct session *session, struct span data);

/* session_virus.c */
/* Who does not get the message finds it in his history. message_fd: or -1. */
void session_tell_users(const struct session *session, const struct scan_result *result,
			int message_fd);
/* session_end.c */
/* ANSWER_CONTINUE: its body, or a change of the message, is wanted. */
enum protocol_answer session_end_of_header(struct session *session);
enum protocol_answer session_end_of_message(struct session *session);

#endif
