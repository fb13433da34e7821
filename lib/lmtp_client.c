#include "lmtp_client.h"

#include "clock.h"
#include "lmtp_command.h"
#include "lmtp_dot.h"
#include "lmtp_io.h"
#include "lmtp_server.h"
#include "xalloc.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMMAND_MS (LMTP_CLIENT_COMMAND_SECONDS * 1000)

enum extension {
	EXTENSION_8BITMIME = 1,
	EXTENSION_SMTPUTF8 = 2,
	EXTENSION_DSN = 4,
};

static const struct {
	const char *keyword;
	unsigned extension;
} extensions[] = {
	{"8BITMIME", EXTENSION_8BITMIME},
	{"SMTPUTF8", EXTENSION_SMTPUTF8},
	{"DSN", EXTENSION_DSN},
};

static const struct {
	const char *keyword;
	unsigned extension;
} parameters[] = {
	{"BODY", EXTENSION_8BITMIME}, {"SMTPUTF8", EXTENSION_SMTPUTF8}, {"RET", EXTENSION_DSN},
	{"ENVID", EXTENSION_DSN},     {"NOTIFY", EXTENSION_DSN},	{"ORCPT", EXTENSION_DSN},
};

struct lmtp_client {
	struct lmtp_pool *pool;
	struct lmtp_client *next; /* in the pool */
	int64_t connected_ms, kept_ms;
	unsigned extensions;
	bool reset_needed; /* a transaction was begun and not finished */
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

/* ---- connections ---- */

static void disconnect(struct lmtp_client *client)
{
	if (!client->broken)
		send(client->io.fd, "QUIT\r\n", 6, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(client->io.fd);
	lmtp_io_free(&client->io);
	free(client);
}

static void set_lost(struct lmtp_client *client, struct lmtp_reply *reply,
		     enum lmtp_io_status status, const char *phase)
{
	client->broken = true;
	lmtp_reply_set(reply, 451, "4.4.2 %s %s",
		       status == LMTP_IO_TIMEOUT    ? "Delivery timed out"
		       : status == LMTP_IO_TOO_LONG ? "Malformed reply"
						    : "Connection was lost",
		       phase);
}

/* False when the connection is unusable; reply is then ours. */
static bool read_reply(struct lmtp_client *client, const char *phase, struct lmtp_reply *reply)
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
			set_lost(client, reply, status, phase);
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

/* NULL when there is no usable connection; reply is set then. */
static struct lmtp_client *connect_new(struct lmtp_pool *pool, struct lmtp_reply *reply)
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
	lmtp_io_set_timeout(&client->io, COMMAND_MS);
	if (read_reply(client, "at the greeting", reply) && reply->code == 220 &&
	    say_hello(client, reply))
		return client;
	/* Whatever it says here, it says about itself and not about the recipient. */
	lmtp_reply_set(reply, 451, "4.4.2 The delivery service does not greet");
	disconnect(client);
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
		disconnect(client);
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
		disconnect(client);
	}
}

/* Anything to read on an idle connection is its end, or a 421. */
static bool is_silent(const struct lmtp_client *client)
{
	struct pollfd peer = {.fd = client->io.fd, .events = POLLIN};

	return poll(&peer, 1, 0) == 0;
}

/* A kept connection, or NULL. */
static struct lmtp_client *take_kept(struct lmtp_pool *pool)
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
		disconnect(client);
		return NULL;
	}
	return client;
}

static void give_back(struct lmtp_client *client)
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
		disconnect(client);
}

/* ---- a transaction ---- */

static void put_parameters(struct lmtp_client *client, const char *text)
{
	struct span rest = span_of(text), keyword, value;

	while (lmtp_parameter_next(&rest, &keyword, &value)) {
		for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
			if (!span_equal_nocase(keyword, span_of(parameters[i].keyword)) ||
			    (client->extensions & parameters[i].extension) == 0)
				continue;
			strbuf_printf(&client->io.output,
				      value.data != NULL ? " %.*s=%.*s" : " %.*s",
				      SPAN_ARG(keyword), SPAN_ARG(value));
		}
	}
}

static enum lmtp_io_status send_envelope(struct lmtp_client *client,
					 const struct lmtp_envelope *envelope)
{
	struct strbuf *output = &client->io.output;

	lmtp_io_set_timeout(&client->io, COMMAND_MS);
	if (client->reset_needed)
		strbuf_append_text(output, "RSET\r\n");
	strbuf_printf(output, "MAIL FROM:<%s>", envelope->sender);
	put_parameters(client, envelope->parameters);
	for (size_t i = 0; i < client->count; i++) {
		strbuf_printf(output, "\r\nRCPT TO:<%s>", client->to[i].address);
		put_parameters(client, client->to[i].parameters);
	}
	strbuf_append_text(output, "\r\n");
	return lmtp_io_flush(&client->io);
}

