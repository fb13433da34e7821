#include "web/dovecot_auth.h"

#include "lib/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HANDSHAKE "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t12\nCUID\t1\nCOOKIE\tabc\nDONE\n"

struct talk {
	enum dovecot_auth_result result;
	struct strbuf user, asked;
	char *error;
};

/* What we say to a Dovecot that says all this at once, and then hangs up. */
static void talk(struct talk *talk, const char *server, const char *login, const char *client)
{
	int pair[2];
	char piece[4096];
	ssize_t size;

	*talk = (struct talk){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(file_write_all(pair[1], span_of(server)), 0);
	shutdown(pair[1], SHUT_WR);
	talk->result =
		dovecot_auth_talk(pair[0], login, "s\"3 cret", client, &talk->user, &talk->error);
	close(pair[0]);
	while ((size = read(pair[1], piece, sizeof(piece))) > 0)
		strbuf_append(&talk->asked, piece, (size_t)size);
	close(pair[1]);
}

static void talk_free(struct talk *talk)
{
	strbuf_free(&talk->user);
	strbuf_free(&talk->asked);
	free(talk->error);
}

static void right_passwords_have_a_user(void **state)
{
	struct talk t;

	(void)state;
	talk(&t, HANDSHAKE "OK\t1\tnologin\tuser=bob@\001tx\n", "Bob", "192.0.2.1");
	assert_int_equal(t.result, DOVECOT_AUTH_OK);
	assert_string_equal(strbuf_text(&t.user), "bob@\tx");
	assert_non_null(strstr(strbuf_text(&t.asked), "VERSION\t1\t"));
	/* NUL Bob NUL s"3 cret */
	assert_non_null(strstr(strbuf_text(&t.asked),
			       "AUTH\t1\tPLAIN\tservice=shoveler\tsecured\tnologin\trip=192.0.2.1\t"
			       "resp=AEJvYgBzIjMgY3JldA==\n"));
	talk_free(&t);
}

static void wrong_ones_have_none(void **state)
{
	struct talk t;

	(void)state;
	talk(&t, HANDSHAKE "FAIL\t1\tuser=bob\n", "bob", "");
	assert_int_equal(t.result, DOVECOT_AUTH_WRONG);
	assert_int_equal(t.user.size, 0);
	assert_null(strstr(strbuf_text(&t.asked), "rip="));
	talk_free(&t);
}

static void trouble_is_no_answer(void **state)
{
	static const char *const servers[] = {
		"",
		"VERSION\t2\t0\nDONE\n",
		"VERSION\t1\t1\n",
		HANDSHAKE,
		HANDSHAKE "FAIL\t1\tuser=bob\ttemp\n",
		HANDSHAKE "FAIL\t1\tuser=bob\tcode=temp_fail\n",
		HANDSHAKE "OK\t1\n",
		HANDSHAKE "OK\t2\tuser=eve\n",
		HANDSHAKE "CONT\t1\tabcd\n",
		HANDSHAKE "OK\t1\tuser=bob",
	};
	struct talk t;

	(void)state;
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		talk(&t, servers[i], "bob", "");
		assert_int_equal(t.result, DOVECOT_AUTH_TROUBLE);
		assert_non_null(t.error);
		assert_int_equal(t.user.size, 0);
		talk_free(&t);
	}
}

static void endless_lines_are_not_read(void **state)
{
	struct strbuf server = STRBUF_INIT;
	struct talk t;

	(void)state;
	for (int i = 0; i < 20000; i++)
		strbuf_append_char(&server, 'x');
	talk(&t, strbuf_text(&server), "bob", "");
	assert_int_equal(t.result, DOVECOT_AUTH_TROUBLE);
	talk_free(&t);
	strbuf_reset(&server);
	for (int i = 0; i < 1000; i++)
		strbuf_append_text(&server, "MECH\tX\n");
	talk(&t, strbuf_text(&server), "bob", "");
	assert_int_equal(t.result, DOVECOT_AUTH_TROUBLE);
	talk_free(&t);
	strbuf_free(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_passwords_have_a_user),
		cmocka_unit_test(wrong_ones_have_none),
		cmocka_unit_test(trouble_is_no_answer),
		cmocka_unit_test(endless_lines_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
