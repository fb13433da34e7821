/*
 * What a peer could say that is broken or hostile: each ends in a clear answer, or with the
 * connection, and costs a bounded amount of memory.
 */
#include "session_fixture.h"

#include "lib/strbuf.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHUNK 65535 /* bytes of a body that Postfix sends at once */
#define MANY  10000

/* Of the sanitizer, where there is one. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t used_memory(void)
{
	return __sanitizer_get_current_allocated_bytes != NULL
		       ? __sanitizer_get_current_allocated_bytes()
		       : mallinfo2().uordblks;
}

/* At each point of a message, and the next one is as if there had been none. */
static void test_abort(void **state)
{
	(void)state;
	for (int point = 0; point < 5; point++) {
		fixture_expect_taken('4', "203.0.113.65");
		if (point > 0)
			FIXTURE_PUT(&fixture_bytes, 'L', "X-Virus-Status\0 Clean\0");
		if (point > 1)
			FIXTURE_PUT(&fixture_bytes, 'N', "");
		if (point > 2)
			FIXTURE_PUT(&fixture_bytes, 'B', "VIRUS");
		if (point > 3)
			FIXTURE_PUT(&fixture_bytes, 'A', "");
		FIXTURE_PUT(&fixture_bytes, 'A', "");
		assert_int_equal(fixture_ask_mailbox(), 'c');
		/* Nothing is left of what was forged, or of the virus. */
		assert_string_equal(fixture_send("Hello"), "ciic");
	}
}

/* MAIL again without an abort: the message before is over. */
static void test_mail_in_message(void **state)
{
	(void)state;
	fixture_expect_taken('4', "203.0.113.65");
	FIXTURE_PUT(&fixture_bytes, 'N', "");
	FIXTURE_PUT(&fixture_bytes, 'B', "VIRUS");
	assert_int_equal(fixture_ask_mailbox(), 'c');
	assert_string_equal(fixture_send("Hello"), "ciic");
}

/* Each ends the connection, so that Postfix puts the message off. */
static void test_order(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} after_recipient[] = {
#define PACKETS(literal) {literal, sizeof(literal) - 1}
		PACKETS("\0\0\0\1B"),				      /* no header */
		PACKETS("\0\0\0\1E"),				      /* no header */
		PACKETS("\0\0\0\1N\0\0\0\1N"),			      /* two headers */
		PACKETS("\0\0\0\1N\0\0\0\7LA\0 b\0\0"),		      /* a field too late */
		PACKETS("\0\0\0\7LA\0 b\0\0\0\0\0\1E"),		      /* a NUL too many */
		PACKETS("\0\0\0\1N\0\0\0\7R<bob>\0"),		      /* a recipient too late */
		PACKETS("\0\0\0\5LA\0b\0\0\0\0\7R<bob>\0"),	      /* the same */
		PACKETS("\0\0\0\1K"),				      /* SMFIC_QUIT_NC */
		PACKETS("\0\0\0\1T"),				      /* SMFIC_DATA: not wanted */
		PACKETS("\0\0\0\5UVRFY"),			      /* SMFIC_UNKNOWN: the same */
		PACKETS("\0\0\0\1c"),				      /* an answer of ours */
		PACKETS("\0\0\0\2RR"),				      /* without its end */
		PACKETS("\0\0\0\15O\0\0\0\6\0\0\1\377\0\37\377\377"), /* once more */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(after_recipient) / sizeof(after_recipient[0]); i++) {
		fixture_expect_taken('4', "203.0.113.65");
		strbuf_append(&fixture_bytes, after_recipient[i].bytes, after_recipient[i].size);
		if (fixture_say(fixture_session, &fixture_bytes) != -1)
			fail_msg("%zu: taken", i);
	}
}

/* An argument or macro that no line of SMTP has; kept are none of them. */
static void test_long_text(void **state)
{
	char *text = malloc(PROTOCOL_MAX_TEXT + 2);

	(void)state;
	memset(text, 'x', PROTOCOL_MAX_TEXT + 1);
	text[PROTOCOL_MAX_TEXT + 1] = '\0';
	for (size_t extra = 0; extra < 2; extra++) {
		const char *argument = text + 1 - extra;
		const int taken = extra == 0 ? 0 : -1;

		fixture_open('4', "203.0.113.65");
		fixture_put(&fixture_bytes, 'H', argument, PROTOCOL_MAX_TEXT + extra + 1);
		assert_int_equal(fixture_say(fixture_session, &fixture_bytes), taken);
		fixture_open('4', "203.0.113.65");
		fixture_put_mail(&fixture_bytes, "<s@client.test>", argument);
		assert_int_equal(fixture_say(fixture_session, &fixture_bytes), taken);
		fixture_open('4', "203.0.113.65");
		fixture_put_mail(&fixture_bytes, argument, NULL);
		assert_int_equal(fixture_say(fixture_session, &fixture_bytes), taken);
	}
	free(text);
}

