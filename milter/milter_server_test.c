#include "milter_server.h"

#include "lib/clock.h"
#include "lib/endpoint.h"
#include "lib/xalloc.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define NEGOTIATION "\0\0\0\rO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"
#define CONNECT	    "\0\0\0\4Cx\0U"
#define MAIL	    "\0\0\0\4M<>\0"
#define END	    "\0\0\0\1N\0\0\0\1E"
#define PATIENCE_MS 20000
#define IMPOSSIBLE  ((size_t)1 << 50) /* bytes that nobody has */

static struct milter_server *server;
static char *path;

static void *on_open(struct protocol *protocol)
{
	return protocol;
}

static bool on_wants_body(void *context)
{
	(void)context;
	return false;
}

static void on_connect(void *context, const struct ip *client)
{
	(void)context;
	(void)client;
}

static void on_text(void *context, const char *text)
{
	(void)context;
	(void)text;
}

static enum protocol_answer on_end(void *context)
{
	(void)context;
	return ANSWER_CONTINUE;
}

static void on_over(void *context)
{
	(void)context;
}

static const struct protocol_events events = {
	.open = on_open,
	.wants_body = on_wants_body,
	.connect = on_connect,
	.helo = on_text,
	.mail = on_text,
	.end_of_header = on_end,
	.end_of_message = on_end,
	.message_over = on_over,
	.close = on_over,
};

static void start(unsigned max_connections, int idle_timeout_s, int drain_ms)
{
	struct endpoint endpoint;
	char *text = xasprintf("unix:%s", path), *error = NULL;
	struct milter_server_settings settings = {
		.events = &events,
		.max_connections = max_connections,
		.idle_timeout_s = idle_timeout_s,
		.message_timeout_s = 3600,
		.drain_ms = drain_ms,
	};

	assert_int_equal(endpoint_parse(text, &endpoint, &error), 0);
	settings.listen_fd = endpoint_listen(&endpoint, SOCK_STREAM, 0600, &error);
	assert_true(settings.listen_fd >= 0);
	assert_int_equal(milter_server_start(&settings, &server, &error), 0);
	free(text);
}

static int open_connection(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *bytes, size_t size)
{
	assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}
#define SAY(fd, literal) say(fd, literal, sizeof(literal) - 1)

static bool is_ready(int fd, int timeout_ms)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN};

	return poll(&entry, 1, timeout_ms) == 1;
}

/* Bytes of the answer; 0: the connection was closed. */
static ssize_t hear(int fd)
{
	char bytes[512];

	assert_true(is_ready(fd, PATIENCE_MS));
	return recv(fd, bytes, sizeof(bytes), 0);
}

static int open_session(void)
{
	int fd = open_connection();

	SAY(fd, NEGOTIATION CONNECT);
	assert_true(hear(fd) > 0);
	return fd;
}

static int set_up(void **state)
{
	(void)state;
	path = xasprintf("/tmp/milter_server_test.%d", (int)getpid());
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	free(path);
	return 0;
}

/* Postfix is silent while its client sends a large message. */
static void test_silence(void **state)
{
	int idle, busy;

	(void)state;
	start(10, 1, 100);
	idle = open_session();
	busy = open_session();
	SAY(busy, MAIL);
	assert_int_equal(hear(idle), 0);
	assert_false(is_ready(busy, 0));
	SAY(busy, END);
	assert_true(hear(busy) > 0);
	close(idle);
	close(busy);
	assert_int_equal(milter_server_stop(&server), 0);
}

static void test_too_many(void **state)
{
	int fds[3];

	(void)state;
	start(2, 60, 100);
	fds[0] = open_session();
	fds[1] = open_session();
	fds[2] = open_connection();
	assert_int_equal(hear(fds[2]), 0);
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	assert_int_equal(milter_server_stop(&server), 0);
}

/* While memory is short a new session is put off; those that are open go on. */
static void test_no_memory(void **state)
{
	int open, fresh;

	(void)state;
	start(10, 60, 100);
	open = open_session();
	xalloc_set_reserve(IMPOSSIBLE);
	fresh = open_connection();
	assert_int_equal(hear(fresh), 0);
	SAY(open, MAIL END);
	assert_true(hear(open) > 0);
	close(fresh);
	xalloc_set_reserve(0);
	fresh = open_session();
	close(fresh);
	close(open);
	assert_int_equal(milter_server_stop(&server), 0);
}

struct client {
	pthread_t thread;
	int idle, busy;
	bool had_answer, was_ended;
};

/* Ends its message when the other connection is gone. */
static void *end_message(void *argument)
{
	struct client *client = argument;

	if (hear(client->idle) == 0) {
		SAY(client->busy, END);
		client->had_answer = hear(client->busy) > 0;
		client->was_ended = hear(client->busy) == 0;
	}
	return NULL;
}

/* Idle connections end at once, the others with their messages, and none is waited for in vain. */
static void test_drain(void **state)
{
	struct client client = {0};
	int64_t begin;

	(void)state;
	start(10, 60, 60000);
	client.idle = open_session();
	client.busy = open_session();
	SAY(client.busy, MAIL);
	assert_false(is_ready(client.busy, 200));
	assert_int_equal(pthread_create(&client.thread, NULL, end_message, &client), 0);
	begin = clock_ms();
	assert_int_equal(milter_server_stop(&server), 0);
	assert_true(clock_ms() - begin < 30000);
	pthread_join(client.thread, NULL);
	assert_true(client.had_answer);
	assert_true(client.was_ended);
	close(client.idle);
	close(client.busy);
}

/* A message that does not end is not waited for longer than drain_ms. */
static void test_drain_ends(void **state)
{
	int fd;

	(void)state;
	start(10, 60, 300);
	fd = open_session();
	SAY(fd, MAIL);
	assert_false(is_ready(fd, 200));
	assert_int_equal(milter_server_stop(&server), 0);
	assert_int_equal(hear(fd), 0);
	close(fd);
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_silence), TEST(test_too_many),   TEST(test_no_memory),
		TEST(test_drain),   TEST(test_drain_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
