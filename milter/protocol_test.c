#include "protocol.h"

#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ALL_ACTIONS 0x1ffu
#define ALL_STEPS   0x1fffffu

/* What the events were, one word or two each. */
struct seen {
	struct strbuf log;
	struct protocol *protocol;
	bool wants_body;
	enum protocol_answer at_header_end, at_end;
};

static struct seen seen;

static void note(const char *event, const char *text)
{
	strbuf_printf(&seen.log, "%s%s%s ", event, text[0] != '\0' ? ":" : "", text);
}

static void *on_open(struct protocol *protocol)
{
	seen.protocol = protocol;
	return &seen;
}

static bool on_wants_body(void *context)
{
	return ((struct seen *)context)->wants_body;
}

static void on_connect(void *context, const struct ip *client)
{
	(void)context;
	note("connect", client == NULL ? "none" : ip_is_v4(client) ? "v4" : "v6");
}

static void on_helo(void *context, const char *name)
{
	(void)context;
	note("helo", name);
}

static void on_mail(void *context, const char *sender)
{
	const char *login = protocol_macro(((struct seen *)context)->protocol, MACRO_LOGIN);

	note("mail", sender);
	if (login != NULL)
		note("login", login);
}

static enum protocol_answer on_recipient(void *context, const char *address)
{
	struct protocol *protocol = ((struct seen *)context)->protocol;
	const char *mailer = protocol_macro(protocol, MACRO_MAILER);

	note("rcpt", address);
	note("by", mailer == NULL ? "nobody" : mailer);
	if (strcmp(address, "<no@example.test>") != 0)
		return ANSWER_CONTINUE;
	protocol_reply(protocol, "550 5.7.1 100% no");
	return ANSWER_REPLY;
}

static void on_header(void *context, const char *name, const char *value)
{
	(void)context;
	note(name, value);
}

static enum protocol_answer on_end_of_header(void *context)
{
	note("eoh", "");
	return ((struct seen *)context)->at_header_end;
}

static void on_body(void *context, struct span data)
{
	(void)context;
	strbuf_printf(&seen.log, "body:%zu ", data.size);
}

static enum protocol_answer on_end_of_message(void *context)
{
	struct protocol *protocol = ((struct seen *)context)->protocol;

	note("end", protocol_macro(protocol, MACRO_QUEUE_ID) == NULL
			    ? "NOQUEUE"
			    : protocol_macro(protocol, MACRO_QUEUE_ID));
	protocol_insert_header(protocol, "X-A", " b");
	protocol_remove_header(protocol, "X-B", 2);
	protocol_remove_recipient(protocol, "<a@example.test>");
	return ((struct seen *)context)->at_end;
}

static void on_message_over(void *context)
{
	(void)context;
	note("over", "");
}

static void on_close(void *context)
{
	(void)context;
	note("close", "");
}

static const struct protocol_events events = {
	on_open,   on_wants_body,    on_connect, on_helo,	    on_mail,	     on_recipient,
	on_header, on_end_of_header, on_body,	 on_end_of_message, on_message_over, on_close,
};

static int set_up(void **state)
{
	seen = (struct seen){.wants_body = true};
	*state = protocol_new(&events);
	return 0;
}

static int tear_down(void **state)
{
	struct protocol *protocol = *state;

	protocol_free(&protocol);
	strbuf_free(&seen.log);
	return 0;
}

/* A packet of the peer's; data may hold NULs. */
static void put(struct strbuf *out, char command, const void *data, size_t size)
{
	uint32_t length = htonl((uint32_t)size + 1);

	strbuf_append(out, &length, sizeof(length));
	strbuf_append_char(out, command);
	strbuf_append(out, data, size);
}
#define PUT(out, command, literal) put(out, command, literal, sizeof(literal) - 1)

static void put_negotiation(struct strbuf *out, uint32_t version, uint32_t actions, uint32_t steps)
{
	const uint32_t numbers[] = {htonl(version), htonl(actions), htonl(steps)};

	put(out, 'O', numbers, sizeof(numbers));
}

static void put_start(struct strbuf *out)
{
	put_negotiation(out, 6, ALL_ACTIONS, ALL_STEPS);
	PUT(out, 'D', "C{daemon_addr}\000203.0.113.25\0");
	PUT(out, 'C', "mail.client.test\0004\0\031203.0.113.10\0");
	PUT(out, 'H', "mail.client.test\0");
}

