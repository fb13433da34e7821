#include "endpoint.h"
#include "metrics.h"
#include "server.h"
#include "strbuf.h"
#include "xalloc.h"

#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

METRIC_TIME(waited_ms, "test_waited_seconds_total", "Time waited");
METRIC_COUNTER(sessions, "test_sessions_total{kind=\"echo\"}", "Sessions of the test");

static char folder[] = "/tmp/server_test.XXXXXX";

static void echo(int fd, void *context)
{
	char text[16];
	ssize_t size;

	(void)context;
	metric_add(&sessions, 1);
	while ((size = read(fd, text, sizeof(text))) > 0)
		assert_int_equal(write(fd, text, (size_t)size), size);
}

static struct endpoint test_endpoint(const char *name)
{
	struct endpoint endpoint;
	char *text = xasprintf("unix:%s/%s", folder, name), *error = NULL;

	assert_int_equal(endpoint_parse(text, &endpoint, &error), 0);
	free(text);
	return endpoint;
}

static struct server *start_with(const struct endpoint *endpoint, unsigned max_sessions,
				 void (*session)(int fd, void *context))
{
	struct server_settings settings = {"test", -1, max_sessions, 10, 5, session, NULL};
	struct server *server = NULL;
	char *error = NULL;

	settings.listen_fd = endpoint_listen(endpoint, SOCK_STREAM, 0600, &error);
	assert_true(settings.listen_fd >= 0);
	assert_int_equal(server_start(&settings, &server, &error), 0);
	return server;
}

static struct server *start(const struct endpoint *endpoint, unsigned max_sessions)
{
	return start_with(endpoint, max_sessions, echo);
}

static int connect_to(const struct endpoint *endpoint)
{
	char *error = NULL;
	int fd = endpoint_connect(endpoint, SOCK_STREAM, 1000, &error);

	assert_true(fd >= 0);
	endpoint_set_timeout(fd, 5);
	return fd;
}

static void assert_echo(int fd)
{
	char text[4] = "";

	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(read(fd, text, 3), 3);
	assert_string_equal(text, "abc");
}

static void sessions_beyond_the_limit_wait(void **state)
{
	struct endpoint endpoint = test_endpoint("limit");
	struct server *server = start(&endpoint, 1);
	int first = connect_to(&endpoint), second = connect_to(&endpoint);
	char byte;

	(void)state;
	assert_echo(first);
	assert_int_equal(write(second, "x", 1), 1);
	assert_int_equal(recv(second, &byte, 1, MSG_DONTWAIT), -1);
	close(first);
	assert_int_equal(read(second, &byte, 1), 1);
	close(second);
	server_stop(&server);
}

static void stop_ends_idle_sessions(void **state)
{
	struct endpoint endpoint = test_endpoint("stop");
	struct server *server = start(&endpoint, 4);
	int fd = connect_to(&endpoint);
	char byte;

	(void)state;
	assert_echo(fd);
	server_stop(&server);
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
}

/* Does one thing for each byte, which takes a while; then waits for the next. */
static void work(int fd, void *context)
{
	char byte;

	(void)context;
	while (read(fd, &byte, 1) == 1) {
		(void)server_session_is(SERVER_IN_WORK);
		if (read(fd, &byte, 1) != 1 || write(fd, &byte, 1) != 1)
			return;
		if (!server_session_is(SERVER_BETWEEN))
			return;
	}
}

static void *stop_it(void *argument)
{
	server_stop(argument);
	return NULL;
}

/* In the middle of work, about to begin, and between two works. */
static void stop_cuts_nobody_off(void **state)
{
	struct endpoint endpoint = test_endpoint("cut");
	struct server *server = start_with(&endpoint, 4, work);
	int at_work = connect_to(&endpoint), beginning = connect_to(&endpoint);
	int between = connect_to(&endpoint);
	pthread_t stopper;
	char byte;

	(void)state;
	assert_int_equal(write(at_work, "a", 1), 1);
	assert_int_equal(write(between, "ab", 2), 2);
	assert_int_equal(read(between, &byte, 1), 1);
	usleep(100000);
	assert_int_equal(pthread_create(&stopper, NULL, stop_it, &server), 0);
	assert_int_equal(read(between, &byte, 1), 0);
	assert_int_equal(write(beginning, "ab", 2), 2);
	assert_int_equal(write(at_work, "b", 1), 1);
	assert_int_equal(read(beginning, &byte, 1), 1);
	assert_int_equal(read(at_work, &byte, 1), 1);
	assert_int_equal(read(at_work, &byte, 1), 0);
	pthread_join(stopper, NULL);
	close(at_work);
	close(beginning);
	close(between);
}

