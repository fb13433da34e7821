#include "lmtp_client.h"

#include "lmtp_server.h"
#include "server.h"
#include "strbuf.h"
#include "xalloc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
/* after the headers above */
#include <cmocka.h>

/* A server in this process: our own sessions, or (script) one that says fixed things. */
struct bench {
	struct endpoint endpoint;
	struct server *server;
	struct lmtp_pool *pool;
	struct lmtp_server_settings lmtp;
	const char *script; /* what it says after each line: "220 x\n250 y\n...", "-" ends */
	atomic_int sessions;
	struct strbuf content, seen;
};

static void on_mail(void *context, struct lmtp_transaction *transaction, struct lmtp_reply *reply)
{
	struct bench *bench = context;

	(void)reply;
	strbuf_printf(&bench->seen, "%s[%s] ", transaction->sender, transaction->sender_parameters);
}

static void on_rcpt(void *context, struct lmtp_transaction *transaction,
		    struct lmtp_recipient *recipient, struct lmtp_reply *reply)
{
	(void)context, (void)transaction;
	if (strcmp(recipient->address, "nobody@b") == 0)
		lmtp_reply_set(reply, 550, "5.1.1 Unknown");
}

static void on_deliver(void *context, struct lmtp_transaction *transaction,
		       struct lmtp_recipient *recipient, size_t count)
{
	struct bench *bench = context;

	assert_int_equal(count, 1);
	strbuf_reset(&bench->content);
	strbuf_append_span(&bench->content, transaction->content);
	if (strcmp(recipient->address, "quota@b") == 0)
		lmtp_reply_set(&recipient->reply, 552, "5.2.2 Quota");
	else
		lmtp_reply_set(&recipient->reply, 250, "2.0.0 Saved");
}

static void lmtp_session(int fd, void *context)
{
	struct bench *bench = context;

	bench->sessions++;
	lmtp_server_session(fd, &bench->lmtp);
}

/* Says one line of the script at the start and after each line that comes; '|' is a line end. */
static void script_session(int fd, void *context)
{
	struct bench *bench = context;
	const char *script = bench->script;
	char c;

	bench->sessions++;
	do {
		size_t size = strcspn(script, "\n");

		if (script[0] == '-' || script[0] == '\0')
			return;
		for (size_t i = 0; i < size; i++)
			send(fd, script[i] == '|' ? "\r\n" : &script[i], script[i] == '|' ? 2 : 1,
			     MSG_NOSIGNAL);
		if (size > 0)
			send(fd, "\r\n", 2, MSG_NOSIGNAL);
		script += size + 1;
		do {
			if (recv(fd, &c, 1, 0) != 1)
				return;
		} while (c != '\n');
	} while (true);
}

static void bench_listen(struct bench *bench)
{
	struct server_settings settings = {.name = "test",
					   .max_sessions = 4,
					   .io_timeout_s = 5,
					   .drain_timeout_s = 5,
					   .context = bench};
	char *error = NULL;

	settings.session = bench->script != NULL ? script_session : lmtp_session;
	settings.listen_fd = endpoint_listen(&bench->endpoint, SOCK_STREAM, 0600, &error);
	assert_true(settings.listen_fd >= 0);
	assert_int_equal(server_start(&settings, &bench->server, &error), 0);
}

static struct bench *bench_start(const char *script)
{
	struct bench *bench = xcalloc(1, sizeof(*bench));

	bench->script = script;
	bench->endpoint.is_unix = true;
	snprintf(bench->endpoint.path, sizeof(bench->endpoint.path), "/tmp/lmtp_client_test.%d",
		 (int)getpid());
	bench->lmtp = (struct lmtp_server_settings){
		.hostname = "mx.test",
		.temporary_directory = "/tmp",
		.timeout_s = 5,
		.handler = {on_mail, on_rcpt, NULL, on_deliver, NULL, NULL, bench},
	};
	bench_listen(bench);
	bench->pool = lmtp_pool_new(&bench->endpoint, "client.test", 2);
	return bench;
}

