/*
 * libFuzzer: what Postfix, or whoever reaches the socket, says in the milter protocol. Given whole
 * or in pieces it is the same; the output is whole packets; events come in the order of a session.
 */
#include "lib/strbuf.h"
#include "milter/protocol.h"
#include "tests/fuzz/utf8.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
	struct protocol *protocol;
	bool connected, in_message, envelope_over, header_over, closed;
	struct strbuf log;
};

static struct session *current;

static void *on_open(struct protocol *protocol)
{
	current->protocol = protocol;
	return current;
}

static bool on_wants_body(void *context)
{
	return ((struct session *)context)->log.size == 0;
}

static void on_connect(void *context, const struct ip *client)
{
	struct session *session = context;

	require(!session->connected);
	session->connected = true;
	strbuf_append_text(&session->log, client == NULL ? "c" : "C");
}

static void on_helo(void *context, const char *name)
{
	struct session *session = context;

	require(session->connected);
	strbuf_printf(&session->log, "h%s", name);
}

static void on_mail(void *context, const char *sender)
{
	struct session *session = context;

	require(session->connected && !session->in_message);
	session->in_message = true;
	session->envelope_over = session->header_over = false;
	strbuf_printf(&session->log, "m%s", sender);
}

static enum protocol_answer on_recipient(void *context, const char *address)
{
	struct session *session = context;
	const char *mailer = protocol_macro(session->protocol, MACRO_MAILER);

	require(session->in_message && !session->envelope_over);
	strbuf_printf(&session->log, "r%s%s", address, mailer == NULL ? "" : mailer);
	if (address[0] != '%')
		return ANSWER_CONTINUE;
	protocol_reply(session->protocol, "550 5.7.1 50% no");
	return ANSWER_REPLY;
}

static void on_header(void *context, const char *name, const char *value)
{
	struct session *session = context;

	require(session->in_message && !session->header_over);
	session->envelope_over = true;
	strbuf_printf(&session->log, "l%s:%s", name, value);
	protocol_remove_header(session->protocol, name, 1);
}

static enum protocol_answer on_end_of_header(void *context)
{
	struct session *session = context;

	require(session->in_message && !session->header_over);
	session->envelope_over = session->header_over = true;
	return session->log.size % 2 == 0 ? ANSWER_CONTINUE : ANSWER_ACCEPT;
}

static void on_body(void *context, struct span data)
{
	struct session *session = context;

	require(session->in_message && session->header_over);
	strbuf_append_span(&session->log, data);
}

static enum protocol_answer on_end_of_message(void *context)
{
	struct session *session = context;
	const char *id = protocol_macro(session->protocol, MACRO_QUEUE_ID);

	require(session->in_message && session->header_over);
	protocol_insert_header(session->protocol, "X-Id", id == NULL ? "" : id);
	return session->log.size % 3 == 0 ? ANSWER_DISCARD : ANSWER_TEMPFAIL;
}

static void on_message_over(void *context)
{
	struct session *session = context;

	require(session->in_message);
	session->in_message = false;
	strbuf_append_char(&session->log, '.');
}

static void on_close(void *context)
{
	struct session *session = context;

	require(!session->in_message && !session->closed);
	session->closed = true;
}

static const struct protocol_events events = {
	.open = on_open,
	.wants_body = on_wants_body,
	.connect = on_connect,
	.helo = on_helo,
	.mail = on_mail,
	.recipient = on_recipient,
	.header = on_header,
	.end_of_header = on_end_of_header,
	.body = on_body,
	.end_of_message = on_end_of_message,
	.message_over = on_message_over,
	.close = on_close,
};

static void check_output(struct span output)
{
	struct wire_packet packet;

	while (output.size > 0)
		require(wire_next(&output, &packet) == 1);
}

/* Pieces of so many bytes. What was said and answered is in session->log and *output. */
static void play(struct session *session, struct strbuf *output, struct span input, size_t piece)
{
	struct protocol *protocol;
	char *error = NULL;
	int ret = 0;

	current = session;
	protocol = protocol_new(&events);
	for (; ret == 0 && input.size > 0; input = span_from(input, piece)) {
		ret = protocol_feed(protocol, span_first(input, piece), &error);
		require((ret < 0) == (error != NULL));
	}
	free(error);
	strbuf_append_span(output, strbuf_span(protocol_output(protocol)));
	protocol_free(&protocol);
	require(session->closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	struct session whole = {.log = STRBUF_INIT}, pieces = {.log = STRBUF_INIT};
	struct strbuf whole_output = STRBUF_INIT, pieces_output = STRBUF_INIT;

	play(&whole, &whole_output, input, size == 0 ? 1 : size);
	play(&pieces, &pieces_output, input, 3);
	require(span_equal(strbuf_span(&whole.log), strbuf_span(&pieces.log)));
	require(span_equal(strbuf_span(&whole_output), strbuf_span(&pieces_output)));
	check_output(strbuf_span(&whole_output));
	strbuf_free(&whole.log);
	strbuf_free(&pieces.log);
	strbuf_free(&whole_output);
	strbuf_free(&pieces_output);
	return 0;
}
