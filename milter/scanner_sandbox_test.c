#include "scanner_sandbox.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_FILE 65536

/* Each runs in a process of its own, in the sandbox, and returns true when all is as it must be. */
typedef bool trial(const char *directory);

static char folder[] = "/tmp/scanner_sandbox_test.XXXXXX";

static bool refused(long result, int error)
{
	return result < 0 && errno == error;
}

static bool no_network(const char *unused)
{
	int pair[2];

	(void)unused;
	return refused(socket(AF_INET, SOCK_STREAM, 0), EPERM) &&
	       refused(socket(AF_UNIX, SOCK_STREAM, 0), EPERM) &&
	       refused(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), EPERM);
}

static bool no_processes(const char *unused)
{
	char name[] = "true", *arguments[] = {name, NULL};

	(void)unused;
	return refused(fork(), EPERM) && refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), EPERM) &&
	       refused(syscall(SYS_clone3, NULL, 0), ENOSYS) &&
	       refused(execv("/bin/true", arguments), EPERM);
}

static bool no_signals(const char *unused)
{
	struct rlimit limit;
	pid_t parent = getppid();

	(void)unused;
	return refused(kill(parent, 0), EPERM) &&
	       refused(syscall(SYS_tgkill, parent, parent, 0), EPERM) &&
	       refused(syscall(SYS_rt_sigqueueinfo, parent, 0, NULL), EPERM) &&
	       refused(prlimit(parent, RLIMIT_NOFILE, NULL, &limit), EPERM) &&
	       getrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void *nothing(void *argument)
{
	return argument;
}

static bool threads(const char *unused)
{
	pthread_t thread;

	(void)unused;
	return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static bool own_files(const char *own)
{
	char *path = xasprintf("%s/file", own);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char bytes[1024] = {0};
	int written = 0;
	bool ret;

	/* Beyond the limit there is a signal. */
	signal(SIGXFSZ, SIG_IGN);
	while (fd >= 0 && write(fd, bytes, sizeof(bytes)) > 0)
		written += (int)sizeof(bytes);
	ret = fd >= 0 && written == MAX_FILE && errno == EFBIG && close(fd) == 0 &&
	      unlink(path) == 0;
	free(path);
	return ret;
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static bool other_files(const char *own)
{
	char *path = xasprintf("%s.other", own);
	bool ret = refused(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), EACCES) &&
		   refused(open("/proc/self/status", O_RDONLY | O_CLOEXEC), EACCES) &&
		   open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;

	free(path);
	return ret;
}

static void run(trial *tried)
{
	const struct scanner_settings settings = {.max_scan_size = MAX_FILE};
	char *error = NULL;
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		if (scanner_sandbox_enter(&settings, folder, &error) < 0)
			_exit(2);
		_exit(tried(folder) ? 0 : 1);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_network(void **state)
{
	(void)state;
	run(no_network);
}

static void test_processes(void **state)
{
	(void)state;
	run(no_processes);
	run(no_signals);
	run(threads);
}

static void test_files(void **state)
{
	(void)state;
	run(own_files);
	if (has_landlock())
		run(other_files);
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