static void bench_end(struct bench *bench)
{
	lmtp_pool_free(&bench->pool);
	server_stop(&bench->server);
	unlink(bench->endpoint.path);
	strbuf_free(&bench->content);
	strbuf_free(&bench->seen);
	free(bench);
}

struct texts {
	struct span_source source;
	const char *const *next;
};

static bool next_text(struct span_source *source, struct span *piece_r)
{
	struct texts *texts = (struct texts *)source;

	if (*texts->next == NULL)
		return false;
	*piece_r = span_of(*texts->next++);
	return true;
}

static enum lmtp_result deliver_to(struct bench *bench, const char *recipient,
				   const char *const *texts, struct lmtp_reply *reply)
{
	struct lmtp_envelope envelope = {"a@b", "SIZE=5 BODY=8BITMIME RET=FULL"};
	struct lmtp_destination to = {
		.address = recipient, .parameters = "NOTIFY=NEVER", .reply = reply};
	struct texts content = {{next_text}, texts};

	return lmtp_client_deliver(bench->pool, &envelope, &to, &content.source);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void content_comes_through(void **state)
{
	static const struct {
		const char *const texts[4];
		const char *content;
	} cases[] = {
		{{"A: b\r\n", "\r\nbody\r\n"}, "A: b\r\n\r\nbody\r\n"},
		{{".\r\n.", ".\r\n", ".x\r\n"}, ".\r\n..\r\n.x\r\n"},
		{{"a\r\n", ".b\r\n"}, "a\r\n.b\r\n"},
		{{"no end"}, "no end\r\n"},
		{{"cr end\r", "\n"}, "cr end\r\n"},
		{{""}, ""},
		{{"bare \r cr \n and lf\r\n"}, "bare \r cr \n and lf\r\n"},
		/* what Dovecot would take for the end; a strict reader keeps the second dot */
		{{"a\n.\nb\r\n"}, "a\n..\nb\r\n"},
	};
	struct bench *bench = bench_start(NULL);
	struct lmtp_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(deliver_to(bench, "alice@b", cases[i].texts, &reply),
				 LMTP_ACCEPTED);
		assert_string_equal(reply.text, "2.0.0 Saved");
		assert_string_equal(strbuf_text(&bench->content), cases[i].content);
	}
	/* one connection for all of them; no parameter whose extension is not there */
	assert_int_equal(bench->sessions, 1);
	assert_memory_equal(strbuf_text(&bench->seen), "a@b[BODY=8BITMIME] a@b", 22);
	bench_end(bench);
}

static void refusals_are_told_apart(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct lmtp_reply reply;

	(void)state;
	assert_int_equal(deliver_to(bench, "nobody@b", TEXTS("x\r\n"), &reply), LMTP_REFUSED);
	assert_int_equal(reply.code, 550);
	assert_string_equal(reply.text, "5.1.1 Unknown");
	/* the refused transaction does not disturb the next one */
	assert_int_equal(deliver_to(bench, "quota@b", TEXTS("x\r\n"), &reply), LMTP_REFUSED);
	assert_int_equal(reply.code, 552);
	assert_int_equal(deliver_to(bench, "alice@b", TEXTS("x\r\n"), &reply), LMTP_ACCEPTED);
	assert_int_equal(bench->sessions, 1);
	bench_end(bench);
}

static void an_aborted_message_is_not_sent(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct lmtp_envelope envelope = {"a@b", ""};
	struct lmtp_reply reply;
	struct lmtp_destination to = {.address = "alice@b", .parameters = "", .reply = &reply};
	struct lmtp_client *client;

	(void)state;
	lmtp_client_begin(bench->pool, &envelope, &to, 1, &client);
	assert_int_equal(to.result, LMTP_ACCEPTED);
	lmtp_client_abort(&client);
	lmtp_client_abort(&client);
	assert_int_equal(bench->content.size, 0);
	assert_int_equal(deliver_to(bench, "alice@b", TEXTS("x\r\n"), &reply), LMTP_ACCEPTED);
	assert_int_equal(bench->sessions, 1);
	bench_end(bench);
}

