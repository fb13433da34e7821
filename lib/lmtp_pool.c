#include "lmtp_pool.h"

#include "clock.h"
#include "lmtp_server.h"
#include "xalloc.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *keyword;
	unsigned extension;
} extensions[] = {
	{"8BITMIME", LMTP_EXTENSION_8BITMIME},
	{"SMTPUTF8", LMTP_EXTENSION_SMTPUTF8},
	{"DSN", LMTP_EXTENSION_DSN},
};

/* ---- connections ---- */

void lmtp_connection_close(struct lmtp_client *client)
{
	if (!client->broken)
		send(client->io.fd, "QUIT\r\n", 6, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(client->io.fd);
	lmtp_io_free(&client->io);
	free(client);
}

void lmtp_connection_set_lost(struct lmtp_client *client, struct lmtp_reply *reply,
			      enum lmtp_io_status status, const char *phase)
{
	client->broken = true;
	lmtp_reply_set(reply, 451, "4.4.2 %s %s",
		       status == LMTP_IO_TIMEOUT    ? "Delivery timed out"
		       : status == LMTP_IO_TOO_LONG ? "Malformed reply"
						    : "Connection was lost",
		       phase);
}

bool lmtp_connection_read_reply(struct lmtp_client *client, const char *phase,
				struct lmtp_reply *reply)
{
	enum lmtp_io_status status = LMTP_IO_OK;
	bool last = false;
	struct span line;

	reply->code = 0;
	while (!last) {
		status = lmtp_io_read_line(&client->io, LMTP_LINE_MAX, &line);
		if (status == LMTP_IO_OK && !lmtp_reply_add_line(reply, line, &last))
			status = LMTP_IO_TOO_LONG;
		if (status != LMTP_IO_OK) {
			lmtp_connection_set_lost(client, reply, status, phase);
			return false;
		}
	}
	if (reply->code == 421) {
		/* It means their connection, not the one on which the reply is passed on. */
		reply->code = 451;
		client->broken = true;
	}
	return true;
}

static void note_extension(struct lmtp_client *client, struct span line)
{
	struct span word = span_trim(span_from(line, 4));
	const char *space = word.size > 0 ? memchr(word.data, ' ', word.size) : NULL;

	if (space != NULL)
		word.size = (size_t)(space - word.data);
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		if (span_equal_nocase(word, span_of(extensions[i].keyword)))
			client->extensions |= extensions[i].extension;
	}
}

static bool say_hello(struct lmtp_client *client, struct lmtp_reply *reply)
{
	struct span line;
	bool last = false;

	strbuf_printf(&client->io.output, "LHLO %s\r\n", client->pool->hostname);
	if (lmtp_io_flush(&client->io) != LMTP_IO_OK)
		return false;
	reply->code = 0;
	while (!last) {
		if (lmtp_io_read_line(&client->io, LMTP_LINE_MAX, &line) != LMTP_IO_OK ||
		    !lmtp_reply_add_line(reply, line, &last))
			return false;
		note_extension(client, line);
	}
	return reply->code == 250;
}

struct lmtp_client *lmtp_connection_open(struct lmtp_pool *pool, struct lmtp_reply *reply)
{
	struct lmtp_client *client;
	char *error = NULL;
	int fd = endpoint_connect(&pool->endpoint, SOCK_STREAM, LMTP_CLIENT_CONNECT_SECONDS * 1000,
				  &error);

	if (fd < 0) {
		lmtp_reply_set(reply, 451, "4.4.1 %s", error);
		free(error);
		return NULL;
	}
	client = xcalloc(1, sizeof(*client));
	client->pool = pool;
	lmtp_io_init(&client->io, fd);
	client->connected_ms = clock_ms();
	lmtp_io_set_timeout(&client->io, LMTP_COMMAND_MS);
	if (lmtp_connection_read_reply(client, "at the greeting", reply) && reply->code == 220 &&
	    say_hello(client, reply))
		return client;
	/* Whatever it says here, it says about itself and not about the recipient. */
	lmtp_reply_set(reply, 451, "4.4.2 The delivery service does not greet");
	lmtp_connection_close(client);
	return NULL;
}

/* ---- the pool ---- */

struct lmtp_pool *lmtp_pool_new(const struct endpoint *endpoint, const char *hostname,
				int data_timeout_s)
{
	struct lmtp_pool *pool = xcalloc(1, sizeof(*pool));

	pool->endpoint = *endpoint;
	pool->hostname = xstrdup(hostname);
	pool->data_timeout_s = data_timeout_s;
	pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

void lmtp_pool_free(struct lmtp_pool **pool_p)
{
	struct lmtp_pool *pool = *pool_p;
	struct lmtp_client *client;

	if (pool == NULL)
		return;
	while ((client = pool->kept) != NULL) {
		pool->kept = client->next;
		lmtp_connection_close(client);
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool->hostname);
	free(pool);
	*pool_p = NULL;
}

static bool is_too_old(const struct lmtp_client *client, int64_t now)
{
	return now - client->kept_ms > LMTP_POOL_IDLE_SECONDS * 1000 ||
	       now - client->connected_ms > LMTP_POOL_AGE_SECONDS * 1000;
}

/* Takes those that are too old out of the list; the caller disconnects them without the lock. */
static struct lmtp_client *take_old(struct lmtp_pool *pool)
{
	struct lmtp_client **place = &pool->kept, *old = NULL, *client;
	int64_t now = clock_ms();

	while ((client = *place) != NULL) {
		if (!is_too_old(client, now)) {
			place = &client->next;
			continue;
		}
		*place = client->next;
		client->next = old;
		old = client;
		pool->kept_count--;
	}
	return old;
}

static void disconnect_all(struct lmtp_client *client)
{
	struct lmtp_client *next;

	for (; client != NULL; client = next) {
		next = client->next;
		lmtp_connection_close(client);
	}
}

/* Anything to read on an idle connection is its end, or a 421. */
static bool is_silent(const struct lmtp_client *client)
{
	struct pollfd peer = {.fd = client->io.fd, .events = POLLIN};

	return poll(&peer, 1, 0) == 0;
}

struct lmtp_client *lmtp_pool_take(struct lmtp_pool *pool)
{
	struct lmtp_client *client, *old;

	pthread_mutex_lock(&pool->lock);
	old = take_old(pool);
	client = pool->kept;
	if (client != NULL) {
		pool->kept = client->next;
		pool->kept_count--;
	}
	pthread_mutex_unlock(&pool->lock);
	disconnect_all(old);
	if (client != NULL && !is_silent(client)) {
		lmtp_connection_close(client);
		return NULL;
	}
	return client;
}

void lmtp_pool_give_back(struct lmtp_client *client)
{
	struct lmtp_pool *pool = client->pool;
	struct lmtp_client *old;

	client->kept_ms = clock_ms();
	pthread_mutex_lock(&pool->lock);
	old = take_old(pool);
	if (!client->broken && pool->kept_count < LMTP_POOL_KEPT_MAX) {
		client->next = pool->kept;
		pool->kept = client;
		pool->kept_count++;
		client = NULL;
	}
	pthread_mutex_unlock(&pool->lock);
	disconnect_all(old);
	if (client != NULL)
		lmtp_connection_close(client);
}
