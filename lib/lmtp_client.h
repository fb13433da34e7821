/*
 * lmtp_client.h - hands messages to an LMTP server (Dovecot).
 *
 *	lmtp_client_begin(pool, &envelope, to, count, &client)	MAIL and all RCPT, in one packet
 *	lmtp_client_send(&client, &source)		DATA, or lmtp_client_abort(&client)
 *
 * Connections are kept in a pool and used again for some seconds. A kept connection that turns out
 * to be closed is replaced by a new one without the caller noticing: nothing was delivered on it
 * yet.
 *
 * For each recipient it is said which of four things happened, and a reply is set that can be given
 * to our own client: the server's words when it spoke, else a 451 of ours.
 *
 * A pool may be used by any number of threads, a client by one.
 */
#ifndef SHOVELER_LMTP_CLIENT_H
#define SHOVELER_LMTP_CLIENT_H

#include "endpoint.h"
#include "lmtp_reply.h"
#include "span_source.h"

#define LMTP_POOL_KEPT_MAX	    16 /* idle connections; each occupies a process of Dovecot */
#define LMTP_POOL_IDLE_SECONDS	    5
#define LMTP_POOL_AGE_SECONDS	    60 /* so that a reloaded Dovecot's new settings count soon */
#define LMTP_CLIENT_CONNECT_SECONDS 10
#define LMTP_CLIENT_COMMAND_SECONDS 60

enum lmtp_result {
	LMTP_ACCEPTED,	  /* 2xx */
	LMTP_REFUSED,	  /* the server said 4xx or 5xx: not delivered */
	LMTP_UNREACHABLE, /* no connection, or lost before the final dot: not delivered */
	LMTP_AMBIGUOUS,	  /* lost after the final dot: the server may have delivered it */
};

struct lmtp_envelope {
	const char *sender, *parameters; /* "" when there are none */
};

/* A recipient of a transaction, and what became of it. */
struct lmtp_destination {
	const char *address, *parameters; /* parameters: "" when there are none */
	enum lmtp_result result;
	struct lmtp_reply *reply; /* the caller's */
};

#define LMTP_CLIENT_RECIPIENTS_MAX                                                                 \
	100 /* of a transaction: their commands and replies fit a socket */

struct lmtp_pool;
struct lmtp_client;

/* hostname: what LHLO says; copied. data_timeout_s: from the final dot to the reply. */
struct lmtp_pool *lmtp_pool_new(const struct endpoint *endpoint, const char *hostname,
				int data_timeout_s);
/* No client may be in use. */
void lmtp_pool_free(struct lmtp_pool **pool);

/*
 * Sets result and reply of each destination. When at least one was LMTP_ACCEPTED, *client_r is
 * ready for the content, and needs the destinations until it is given back; else it is NULL.
 * Parameters whose extension the server did not announce are left out, and so is SIZE, since the
 * content may be another one. A sender's address that is not ASCII is refused (550 5.6.7) when the
 * server did not announce SMTPUTF8. count: at most LMTP_CLIENT_RECIPIENTS_MAX.
 */
void lmtp_client_begin(struct lmtp_pool *pool, const struct lmtp_envelope *envelope,
		       struct lmtp_destination *to, size_t count, struct lmtp_client **client_r);

/*
 * Sends the pieces one after the other as one message, and sets result and reply of the
 * destinations that had been accepted. The client is given back in every case.
 */
void lmtp_client_send(struct lmtp_client **client, struct span_source *content);

/* Both of the above for one recipient; to->result is returned. */
enum lmtp_result lmtp_client_deliver(struct lmtp_pool *pool, const struct lmtp_envelope *envelope,
				     struct lmtp_destination *to, struct span_source *content);

/* Nothing is sent after all. NULL is fine. */
void lmtp_client_abort(struct lmtp_client **client);

#endif