static void a_closed_kept_connection_is_replaced(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct lmtp_reply reply;

	(void)state;
	assert_int_equal(deliver_to(bench, "alice@b", TEXTS("x\r\n"), &reply), LMTP_ACCEPTED);
	server_stop(&bench->server);
	bench_listen(bench);
	assert_int_equal(deliver_to(bench, "alice@b", TEXTS("x\r\n"), &reply), LMTP_ACCEPTED);
	assert_int_equal(bench->sessions, 2);
	bench_end(bench);
}

static void nobody_listens(void **state)
{
	struct bench *bench = bench_start(NULL);
	struct lmtp_reply reply;

	(void)state;
	server_stop(&bench->server);
	assert_int_equal(deliver_to(bench, "alice@b", TEXTS("x\r\n"), &reply), LMTP_UNREACHABLE);
	assert_int_equal(reply.code, 451);
	bench_end(bench);
}

static void assert_script(const char *script, enum lmtp_result result, int code)
{
	struct bench *bench = bench_start(script);
	struct lmtp_reply reply = {0};

	assert_int_equal(deliver_to(bench, "alice@b", TEXTS("x\r\n"), &reply), result);
	assert_int_equal(reply.code, code);
	bench_end(bench);
}

#define ENVELOPE "220 x\n250 x\n250 2.1.0 ok\n250 2.1.5 ok\n"

static void odd_servers(void **state)
{
	(void)state;
	assert_script("-", LMTP_UNREACHABLE, 451);
	assert_script("554 5.3.2 go away\n-", LMTP_UNREACHABLE, 451);
	assert_script("hello\n-", LMTP_UNREACHABLE, 451);
	assert_script("220 x\n500 what\n-", LMTP_UNREACHABLE, 451);
	assert_script("220 x\n250 x\n421 4.3.2 bye\n-", LMTP_UNREACHABLE, 451);
	assert_script("220 x\n250 x\n550 5.1.7 sender\n503 5.5.1 no\n-", LMTP_REFUSED, 550);
	assert_script(ENVELOPE "-", LMTP_UNREACHABLE, 451);
	assert_script(ENVELOPE "451 4.2.0 later\n", LMTP_REFUSED, 451);
	assert_script(ENVELOPE "250 what\n", LMTP_UNREACHABLE, 451);
	/* lines that come: "x", "." */
	assert_script(ENVELOPE "354 go\n\n250-2.0.0 a|250 b\n", LMTP_ACCEPTED, 250);
	assert_script(ENVELOPE "354 go\n\n421 4.3.0 no\n", LMTP_REFUSED, 451);
	/* after the final dot nobody knows */
	assert_script(ENVELOPE "354 go\n\n-", LMTP_AMBIGUOUS, 451);
	assert_script(ENVELOPE "354 go\n\ngarbage\n", LMTP_AMBIGUOUS, 451);
	assert_script(ENVELOPE "354 go\n\n\n", LMTP_AMBIGUOUS, 451);
}

/* RFC 6531: not to who does not know SMTPUTF8, and then nothing is said at all. */
static void an_address_that_is_not_ascii(void **state)
{
	static const struct lmtp_envelope envelope = {"\xc3\xa9@b", "SMTPUTF8"};
	static const struct {
		const char *script;
		enum lmtp_result result;
		int code;
	} cases[] = {
		{"220 x\n250-x|250 8BITMIME\n250 2.1.0 ok\n250 2.1.5 ok\n354 go\n\n250 2.0.0 ok\n",
		 LMTP_REFUSED, 550},
		{"220 x\n250-x|250 SMTPUTF8\n250 2.1.0 ok\n250 2.1.5 ok\n354 go\n\n250 2.0.0 ok\n",
		 LMTP_ACCEPTED, 250},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bench *bench = bench_start(cases[i].script);
		struct lmtp_reply reply = {0};
		struct lmtp_destination to = {"alice@b", "", LMTP_ACCEPTED, &reply};
		struct texts content = {{next_text}, TEXTS("x\r\n")};

		assert_int_equal(lmtp_client_deliver(bench->pool, &envelope, &to, &content.source),
				 cases[i].result);
		assert_int_equal(reply.code, cases[i].code);
		if (i == 0)
			assert_non_null(strstr(reply.text, "5.6.7"));
		bench_end(bench);
	}
}

