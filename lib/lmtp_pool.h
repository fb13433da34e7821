/*
 * lmtp_pool.h - connections to an LMTP server, kept for a while: shared by lmtp_pool.c, which opens
 * and keeps them, and lmtp_client.c, which has one transaction after the other on them.
 */
#ifndef SHOVELER_LMTP_POOL_H
#define SHOVELER_LMTP_POOL_H

#include "lmtp_client.h"
#include "lmtp_io.h"

#include <pthread.h>

#define LMTP_COMMAND_MS (LMTP_CLIENT_COMMAND_SECONDS * 1000)

enum lmtp_extension {
	LMTP_EXTENSION_8BITMIME = 1,
	LMTP_EXTENSION_SMTPUTF8 = 2,
	LMTP_EXTENSION_DSN = 4,
};

struct lmtp_client {
	struct lmtp_pool *pool;
	struct lmtp_client *next;      /* in the pool */
	int64_t connected_ms, kept_ms; /* clock_ms() */
	unsigned extensions;	       /* enum lmtp_extension, those that the server announced */
	bool reset_needed;	       /* a transaction was begun and not finished */
	bool broken;
	struct lmtp_destination *to; /* of the transaction */
	size_t count;
	struct lmtp_io io;
};

struct lmtp_pool {
	struct endpoint endpoint;
	char *hostname;
	int data_timeout_s;
	pthread_mutex_t lock;
	struct lmtp_client *kept; /* the last one used first */
	size_t kept_count;
};

/* A connection that was greeted, or NULL, and reply says why. */
struct lmtp_client *lmtp_connection_open(struct lmtp_pool *pool, struct lmtp_reply *reply);
void lmtp_connection_close(struct lmtp_client *client);

/* One reply of the server. False when the connection is unusable; reply is then ours. */
bool lmtp_connection_read_reply(struct lmtp_client *client, const char *phase,
				struct lmtp_reply *reply);
/* The connection is of no use any more: reply says so. phase: "after MAIL". */
void lmtp_connection_set_lost(struct lmtp_client *client, struct lmtp_reply *reply,
			      enum lmtp_io_status status, const char *phase);

/* A kept connection, or NULL. */
struct lmtp_client *lmtp_pool_take(struct lmtp_pool *pool);
/* Keeps the connection, or closes it. */
void lmtp_pool_give_back(struct lmtp_client *client);

#endif
