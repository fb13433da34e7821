/*
 * libFuzzer: what comes over LMTP. The first byte chooses what the rest is taken for: a command
 * line, content on the wire (in pieces), a reply, or a whole session with our server.
 */
#include "lib/lmtp_command.h"
#include "lib/lmtp_dot.h"
#include "lib/lmtp_reply.h"
#include "lib/lmtp_server.h"
#include "lib/strbuf.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool lies_in(struct span part, struct span whole)
{
	return part.size == 0 ||
	       (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void command(struct span line)
{
	struct lmtp_command result;
	struct span value;

	if (lmtp_command_parse(line, &result) != NULL)
		return;
	require(lies_in(result.address, line) && lies_in(result.parameters, line));
	for (size_t i = 0; i < line.size; i++)
		require((unsigned char)line.data[i] >= ' ');
	lmtp_parameter(result.parameters, "SIZE", &value);
}

static void decode(struct span input, size_t step, struct strbuf *out)
{
	enum lmtp_dot_state state = LMTP_DOT_LINE_START;
	struct span part, piece;

	while (input.size > 0 && state != LMTP_DOT_END) {
		part = span_first(input, step);
		input = span_from(input, part.size);
		while (lmtp_dot_decode(&state, &part, &piece))
			strbuf_append_span(out, piece);
	}
}

/* However it is cut, the same comes out; and what is encoded comes back, but for dots after a bare
 * LF. */
static void content(struct span input)
{
	struct strbuf whole = STRBUF_INIT, cut = STRBUF_INIT, wire = STRBUF_INIT;
	struct span rest, piece;
	char last = '\n';
	bool dot;

	decode(input, input.size, &whole);
	decode(input, 1, &cut);
	require(span_equal(strbuf_span(&whole), strbuf_span(&cut)));
	rest = strbuf_span(&whole);
	while (lmtp_dot_encode(&last, &rest, &dot, &piece)) {
		if (dot)
			strbuf_append_char(&wire, '.');
		strbuf_append_span(&wire, piece);
	}
	require(memmem(strbuf_text(&wire), wire.size, "\n.\n", 3) == NULL);
	require(memmem(strbuf_text(&wire), wire.size, "\n.\r\n", 4) == NULL);
	strbuf_free(&whole);
	strbuf_free(&cut);
	strbuf_free(&wire);
}

static void reply(struct span input)
{
	struct lmtp_reply result = {0};
	const char *newline;
	struct span line;
	bool last;

	while (input.size > 0) {
		newline = memchr(input.data, '\n', input.size);
		line = newline != NULL ? span_first(input, (size_t)(newline - input.data)) : input;
		input = span_from(input, line.size + 1);
		if (!lmtp_reply_add_line(&result, line, &last))
			return;
		require(result.code >= 200 && result.code <= 599);
	}
}

static void deliver(void *context, struct lmtp_transaction *transaction,
		    struct lmtp_recipient *recipient, size_t count)
{
	(void)context;
	require(count == 1 && recipient->address[0] != '\0' && transaction->sender != NULL);
	lmtp_reply_set(&recipient->reply, 250, "2.0.0 %s", recipient->address);
}

/* All at once, so no session gets to its content: what follows DATA too early is refused. */
static void session(struct span input)
{
	const struct lmtp_server_settings settings = {.hostname = "fuzz",
						      .temporary_directory = "/tmp",
						      .size_max = 1024,
						      .timeout_s = 1,
						      .handler = {.deliver = deliver}};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return;
	if (send(pair[0], input.data, input.size, MSG_DONTWAIT) >= 0) {
		shutdown(pair[0], SHUT_WR);
		lmtp_server_session(pair[1], &settings);
	}
	close(pair[0]);
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(struct span input) = {command, content, reply, session};
	struct span input = {(const char *)data, size};

	if (size > 0)
		targets[data[0] % 4](span_from(input, 1));
	return 0;
}