static void put_envelope(struct strbuf *out)
{
	PUT(out, 'M', "<s@client.test>\0SIZE=10\0");
	PUT(out, 'D', "Ri\0004ABC\0{rcpt_mailer}\0lmtp\0");
	PUT(out, 'R', "<a@example.test>\0");
}

/* The packets of the output, as letters. */
static const char *answers(struct protocol *protocol)
{
	static char letters[64];
	struct span rest = strbuf_span(protocol_output(protocol));
	struct wire_packet packet;
	size_t count = 0;

	while (count < sizeof(letters) - 1 && wire_next(&rest, &packet) == 1)
		letters[count++] = packet.command;
	letters[count] = '\0';
	assert_int_equal(rest.size, 0);
	return letters;
}

static int feed(struct protocol *protocol, struct strbuf *bytes)
{
	char *error = NULL;
	int ret = protocol_feed(protocol, strbuf_span(bytes), &error);

	assert_true((ret < 0) == (error != NULL));
	free(error);
	strbuf_free(bytes);
	return ret;
}

static void test_message(void **state)
{
	struct strbuf bytes = STRBUF_INIT;

	put_start(&bytes);
	put_envelope(&bytes);
	PUT(&bytes, 'L', "Subject\0 hello\0");
	PUT(&bytes, 'N', "");
	PUT(&bytes, 'B', "hello\r\n");
	PUT(&bytes, 'E', "");
	PUT(&bytes, 'Q', "");
	assert_int_equal(feed(*state, &bytes), 1);
	assert_string_equal(
		strbuf_text(&seen.log),
		"connect:v4 helo:mail.client.test mail:<s@client.test> "
		"rcpt:<a@example.test> by:lmtp Subject: hello eoh body:7 end:4ABC over ");
	assert_string_equal(answers(*state), "Occim-c");
}

/* Byte by byte it is the same. */
static void test_pieces(void **state)
{
	struct strbuf bytes = STRBUF_INIT, one = STRBUF_INIT;
	struct span rest;

	put_start(&bytes);
	put_envelope(&bytes);
	PUT(&bytes, 'N', "");
	PUT(&bytes, 'B', "hello\r\n");
	for (rest = strbuf_span(&bytes); rest.size > 0; rest = span_from(rest, 1)) {
		strbuf_append_char(&one, rest.data[0]);
		assert_int_equal(feed(*state, &one), 0);
	}
	strbuf_free(&bytes);
	assert_string_equal(strbuf_text(&seen.log),
			    "connect:v4 helo:mail.client.test mail:<s@client.test> "
			    "rcpt:<a@example.test> by:lmtp eoh body:7 ");
	assert_true(protocol_is_busy(*state));
}

static void test_accepted_at_end_of_header(void **state)
{
	struct strbuf bytes = STRBUF_INIT;

	seen.at_header_end = ANSWER_ACCEPT;
	put_start(&bytes);
	put_envelope(&bytes);
	PUT(&bytes, 'N', "");
	PUT(&bytes, 'A', "");
	PUT(&bytes, 'M', "<t@client.test>\0");
	assert_int_equal(feed(*state, &bytes), 0);
	assert_string_equal(answers(*state), "Oca");
	assert_non_null(strstr(strbuf_text(&seen.log), "eoh over mail:<t@client.test> "));
}

static void test_reply(void **state)
{
	struct strbuf bytes = STRBUF_INIT;

	put_start(&bytes);
	PUT(&bytes, 'M', "<>\0");
	PUT(&bytes, 'R', "<no@example.test>\0");
	assert_int_equal(feed(*state, &bytes), 0);
	assert_string_equal(answers(*state), "Oy");
	/* Postfix takes the doubling away. */
	assert_non_null(memmem(protocol_output(*state)->data, protocol_output(*state)->size,
			       "550 5.7.1 100%% no", 19));
}

/* What was said of one recipient, or message, says nothing of the next. */
static void test_macros_end(void **state)
{
	struct strbuf bytes = STRBUF_INIT;

	put_start(&bytes);
	PUT(&bytes, 'D', "M{auth_authen}\0alice\0");
	put_envelope(&bytes);
	PUT(&bytes, 'R', "<b@example.test>\0");
	PUT(&bytes, 'A', "");
	PUT(&bytes, 'M', "<t@client.test>\0");
	PUT(&bytes, 'N', "");
	PUT(&bytes, 'E', "");
	assert_int_equal(feed(*state, &bytes), 0);
	assert_string_equal(strbuf_text(&seen.log),
			    "connect:v4 helo:mail.client.test mail:<s@client.test> login:alice "
			    "rcpt:<a@example.test> by:lmtp rcpt:<b@example.test> by:nobody over "
			    "mail:<t@client.test> eoh end:NOQUEUE over ");
}

