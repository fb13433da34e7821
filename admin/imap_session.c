#include "imap_session.h"

#include "lib/child.h"
#include "lib/file.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX (1024 * 1024)

struct imap_session {
	pid_t pid;
	int to, from; /* pipes: its imap does not want a socket */
	unsigned tag;
	struct strbuf answer;
};

static int start(const char *user, int input, int output, pid_t *pid_r)
{
	const char *const arguments[] = {"doveadm", "exec", "imap", "-u", user, NULL};
	const struct child_program program = {.file = arguments[0],
					      .arguments = arguments,
					      .descriptors = {{input, STDIN_FILENO},
							      {output, STDOUT_FILENO},
							      {CHILD_NOTHING, STDERR_FILENO}},
					      .count = 3};

	return child_start(&program, pid_r);
}

/* The line that begins with prefix, of those that are complete; NULL if it is not there yet. */
static const char *find_line(const struct strbuf *answer, const char *prefix)
{
	const char *line = strbuf_text(answer), *end;

	for (; (end = strstr(line, "\r\n")) != NULL; line = end + 2) {
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			return line;
	}
	return NULL;
}

/* What it says next, within IMAP_SESSION_TIMEOUT_S: as read(2). */
static ssize_t receive(const struct imap_session *session, char *buffer, size_t size)
{
	struct pollfd poll_fd = {.fd = session->from, .events = POLLIN};
	int ret;

	do
		ret = poll(&poll_fd, 1, IMAP_SESSION_TIMEOUT_S * 1000);
	while (ret < 0 && errno == EINTR);
	return ret == 1 ? read(session->from, buffer, size) : -1;
}

/* Reads until such a line is there. */
static const char *wait_for_line(struct imap_session *session, const char *prefix, char **error_r)
{
	char buffer[4096];
	const char *line;
	ssize_t size;

	while ((line = find_line(&session->answer, prefix)) == NULL) {
		size = session->answer.size > ANSWER_MAX ? -1
							 : receive(session, buffer, sizeof(buffer));
		if (size <= 0) {
			*error_r = xstrdup(size == 0 ? "Dovecot's imap ended: see its log"
						     : "Dovecot's imap does not answer");
			return NULL;
		}
		strbuf_append(&session->answer, buffer, (size_t)size);
	}
	return line;
}

static int open_pipes(int input[2], int output[2])
{
	if (pipe2(input, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(output, O_CLOEXEC) == 0)
		return 0;
	close(input[0]);
	close(input[1]);
	return -1;
}

int imap_session_open(const char *user, struct imap_session **session_r, char **error_r)
{
	struct imap_session *session;
	int input[2], output[2], problem;

	if (open_pipes(input, output) < 0) {
		*error_r = xasprintf("pipe: %s", strerror(errno));
		return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	session = xcalloc(1, sizeof(*session));
	session->to = input[1];
	session->from = output[0];
	problem = start(user, input[0], output[1], &session->pid);
	close(input[0]);
	close(output[1]);
	if (problem != 0)
		*error_r = xasprintf("doveadm: %s", strerror(problem));
	else if (wait_for_line(session, "* PREAUTH", error_r) != NULL) {
		*session_r = session;
		return 0;
	}
	imap_session_close(&session);
	return -1;
}

static int send_command(struct imap_session *session, const char *tag, const char *command)
{
	struct strbuf line = STRBUF_INIT;
	int ret;

	strbuf_printf(&line, "%s%s\r\n", tag, command);
	strbuf_reset(&session->answer);
	ret = file_write_all(session->to, strbuf_span(&line));
	strbuf_free(&line);
	return ret;
}

int imap_session_command(struct imap_session *session, const char **answer_r, char **error_r,
			 const char *format, ...)
{
	struct strbuf command = STRBUF_INIT;
	char tag[16];
	const char *line = NULL;
	va_list args;
	int ret = -1;

	va_start(args, format);
	strbuf_vprintf(&command, format, args);
	va_end(args);
	snprintf(tag, sizeof(tag), "p%u ", ++session->tag);
	if (send_command(session, tag, strbuf_text(&command)) < 0)
		*error_r = xasprintf("Dovecot's imap: %s", strerror(errno));
	else
		line = wait_for_line(session, tag, error_r);
	*answer_r = strbuf_text(&session->answer);
	if (line != NULL && strncmp(line + strlen(tag), "OK", 2) == 0)
		ret = 0;
	else if (line != NULL)
		*error_r = xasprintf("%.*s: %.*s", (int)strcspn(strbuf_text(&command), " \r"),
				     strbuf_text(&command), (int)strcspn(line + strlen(tag), "\r"),
				     line + strlen(tag));
	strbuf_free(&command);
	return ret;
}

void imap_session_close(struct imap_session **_session)
{
	struct imap_session *session = *_session;
	char buffer[4096];
	ssize_t size;

	*_session = NULL;
	(void)send_command(session, "end ", "LOGOUT");
	close(session->to);
	while ((size = receive(session, buffer, sizeof(buffer))) > 0)
		;
	if (size < 0 && session->pid > 0)
		kill(session->pid, SIGKILL); /* it hangs, and nobody would end it */
	close(session->from);
	while (session->pid > 0 && waitpid(session->pid, NULL, 0) < 0 && errno == EINTR)
		;
	strbuf_free(&session->answer);
	free(session);
}
