#include "probe.h"

#include "lib/endpoint.h"
#include "lib/packet.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

const struct service services[] = {
	{"shoveler-milter", P_MILTER_METRICS_LISTEN},
	{"shoveler-lda", P_LDA_METRICS_LISTEN},
	{"spamtraind", P_SPAMTRAIND_METRICS_LISTEN},
	{"shoveler-web", P_WEB_METRICS_LISTEN},
	{NULL, P_COUNT},
};

bool service_wanted(const struct conf *conf, const struct service *service)
{
	const char *const *wanted = conf_list(conf, P_SERVICES);

	for (; *wanted != NULL; wanted++) {
		if (strcmp(*wanted, service->program) == 0)
			return true;
	}
	return false;
}

static int open_connection(const char *address, int type, char **error_r)
{
	struct endpoint endpoint;
	int fd;

	if (endpoint_parse(address, &endpoint, error_r) < 0)
		return -1;
	fd = endpoint_connect(&endpoint, type, PROBE_TIMEOUT_MS, error_r);
	if (fd >= 0)
		endpoint_set_timeout(fd, PROBE_TIMEOUT_MS / 1000);
	return fd;
}

int probe_connect(const char *address, int type, char **error_r)
{
	int fd = open_connection(address, type, error_r);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int probe_milter(const char *address, char **error_r)
{
	static const char offer[] = "\0\0\0\15O\0\0\0\6\0\0\1\377\0\37\377\377";
	static const char quit[] = "\0\0\0\1Q";
	int fd = open_connection(address, SOCK_STREAM, error_r);
	char answer[64];
	ssize_t size = -1;

	if (fd < 0)
		return -1;
	if (send(fd, offer, sizeof(offer) - 1, MSG_NOSIGNAL) == sizeof(offer) - 1)
		size = recv(fd, answer, sizeof(answer), 0);
	if (size > 0)
		send(fd, quit, sizeof(quit) - 1, MSG_NOSIGNAL);
	close(fd);
	if (size > 4 && answer[4] == 'O')
		return 0;
	if (size == 0)
		*error_r = xasprintf("%s: no answer of a milter: it hangs up", address);
	else
		*error_r = xasprintf("%s: no answer of a milter within %d s", address,
				     PROBE_TIMEOUT_MS / 1000);
	return -1;
}

/* A server that greets with begin, and is told to end. */
static int probe_greeting(const char *address, const char *protocol, struct span begin,
			  struct span end, char **error_r)
{
	int fd = open_connection(address, SOCK_STREAM, error_r);
	char greeting[512];
	ssize_t size;

	if (fd < 0)
		return -1;
	size = recv(fd, greeting, sizeof(greeting) - 1, 0);
	if (size > 0)
		send(fd, end.data, end.size, MSG_NOSIGNAL);
	close(fd);
	if (size >= (ssize_t)begin.size && memcmp(greeting, begin.data, begin.size) == 0)
		return 0;
	*error_r = xasprintf("%s: no %s greeting within %d s", address, protocol,
			     PROBE_TIMEOUT_MS / 1000);
	return -1;
}

int probe_lmtp(const char *address, char **error_r)
{
	return probe_greeting(address, "LMTP", SPAN_LITERAL("220 "), SPAN_LITERAL("QUIT\r\n"),
			      error_r);
}

int probe_imap(const char *address, char **error_r)
{
	return probe_greeting(address, "IMAP", SPAN_LITERAL("* OK"), SPAN_LITERAL("a LOGOUT\r\n"),
			      error_r);
}

/* What was passed, to its end. */
static void read_content(int fd, struct strbuf *content)
{
	char buffer[4096];
	ssize_t size;

	if (content == NULL)
		return;
	while (content->size < PROBE_PAGE_MAX &&
	       (size = pread(fd, buffer, sizeof(buffer), (off_t)content->size)) > 0)
		strbuf_append(content, buffer, (size_t)size);
}

static int ask(int fd, const struct strbuf *request, struct packet *reply, struct strbuf *content,
	       char **error_r)
{
	int passed, ret;

	if (packet_send(fd, request, -1) < 0) {
		*error_r = xstrdup(strerror(errno));
		return -1;
	}
	ret = packet_receive(fd, reply, &passed, error_r);
	if (ret == 0)
		*error_r = xstrdup("closed without an answer");
	if (ret <= 0)
		return -1;
	if (passed >= 0) {
		read_content(passed, content);
		close(passed);
	}
	return 0;
}

int probe_ask(const char *address, const struct strbuf *request, struct strbuf *content,
	      char **error_r)
{
	int fd = open_connection(address, SOCK_SEQPACKET, error_r), ret;
	char *problem = NULL;
	struct packet reply;
	const char *status, *reason;

	if (fd < 0)
		return -1;
	ret = ask(fd, request, &reply, content, &problem);
	close(fd);
	if (ret == 0) {
		status = packet_get(&reply, "status");
		reason = packet_get(&reply, "reason");
		if (status == NULL || strcmp(status, "ok") != 0)
			problem = xasprintf("answered %s", reason != NULL   ? reason
							   : status != NULL ? status
									    : "badly");
		packet_free(&reply);
	}
	if (problem == NULL)
		return 0;
	*error_r = xasprintf("%s: %s", address, problem);
	free(problem);
	return -1;
}

int probe_ping(const char *address, char **error_r)
{
	struct strbuf request = STRBUF_INIT;
	int ret;

	packet_put(&request, "request", "ping");
	ret = probe_ask(address, &request, NULL, error_r);
	strbuf_free(&request);
	return ret;
}

static void receive_page(int fd, struct strbuf *page)
{
	char buffer[4096];
	ssize_t size;

	while (page->size < PROBE_PAGE_MAX && (size = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		strbuf_append(page, buffer, (size_t)size);
}

int probe_metrics(const char *address, struct strbuf *page, char **error_r)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	int fd = open_connection(address, SOCK_STREAM, error_r);
	struct strbuf answer = STRBUF_INIT;
	const char *body = NULL;

	if (fd < 0)
		return -1;
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0)
		receive_page(fd, &answer);
	close(fd);
	if (span_starts_nocase(strbuf_span(&answer), SPAN_LITERAL("HTTP/1.")) &&
	    strstr(strbuf_text(&answer), " 200 ") != NULL)
		body = strstr(strbuf_text(&answer), "\r\n\r\n");
	if (body != NULL)
		strbuf_append_text(page, body + 4);
	else
		*error_r = xasprintf("%s: no metrics page", address);
	strbuf_free(&answer);
	return body != NULL ? 0 : -1;
}