/* Each has a reply of his own: to RCPT, or after the content. */
static void several_recipients(void **state)
{
	static const char *const names[] = {"alice@b", "nobody@b", "quota@b", "bob@b"};
	static const int codes[] = {250, 550, 552, 250};
	struct bench *bench = bench_start(NULL);
	struct lmtp_envelope envelope = {"a@b", ""};
	struct lmtp_destination to[4];
	struct lmtp_reply replies[4];
	struct lmtp_client *client;
	struct texts content = {{next_text}, TEXTS("x\r\n")};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		to[i] = (struct lmtp_destination){names[i], "", LMTP_AMBIGUOUS, &replies[i]};
	lmtp_client_begin(bench->pool, &envelope, to, 4, &client);
	assert_non_null(client);
	assert_int_equal(to[1].result, LMTP_REFUSED);
	lmtp_client_send(&client, &content.source);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(replies[i].code, codes[i]);
		assert_int_equal(to[i].result, codes[i] == 250 ? LMTP_ACCEPTED : LMTP_REFUSED);
	}
	/* nobody of them is known: there is nothing to send */
	lmtp_client_begin(bench->pool, &envelope, &to[1], 1, &client);
	assert_null(client);
	assert_int_equal(bench->sessions, 1);
	bench_end(bench);
}

#define TWO_ENVELOPE "220 x\n250 x\n250 2.1.0 ok\n250 2.1.5 ok\n250 2.1.5 ok\n"

/* lost: on the way to the first or second reply */
static void assert_two(const char *script, enum lmtp_result first, enum lmtp_result second)
{
	struct bench *bench = bench_start(script);
	struct lmtp_envelope envelope = {"a@b", ""};
	struct lmtp_reply replies[2];
	struct lmtp_destination to[2] = {{"alice@b", "", LMTP_ACCEPTED, &replies[0]},
					 {"bob@b", "", LMTP_ACCEPTED, &replies[1]}};
	struct texts content = {{next_text}, TEXTS("x\r\n")};
	struct lmtp_client *client;

	lmtp_client_begin(bench->pool, &envelope, to, 2, &client);
	if (client != NULL)
		lmtp_client_send(&client, &content.source);
	assert_int_equal(to[0].result, first);
	assert_int_equal(to[1].result, second);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(replies[i].code, to[i].result == LMTP_ACCEPTED ? 250 : 451);
	bench_end(bench);
}

static void who_is_lost(void **state)
{
	(void)state;
	/* before the content an answer is worth nothing */
	assert_two("220 x\n250 x\n250 2.1.0 ok\n250 2.1.5 ok\n-", LMTP_UNREACHABLE,
		   LMTP_UNREACHABLE);
	assert_two(TWO_ENVELOPE "-", LMTP_UNREACHABLE, LMTP_UNREACHABLE);
	assert_two(TWO_ENVELOPE "451 4.2.0 later\n", LMTP_REFUSED, LMTP_REFUSED);
	assert_two(TWO_ENVELOPE "354 go\n\n-", LMTP_AMBIGUOUS, LMTP_AMBIGUOUS);
	assert_two(TWO_ENVELOPE "354 go\n\n250 a\n-", LMTP_ACCEPTED, LMTP_AMBIGUOUS);
	assert_two(TWO_ENVELOPE "354 go\n\n250 a|451 b\n", LMTP_ACCEPTED, LMTP_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_comes_through),
		cmocka_unit_test(refusals_are_told_apart),
		cmocka_unit_test(an_aborted_message_is_not_sent),
		cmocka_unit_test(a_closed_kept_connection_is_replaced),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(odd_servers),
		cmocka_unit_test(an_address_that_is_not_ascii),
		cmocka_unit_test(several_recipients),
		cmocka_unit_test(who_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
