#include "web/imap.h"

#include "web/sasl.h"

#include "lib/file.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000
#define READ_SIZE	   16384
#define REPLY_MAX	   ((size_t)256 * 1024) /* bytes of one answer */

struct imap {
	int fd;
	unsigned long tag; /* of the latest command */
	struct strbuf input;
	size_t used; /* bytes of input that were taken */
};

/* ---- bytes ---- */

static bool read_more(struct imap *imap, char **error_r)
{
	ssize_t size;

	if (imap->used > 0) {
		imap->input.size -= imap->used;
		memmove(imap->input.data, imap->input.data + imap->used, imap->input.size);
		imap->used = 0;
	}
	strbuf_reserve(&imap->input, READ_SIZE);
	do
		size = recv(imap->fd, imap->input.data + imap->input.size, READ_SIZE, 0);
	while (size < 0 && errno == EINTR);
	if (size <= 0) {
		*error_r =
			xasprintf("imap: %s", size == 0 ? "the server hung up" : strerror(errno));
		return false;
	}
	imap->input.size += (size_t)size;
	return true;
}

/* The next answer; valid until the next call. */
static bool next_reply(struct imap *imap, struct imap_reply *reply_r, char **error_r)
{
	for (;;) {
		struct span rest = span_from(strbuf_span(&imap->input), imap->used);
		ssize_t size = imap_reply_size(rest, REPLY_MAX);

		if (size > 0 && imap_reply_split(span_first(rest, (size_t)size), reply_r)) {
			imap->used += (size_t)size;
			return true;
		}
		if (size != 0) {
			*error_r = xstrdup("imap: a malformed answer");
			return false;
		}
		if (!read_more(imap, error_r))
			return false;
	}
}

static bool send_all(struct imap *imap, const struct strbuf *text, char **error_r)
{
	if (file_write_all(imap->fd, strbuf_span(text)) == 0)
		return true;
	*error_r = xasprintf("imap: %s", strerror(errno));
	return false;
}

/* ---- commands ---- */

static void finish(struct imap_command *command, const struct imap_reply *reply)
{
	struct strbuf text = STRBUF_INIT;

	command->ok = span_equal_nocase(reply->word, SPAN_LITERAL("OK"));
	imap_reply_text(reply->rest, &text);
	snprintf(command->refusal, sizeof(command->refusal), "%s",
		 command->ok ? "" : strbuf_text(&text));
	strbuf_free(&text);
}

/* Answers to the commands that were sent last, whose first tag is that. */
static bool read_answers(struct imap *imap, unsigned long tag, struct imap_command *commands,
			 size_t count, size_t first,
			 void (*each)(void *context, size_t command,
				      const struct imap_reply *reply),
			 void *context, char **error_r)
{
	struct imap_reply reply;
	size_t done = 0;
	char wanted[32];

	for (unsigned long i = 0; done < count && i < IMAP_REPLIES_MAX; i++) {
		if (!next_reply(imap, &reply, error_r))
			return false;
		snprintf(wanted, sizeof(wanted), "T%lu", tag + done);
		if (span_equal(reply.tag, span_of(wanted))) {
			finish(&commands[done++], &reply);
		} else if (!span_equal(reply.tag, SPAN_LITERAL("*"))) {
			*error_r = xstrdup("imap: an answer to nothing we asked");
			return false;
		} else if (each != NULL) {
			each(context, first + done, &reply);
		}
	}
	if (done == count)
		return true;
	*error_r = xstrdup("imap: too many answers");
	return false;
}

bool imap_run(struct imap *imap, struct imap_command *commands, size_t count,
	      void (*each)(void *context, size_t command, const struct imap_reply *reply),
	      void *context, char **error_r)
{
	struct strbuf text = STRBUF_INIT;
	bool ok = true;

	for (size_t first = 0; ok && first < count; first += IMAP_BATCH) {
		size_t some = count - first < IMAP_BATCH ? count - first : IMAP_BATCH;
		unsigned long tag = imap->tag + 1;

		strbuf_reset(&text);
		for (size_t i = 0; i < some; i++) {
			strbuf_printf(&text, "T%lu ", ++imap->tag);
			strbuf_append_span(&text, strbuf_span(&commands[first + i].text));
			strbuf_append_text(&text, "\r\n");
		}
		ok = send_all(imap, &text, error_r) &&
		     read_answers(imap, tag, commands + first, some, first, each, context, error_r);
	}
	strbuf_free(&text);
	return ok;
}

