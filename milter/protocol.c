#include "protocol.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define NEEDED_ACTIONS                                                                             \
	(WIRE_MAY_ADD_HEADERS | WIRE_MAY_CHANGE_HEADERS | WIRE_MAY_ADD_RECIPIENTS |                \
	 WIRE_MAY_REMOVE_RECIPIENTS | WIRE_MAY_QUARANTINE | WIRE_MAY_ASK_FOR_MACROS)
#define NEEDED_STEPS                                                                               \
	(WIRE_LEADING_SPACE | WIRE_NO_UNKNOWN | WIRE_NO_DATA | WIRE_NO_CONNECT_ANSWER |            \
	 WIRE_NO_HELO_ANSWER | WIRE_NO_MAIL_ANSWER | WIRE_NO_HEADER_ANSWER | WIRE_NO_BODY_ANSWER | \
	 WIRE_NO_BODY)

/* From ENVELOPE on it is within a message. */
#define WITHIN_MESSAGE (1 << ENVELOPE | 1 << HEADER | 1 << BODY)
enum state { NEGOTIATING, CONNECTING, IDLE, ENVELOPE, HEADER, BODY };

struct protocol {
	const struct protocol_events *events;
	void *context;
	enum state state;
	struct strbuf partial; /* the start of a packet whose rest has not come yet */
	struct strbuf output;
	char *macros[MACRO_COUNT];
};

/* Exactly what is used is asked for, whatever main.cf says. */
static const struct wire_macros wanted_macros[] = {
	{WIRE_AT_CONNECT, "{daemon_addr}"},
	{WIRE_AT_MAIL, "i {auth_authen}"},
	{WIRE_AT_RECIPIENT, "i {rcpt_mailer} {rcpt_host} {rcpt_addr}"},
	{WIRE_AT_END_OF_MESSAGE, "i"},
};

/* Names with and without braces are the same. */
static const char *const macro_names[MACRO_COUNT] = {
	"i", "daemon_addr", "auth_authen", "rcpt_mailer", "rcpt_host", "rcpt_addr",
};

struct protocol *protocol_new(const struct protocol_events *events)
{
	struct protocol *protocol = xcalloc(1, sizeof(*protocol));

	protocol->events = events;
	protocol->context = events->open(protocol);
	return protocol;
}

static void forget_macros(struct protocol *protocol, enum protocol_macro first,
			  enum protocol_macro last)
{
	for (size_t i = first; i <= last; i++) {
		free(protocol->macros[i]);
		protocol->macros[i] = NULL;
	}
}

static void leave_message(struct protocol *protocol)
{
	if (protocol_is_busy(protocol)) {
		protocol->events->message_over(protocol->context);
		protocol->state = IDLE;
	}
	forget_macros(protocol, MACRO_QUEUE_ID, MACRO_QUEUE_ID);
}

void protocol_free(struct protocol **protocol_p)
{
	struct protocol *protocol = *protocol_p;

	if (protocol == NULL)
		return;
	leave_message(protocol);
	protocol->events->close(protocol->context);
	forget_macros(protocol, 0, MACRO_COUNT - 1);
	strbuf_free(&protocol->partial);
	strbuf_free(&protocol->output);
	free(protocol);
	*protocol_p = NULL;
}

struct strbuf *protocol_output(struct protocol *protocol)
{
	return &protocol->output;
}

bool protocol_is_busy(const struct protocol *protocol)
{
	return protocol->state >= ENVELOPE;
}

const char *protocol_macro(const struct protocol *protocol, enum protocol_macro macro)
{
	return protocol->macros[macro];
}

static int negotiate(struct protocol *protocol, struct span data, char **error_r)
{
	uint32_t version, actions, steps, unwanted;

	if (wire_take_number(&data, &version) < 0 || wire_take_number(&data, &actions) < 0 ||
	    wire_take_number(&data, &steps) < 0) {
		*error_r = xstrdup("the negotiation is too short");
		return -1;
	}
	if (version < WIRE_VERSION || (actions & NEEDED_ACTIONS) != NEEDED_ACTIONS ||
	    (steps & NEEDED_STEPS) != NEEDED_STEPS) {
		*error_r = xstrdup("Postfix does not speak version 6 of the milter protocol: "
				   "milter_protocol in its main.cf must be 6");
		return -1;
	}
	unwanted = protocol->events->wants_body(protocol->context) ? WIRE_NO_BODY : 0;
	wire_put_negotiation(&protocol->output, NEEDED_ACTIONS, NEEDED_STEPS & ~unwanted,
			     wanted_macros, sizeof(wanted_macros) / sizeof(wanted_macros[0]));
	protocol->state = CONNECTING;
	return 0;
}

