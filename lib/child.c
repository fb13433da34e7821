#include "child.h"

#include "clock.h"
#include "xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE    (16 * 1024)
#define FIRST_CLOSED 3 /* descriptors from here on are not the child's */

enum { INPUT, OUTPUT, ERRORS, STREAMS };

struct child {
	pid_t pid;
	int fds[STREAMS]; /* our ends; -1: closed */
	struct span input;
	struct strbuf *out[STREAMS];
	int64_t until_ms;
};

static void close_pipe(int pipe_fds[2])
{
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static int make_pipes(int pipes[STREAMS][2])
{
	for (int i = 0; i < STREAMS; i++) {
		if (pipe2(pipes[i], O_CLOEXEC) == 0)
			continue;
		while (i-- > 0)
			close_pipe(pipes[i]);
		return -1;
	}
	return 0;
}

static void set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(attributes);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
}

static int add_descriptor(posix_spawn_file_actions_t *actions, int from, int to)
{
	return from == CHILD_NOTHING
		       ? posix_spawn_file_actions_addopen(actions, to, "/dev/null", O_RDWR, 0)
		       : posix_spawn_file_actions_adddup2(actions, from, to);
}

int child_start(const struct child_program *program, pid_t *pid_r)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	set_signals(&attributes);
	error = posix_spawn_file_actions_init(&actions);
	/* Each of them wants memory. */
	for (size_t i = 0; error == 0 && i < program->count; i++)
		error = add_descriptor(&actions, program->descriptors[i].from,
				       program->descriptors[i].to);
	if (error == 0 && program->close_from > 0)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, program->close_from);
	if (error == 0)
		error = posix_spawnp(pid_r, program->file, &actions, &attributes,
				     (char *const *)(uintptr_t)program->arguments,
				     program->environment != NULL ? program->environment : environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static int spawn(const char *const *arguments, int pipes[STREAMS][2], pid_t *pid_r)
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char *environment[] = {path, locale, NULL};
	const struct child_program program = {.file = arguments[0],
					      .arguments = arguments,
					      .environment = environment,
					      .descriptors = {{pipes[INPUT][0], STDIN_FILENO},
							      {pipes[OUTPUT][1], STDOUT_FILENO},
							      {pipes[ERRORS][1], STDERR_FILENO}},
					      .count = STREAMS,
					      .close_from = FIRST_CLOSED};

	return child_start(&program, pid_r);
}

static void shut(struct child *child, int stream)
{
	close(child->fds[stream]);
	child->fds[stream] = -1;
}

static void feed(struct child *child)
{
	ssize_t written = write(child->fds[INPUT], child->input.data, child->input.size);

	if (written > 0)
		child->input = span_from(child->input, (size_t)written);
	if (child->input.size == 0 || (written < 0 && errno != EAGAIN && errno != EINTR))
		shut(child, INPUT);
}

/* Returns -1 if it is too much. */
static int drain(struct child *child, int stream)
{
	char data[READ_SIZE];
	ssize_t size = read(child->fds[stream], data, sizeof(data));

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (size <= 0) {
		shut(child, stream);
		return 0;
	}
	strbuf_append(child->out[stream], data, (size_t)size);
	return child->out[stream]->size > CHILD_MAX_OUTPUT ? -1 : 0;
}

static const char *talk(struct child *child)
{
	while (child->fds[OUTPUT] >= 0 || child->fds[ERRORS] >= 0) {
		int64_t left = child->until_ms - clock_ms();
		struct pollfd wait[STREAMS] = {
			{.fd = child->fds[INPUT], .events = POLLOUT},
			{.fd = child->fds[OUTPUT], .events = POLLIN},
			{.fd = child->fds[ERRORS], .events = POLLIN},
		};

		if (left <= 0)
			return "no answer in time";
		if (poll(wait, STREAMS, (int)left) < 0 && errno != EINTR)
			return strerror(errno);
		if (wait[INPUT].revents != 0)
			feed(child);
		for (int stream = OUTPUT; stream < STREAMS; stream++) {
			if (wait[stream].revents != 0 && drain(child, stream) < 0)
				return "too much output";
		}
	}
	return NULL;
}

/*
 * A child that does not read its input is no reason to die, whatever the program does with SIGPIPE.
 */
static const char *talk_unharmed(struct child *child)
{
	const struct timespec no_time = {0, 0};
	const char *problem;
	sigset_t broken, old;

	sigemptyset(&broken);
	sigaddset(&broken, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &broken, &old);
	problem = talk(child);
	if (sigismember(&old, SIGPIPE) == 0)
		(void)sigtimedwait(&broken, NULL, &no_time);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return problem;
}

/* Output is at its end, or there was a problem: either way the child has to go soon. */
static int wait_for_end(struct child *child, const char *problem, const char *name, char **error_r)
{
	int status = 0;
	pid_t ended = 0;

	while (problem == NULL && (ended = waitpid(child->pid, &status, WNOHANG)) == 0) {
		if (clock_ms() > child->until_ms)
			problem = "does not end";
		else
			poll(NULL, 0, 1);
	}
	if (ended == 0) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, &status, 0);
	}
	if (problem == NULL && !WIFEXITED(status))
		problem = "killed by a signal";
	if (problem == NULL)
		return WEXITSTATUS(status);
	*error_r = xasprintf("%s: %s", name, problem);
	return -1;
}

int child_run(const char *const *arguments, struct span input, int timeout_ms, struct strbuf *out,
	      struct strbuf *error_out, char **error_r)
{
	struct child child = {
		.input = input, .out = {NULL, out, error_out}, .until_ms = clock_ms() + timeout_ms};
	int pipes[STREAMS][2], error, code;

	if (make_pipes(pipes) < 0) {
		*error_r = xasprintf("%s: %s", arguments[0], strerror(errno));
		return -1;
	}
	error = spawn(arguments, pipes, &child.pid);
	close(pipes[INPUT][0]);
	close(pipes[OUTPUT][1]);
	close(pipes[ERRORS][1]);
	child.fds[INPUT] = pipes[INPUT][1];
	child.fds[OUTPUT] = pipes[OUTPUT][0];
	child.fds[ERRORS] = pipes[ERRORS][0];
	if (error != 0) {
		*error_r = xasprintf("cannot start %s: %s", arguments[0], strerror(error));
		code = -1;
	} else {
		for (int i = 0; i < STREAMS; i++)
			(void)fcntl(child.fds[i], F_SETFL, O_NONBLOCK);
		code = wait_for_end(&child, talk_unharmed(&child), arguments[0], error_r);
	}
	for (int i = 0; i < STREAMS; i++) {
		if (child.fds[i] >= 0)
			close(child.fds[i]);
	}
	return code;
}
