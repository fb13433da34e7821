#include "packet.h"

#include "strbuf.h"

#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static void values_come_back_as_sent(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct packet packet;
	size_t size;
	char *error = NULL;

	(void)state;
	packet_put(&out, "user", "alice@example.test");
	packet_put(&out, "mailbox", "100% Ju\nnk\x7f");
	packet_put(&out, "empty", "");
	strbuf_append_text(&out, "\nFrom: x\n");
	assert_int_equal(packet_parse(&packet, strbuf_span(&out), &size, &error), 0);
	assert_string_equal(packet_get(&packet, "mailbox"), "100% Ju\nnk\x7f");
	assert_string_equal(packet_get(&packet, "empty"), "");
	assert_null(packet_get(&packet, "nothing"));
	assert_string_equal(out.data + size, "From: x\n");
	packet_free(&packet);
	strbuf_free(&out);
}

static void malformed_packets_are_refused(void **state)
{
	static const char *const bad[] = {"",	     "x",	   "a=1",   "=1\n",
					  "a\n",     "a=1\na=2\n", "a=%\n", "a=%0\n",
					  "a=%00\n", "a=%zz\n",	   "a=1\nb"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct packet packet;
		char *error = NULL;

		if (packet_parse(&packet, span_of(bad[i]), NULL, &error) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(error);
		free(error);
	}
}

static void a_descriptor_is_passed(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct packet packet;
	int pair[2], pipe_fds[2], received = -1;
	char *error = NULL, byte = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	packet_put(&out, "request", "scan");
	assert_int_equal(packet_send(pair[0], &out, pipe_fds[1]), 0);
	assert_int_equal(packet_receive(pair[1], &packet, &received, &error), 1);
	assert_string_equal(packet_get(&packet, "request"), "scan");
	assert_int_equal(write(received, "!", 1), 1);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_int_equal(byte, '!');
	packet_free(&packet);
	close(pair[0]);
	assert_int_equal(packet_receive(pair[1], &packet, &received, &error), 0);
	assert_int_equal(received, -1);
	close(pair[1]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	strbuf_free(&out);
}

static void an_oversized_packet_is_refused(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	strbuf_reserve(&out, PACKET_MAX_SIZE + 1);
	memset(out.data, 'x', PACKET_MAX_SIZE + 1);
	out.size = PACKET_MAX_SIZE + 1;
	assert_int_equal(packet_send(0, &out, -1), -1);
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back_as_sent),
		cmocka_unit_test(malformed_packets_are_refused),
		cmocka_unit_test(a_descriptor_is_passed),
		cmocka_unit_test(an_oversized_packet_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