static uint32_t steps_of(struct protocol *protocol)
{
	struct span rest = strbuf_span(protocol_output(protocol));
	struct wire_packet packet;
	uint32_t number = 0;

	assert_int_equal(wire_next(&rest, &packet), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(wire_take_number(&packet.data, &number), 0);
	return number;
}

static void test_negotiation(void **state)
{
	struct strbuf bytes = STRBUF_INIT;

	put_start(&bytes);
	assert_int_equal(feed(*state, &bytes), 0);
	assert_true((steps_of(*state) & WIRE_NO_BODY) == 0);
	assert_true((steps_of(*state) & WIRE_NO_BODY_ANSWER) != 0);
}

static void test_no_body_wanted(void **state)
{
	struct strbuf bytes = STRBUF_INIT;

	seen.wants_body = false;
	put_start(&bytes);
	assert_int_equal(feed(*state, &bytes), 0);
	assert_true((steps_of(*state) & WIRE_NO_BODY) != 0);
}

static void test_old_postfix(void **state)
{
	struct strbuf bytes = STRBUF_INIT;

	put_negotiation(&bytes, 2, 0x1f, 0x7f);
	assert_int_equal(feed(*state, &bytes), -1);
}

static void test_ipv6(void **state)
{
	struct strbuf bytes = STRBUF_INIT;

	put_negotiation(&bytes, 6, ALL_ACTIONS, ALL_STEPS);
	PUT(&bytes, 'C', "mail.client.test\0006\0\0312001:db8::1\0");
	assert_int_equal(feed(*state, &bytes), 0);
	assert_string_equal(strbuf_text(&seen.log), "connect:v6 ");
}

static void test_not_by_ip(void **state)
{
	struct strbuf bytes = STRBUF_INIT;

	put_negotiation(&bytes, 6, ALL_ACTIONS, ALL_STEPS);
	PUT(&bytes, 'C', "localhost\0U");
	assert_int_equal(feed(*state, &bytes), 0);
	assert_string_equal(strbuf_text(&seen.log), "connect:none ");
}

/* Each of them breaks the protocol, and ends the connection. */
static void test_nonsense(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} after_start[] = {
#define NONSENSE(literal) {literal, sizeof(literal) - 1}
		NONSENSE("\0\0\0\0"),
		NONSENSE("\0\020\0\001B"),
		NONSENSE("\377\377\377\377"),
		NONSENSE("\0\0\0\001B"),      /* a body without a message */
		NONSENSE("\0\0\0\001E"),      /* an end of none */
		NONSENSE("\0\0\0\005R<a>\0"), /* a recipient of none */
		NONSENSE("\0\0\0\004M<a>"),   /* no NUL */
		NONSENSE("\0\0\0\003DMi"),    /* a macro without a value */
		NONSENSE("\0\0\0\001Z"),      /* unknown */
		NONSENSE("\0\0\0\001C"),      /* a second connection */
		NONSENSE("\0\0\0\015O\0\0\0\6\0\0\1\377\0\037\377\377"),
	};

	for (size_t i = 0; i < sizeof(after_start) / sizeof(after_start[0]); i++) {
		struct protocol *protocol = *state;
		struct strbuf bytes = STRBUF_INIT;

		put_start(&bytes);
		strbuf_append(&bytes, after_start[i].bytes, after_start[i].size);
		assert_int_equal(feed(protocol, &bytes), -1);
		protocol_free(&protocol);
		*state = protocol_new(&events);
	}
}

static void test_free_in_message(void **state)
{
	struct protocol *protocol = *state;
	struct strbuf bytes = STRBUF_INIT;

	put_start(&bytes);
	put_envelope(&bytes);
	assert_int_equal(feed(protocol, &bytes), 0);
	strbuf_reset(&seen.log);
	protocol_free(&protocol);
	assert_string_equal(strbuf_text(&seen.log), "over close ");
	*state = protocol_new(&events);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_message),
		TEST(test_pieces),
		TEST(test_accepted_at_end_of_header),
		TEST(test_reply),
		TEST(test_macros_end),
		TEST(test_negotiation),
		TEST(test_no_body_wanted),
		TEST(test_old_postfix),
		TEST(test_ipv6),
		TEST(test_not_by_ip),
		TEST(test_nonsense),
		TEST(test_free_in_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
