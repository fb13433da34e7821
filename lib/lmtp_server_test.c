#include "lmtp_server.h"

#include "lmtp_command.h"
#include "lmtp_content.h"
#include "strbuf.h"
#include "xalloc.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
/* after the headers above */
#include <cmocka.h>

#define PATIENCE_S 60

/* What the handler saw, and a session in a thread at the other end of client. */
struct bench {
	struct lmtp_server_settings settings;
	pthread_t thread;
	int client, server;
	struct strbuf output;
	struct strbuf seen;    /* "from=..;to=..;" lines */
	struct strbuf content; /* of the last message */
	unsigned calls, delivered, resets;
	bool slow; /* it takes until the client is gone */
};

static void on_mail(void *context, struct lmtp_transaction *transaction, struct lmtp_reply *reply)
{
	struct bench *bench = context;

	strbuf_printf(&bench->seen, "from=%s[%s];", transaction->sender,
		      transaction->sender_parameters);
	if (strcmp(transaction->sender, "bad@example.test") == 0)
		lmtp_reply_set(reply, 550, "5.7.1 No\r\n250 forged");
}

static void on_rcpt(void *context, struct lmtp_transaction *transaction,
		    struct lmtp_recipient *recipient, struct lmtp_reply *reply)
{
	struct bench *bench = context;

	(void)transaction;
	strbuf_printf(&bench->seen, "to=%s[%s];", recipient->address, recipient->parameters);
	if (strcmp(recipient->address, "nobody@example.test") == 0)
		lmtp_reply_set(reply, 550, "5.1.1 Unknown");
}

static void on_deliver(void *context, struct lmtp_transaction *transaction,
		       struct lmtp_recipient *recipients, size_t count)
{
	struct bench *bench = context;
	struct pollfd end = {.fd = bench->server, .events = POLLRDHUP};

	bench->calls++;
	bench->delivered += (unsigned)count;
	if (bench->slow)
		assert_int_equal(poll(&end, 1, PATIENCE_S * 1000), 1);
	strbuf_reset(&bench->content);
	strbuf_append_span(&bench->content, transaction->content);
	for (struct lmtp_recipient *to = recipients; to < recipients + count; to++) {
		if (strcmp(to->address, "quota@example.test") == 0)
			lmtp_reply_set(&to->reply, 552, "5.2.2 Quota");
		else
			lmtp_reply_set(&to->reply, 250, "2.0.0 <%s> saved", to->address);
	}
}

static void on_reset(void *context, struct lmtp_transaction *transaction)
{
	struct bench *bench = context;

	(void)transaction;
	bench->resets++;
}

static void *session_thread(void *argument)
{
	struct bench *bench = argument;

	lmtp_server_session(bench->server, &bench->settings);
	close(bench->server);
	return NULL;
}

static struct bench *bench_start(const char *directory, uint64_t size_max, int timeout_s)
{
	struct bench *bench = xcalloc(1, sizeof(*bench));
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	bench->client = pair[0];
	bench->server = pair[1];
	bench->settings = (struct lmtp_server_settings){
		.hostname = "mx.test",
		.temporary_directory = directory,
		.size_max = size_max,
		.timeout_s = timeout_s,
		.handler = {on_mail, on_rcpt, NULL, on_deliver, NULL, on_reset, bench},
	};
	assert_int_equal(pthread_create(&bench->thread, NULL, session_thread, bench), 0);
	return bench;
}

static void put_bytes(struct bench *bench, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t part = send(bench->client, data, size, MSG_NOSIGNAL);

		if (part < 0)
			return;
		data += part;
		size -= (size_t)part;
	}
}

static void put(struct bench *bench, const char *text)
{
	put_bytes(bench, text, strlen(text));
}

/* Reads until text has come, or the end; false at the end. */
static bool wait_for(struct bench *bench, const char *text)
{
	char buf[4096];
	ssize_t size;

	while (strstr(strbuf_text(&bench->output), text) == NULL) {
		size = recv(bench->client, buf, sizeof(buf), 0);
		if (size <= 0)
			return false;
		strbuf_append(&bench->output, buf, (size_t)size);
	}
	return true;
}

static void assert_output(struct bench *bench, const char *text)
{
	if (!wait_for(bench, text))
		fail_msg("\"%s\" did not come, but: %s", text, strbuf_text(&bench->output));
}

/* Waits for the end of the session. */
static void bench_join(struct bench *bench)
{
	wait_for(bench, "no server says this");
	pthread_join(bench->thread, NULL);
}