static void test_long_header(void **state)
{
	struct strbuf field = STRBUF_INIT;

	(void)state;
	fixture_expect_taken('4', "203.0.113.65");
	for (int i = 0; i < 60000; i++)
		strbuf_append_char(&field, 'N');
	strbuf_append_char(&field, '\0');
	for (int i = 0; i < 60000; i++)
		strbuf_append_char(&field, 'v');
	strbuf_append_char(&field, '\0');
	for (int i = 0; i < 5; i++)
		fixture_put(&fixture_bytes, 'L', field.data, field.size);
	strbuf_free(&field);
	assert_string_equal(fixture_send("VIRUS"), "cd");
	/* More than a packet may have. */
	fixture_open('4', "203.0.113.65");
	strbuf_append(&fixture_bytes, "\0\20\0\1L", 5);
	assert_int_equal(fixture_say(fixture_session, &fixture_bytes), -1);
}

static void test_many_recipients(void **state)
{
	const char *letters;
	size_t removed = 0, used;
	struct wire_packet packet;
	struct span rest;

	(void)state;
	fixture_expect_taken('4', "203.0.113.65");
	used = used_memory();
	fixture_put_recipient(&fixture_bytes, "<friend@example.test>", "lmtp");
	for (int i = 0; i < MANY; i++)
		fixture_put_recipient(&fixture_bytes, "<alice@example.test>", "lmtp");
	assert_int_equal(fixture_say(fixture_session, &fixture_bytes), 0);
	assert_true(used_memory() - used < MANY * 2000);
	letters = fixture_send("VIRUS");
	assert_int_equal(letters[0], 'c');
	for (rest = strbuf_span(protocol_output(fixture_session)); wire_next(&rest, &packet) == 1;)
		removed += packet.command == '-';
	/* The first was there before. */
	assert_int_equal(removed, MANY + 1);
}

/* Beyond scanner_max_file_size nothing is kept, and the answer is that of a limit. */
static void test_endless_body(void **state)
{
	char chunk[CHUNK];
	size_t used;

	(void)state;
	memset(chunk, 'x', sizeof(chunk));
	fixture_expect_taken('4', "203.0.113.65");
	used = used_memory();
	FIXTURE_PUT(&fixture_bytes, 'N', "");
	for (int i = 0; i < 200; i++) {
		fixture_put(&fixture_bytes, 'B', chunk, sizeof(chunk));
		assert_int_equal(fixture_say(fixture_session, &fixture_bytes), 0);
	}
	assert_true(used_memory() < used + 4 * sizeof(chunk));
	FIXTURE_PUT(&fixture_bytes, 'E', "");
	assert_string_equal(fixture_answers(fixture_session, &fixture_bytes), "y");
	assert_int_equal(strncmp(fixture_reply(), "554 5.7.1 cannot be scanned", 27), 0);
}

/* A byte at a time it is the same, and what has come is kept once. */
static void test_dribble(void **state)
{
	struct strbuf all = STRBUF_INIT, one = STRBUF_INIT;

	(void)state;
	fixture_expect_taken('4', "203.0.113.65");
	fixture_put_content(&all, "", "VIRUS");
	for (struct span rest = strbuf_span(&all); rest.size > 1; rest = span_from(rest, 1)) {
		strbuf_append_char(&one, rest.data[0]);
		assert_int_equal(fixture_say(fixture_session, &one), 0);
	}
	strbuf_append_char(&one, 'E');
	assert_string_equal(fixture_answers(fixture_session, &one), "d");
	strbuf_free(&all);
}

/* A worker that dies with it, and a scanner that is away. */
static void test_scanner(void **state)
{
	(void)state;
	fixture_expect_taken('6', "2001:db8::65");
	assert_string_equal(fixture_send("CRASH"), "cy");
	assert_int_equal(strncmp(fixture_reply(), "451 4.7.1", 9), 0);
	fixture_scanner_is_ready = false;
	fixture_open('6', "2001:db8::65");
	assert_int_equal(fixture_ask_mailbox(), 'y');
	assert_int_equal(strncmp(fixture_reply(), "451 4.7.1", 9), 0);
	fixture_scanner_is_ready = true;
}

static int set_up(void **state)
{
	(void)state;
	fixture_start("scanner_max_file_size = 2m\n");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abort),	     cmocka_unit_test(test_mail_in_message),
		cmocka_unit_test(test_order),	     cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_long_header),  cmocka_unit_test(test_many_recipients),
		cmocka_unit_test(test_endless_body), cmocka_unit_test(test_dribble),
		cmocka_unit_test(test_scanner),
	};

	return cmocka_run_group_tests(tests, set_up, fixture_stop);
}