/* What became of all to whom it still can be delivered. */
static void set_all(struct lmtp_client *client, enum lmtp_result result,
		    const struct lmtp_reply *reply)
{
	for (size_t i = 0; i < client->count; i++) {
		if (client->to[i].result != LMTP_ACCEPTED)
			continue;
		client->to[i].result = result;
		*client->to[i].reply = *reply;
	}
}

static enum lmtp_result result_of(const struct lmtp_reply *reply)
{
	return reply->code / 100 == 2 ? LMTP_ACCEPTED : LMTP_REFUSED;
}

/* False when the connection is lost. When MAIL was refused each has that reply. */
static bool read_envelope_replies(struct lmtp_client *client, struct lmtp_reply *reply)
{
	struct lmtp_reply ignored;
	bool refused;

	if ((client->reset_needed && !read_reply(client, "after RSET", reply)) ||
	    !read_reply(client, "after MAIL", reply))
		return false;
	client->reset_needed = true;
	if (client->broken)
		return false;
	refused = reply->code / 100 != 2;
	for (size_t i = 0; i < client->count; i++) {
		struct lmtp_destination *to = &client->to[i];

		if (!read_reply(client, "after RCPT", refused ? &ignored : to->reply)) {
			if (!refused)
				*reply = *to->reply;
			return false;
		}
		if (!refused)
			to->result = result_of(to->reply);
	}
	if (refused)
		set_all(client, LMTP_REFUSED, reply);
	return true;
}

/*
 * RFC 6531 section 3.2: an address that is not ASCII goes only to who announces SMTPUTF8. Others would
 * take it for another one, or for none.
 */
static bool takes_address(const struct lmtp_client *client, const char *address)
{
	while ((*address & 0x80) == 0 && *address != '\0')
		address++;
	return *address == '\0' || (client->extensions & EXTENSION_SMTPUTF8) != 0;
}

/* False when the connection is lost: then it is so for all of them, whatever was answered. */
static bool begin(struct lmtp_client *client, const struct lmtp_envelope *envelope,
		  struct lmtp_destination *to, size_t count)
{
	struct lmtp_reply reply;
	enum lmtp_io_status status;

	client->to = to;
	client->count = count;
	for (size_t i = 0; i < count; i++)
		to[i].result = LMTP_ACCEPTED;
	if (!takes_address(client, envelope->sender)) {
		lmtp_reply_set(&reply, 550,
			       "5.6.7 The mailbox's server takes no sender's address "
			       "that is not ASCII");
		set_all(client, LMTP_REFUSED, &reply);
		return true;
	}
	status = send_envelope(client, envelope);
	if (status != LMTP_IO_OK)
		set_lost(client, &reply, status, "while sending the envelope");
	else if (read_envelope_replies(client, &reply))
		return true;
	for (size_t i = 0; i < count; i++)
		to[i].result = LMTP_ACCEPTED;
	set_all(client, LMTP_UNREACHABLE, &reply);
	return false;
}

static bool is_accepted(const struct lmtp_client *client)
{
	for (size_t i = 0; i < client->count; i++) {
		if (client->to[i].result == LMTP_ACCEPTED)
			return true;
	}
	return false;
}

void lmtp_client_begin(struct lmtp_pool *pool, const struct lmtp_envelope *envelope,
		       struct lmtp_destination *to, size_t count, struct lmtp_client **client_r)
{
	struct lmtp_client *client = take_kept(pool);
	struct lmtp_reply reply;

	*client_r = NULL;
	if (client != NULL && !begin(client, envelope, to, count)) {
		disconnect(client);
		client = NULL;
	}
	if (client == NULL) {
		client = connect_new(pool, &reply);
		if (client == NULL) {
			for (size_t i = 0; i < count; i++) {
				to[i].result = LMTP_UNREACHABLE;
				*to[i].reply = reply;
			}
			return;
		}
		begin(client, envelope, to, count);
	}
	if (is_accepted(client))
		*client_r = client;
	else
		give_back(client);
}

/* A time-out counts from here for every piece, so that a large message may take its time. */
static enum lmtp_io_status write_bytes(struct lmtp_client *client, struct span bytes)
{
	struct span part;
	enum lmtp_io_status status = LMTP_IO_OK;

