/* A daemon as systemd runs it: sockets that outlive it, readiness, reload, the watchdog. */
#include "clock.h"
#include "daemon.h"
#include "endpoint.h"
#include "listener.h"
#include "server.h"
#include "watchdog.h"
#include "xalloc.h"
#include "test_folder.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#define WATCHDOG_US  "400000"
#define INHERITED_FD 3
#define PATIENCE_S   20
#define SILENCE_MS   800 /* two periods of the watchdog */

static char folder[] = "/tmp/daemon_test.XXXXXX";
static int notify_fd; /* systemd's end */
static int listen_fd; /* systemd's copy of the daemon's socket */
static struct endpoint endpoint;

/* ---- a daemon: greets; whoever says "h" holds up all after him ---- */

static struct server *server;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void session(int fd, void *context)
{
	char byte;

	(void)context;
	pthread_mutex_lock(&gate);
	if (send(fd, "220 here", 8, MSG_NOSIGNAL) == 8 && recv(fd, &byte, 1, 0) == 1 && byte == 'h')
		pause();
	pthread_mutex_unlock(&gate);
}

static bool is_full(void)
{
	return server_is_full(server);
}

static int start(const struct conf *conf, char **error_r)
{
	struct watchdog_probe probe = {
		.name = "test", .type = SOCK_STREAM, .answer = "220 ", .is_full = is_full};
	struct server_settings settings = {
		.name = "test",
		.max_sessions = 8,
		.io_timeout_s = 5,
		.drain_timeout_s = 5,
		.session = session,
	};

	if (endpoint_parse(conf_text(conf, P_LDA_LISTEN), &probe.endpoint, error_r) < 0)
		return -1;
	settings.listen_fd =
		listener_open(&probe.endpoint, SOCK_STREAM,
			      (struct listener_access){0600, (uid_t)-1, (gid_t)-1}, error_r);
	if (settings.listen_fd < 0 || listener_check_all_used(error_r) < 0)
		return -1;
	watchdog_add_probe(&probe);
	return server_start(&settings, &server, error_r);
}

static int reload(const struct conf *conf, char **error_r)
{
	(void)conf, (void)error_r;
	return 0;
}

static void stop(void)
{
	server_stop(&server);
}

static int prepare(const struct conf *conf, char **error_r)
{
	char *path = xasprintf("%s/prepared", folder);
	FILE *file = fopen(path, "we");

	(void)conf, (void)error_r;
	fclose(file);
	free(path);
	return 0;
}

static void forget_told(void)
{
	char text[512];

	while (recv(notify_fd, text, sizeof(text), MSG_DONTWAIT) >= 0)
		;
}

