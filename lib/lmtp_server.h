/*
 * lmtp_server.h - one session of an LMTP server (RFC 2033), for a thread of lib/server.h.
 *
 * Extensions: PIPELINING (RFC 2920), 8BITMIME (6152), SMTPUTF8 (6531), ENHANCEDSTATUSCODES (2034),
 * SIZE (1870). Other parameters of MAIL and RCPT (RET, ENVID, NOTIFY, ORCPT) are not announced, but
 * taken and kept as text, to be passed on.
 *
 * The session reads commands, keeps the transaction, spools the content (lmtp_content.h) and calls
 * the handler. After the content deliver() is called for the first settings->together recipients,
 * their replies are sent in the order of the recipients (section 4.2), then for the next ones: were
 * we killed, the client would send the message again to no more than these. When the client is
 * gone, the recipients that are left are not delivered: the client will send them again.
 *
 * Content is kept byte for byte (lmtp_dot.h says what ends it). Content that comes before the 354
 * is an attack or a broken client: the session ends.
 *
 * Bounded by the constants below: lines, recipients, errors, commands that do nothing, time.
 */
#ifndef SHOVELER_LMTP_SERVER_H
#define SHOVELER_LMTP_SERVER_H

#include "lmtp_reply.h"
#include "span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LMTP_LINE_MAX	    4096 /* bytes of a command with its line end */
#define LMTP_RECIPIENTS_MAX 1000 /* of one message; then 452 */
#define LMTP_ERRORS_MAX	    20	 /* refused commands of a session; then 421 */
#define LMTP_JUNK_MAX	    100	 /* NOOP, VRFY, RSET, LHLO since the last message; then 421 */
#define LMTP_DATA_SECONDS   3600 /* for the whole content */

struct lmtp_recipient {
	char *address;		 /* what stood in <>; "" never */
	char *parameters;	 /* as sent: "NOTIFY=NEVER ORCPT=rfc822;a@b"; "" if none */
	struct lmtp_reply reply; /* to the content */
	void *state;		 /* the handler's */
};

struct lmtp_transaction {
	char *sender; /* what stood in <>; "" for the null sender */
	char *sender_parameters;
	struct lmtp_recipient *recipients; /* the accepted ones */
	size_t count;
	struct span content; /* from data() on */
	void *state;	     /* the handler's */
};

struct lmtp_handler {
	/*
	 * mail, rcpt: may be NULL; reply is a 250 that they may change into a refusal. rcpt may set
	 * recipient->state.
	 */
	void (*mail)(void *context, struct lmtp_transaction *transaction, struct lmtp_reply *reply);
	void (*rcpt)(void *context, struct lmtp_transaction *transaction,
		     struct lmtp_recipient *recipient, struct lmtp_reply *reply);
	/* The content is there. May be NULL. */
	void (*data)(void *context, struct lmtp_transaction *transaction);
	/* Sets the replies, which are a 451 before, of count of the transaction's recipients. */
	void (*deliver)(void *context, struct lmtp_transaction *transaction,
			struct lmtp_recipient *recipients, size_t count);
	/* The replies are sent: the time for what nobody has to wait for. May be NULL. */
	void (*settled)(void *context, struct lmtp_transaction *transaction,
			struct lmtp_recipient *recipients, size_t count);
	/*
	 * The end of every transaction for which mail() was called, however it ends: frees the
	 * states. May be NULL.
	 */
	void (*reset)(void *context, struct lmtp_transaction *transaction);
	void *context;
};

struct lmtp_server_settings {
	const char *hostname;		 /* in the greeting */
	const char *temporary_directory; /* for large content */
	uint64_t size_max;		 /* bytes of content; 0: not limited */
	size_t together;		 /* recipients that deliver() gets at once; 0: one */
	int timeout_s; /* for a command to arrive, for a piece of content, for a reply to go */
	struct lmtp_handler handler;
};

/* Speaks until the client leaves, the time is over or a limit is hit. The caller closes fd. */
void lmtp_server_session(int fd, const struct lmtp_server_settings *settings);

#endif
