#include "lmtp_pool.h"

#include "lmtp_command.h"
#include "lmtp_dot.h"

static const struct {
	const char *keyword;
	unsigned extension;
} parameters[] = {
	{"BODY", LMTP_EXTENSION_8BITMIME}, {"SMTPUTF8", LMTP_EXTENSION_SMTPUTF8},
	{"RET", LMTP_EXTENSION_DSN},	   {"ENVID", LMTP_EXTENSION_DSN},
	{"NOTIFY", LMTP_EXTENSION_DSN},	   {"ORCPT", LMTP_EXTENSION_DSN},
};

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

	lmtp_io_set_timeout(&client->io, LMTP_COMMAND_MS);
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

	if ((client->reset_needed && !lmtp_connection_read_reply(client, "after RSET", reply)) ||
	    !lmtp_connection_read_reply(client, "after MAIL", reply))
		return false;
	client->reset_needed = true;
	if (client->broken)
		return false;
	refused = reply->code / 100 != 2;
	for (size_t i = 0; i < client->count; i++) {
		struct lmtp_destination *to = &client->to[i];

		if (!lmtp_connection_read_reply(client, "after RCPT",
						refused ? &ignored : to->reply)) {
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
 * RFC 6531 section 3.2: an address that is not ASCII goes only to who announces SMTPUTF8. Others
 * would take it for another one, or for none.
 */
static bool takes_address(const struct lmtp_client *client, const char *address)
{
	while ((*address & 0x80) == 0 && *address != '\0')
		address++;
	return *address == '\0' || (client->extensions & LMTP_EXTENSION_SMTPUTF8) != 0;
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
		lmtp_connection_set_lost(client, &reply, status, "while sending the envelope");
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
	struct lmtp_client *client = lmtp_pool_take(pool);
	struct lmtp_reply reply;

	*client_r = NULL;
	if (client != NULL && !begin(client, envelope, to, count)) {
		lmtp_connection_close(client);
		client = NULL;
	}
	if (client == NULL) {
		client = lmtp_connection_open(pool, &reply);
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
		lmtp_pool_give_back(client);
}

/* A time-out counts from here for every piece, so that a large message may take its time. */
static enum lmtp_io_status write_bytes(struct lmtp_client *client, struct span bytes)
{
	struct span part;
	enum lmtp_io_status status = LMTP_IO_OK;

	while (bytes.size > 0 && status == LMTP_IO_OK) {
		part = span_first(bytes, LMTP_IO_OUTPUT_SIZE);
		bytes = span_from(bytes, part.size);
		lmtp_io_set_timeout(&client->io, LMTP_COMMAND_MS);
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

/*
 * One reply for each that was accepted (RFC 2033 section 4.2). False when the connection is lost.
 */
static bool read_data_replies(struct lmtp_client *client, struct lmtp_reply *reply)
{
	for (size_t i = 0; i < client->count; i++) {
		struct lmtp_destination *to = &client->to[i];

		if (to->result != LMTP_ACCEPTED)
			continue;
		lmtp_io_set_timeout(&client->io, client->pool->data_timeout_s * 1000);
		if (!lmtp_connection_read_reply(client, "after the end of the message", reply)) {
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
		lmtp_connection_set_lost(client, &reply, status, "while sending the message");
		set_all(client, LMTP_UNREACHABLE, &reply);
	} else if (!read_data_replies(client, &reply)) {
		set_all(client, LMTP_AMBIGUOUS, &reply);
	}
}

static void data(struct lmtp_client *client, struct span_source *content)
{
	struct lmtp_reply reply;

	lmtp_io_set_timeout(&client->io, LMTP_COMMAND_MS);
	strbuf_append_text(&client->io.output, "DATA\r\n");
	if (lmtp_io_flush(&client->io) != LMTP_IO_OK) {
		lmtp_connection_set_lost(client, &reply, LMTP_IO_CLOSED, "before the message");
	} else if (lmtp_connection_read_reply(client, "before the message", &reply)) {
		if (reply.code == 354) {
			send_content(client, content);
			return;
		}
		if (reply.code / 100 >= 4) {
			set_all(client, LMTP_REFUSED, &reply);
			return;
		}
		lmtp_connection_set_lost(client, &reply, LMTP_IO_TOO_LONG, "before the message");
	}
	set_all(client, LMTP_UNREACHABLE, &reply);
}

void lmtp_client_send(struct lmtp_client **client, struct span_source *content)
{
	data(*client, content);
	lmtp_pool_give_back(*client);
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
		lmtp_pool_give_back(*client);
	*client = NULL;
}