static pid_t run_daemon(const char *option)
{
	static const struct daemon daemon = {
		.name = "daemon_test",
		.summary = "A test.",
		.prepare = prepare,
		.start = start,
		.reload = reload,
		.stop = stop,
		.metrics_listen = P_LDA_METRICS_LISTEN,
	};
	char name[] = "daemon_test", c[] = "-c", *option_copy = option ? xstrdup(option) : NULL;
	char *argv[] = {name, c, folder, option_copy, NULL}, pid_text[16];
	pid_t pid;

	forget_told();
	pid = fork();
	if (pid != 0) {
		free(option_copy);
		return pid;
	}
	/* Above all that may be open already. */
	dup2(dup2(listen_fd, 200), INHERITED_FD);
	close(200);
	snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
	setenv("LISTEN_PID", pid_text, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("WATCHDOG_PID", pid_text, 1);
	setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	_exit(daemon_main(option == NULL ? 3 : 4, argv, &daemon));
}

/* ---- systemd ---- */

static void write_conf(const char *text)
{
	char *path = xasprintf("%s/main.cf", folder);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fprintf(file, "log_destination = %s/log\nlda_metrics_listen =\n%s", folder, text);
	fclose(file);
	free(path);
}

static void set_good_conf(void)
{
	char *text = xasprintf("lda_listen = unix:%s\n", endpoint.path);

	write_conf(text);
	free(text);
}

/* Returns false when nothing like that was told in time. */
static bool is_told(const char *what, int within_ms)
{
	int64_t until_ms = clock_ms() + within_ms;
	char text[512];
	ssize_t size;

	do {
		while ((size = recv(notify_fd, text, sizeof(text) - 1, MSG_DONTWAIT)) >= 0) {
			text[size] = '\0';
			if (strstr(text, what) != NULL)
				return true;
		}
		usleep(5000);
	} while (clock_ms() < until_ms);
	return false;
}

/* On a busy machine it hears late that it hangs. */
static bool falls_silent(void)
{
	for (int told = 0; told < PATIENCE_S; told++) {
		if (!is_told("WATCHDOG=1", SILENCE_MS))
			return true;
	}
	return false;
}

static int connect_to_daemon(void)
{
	char *error = NULL;
	int fd = endpoint_connect(&endpoint, SOCK_STREAM, 1000, &error);

	assert_true(fd >= 0);
	endpoint_set_timeout(fd, PATIENCE_S);
	return fd;
}

static void assert_greeting(int fd)
{
	char text[8];

	assert_int_equal(recv(fd, text, sizeof(text), MSG_WAITALL), sizeof(text));
	assert_memory_equal(text, "220 here", 8);
}

static int end(pid_t pid, int signal)
{
	int status;

	kill(pid, signal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* ---- tests ---- */

static void test_who_connects_while_it_is_away_waits(void **state)
{
	int first = connect_to_daemon(), second;
	pid_t pid = run_daemon(NULL);

	(void)state;
	assert_true(is_told("READY=1", PATIENCE_S * 1000));
	assert_greeting(first);
	close(first);
	assert_int_equal(end(pid, SIGTERM), 0);
	assert_true(is_told("STOPPING=1", PATIENCE_S * 1000));
	second = connect_to_daemon();
	pid = run_daemon(NULL);
	assert_greeting(second);
	close(second);
	assert_int_equal(end(pid, SIGTERM), 0);
}

static void test_reload_tells_what_is_wrong(void **state)
{
	pid_t pid = run_daemon(NULL);

	(void)state;
	assert_true(is_told("READY=1", PATIENCE_S * 1000));
	write_conf("no_such_setting = 1\n");
	kill(pid, SIGHUP);
	assert_true(is_told("STATUS=reload refused", PATIENCE_S * 1000));
	assert_true(is_told("READY=1", PATIENCE_S * 1000));
	set_good_conf();
	kill(pid, SIGHUP);
	assert_true(is_told("STATUS=", PATIENCE_S * 1000));
	assert_int_equal(end(pid, SIGTERM), 0);
}

static void test_a_daemon_that_hangs_is_not_well(void **state)
{
	pid_t pid = run_daemon(NULL);
	int fd, status;

	(void)state;
	assert_true(is_told("WATCHDOG=1", PATIENCE_S * 1000));
	assert_true(is_told("WATCHDOG=1", PATIENCE_S * 1000));
	fd = connect_to_daemon();
	assert_greeting(fd);
	/* Its main thread and its acceptor go on: only who asks finds out. */
	assert_int_equal(send(fd, "h", 1, MSG_NOSIGNAL), 1);
	assert_true(falls_silent());
	status = end(pid, SIGABRT);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	close(fd);
}

static void test_a_thread_that_is_late(void **state)
{
	struct pulse late, early;

	(void)state;
	forget_told();
	pulse_start(&early, "early", 60);
	watchdog_look();
	assert_true(is_told("WATCHDOG=1", 1000));
	pulse_start(&late, "late", -1);
	watchdog_look();
	assert_false(is_told("WATCHDOG=1", 50));
	pulse_beat(&late, 60);
	watchdog_look();
	assert_true(is_told("WATCHDOG=1", 1000));
	pulse_beat(&late, -1);
	pulse_stop(&late);
	watchdog_look();
	assert_true(is_told("WATCHDOG=1", 1000));
	pulse_stop(&early);
	/* One that was never started. */
	pulse_stop(&late);
}

static void test_prepare_does_nothing_else(void **state)
{
	char *path = xasprintf("%s/prepared", folder);
	pid_t pid;
	int status;

	(void)state;
	unlink(path);
	pid = run_daemon("--prepare");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_false(is_told("READY=1", 10));
	free(path);
}

static void test_a_socket_that_does_not_fit(void **state)
{
	char *text = xasprintf("lda_listen = unix:%s/elsewhere\n", folder);
	pid_t pid;
	int status;

	(void)state;
	write_conf(text);
	pid = run_daemon(NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EX_UNAVAILABLE);
	set_good_conf();
	free(text);
}

static int set_up(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char *text, *error = NULL;

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(notify_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	text = xasprintf("unix:%s/lda", folder);
	if (endpoint_parse(text, &endpoint, &error) < 0)
		return -1;
	free(text);
	listen_fd = endpoint_listen(&endpoint, SOCK_STREAM, 0600, &error);
	set_good_conf();
	return listen_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_connects_while_it_is_away_waits),
		cmocka_unit_test(test_reload_tells_what_is_wrong),
		cmocka_unit_test(test_a_daemon_that_hangs_is_not_well),
		cmocka_unit_test(test_a_thread_that_is_late),
		cmocka_unit_test(test_prepare_does_nothing_else),
		cmocka_unit_test(test_a_socket_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