static void take_macro(struct protocol *protocol, const char *name, const char *value)
{
	struct span bare = span_of(name);

	if (bare.size >= 2 && bare.data[0] == '{' && bare.data[bare.size - 1] == '}')
		bare = (struct span){bare.data + 1, bare.size - 2};
	for (size_t i = 0; i < MACRO_COUNT; i++) {
		if (!span_equal(bare, span_of(macro_names[i])))
			continue;
		free(protocol->macros[i]);
		protocol->macros[i] = xstrdup(value);
	}
}

/* What is kept beyond the packet. */
static int take_text(struct span *data, const char **text_r, const char *what, char **error_r)
{
	if (wire_take_string(data, text_r) < 0)
		*error_r = xasprintf("%s is not complete", what);
	else if (strlen(*text_r) > PROTOCOL_MAX_TEXT)
		*error_r = xasprintf("%s is longer than %d bytes", what, PROTOCOL_MAX_TEXT);
	else
		return 0;
	return -1;
}

static int take_macros(struct protocol *protocol, struct span data, char **error_r)
{
	const char *name, *value;

	/* The first byte says for which command they are: the one that follows. */
	data = span_from(data, 1);
	while (data.size > 0) {
		if (take_text(&data, &name, "a macro", error_r) < 0 ||
		    take_text(&data, &value, "a macro", error_r) < 0)
			return -1;
		take_macro(protocol, name, value);
	}
	return 0;
}

/* RFC 4007 section 11: a link-local address has its zone behind it. */
static int parse_client(const char *text, struct ip *client_r)
{
	char *address = xstrndup(text, strcspn(text, "%"));
	int ret = ip_parse(address, client_r);

	free(address);
	return ret;
}

static int take_connect(struct protocol *protocol, struct span data, char **error_r)
{
	const char *name, *text;
	struct ip client;
	char family;

	if (wire_take_string(&data, &name) < 0 || data.size == 0) {
		*error_r = xstrdup("a connection without a client");
		return -1;
	}
	family = data.data[0];
	data = span_from(data, 3); /* and a port of two bytes */
	protocol->state = IDLE;
	if (family != '4' && family != '6') {
		protocol->events->connect(protocol->context, NULL);
		return 0;
	}
	if (wire_take_string(&data, &text) < 0 || parse_client(text, &client) < 0) {
		*error_r = xstrdup("the client's address is none");
		return -1;
	}
	protocol->events->connect(protocol->context, &client);
	return 0;
}

static void answer(struct protocol *protocol, enum protocol_answer answer)
{
	static const enum wire_answer answers[] = {WIRE_CONTINUE, WIRE_ACCEPT, WIRE_DISCARD,
						   WIRE_TEMPFAIL};

	if (answer != ANSWER_REPLY)
		wire_put(&protocol->output, answers[answer]);
}

static int take_argument(struct protocol *protocol, const struct wire_packet *packet,
			 char **error_r)
{
	const struct protocol_events *events = protocol->events;
	struct span data = packet->data;
	const char *text;

	if (take_text(&data, &text, "the argument of a command", error_r) < 0)
		return -1;
	if (packet->command == WIRE_HELO) {
		events->helo(protocol->context, text);
	} else if (packet->command == WIRE_MAIL) {
		if (protocol_is_busy(protocol))
			events->message_over(protocol->context);
		protocol->state = ENVELOPE;
		events->mail(protocol->context, text);
		forget_macros(protocol, MACRO_LOGIN, MACRO_LOGIN);
	} else {
		answer(protocol, events->recipient(protocol->context, text));
		forget_macros(protocol, MACRO_MAILER, MACRO_ADDRESS);
	}
	return 0;
}

static int take_header(struct protocol *protocol, struct span data, char **error_r)
{
	const char *name, *value;

	if (wire_take_string(&data, &name) < 0 || wire_take_string(&data, &value) < 0) {
		*error_r = xstrdup("a header field is not complete");
		return -1;
	}
	/* Else the scanner would not see what the recipient sees. */
	if (data.size > 0) {
		*error_r = xstrdup("a header field with a NUL in it");
		return -1;
	}
	protocol->state = HEADER;
	protocol->events->header(protocol->context, name, value);
	return 0;
}

static void end_header(struct protocol *protocol)
{
	enum protocol_answer verdict = protocol->events->end_of_header(protocol->context);

	protocol->state = BODY;
	if (verdict != ANSWER_CONTINUE)
		leave_message(protocol);
	answer(protocol, verdict);
}

static void end_message(struct protocol *protocol, struct span data)
{
	enum protocol_answer verdict;

	if (data.size > 0)
		protocol->events->body(protocol->context, data);
	verdict = protocol->events->end_of_message(protocol->context);
	leave_message(protocol);
	answer(protocol, verdict);
}

static int take_content(struct protocol *protocol, const struct wire_packet *packet, char **error_r)
{
	switch (packet->command) {
	case WIRE_HEADER:
		return take_header(protocol, packet->data, error_r);
	case WIRE_END_OF_HEADER:
		end_header(protocol);
		break;
	case WIRE_BODY:
		protocol->events->body(protocol->context, packet->data);
		break;
	default:
		end_message(protocol, packet->data);
		break;
	}
	return 0;
}

