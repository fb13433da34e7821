#include "endpoint.h"
#include "listener.h"
#include "xalloc.h"
#include "test_folder.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define FIRST_INHERITED 3

static char folder[] = "/tmp/listener_test.XXXXXX";
static const struct listener_access everybody = {0666, (uid_t)-1, (gid_t)-1};

static struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint;
	char *error = NULL;

	assert_int_equal(endpoint_parse(text, &endpoint, &error), 0);
	return endpoint;
}

static struct endpoint unix_endpoint(const char *name)
{
	char *text = xasprintf("unix:%s/%s", folder, name);
	struct endpoint endpoint = endpoint_of(text);

	free(text);
	return endpoint;
}

/* As systemd leaves them: descriptors from 3 on, and who they are for. */
static void inherit(const int *fds, int count)
{
	char number[16];

	for (int i = 0; i < count; i++)
		assert_int_equal(dup2(fds[i], FIRST_INHERITED + i), FIRST_INHERITED + i);
	snprintf(number, sizeof(number), "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	snprintf(number, sizeof(number), "%d", count);
	setenv("LISTEN_FDS", number, 1);
}

/* Each in a process of its own, since what was used is remembered. */
static void in_child(void (*test)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		test();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void require(bool is_so, int line)
{
	if (is_so)
		return;
	fprintf(stderr, "line %d\n", line);
	_exit(1);
}
#define REQUIRE(what) require(what, __LINE__)

static void each_address_gets_its_socket(void)
{
	struct endpoint stream = unix_endpoint("stream"), packets = unix_endpoint("packets");
	struct endpoint inet = endpoint_of("inet:127.0.0.1:18895");
	char *error = NULL;
	/* Far away from where they go to. */
	int fds[3] = {
		dup2(endpoint_listen(&inet, SOCK_STREAM, 0, &error), 100),
		dup2(endpoint_listen(&packets, SOCK_SEQPACKET, 0600, &error), 101),
		dup2(endpoint_listen(&stream, SOCK_STREAM, 0600, &error), 102),
	};

	inherit(fds, 3);
	REQUIRE(listener_open(&stream, SOCK_STREAM, everybody, &error) == FIRST_INHERITED + 2);
	REQUIRE(listener_check_all_used(&error) < 0);
	REQUIRE(strstr(error, "inet:127.0.0.1:18895") != NULL);
	free(error);
	error = NULL;
	REQUIRE(listener_open(&inet, SOCK_STREAM, everybody, &error) == FIRST_INHERITED);
	/* The right address but another type of socket. */
	REQUIRE(listener_open(&packets, SOCK_STREAM, everybody, &error) < 0);
	free(error);
	error = NULL;
	REQUIRE(listener_open(&packets, SOCK_SEQPACKET, everybody, &error) == FIRST_INHERITED + 1);
	REQUIRE(listener_check_all_used(&error) == 0);
}

static void a_socket_of_another_address_is_refused(void)
{
	struct endpoint former = unix_endpoint("former"), now = unix_endpoint("now");
	char *error = NULL;
	int fd = dup2(endpoint_listen(&former, SOCK_STREAM, 0600, &error), 100);

	inherit(&fd, 1);
	fd = listener_open(&now, SOCK_STREAM, everybody, &error);
	REQUIRE(fd >= 0 && fd != FIRST_INHERITED);
	REQUIRE(listener_check_all_used(&error) < 0);
	REQUIRE(strstr(error, "/former, which no setting of ours names") != NULL);
	free(error);
}

static void sockets_of_another_process_are_not_ours(void)
{
	struct endpoint endpoint = unix_endpoint("other");
	char *error = NULL;
	int fd = dup2(endpoint_listen(&endpoint, SOCK_STREAM, 0600, &error), 100);

	inherit(&fd, 1);
	setenv("LISTEN_PID", "1", 1);
	REQUIRE(listener_check_all_used(&error) == 0);
	REQUIRE(listener_open(&endpoint, SOCK_STREAM, everybody, &error) < 0);
	free(error);
}

static void without_systemd_it_binds(void)
{
	struct listener_access access = {0620, getuid(), getgid()};
	struct endpoint endpoint = unix_endpoint("own");
	struct stat st;
	char *error = NULL;

	REQUIRE(listener_open(&endpoint, SOCK_STREAM, access, &error) >= 0);
	REQUIRE(stat(endpoint.path, &st) == 0 && (st.st_mode & 07777) == 0620);
	REQUIRE(listener_check_all_used(&error) == 0);
}

static void test_addresses(void **state)
{
	(void)state;
	in_child(each_address_gets_its_socket);
}

static void test_another_address(void **state)
{
	(void)state;
	in_child(a_socket_of_another_address_is_refused);
}

static void test_another_process(void **state)
{
	(void)state;
	in_child(sockets_of_another_process_are_not_ours);
}

static void test_without_systemd(void **state)
{
	(void)state;
	in_child(without_systemd_it_binds);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_another_address),
		cmocka_unit_test(test_another_process),
		cmocka_unit_test(test_without_systemd),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
