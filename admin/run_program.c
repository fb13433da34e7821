#include "run_program.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define READ_SIZE 4096

static int start(const char *const *argv, int output, pid_t *pid_r)
{
	posix_spawn_file_actions_t actions;
	int ret;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	ret = posix_spawnp(pid_r, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

/* Until end of file (true) or the deadline (false). */
static bool read_output(int fd, int64_t deadline, struct strbuf *output)
{
	char buffer[READ_SIZE];

	for (;;) {
		int64_t left = deadline - clock_ms();
		struct pollfd waited = {fd, POLLIN, 0};
		ssize_t size;

		if (left <= 0 || (poll(&waited, 1, (int)left) <= 0 && errno != EINTR))
			return false;
		size = read(fd, buffer, sizeof(buffer));
		if (size <= 0)
			return true;
		if (output->size < RUN_PROGRAM_OUTPUT_MAX)
			strbuf_append(output, buffer, (size_t)size);
	}
}

int run_program(const char *const *argv, int timeout_s, struct strbuf *output, char **error_r)
{
	int pipe_fds[2], status, ret;
	bool ended;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		*error_r = xasprintf("cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	ret = start(argv, pipe_fds[1], &pid);
	close(pipe_fds[1]);
	if (ret != 0) {
		*error_r = xasprintf("cannot run %s: %s", argv[0], strerror(ret));
		close(pipe_fds[0]);
		return -1;
	}
	ended = read_output(pipe_fds[0], clock_ms() + (int64_t)timeout_s * 1000, output);
	close(pipe_fds[0]);
	if (!ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!ended) {
		*error_r = xasprintf("%s took longer than %d s", argv[0], timeout_s);
		return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