	while (bytes.size > 0 && status == LMTP_IO_OK) {
		part = span_first(bytes, LMTP_IO_OUTPUT_SIZE);
		bytes = span_from(bytes, part.size);
		lmtp_io_set_timeout(&client->io, COMMAND_MS);
		status = lmtp_io_write(&client->io, part);
	}
	return status;
}

/* What the wire ends with is kept in last[0] and last[1]. */
static enum lmtp_io_status write_piece(struct lmtp_client *client, struct span rest, char last[2])
{
	enum lmtp_io_status status = LMTP_IO_OK;
	struct span piece;
	bool dot;
	char previous = last[1];

	while (status == LMTP_IO_OK && lmtp_dot_encode(&last[1], &rest, &dot, &piece)) {
		last[0] = piece.size > 1 ? piece.data[piece.size - 2] : previous;
		previous = last[1];
		if (dot)
			status = write_bytes(client, SPAN_LITERAL("."));
		if (status == LMTP_IO_OK)
			status = write_bytes(client, piece);
	}
	return status;
}

static enum lmtp_io_status write_content(struct lmtp_client *client, struct span_source *content,
					 bool *ends_with_crlf_r)
{
	enum lmtp_io_status status = LMTP_IO_OK;
	char last[2] = {'\r', '\n'};
	struct span piece;

	while (status == LMTP_IO_OK && content->next(content, &piece))
		status = write_piece(client, piece, last);
	*ends_with_crlf_r = last[0] == '\r' && last[1] == '\n';
	return status;
}

/* One reply for each that was accepted (RFC 2033 section 4.2). False when the connection is lost. */
static bool read_data_replies(struct lmtp_client *client, struct lmtp_reply *reply)
{
	for (size_t i = 0; i < client->count; i++) {
		struct lmtp_destination *to = &client->to[i];

		if (to->result != LMTP_ACCEPTED)
			continue;
		lmtp_io_set_timeout(&client->io, client->pool->data_timeout_s * 1000);
		if (!read_reply(client, "after the end of the message", reply)) {
			/* Who comes before i has his reply. */
			client->to = to;
			client->count -= i;
			return false;
		}
		*to->reply = *reply;
		to->result = result_of(reply);
	}
	client->reset_needed = false;
	return true;
}

static void send_content(struct lmtp_client *client, struct span_source *content)
{
	enum lmtp_io_status status;
	struct lmtp_reply reply;
	bool ends_with_crlf;

	status = write_content(client, content, &ends_with_crlf);
	if (status == LMTP_IO_OK) {
		strbuf_append_text(&client->io.output, ends_with_crlf ? ".\r\n" : "\r\n.\r\n");
		status = lmtp_io_flush(&client->io);
	}
	if (status != LMTP_IO_OK) {
		/* The last bytes did not go, so the message did not end. */
		set_lost(client, &reply, status, "while sending the message");
		set_all(client, LMTP_UNREACHABLE, &reply);
	} else if (!read_data_replies(client, &reply)) {
		set_all(client, LMTP_AMBIGUOUS, &reply);
	}
}

static void data(struct lmtp_client *client, struct span_source *content)
{
	struct lmtp_reply reply;

	lmtp_io_set_timeout(&client->io, COMMAND_MS);
	strbuf_append_text(&client->io.output, "DATA\r\n");
	if (lmtp_io_flush(&client->io) != LMTP_IO_OK) {
		set_lost(client, &reply, LMTP_IO_CLOSED, "before the message");
	} else if (read_reply(client, "before the message", &reply)) {
		if (reply.code == 354) {
			send_content(client, content);
			return;
		}
		if (reply.code / 100 >= 4) {
			set_all(client, LMTP_REFUSED, &reply);
			return;
		}
		set_lost(client, &reply, LMTP_IO_TOO_LONG, "before the message");
	}
	set_all(client, LMTP_UNREACHABLE, &reply);
}

void lmtp_client_send(struct lmtp_client **client, struct span_source *content)
{
	data(*client, content);
	give_back(*client);
	*client = NULL;
}

enum lmtp_result lmtp_client_deliver(struct lmtp_pool *pool, const struct lmtp_envelope *envelope,
				     struct lmtp_destination *to, struct span_source *content)
{
	struct lmtp_client *client;

	lmtp_client_begin(pool, envelope, to, 1, &client);
	if (client != NULL)
		lmtp_client_send(&client, content);
	return to->result;
}

void lmtp_client_abort(struct lmtp_client **client)
{
	if (*client != NULL)
		give_back(*client);
	*client = NULL;
}