static void bench_free(struct bench *bench)
{
	close(bench->client);
	strbuf_free(&bench->output);
	strbuf_free(&bench->seen);
	strbuf_free(&bench->content);
	free(bench);
}

static void begin_message(struct bench *bench)
{
	put(bench, "LHLO t\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n");
	assert_output(bench, "354 ");
}

static void pipelining_and_one_reply_per_recipient(void **state)
{
	struct bench *bench = bench_start("/tmp", 0, PATIENCE_S);

	(void)state;
	put(bench, "LHLO t\r\nMAIL FROM:<a@b> SIZE=20 BODY=8BITMIME ENVID=x+3D\r\n"
		   "RCPT TO:<alice@example.test> NOTIFY=NEVER ORCPT=rfc822;a+40b\r\n"
		   "RCPT TO:<nobody@example.test>\r\nRCPT TO:<quota@example.test>\r\n"
		   "rcpt to:<@relay.test:\"b o>b\"@example.test>\r\nDATA\r\n");
	assert_output(bench, "354 ");
	put(bench, "Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n");
	bench_join(bench);
	assert_string_equal(strbuf_text(&bench->output),
			    "220 mx.test LMTP Shoveler\r\n"
			    "250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
			    "250-ENHANCEDSTATUSCODES\r\n250 SIZE 0\r\n"
			    "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 Unknown\r\n250 2.1.5 Ok\r\n"
			    "250 2.1.5 Ok\r\n354 End with <CR><LF>.<CR><LF>\r\n"
			    "250 2.0.0 <alice@example.test> saved\r\n552 5.2.2 Quota\r\n"
			    "250 2.0.0 <\"b o>b\"@example.test> saved\r\n221 2.0.0 Bye\r\n");
	assert_string_equal(strbuf_text(&bench->seen),
			    "from=a@b[SIZE=20 BODY=8BITMIME ENVID=x+3D];"
			    "to=alice@example.test[NOTIFY=NEVER ORCPT=rfc822;a+40b];"
			    "to=nobody@example.test[];to=quota@example.test[];"
			    "to=\"b o>b\"@example.test[];");
	assert_string_equal(strbuf_text(&bench->content), "Subject: x\r\n\r\nbody\r\n");
	assert_int_equal(bench->resets, 1);
	bench_free(bench);
}

/* The content that arrives when wire is sent in pieces of every size. */
static void assert_content(const char *wire, size_t wire_size, const char *content, size_t size)
{
	for (size_t step = 1; step <= wire_size; step++) {
		struct bench *bench = bench_start("/tmp", 0, PATIENCE_S);

		begin_message(bench);
		for (size_t i = 0; i < wire_size; i += step)
			put_bytes(bench, wire + i, step < wire_size - i ? step : wire_size - i);
		assert_output(bench, " saved\r\n");
		put(bench, "QUIT\r\n");
		bench_join(bench);
		assert_int_equal(bench->content.size, size);
		assert_memory_equal(strbuf_text(&bench->content), content, size);
		assert_int_equal(bench->delivered, 1);
		bench_free(bench);
	}
}

#define ASSERT_CONTENT(wire, content)                                                              \
	assert_content(wire, sizeof(wire) - 1, content, sizeof(content) - 1)

static void content_is_kept(void **state)
{
	(void)state;
	ASSERT_CONTENT(".\r\n", "");
	ASSERT_CONTENT("a\r\n.\r\n", "a\r\n");
	ASSERT_CONTENT("..a\r\n...\r\n.\r\n", ".a\r\n..\r\n");
	/* none of these ends a message */
	ASSERT_CONTENT("a\n.\nb\n.\r\nc\r\n.\nd\r.\re\r\n.\r\n",
		       "a\n.\nb\n.\r\nc\r\n\nd\r.\re\r\n");
	ASSERT_CONTENT("x\r\n.\rMAIL\r\n.\r\n", "x\r\n\rMAIL\r\n");
	ASSERT_CONTENT("x\r\n.\r\r\n.\r\n", "x\r\n\r\r\n");
	ASSERT_CONTENT("NUL \0 and \xff\xfe\r\n.\r\n", "NUL \0 and \xff\xfe\r\n");
	ASSERT_CONTENT("\r\r\r\n\r\n\n\n\r\n.\r\n", "\r\r\r\n\r\n\n\n\r\n");
}

static void large_content_goes_to_a_file(void **state)
{
	struct bench *bench = bench_start("/tmp", 0, PATIENCE_S);
	size_t size = 3 * LMTP_CONTENT_MEMORY_MAX + 17;
	char *text = xmalloc(size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + i % 23);
	begin_message(bench);
	put_bytes(bench, text, size);
	put(bench, "\r\n.\r\nQUIT\r\n");
	bench_join(bench);
	assert_int_equal(bench->content.size, size + 2);
	assert_memory_equal(bench->content.data, text, size);
	free(text);
	bench_free(bench);
}