void imap_command_free(struct imap_command *commands, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strbuf_free(&commands[i].text);
}

/* ---- sessions ---- */

/* The server says OK or BYE first. */
static bool greeting(struct imap *imap, char **error_r)
{
	struct imap_reply reply;

	if (!next_reply(imap, &reply, error_r))
		return false;
	if (span_equal(reply.tag, SPAN_LITERAL("*")) &&
	    span_equal_nocase(reply.word, SPAN_LITERAL("OK")))
		return true;
	*error_r = xasprintf("imap: greets with %.*s %.*s", SPAN_ARG(reply.word),
			     SPAN_ARG(reply.rest));
	return false;
}

/* RFC 5530: these codes say that the password may be right. */
static bool is_trouble(struct span rest)
{
	return span_starts_nocase(rest, SPAN_LITERAL("[UNAVAILABLE]")) ||
	       span_starts_nocase(rest, SPAN_LITERAL("[PRIVACYREQUIRED]")) ||
	       span_starts_nocase(rest, SPAN_LITERAL("[SERVERBUG]")) ||
	       span_starts_nocase(rest, SPAN_LITERAL("[LIMIT]"));
}

static enum imap_result sign_in(struct imap *imap, const char *login, const char *password,
				char **error_r)
{
	struct strbuf text = STRBUF_INIT;
	struct imap_reply reply;
	bool sent;

	strbuf_append_text(&text, "T0 AUTHENTICATE PLAIN ");
	sasl_plain(&text, login, password);
	strbuf_append_text(&text, "\r\n");
	sent = send_all(imap, &text, error_r);
	OPENSSL_cleanse(text.data, text.size);
	strbuf_free(&text);
	for (int i = 0; sent && i < IMAP_BATCH; i++) {
		if (!next_reply(imap, &reply, error_r))
			return IMAP_TROUBLE;
		if (!span_equal(reply.tag, SPAN_LITERAL("T0")))
			continue;
		if (span_equal_nocase(reply.word, SPAN_LITERAL("OK")))
			return IMAP_OPEN;
		if (span_equal_nocase(reply.word, SPAN_LITERAL("NO")) && !is_trouble(reply.rest))
			return IMAP_DENIED;
		*error_r = xasprintf("imap: signing in: %.*s %.*s", SPAN_ARG(reply.word),
				     SPAN_ARG(reply.rest));
		return IMAP_TROUBLE;
	}
	if (sent)
		*error_r = xstrdup("imap: no answer to signing in");
	return IMAP_TROUBLE;
}

enum imap_result imap_begin(int fd, const char *login, const char *password, struct imap **imap_r,
			    char **error_r)
{
	struct imap *imap = xcalloc(1, sizeof(*imap));
	enum imap_result result = IMAP_TROUBLE;

	imap->fd = fd;
	if (greeting(imap, error_r))
		result = sign_in(imap, login, password, error_r);
	if (result != IMAP_OPEN)
		imap_close(&imap);
	*imap_r = imap;
	return result;
}

enum imap_result imap_open(const struct endpoint *endpoint, const char *login, const char *password,
			   struct imap **imap_r, char **error_r)
{
	int fd = endpoint_connect(endpoint, SOCK_STREAM, CONNECT_TIMEOUT_MS, error_r);

	*imap_r = NULL;
	if (fd < 0)
		return IMAP_TROUBLE;
	endpoint_set_timeout(fd, IMAP_TIMEOUT_S);
	return imap_begin(fd, login, password, imap_r, error_r);
}

/* LOGOUT is a courtesy: nothing hangs on its answer. */
void imap_close(struct imap **imap)
{
	if (*imap == NULL)
		return;
	(void)file_write_all((*imap)->fd, SPAN_LITERAL("T LOGOUT\r\n"));
	close((*imap)->fd);
	strbuf_free(&(*imap)->input);
	free(*imap);
	*imap = NULL;
}
