#include "spamtrain/folders/folder_session.h"

#include "lib/file.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE      ((size_t)65536)
#define COMPLAINT_SIZE 300
#define USERS_MAX      ((size_t)64 << 20) /* bytes of a list of users */

struct doveadm {
	pid_t pid;
	int to, from, errors; /* pipes: its imap does not want a socket; errors: a file in memory */
};

struct folder_session {
	struct doveadm doveadm;
	unsigned tag;
	struct strbuf input;
	size_t used; /* bytes of input that were taken */
};

/* ---- the process ---- */

/*
 * As root, whoever we act as; in a group of its own, so that an interrupt from the terminal is
 * ours.
 */
static void become_doveadm(const char *const *arguments, const int fds[3])
{
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(127);
	if (setresuid(0, 0, 0) != 0 || setresgid(0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
	    setpgid(0, 0) != 0)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	execvp(arguments[0], (char *const *)(uintptr_t)arguments);
	dprintf(STDERR_FILENO, "doveadm: %s\n", strerror(errno));
	_exit(127);
}

static int doveadm_start(struct doveadm *d, const char *const *arguments, char **error_r)
{
	int input[2] = {-1, -1}, output[2] = {-1, -1};

	*d = (struct doveadm){.pid = -1, .to = -1, .from = -1, .errors = -1};
	if (getuid() != 0) {
		*error_r = xstrdup("only root can ask Dovecot for the mail of its users");
		return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	d->errors = memfd_create("doveadm", MFD_CLOEXEC);
	if (d->errors >= 0 && pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0)
		d->pid = fork();
	if (d->pid == 0)
		become_doveadm(arguments, (int[]){input[0], output[1], d->errors});
	if (d->pid < 0)
		*error_r = xasprintf("doveadm: %s", strerror(errno));
	d->to = input[1];
	d->from = output[0];
	if (input[0] >= 0)
		close(input[0]);
	if (output[1] >= 0)
		close(output[1]);
	return d->pid < 0 ? -1 : 0;
}

/* Returns its exit code, or -1. */
static int doveadm_end(struct doveadm *d)
{
	int status = -1;

	for (int fd = 0; fd < 3; fd++) {
		int *each = fd == 0 ? &d->to : fd == 1 ? &d->from : &d->errors;
		if (*each >= 0)
			close(*each);
		*each = -1;
	}
	while (d->pid > 0 && waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	d->pid = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The first line that it complained with, else that text. malloc'ed. */
static char *complaint_of(const struct doveadm *d, const char *otherwise)
{
	char text[COMPLAINT_SIZE + 1];
	ssize_t size = d->errors < 0 ? 0 : pread(d->errors, text, COMPLAINT_SIZE, 0);

	text[size > 0 ? size : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return xstrdup(text[0] != '\0' ? text : otherwise);
}

/* As read(2), within the time. 0: it has ended. */
static ssize_t doveadm_read(const struct doveadm *d, struct strbuf *out)
{
	struct pollfd poll_fd = {.fd = d->from, .events = POLLIN};
	ssize_t size;
	int ret;

	do
		ret = poll(&poll_fd, 1, FOLDER_SESSION_TIMEOUT_S * 1000);
	while (ret < 0 && errno == EINTR);
	if (ret == 0)
		kill(d->pid, SIGKILL); /* nobody would end it */
	if (ret != 1)
		return -1;
	strbuf_reserve(out, READ_SIZE);
	do
		size = read(d->from, out->data + out->size, READ_SIZE);
	while (size < 0 && errno == EINTR);
	out->size += size > 0 ? (size_t)size : 0;
	return size;
}

int folder_users_list(struct strbuf *out, char **error_r)
{
	static const char *const arguments[] = {"doveadm", "user", "*", NULL};
	struct doveadm d;
	ssize_t size = -1;

	if (doveadm_start(&d, arguments, error_r) == 0)
		while (out->size < USERS_MAX && (size = doveadm_read(&d, out)) > 0)
			continue;
	char *complaint = complaint_of(&d, "doveadm user '*' does not answer");
	int code = doveadm_end(&d);
	if (size == 0 && code == 0) {
		free(complaint);
		return 0;
	}
	if (*error_r == NULL)
		*error_r = xasprintf("Dovecot does not list its users (%s): name them", complaint);
	free(complaint);
	return -1;
}

/* ---- the session ---- */

static char *lost(const struct folder_session *session, const char *what)
{
	char *complaint = complaint_of(&session->doveadm, what);
	char *error = xasprintf("Dovecot's imap: %s", complaint);

	free(complaint);
	return error;
}

/* The next answer; its spans are valid until the next call. */
static bool reply_next(struct folder_session *s, struct imap_reply *reply_r, char **error_r)
{
	for (;;) {
		struct span rest = span_from(strbuf_span(&s->input), s->used);
		ssize_t size = imap_reply_size(rest, FOLDER_SESSION_REPLY_MAX);

		if (size > 0 && imap_reply_split(span_first(rest, (size_t)size), reply_r)) {
			s->used += (size_t)size;
			return true;
		}
		if (size != 0) {
			*error_r = xstrdup("Dovecot's imap: malformed answer");
			return false;
		}
		if (s->used > 0) {
			if (rest.size > 0)
				memmove(s->input.data, rest.data, rest.size);
			s->input.size = rest.size;
			s->used = 0;
		}
		ssize_t got = doveadm_read(&s->doveadm, &s->input);
		if (got <= 0) {
			*error_r = lost(s, got == 0 ? "it ended: see Dovecot's log"
						    : "it does not answer");
			return false;
		}
	}
}

enum folder_session_result folder_session_run(struct folder_session *s, struct span command,
					      bool (*each)(void *context,
							   const struct imap_reply *reply),
					      void *context, char **error_r)
{
	struct strbuf line = STRBUF_INIT;
	struct imap_reply reply;
	char tag[16];
	bool shown = each != NULL;

	snprintf(tag, sizeof(tag), "s%u", ++s->tag);
	strbuf_printf(&line, "%s %.*s\r\n", tag, SPAN_ARG(command));
	int sent = file_write_all(s->doveadm.to, strbuf_span(&line));
	strbuf_free(&line);
	if (sent != 0) {
		*error_r = lost(s, strerror(errno));
		return FOLDER_SESSION_LOST;
	}
	while (reply_next(s, &reply, error_r)) {
		if (!span_equal(reply.tag, span_of(tag))) {
			shown = shown && each(context, &reply);
			continue;
		}
		if (span_equal_nocase(reply.word, SPAN_LITERAL("OK")))
			return FOLDER_SESSION_OK;
		struct strbuf text = STRBUF_INIT;
		imap_reply_text(reply.rest, &text);
		*error_r = xasprintf("Dovecot's imap: %s", strbuf_text(&text));
		strbuf_free(&text);
		return FOLDER_SESSION_REFUSED;
	}
	return FOLDER_SESSION_LOST;
}

int folder_session_open(const char *user, struct folder_session **session_r, char **error_r)
{
	const char *const arguments[] = {"doveadm", "exec", "imap", "-u", user, NULL};
	struct folder_session *s = xcalloc(1, sizeof(*s));
	struct imap_reply reply;

	if (doveadm_start(&s->doveadm, arguments, error_r) == 0 && reply_next(s, &reply, error_r)) {
		if (span_equal_nocase(reply.word, SPAN_LITERAL("PREAUTH"))) {
			*session_r = s;
			return 0;
		}
		struct strbuf text = STRBUF_INIT;
		imap_reply_text(reply.rest, &text);
		*error_r = xasprintf("Dovecot's imap: %s", strbuf_text(&text));
		strbuf_free(&text);
	}
	folder_session_close(&s);
	return -1;
}

void folder_session_close(struct folder_session **session)
{
	struct folder_session *s = *session;

	*session = NULL;
	if (s == NULL)
		return;
	if (s->doveadm.to >= 0)
		(void)file_write_all(s->doveadm.to, SPAN_LITERAL("end LOGOUT\r\n"));
	doveadm_end(&s->doveadm);
	strbuf_free(&s->input);
	free(s);
}