static void limits(void **state)
{
	struct bench *bench = bench_start("/tmp", 50, PATIENCE_S);
	char line[2 * LMTP_LINE_MAX];

	(void)state;
	memset(line, 'x', sizeof(line));
	put(bench, "LHLO t\r\nMAIL FROM:<a@b> SIZE=51\r\n");
	assert_output(bench, "552 5.3.4 ");
	put(bench, "MAIL FROM:<a@b> SIZE=99999999999999999999999\r\n");
	assert_output(bench, "501 5.5.4 Malformed SIZE");
	put_bytes(bench, line, sizeof(line));
	put(bench, "\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n");
	assert_output(bench, "500 5.5.2 Line is too long\r\n250 2.1.0 Ok");
	assert_output(bench, "354 ");
	put(bench, "123456789 123456789 123456789 123456789 123456789 123\r\n.\r\n");
	assert_output(bench, "552 5.3.4 Message is too large\r\n");
	assert_int_equal(bench->delivered, 0);
	for (int i = 0; i < LMTP_ERRORS_MAX; i++)
		put(bench, "FOO\r\n");
	bench_join(bench);
	assert_output(bench, "421 4.7.0 Too many errors\r\n");
	bench_free(bench);
}

static void too_many_recipients_and_junk(void **state)
{
	struct bench *bench = bench_start("/tmp", 0, PATIENCE_S);

	(void)state;
	put(bench, "LHLO t\r\nMAIL FROM:<>\r\n");
	for (int i = 0; i <= LMTP_RECIPIENTS_MAX; i++)
		put(bench, "RCPT TO:<a@example.test>\r\n");
	assert_output(bench, "452 4.5.3 Too many recipients\r\n");
	for (int i = 0; i <= LMTP_JUNK_MAX; i++)
		put(bench, "NOOP\r\n");
	bench_join(bench);
	assert_output(bench, "421 4.7.0 Too many commands without a message\r\n");
	bench_free(bench);
}

static void early_content_ends_the_session(void **state)
{
	struct bench *bench = bench_start("/tmp", 0, PATIENCE_S);

	(void)state;
	put(bench, "LHLO t\r\nMAIL FROM:<a@b>\r\nRCPT TO:<nobody@example.test>\r\nDATA\r\n"
		   "hello\r\n.\r\nMAIL FROM:<evil@b>\r\n");
	bench_join(bench);
	assert_output(bench, "421 4.7.0 Content was sent before it was asked for\r\n");
	assert_null(strstr(strbuf_text(&bench->seen), "evil"));
	bench_free(bench);
}

