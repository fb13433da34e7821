#include "web/dovecot_auth.h"

#include "web/sasl.h"

#include "lib/file.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_SIZE	   8192
#define LINES_MAX	   64 /* of the handshake, and until the answer */
#define CONNECT_TIMEOUT_MS 5000

struct talk {
	int fd;
	struct strbuf input;
	size_t used; /* bytes of input that were taken */
};

/* The next line without its end; valid until the next call. */
static bool read_line(struct talk *talk, struct span *line_r, char **error_r)
{
	for (;;) {
		struct span rest = span_from(strbuf_span(&talk->input), talk->used);
		const char *newline = rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;
		ssize_t size;

		if (newline != NULL) {
			*line_r = span_first(rest, (size_t)(newline - rest.data));
			talk->used += line_r->size + 1;
			return true;
		}
		if (rest.size > LINE_MAX_SIZE) {
			*error_r = xstrdup("dovecot auth: a line is too long");
			return false;
		}
		strbuf_reserve(&talk->input, LINE_MAX_SIZE);
		size = recv(talk->fd, talk->input.data + talk->input.size, LINE_MAX_SIZE, 0);
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0) {
			*error_r = xasprintf("dovecot auth: %s",
					     size == 0 ? "closed the connection" : strerror(errno));
			return false;
		}
		talk->input.size += (size_t)size;
	}
}

/* Takes what stands before the next tab. */
static struct span take_word(struct span *line)
{
	const char *tab = line->size > 0 ? memchr(line->data, '\t', line->size) : NULL;
	struct span word = *line;

	if (tab != NULL)
		word = span_first(*line, (size_t)(tab - line->data));
	*line = span_from(*line, word.size + 1);
	return word;
}

static bool word_is(struct span word, const char *text)
{
	return span_equal(word, span_of(text));
}

static bool handshake(struct talk *talk, char **error_r)
{
	struct strbuf hello = STRBUF_INIT;
	struct span line, word;
	bool sent;

	/* The version first: newer Dovecots wait for it. */
	strbuf_printf(&hello, "VERSION\t1\t1\nCPID\t%d\n", (int)getpid());
	sent = file_write_all(talk->fd, strbuf_span(&hello)) == 0;
	strbuf_free(&hello);
	if (!sent) {
		*error_r = xasprintf("dovecot auth: %s", strerror(errno));
		return false;
	}
	for (int i = 0; i < LINES_MAX; i++) {
		if (!read_line(talk, &line, error_r))
			return false;
		word = take_word(&line);
		if (word_is(word, "DONE"))
			return true;
		if (word_is(word, "VERSION") && !word_is(take_word(&line), "1"))
			break;
	}
	*error_r = xstrdup("dovecot auth: another protocol than version 1");
	return false;
}

static bool ask(struct talk *talk, const char *login, const char *password, const char *client,
		char **error_r)
{
	struct strbuf request = STRBUF_INIT;
	bool sent;

	strbuf_append_text(&request,
			   "AUTH\t1\tPLAIN\tservice=" DOVECOT_AUTH_SERVICE "\tsecured\tnologin");
	if (client[0] != '\0')
		strbuf_printf(&request, "\trip=%s", client);
	strbuf_append_text(&request, "\tresp=");
	sasl_plain(&request, login, password);
	strbuf_append_char(&request, '\n');
	sent = file_write_all(talk->fd, strbuf_span(&request)) == 0;
	OPENSSL_cleanse(request.data, request.size);
	strbuf_free(&request);
	if (!sent)
		*error_r = xasprintf("dovecot auth: %s", strerror(errno));
	return sent;
}

/* Dovecot's escapes (src/lib/strescape.c): \001 and what follows stand for tab, CR, LF, NUL. */
static void append_unescaped(struct strbuf *out, struct span value)
{
	for (size_t i = 0; i < value.size; i++) {
		char c = value.data[i];

		if (c == '\001' && i + 1 < value.size) {
			c = value.data[++i];
			c = c == 't' ? '\t' : c == 'r' ? '\r' : c == 'n' ? '\n' : c;
		}
		strbuf_append_char(out, c);
	}
}

static enum dovecot_auth_result read_ok(struct span line, struct strbuf *user_r, char **error_r)
{
	while (line.size > 0) {
		struct span word = take_word(&line);

		if (span_starts_nocase(word, SPAN_LITERAL("user="))) {
			append_unescaped(user_r, span_from(word, 5));
			return DOVECOT_AUTH_OK;
		}
	}
	*error_r = xstrdup("dovecot auth: OK without a user");
	return DOVECOT_AUTH_TROUBLE;
}

static enum dovecot_auth_result read_fail(struct span line, char **error_r)
{
	while (line.size > 0) {
		struct span word = take_word(&line);

		if (word_is(word, "temp") || word_is(word, "code=temp_fail")) {
			*error_r = xstrdup("dovecot auth: temporary failure, see Dovecot's log");
			return DOVECOT_AUTH_TROUBLE;
		}
	}
	return DOVECOT_AUTH_WRONG;
}

static enum dovecot_auth_result read_answer(struct talk *talk, struct strbuf *user_r,
					    char **error_r)
{
	struct span line, word;

	for (int i = 0; i < LINES_MAX; i++) {
		if (!read_line(talk, &line, error_r))
			return DOVECOT_AUTH_TROUBLE;
		word = take_word(&line);
		if (!word_is(take_word(&line), "1"))
			continue;
		if (word_is(word, "OK"))
			return read_ok(line, user_r, error_r);
		if (word_is(word, "FAIL"))
			return read_fail(line, error_r);
		/* PLAIN has nothing to go on with. */
		if (word_is(word, "CONT"))
			break;
	}
	*error_r = xstrdup("dovecot auth: no answer to the question");
	return DOVECOT_AUTH_TROUBLE;
}

enum dovecot_auth_result dovecot_auth_talk(int fd, const char *login, const char *password,
					   const char *client, struct strbuf *user_r,
					   char **error_r)
{
	struct talk talk = {.fd = fd};
	enum dovecot_auth_result result = DOVECOT_AUTH_TROUBLE;

	if (strlen(login) > DOVECOT_AUTH_LOGIN_MAX || strlen(password) > DOVECOT_AUTH_PASSWORD_MAX)
		return DOVECOT_AUTH_WRONG;
	if (handshake(&talk, error_r) && ask(&talk, login, password, client, error_r))
		result = read_answer(&talk, user_r, error_r);
	strbuf_free(&talk.input);
	return result;
}

enum dovecot_auth_result dovecot_auth(const struct endpoint *endpoint, const char *login,
				      const char *password, const char *client,
				      struct strbuf *user_r, char **error_r)
{
	int fd = endpoint_connect(endpoint, SOCK_STREAM, CONNECT_TIMEOUT_MS, error_r);
	enum dovecot_auth_result result;

	if (fd < 0)
		return DOVECOT_AUTH_TROUBLE;
	endpoint_set_timeout(fd, DOVECOT_AUTH_TIMEOUT_S);
	result = dovecot_auth_talk(fd, login, password, client, user_r, error_r);
	close(fd);
	return result;
}