static void a_socket_in_use_is_not_stolen(void **state)
{
	struct endpoint endpoint = test_endpoint("used");
	struct server *server = start(&endpoint, 1);
	char *error = NULL;

	(void)state;
	assert_int_equal(endpoint_listen(&endpoint, SOCK_STREAM, 0600, &error), -1);
	assert_non_null(strstr(error, "another process listens"));
	free(error);
	server_stop(&server);
	server = start(&endpoint, 1);
	server_stop(&server);
}

/* One whose queue of connections is full lives too. */
static void a_busy_socket_is_not_stolen(void **state)
{
	struct endpoint endpoint = test_endpoint("busy");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), peers[16], count = 0;
	char *error = NULL;

	(void)state;
	strcpy(address.sun_path, endpoint.path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	do {
		assert_true(count < 16);
		peers[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	} while (connect(peers[count++], (struct sockaddr *)&address, sizeof(address)) == 0);
	assert_int_equal(endpoint_listen(&endpoint, SOCK_STREAM, 0600, &error), -1);
	assert_int_equal(access(endpoint.path, F_OK), 0);
	free(error);
	while (count > 0)
		close(peers[--count]);
	close(listener);
	/* nobody listens any more */
	listener = endpoint_listen(&endpoint, SOCK_STREAM, 0600, &error);
	assert_true(listener >= 0);
	close(listener);
}

static void metrics_are_served(void **state)
{
	struct endpoint endpoint = test_endpoint("metrics");
	char *address = xasprintf("unix:%s", endpoint.path), *error = NULL;
	struct strbuf reply = STRBUF_INIT;
	ssize_t size;
	int fd;

	(void)state;
	assert_int_equal(metrics_serve(address, &error), 0);
	fd = connect_to(&endpoint);
	dprintf(fd, "GET /metrics HTTP/1.0\r\n\r\n");
	do {
		strbuf_reserve(&reply, 4096);
		size = read(fd, reply.data + reply.size, 4096);
		reply.size += size > 0 ? (size_t)size : 0;
	} while (size > 0);
	strbuf_append_char(&reply, '\0');
	assert_non_null(strstr(reply.data, "# TYPE test_sessions_total counter\n"
					   "test_sessions_total{kind=\"echo\"} "));
	assert_non_null(
		strstr(reply.data, "shoveler_build_info{program=\"server_test\",version=\""));
	assert_non_null(strstr(reply.data, "\nprocess_start_time_seconds 1"));
	close(fd);
	metrics_stop();
	strbuf_free(&reply);
	free(address);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"limit", "stop", "cut", "used", "busy", "metrics", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = xasprintf("%s/%s", folder, names[i]);

		remove(path);
		free(path);
	}
	return 0;
}

static void names_are_counted(void **state)
{
	struct strbuf page = STRBUF_INIT;
	char name[32];

	(void)state;
	metric_count("test_viruses_total", "Viruses", "name", "Evil\"\\\n");
	metric_count("test_viruses_total", "Viruses", "name", "Evil\"\\\n");
	metrics_write(&page);
	assert_non_null(
		strstr(strbuf_text(&page), "test_viruses_total{name=\"Evil\\\"\\\\?\"} 2\n"));
	for (int i = 0; i < METRIC_NAMES_MAX + 9; i++) {
		snprintf(name, sizeof(name), "virus %d", i);
		metric_count("test_viruses_total", "Viruses", "name", name);
	}
	strbuf_reset(&page);
	metrics_write(&page);
	assert_non_null(strstr(strbuf_text(&page), "test_viruses_total{name=\"other\"} 10\n"));
	strbuf_free(&page);
}

static void time_is_served_in_seconds(void **state)
{
	struct strbuf page = STRBUF_INIT;

	(void)state;
	metric_add(&waited_ms, 1043);
	metrics_write(&page);
	assert_non_null(strstr(strbuf_text(&page), "\ntest_waited_seconds_total 1.043\n"));
	strbuf_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_beyond_the_limit_wait),
		cmocka_unit_test(stop_ends_idle_sessions),
		cmocka_unit_test(stop_cuts_nobody_off),
		cmocka_unit_test(a_socket_in_use_is_not_stolen),
		cmocka_unit_test(a_busy_socket_is_not_stolen),
		cmocka_unit_test(metrics_are_served),
		cmocka_unit_test(time_is_served_in_seconds),
		cmocka_unit_test(names_are_counted),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