static void wrong_order_and_syntax(void **state)
{
	static const char *const wrong[][2] = {
		{"MAIL FROM:<a@b>\r\n", "503 5.5.1 Send LHLO"},
		{"EHLO x\r\n", "500 5.5.1 This is LMTP"},
		{"LHLO x\r\nRCPT TO:<a@b>\r\n", "503 5.5.1 Send MAIL"},
		{"LHLO x\r\nDATA\r\n", "503 5.5.1 No valid"},
		{"LHLO x\r\nMAIL FROM:<a@b>\r\nDATA\r\n", "421 4.7.0 Content"},
		{"LHLO x\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", "503 5.5.1 Nested"},
		{"LHLO x\r\nMAIL FROM:<bad@example.test>\r\n", "550 5.7.1 No  250 forged\r\n"},
		{"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<>\r\n", "501 5.1.3"},
		{"LHLO x\r\nMAIL FROM:a@b\r\n", "501 5.5.4"},
		{"LHLO x\r\nMAIL FROM:<a@b\r\n", "501 5.5.4"},
		{"LHLO x\r\nMAIL FROM:<a @b>\r\n", "501 5.5.4"},
		{"LHLO x\r\nMAIL FROM:<a@b>x\r\n", "501 5.5.4"},
		{"LHLO x\r\nMAIL FROM:<a@b> =x\r\n", "501 5.5.4"},
		{"LHLO x\r\nMAIL FROM:<\"a@b>\r\n", "501 5.5.4"},
		{"LHLO x\r\nMAIL FROM:<a\rb@c>\r\n", "501 5.5.4"},
		{"LHLO x\r\nDATA now\r\n", "501 5.5.4"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct bench *bench = bench_start("/tmp", 0, PATIENCE_S);

		put(bench, wrong[i][0]);
		put(bench, "QUIT\r\n");
		bench_join(bench);
		assert_output(bench, wrong[i][1]);
		bench_free(bench);
	}
}

static void silence_times_out(void **state)
{
	struct bench *bench = bench_start("/tmp", 0, 1);

	(void)state;
	put(bench, "LHL");
	bench_join(bench);
	assert_output(bench, "421 4.4.2 Timeout\r\n");
	bench_free(bench);
}

/* A client that drips bytes does not get more time than a silent one. */
static void dripping_times_out(void **state)
{
	struct bench *bench = bench_start("/tmp", 0, 1);
	struct timespec pause = {0, 300 * 1000000};

	(void)state;
	for (int i = 0; i < 6; i++) {
		put(bench, "x");
		nanosleep(&pause, NULL);
	}
	bench_join(bench);
	assert_output(bench, "421 4.4.2 Timeout\r\n");
	bench_free(bench);
}

static void a_client_that_left_gets_no_more_deliveries(void **state)
{
	struct bench *bench = bench_start("/tmp", 0, PATIENCE_S);
	int client = bench->client;

	(void)state;
	bench->slow = true;
	put(bench, "LHLO t\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice@example.test>\r\n"
		   "RCPT TO:<bob@example.test>\r\nRCPT TO:<carol@example.test>\r\nDATA\r\n");
	assert_output(bench, "354 ");
	put(bench, "x\r\n.\r\n");
	close(client);
	pthread_join(bench->thread, NULL);
	assert_in_range(bench->delivered, 0, 1);
	assert_int_equal(bench->resets, 1);
	bench->client = dup(0);
	bench_free(bench);
}

static void lost_in_content_delivers_nothing(void **state)
{
	struct bench *bench = bench_start("/tmp", 0, PATIENCE_S);

	(void)state;
	begin_message(bench);
	put(bench, "half\r\n.\r");
	shutdown(bench->client, SHUT_WR);
	bench_join(bench);
	assert_int_equal(bench->delivered, 0);
	assert_int_equal(bench->resets, 1);
	bench_free(bench);
}

static void no_room_for_the_spool_is_temporary(void **state)
{
	struct bench *bench = bench_start("/nowhere", 0, PATIENCE_S);
	char *text = xmalloc(LMTP_CONTENT_MEMORY_MAX + 1);

	(void)state;
	memset(text, 'x', LMTP_CONTENT_MEMORY_MAX + 1);
	begin_message(bench);
	put_bytes(bench, text, LMTP_CONTENT_MEMORY_MAX + 1);
	put(bench, "\r\n.\r\nQUIT\r\n");
	bench_join(bench);
	assert_output(bench, "452 4.3.1 ");
	assert_int_equal(bench->delivered, 0);
	free(text);
	bench_free(bench);
}

/* Two by two; the replies keep the order of the recipients. */
static void recipients_come_together(void **state)
{
	struct bench *bench = bench_start("/tmp", 0, PATIENCE_S);

	(void)state;
	bench->settings.together = 2;
	put(bench, "LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<1@b>\r\nRCPT TO:<quota@example.test>\r\n"
		   "RCPT TO:<3@b>\r\nRCPT TO:<4@b>\r\nRCPT TO:<5@b>\r\nDATA\r\n");
	assert_output(bench, "354 ");
	strbuf_reset(&bench->output);
	put(bench, "x\r\n.\r\nQUIT\r\n");
	bench_join(bench);
	assert_non_null(
		strstr(strbuf_text(&bench->output),
		       "250 2.0.0 <1@b> saved\r\n552 5.2.2 Quota\r\n250 2.0.0 <3@b> saved\r\n"
		       "250 2.0.0 <4@b> saved\r\n250 2.0.0 <5@b> saved\r\n221 2.0.0 Bye\r\n"));
	assert_int_equal(bench->calls, 3);
	assert_int_equal(bench->delivered, 5);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipelining_and_one_reply_per_recipient),
		cmocka_unit_test(content_is_kept),
		cmocka_unit_test(large_content_goes_to_a_file),
		cmocka_unit_test(limits),
		cmocka_unit_test(too_many_recipients_and_junk),
		cmocka_unit_test(early_content_ends_the_session),
		cmocka_unit_test(wrong_order_and_syntax),
		cmocka_unit_test(silence_times_out),
		cmocka_unit_test(dripping_times_out),
		cmocka_unit_test(a_client_that_left_gets_no_more_deliveries),
		cmocka_unit_test(lost_in_content_delivers_nothing),
		cmocka_unit_test(no_room_for_the_spool_is_temporary),
		cmocka_unit_test(recipients_come_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