/* The states in which a command may come, as bits. */
static unsigned states_of(char command)
{
	switch (command) {
	case WIRE_NEGOTIATE:
		return 1 << NEGOTIATING;
	case WIRE_CONNECT:
		return 1 << CONNECTING;
	case WIRE_HELO:
	case WIRE_MAIL:
		return 1 << IDLE | WITHIN_MESSAGE;
	case WIRE_RECIPIENT:
		return 1 << ENVELOPE;
	case WIRE_HEADER:
	case WIRE_END_OF_HEADER:
		return 1 << ENVELOPE | 1 << HEADER;
	case WIRE_BODY:
	case WIRE_END_OF_MESSAGE:
		return 1 << BODY;
	case WIRE_MACROS:
	case WIRE_ABORT:
		return 1 << CONNECTING | 1 << IDLE | WITHIN_MESSAGE;
	case WIRE_QUIT:
		return ~0u;
	default:
		return 0;
	}
}

static int take(struct protocol *protocol, const struct wire_packet *packet, char **error_r)
{
	if ((states_of(packet->command) & 1u << protocol->state) == 0) {
		*error_r = xasprintf("command %d cannot come here", packet->command);
		return -1;
	}
	switch (packet->command) {
	case WIRE_NEGOTIATE:
		return negotiate(protocol, packet->data, error_r);
	case WIRE_MACROS:
		return take_macros(protocol, packet->data, error_r);
	case WIRE_CONNECT:
		return take_connect(protocol, packet->data, error_r);
	case WIRE_HELO:
	case WIRE_MAIL:
	case WIRE_RECIPIENT:
		return take_argument(protocol, packet, error_r);
	case WIRE_ABORT:
		leave_message(protocol);
		return 0;
	case WIRE_QUIT:
		return 1;
	default:
		return take_content(protocol, packet, error_r);
	}
}

/* All whole packets at the start of *bytes. */
static int take_all(struct protocol *protocol, struct span *bytes, char **error_r)
{
	struct wire_packet packet;
	int found, ret = 0;

	while (ret == 0 && (found = wire_next(bytes, &packet)) != 0) {
		if (found < 0) {
			*error_r = xstrdup("a packet of no possible size");
			return -1;
		}
		ret = take(protocol, &packet, error_r);
	}
	return ret;
}

/* Keeps what is not a whole packet yet; its memory only as long as the message goes on. */
static void keep(struct protocol *protocol, struct span rest, bool is_kept)
{
	struct strbuf *partial = &protocol->partial;

	if (!is_kept) {
		strbuf_append_span(partial, rest);
		return;
	}
	if (rest.size > 0)
		memmove(partial->data, rest.data, rest.size);
	partial->size = rest.size;
}

int protocol_feed(struct protocol *protocol, struct span bytes, char **error_r)
{
	bool is_kept = protocol->partial.size > 0;
	struct span rest;
	int ret;

	if (is_kept) {
		strbuf_append_span(&protocol->partial, bytes);
		bytes = strbuf_span(&protocol->partial);
	}
	rest = bytes;
	ret = take_all(protocol, &rest, error_r);
	if (ret != 0 || (is_kept && rest.size == bytes.size))
		return ret;
	keep(protocol, rest, is_kept);
	if (rest.size == 0 && !protocol_is_busy(protocol))
		strbuf_free(&protocol->partial);
	return 0;
}

void protocol_reply(struct protocol *protocol, const char *reply)
{
	struct strbuf text = STRBUF_INIT;

	/* It goes through printf at the other end. */
	for (; *reply != '\0'; reply++) {
		if (*reply == '%')
			strbuf_append_char(&text, '%');
		strbuf_append_char(&text, *reply);
	}
	wire_put_text(&protocol->output, WIRE_REPLY, strbuf_text(&text));
	strbuf_free(&text);
}

void protocol_insert_header(struct protocol *protocol, const char *name, const char *value)
{
	wire_put_header(&protocol->output, WIRE_INSERT_HEADER, 0, name, value);
}

void protocol_remove_header(struct protocol *protocol, const char *name, unsigned index)
{
	wire_put_header(&protocol->output, WIRE_CHANGE_HEADER, index, name, "");
}

void protocol_add_recipient(struct protocol *protocol, const char *address)
{
	wire_put_text(&protocol->output, WIRE_ADD_RECIPIENT, address);
}

void protocol_remove_recipient(struct protocol *protocol, const char *address)
{
	wire_put_text(&protocol->output, WIRE_REMOVE_RECIPIENT, address);
}

void protocol_quarantine(struct protocol *protocol, const char *reason)
{
	wire_put_text(&protocol->output, WIRE_QUARANTINE, reason);
}
