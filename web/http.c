#include "web/http.h"

#include "web/cookie.h"
#include "web/site.h"

#include "lib/clock.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREAD_STACK_SIZE (512 * 1024)
#define DRAIN_MS	  10000
#define DRAIN_STEP_MS	  20

METRIC_COUNTER(answers_2xx, "shoveler_web_responses_total{class=\"2xx\"}", "Responses");
METRIC_COUNTER(answers_3xx, "shoveler_web_responses_total{class=\"3xx\"}", "Responses");
METRIC_COUNTER(answers_4xx, "shoveler_web_responses_total{class=\"4xx\"}", "Responses");
METRIC_COUNTER(answers_5xx, "shoveler_web_responses_total{class=\"5xx\"}", "Responses");
METRIC_GAUGE(working, "shoveler_web_requests_in_work", "Requests that are worked on");

struct http {
	struct http_settings settings;
	struct MHD_Daemon *daemon;
};

/* What libmicrohttpd keeps for us between its calls. */
struct exchange {
	struct request request;
	struct strbuf body;
	bool has_begun, too_large, is_head, is_allowed;
	int64_t started_ms;
};

static const char *header(struct MHD_Connection *connection, const char *name)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

	return value != NULL ? value : "";
}

static void keep(char *to, size_t size, const char *value)
{
	if (strlen(value) < size)
		memcpy(to, value, strlen(value) + 1);
}

static void keep_span(char *to, size_t size, struct span value)
{
	if (value.size < size)
		snprintf(to, size, "%.*s", SPAN_ARG(value));
}

/* Called first of all, with the request target as it came. */
static void *begin(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *exchange = xcalloc(1, sizeof(*exchange));
	const char *query = strchr(uri, '?');
	size_t size = query != NULL ? (size_t)(query - uri) : strlen(uri);

	(void)context, (void)connection;
	exchange->started_ms = clock_ms();
	if (size > 0 && size < REQUEST_PATH_MAX && uri[0] == '/')
		snprintf(exchange->request.path, REQUEST_PATH_MAX, "%.*s", (int)size - 1, uri + 1);
	else
		/* No page is named so. */
		snprintf(exchange->request.path, REQUEST_PATH_MAX, "?");
	if (query != NULL)
		exchange->request.raw_query = xstrdup(query + 1);
	return exchange;
}

/* The last address is the one the proxy saw; those before it are the client's word. */
static void read_client(struct request *r, const char *forwarded)
{
	const char *comma = strrchr(forwarded, ',');
	struct span last = span_trim(span_of(comma != NULL ? comma + 1 : forwarded));
	unsigned char address[sizeof(struct in6_addr)];

	if (last.size >= sizeof(r->client))
		return;
	snprintf(r->client, sizeof(r->client), "%.*s", SPAN_ARG(last));
	if (inet_pton(AF_INET, r->client, address) != 1 &&
	    inet_pton(AF_INET6, r->client, address) != 1)
		r->client[0] = '\0';
}

static void read_headers(struct exchange *exchange, struct MHD_Connection *connection,
			 const char *method)
{
	struct request *r = &exchange->request;
	struct span cookies = span_of(header(connection, "Cookie"));

	exchange->is_head = strcmp(method, "HEAD") == 0;
	r->post = strcmp(method, "POST") == 0;
	exchange->is_allowed = r->post || exchange->is_head || strcmp(method, "GET") == 0;
	read_client(r, header(connection, "X-Forwarded-For"));
	keep(r->host, sizeof(r->host), header(connection, "Host"));
	keep(r->origin, sizeof(r->origin), header(connection, "Origin"));
	keep(r->languages, sizeof(r->languages), header(connection, "Accept-Language"));
	if (r->site->sign_on_header[0] != '\0')
		keep(r->proxy_user, sizeof(r->proxy_user),
		     header(connection, r->site->sign_on_header));
	keep_span(r->cookie, sizeof(r->cookie), cookie_find(cookies, COOKIE_SESSION));
	keep_span(r->mail_cookie, sizeof(r->mail_cookie), cookie_find(cookies, COOKIE_MAIL));
}

static void count(unsigned status)
{
	metric_add(status < 300	  ? &answers_2xx
		   : status < 400 ? &answers_3xx
		   : status < 500 ? &answers_4xx
				  : &answers_5xx,
		   1);
}

static void log_request(const struct exchange *exchange)
{
	const struct request *r = &exchange->request;

	if (strcmp(r->path, HTTP_WATCHDOG_PATH) == 0)
		return;
	count(r->response.status);
	msg_info("%s: user=<%s>, method=%s, path=/%s, status=%u, bytes=%zu, ms=%lld",
		 r->client[0] != '\0' ? r->client : "local", r->session.user,
		 r->post ? "POST" : "GET", r->path, r->response.status, r->html.out.size,
		 (long long)(clock_ms() - exchange->started_ms));
}

static void put_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (value != NULL && MHD_add_response_header(response, name, value) != MHD_YES)
		msg_error("header %s cannot be sent", name);
}

static void put_headers(struct MHD_Response *out, const struct response *response)
{
	char *disposition = NULL, *cookie = NULL, *mail_cookie = NULL, retry[16];

	put_header(out, "Content-Type", response->type);
	put_header(out, "Location", response->location);
	put_header(out, "Content-Security-Policy",
		   "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
		   "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
	put_header(out, "X-Content-Type-Options", "nosniff");
	put_header(out, "X-Frame-Options", "DENY");
	/* With no-referrer browsers would not say where a form comes from. */
	put_header(out, "Referrer-Policy", "same-origin");
	put_header(out, "Cross-Origin-Opener-Policy", "same-origin");
	put_header(out, "Cross-Origin-Resource-Policy", "same-origin");
	put_header(out, "Cache-Control",
		   response->is_lasting ? "public, max-age=31536000, immutable" : "no-store");
	if (response->forgets)
		put_header(out, "Clear-Site-Data", "\"cache\"");
	if (response->cookie != NULL)
		put_header(out, "Set-Cookie",
			   cookie = cookie_header(COOKIE_SESSION, response->cookie));
	if (response->mail_cookie != NULL)
		put_header(out, "Set-Cookie",
			   mail_cookie = cookie_header(COOKIE_MAIL, response->mail_cookie));
	if (response->file != NULL)
		put_header(out, "Content-Disposition",
			   disposition = xasprintf("attachment; filename=\"%s\"", response->file));
	if (response->retry_s > 0) {
		snprintf(retry, sizeof(retry), "%u", response->retry_s);
		put_header(out, "Retry-After", retry);
	}
	free(disposition);
	free(cookie);
	free(mail_cookie);
}

static enum MHD_Result respond(struct exchange *exchange, struct MHD_Connection *connection)
{
	struct request *r = &exchange->request;
	struct MHD_Response *out;
	enum MHD_Result result;

	log_request(exchange);
	out = MHD_create_response_from_buffer(r->html.out.size,
					      (void *)(uintptr_t)strbuf_text(&r->html.out),
					      MHD_RESPMEM_MUST_COPY);
	if (out == NULL)
		return MHD_NO;
	put_headers(out, &r->response);
	result = MHD_queue_response(connection, r->response.status, out);
	MHD_destroy_response(out);
	return result;
}

static void answer_plainly(struct request *r, unsigned status, const char *why)
{
	r->response.status = status;
	r->response.type = "text/plain; charset=utf-8";
	strbuf_reset(&r->html.out);
	strbuf_append_text(&r->html.out, why);
}

static enum MHD_Result work(struct http *http, struct exchange *exchange,
			    struct MHD_Connection *connection)
{
	struct request *r = &exchange->request;
	enum MHD_Result result;

	metric_add(&working, 1);
	if (!exchange->is_allowed)
		answer_plainly(r, MHD_HTTP_METHOD_NOT_ALLOWED, "GET, HEAD or POST\n");
	else if (exchange->too_large)
		answer_plainly(r, MHD_HTTP_CONTENT_TOO_LARGE, "the form is too large\n");
	else if ((r->raw_query != NULL && !form_parse(&r->query, span_of(r->raw_query))) ||
		 (r->post && !form_parse(&r->form, strbuf_span(&exchange->body))))
		answer_plainly(r, MHD_HTTP_BAD_REQUEST, "the request is malformed\n");
	else if (strcmp(r->path, HTTP_WATCHDOG_PATH) == 0)
		answer_plainly(r, MHD_HTTP_OK, "alive\n");
	else
		http->settings.handle(r);
	result = respond(exchange, connection);
	metric_add(&working, -1);
	return result;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	struct http *http = context;
	struct exchange *exchange = *state;

	(void)url, (void)version;
	if (!exchange->has_begun) {
		exchange->has_begun = true;
		exchange->request.site = http->settings.hold_site();
		exchange->request.now = time(NULL);
		read_headers(exchange, connection, method);
		return MHD_YES;
	}
	if (*upload_size == 0)
		return work(http, exchange, connection);
	if (!exchange->request.post || exchange->body.size + *upload_size > FORM_SIZE_MAX)
		exchange->too_large = true;
	else
		strbuf_append(&exchange->body, upload, *upload_size);
	*upload_size = 0;
	return MHD_YES;
}

static void complete(void *context, struct MHD_Connection *connection, void **state,
		     enum MHD_RequestTerminationCode how)
{
	struct exchange *exchange = *state;

	(void)context, (void)connection, (void)how;
	if (exchange == NULL)
		return;
	*state = NULL;
	request_free(&exchange->request);
	/* It may hold a password. */
	if (exchange->body.data != NULL)
		explicit_bzero(exchange->body.data, exchange->body.capacity);
	strbuf_free(&exchange->body);
	free(exchange);
}

__attribute__((format(printf, 2, 0))) static void log_library(void *context, const char *format,
							      va_list args)
{
	char *line = NULL;

	(void)context;
	if (vasprintf(&line, format, args) >= 0)
		msg_debug("libmicrohttpd: %s", line);
	free(line);
}

int http_start(const struct http_settings *settings, struct http **http_r, char **error_r)
{
	struct http *http = xcalloc(1, sizeof(*http));

	http->settings = *settings;
	http->daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
			MHD_USE_ITC | MHD_USE_ERROR_LOG,
		0, NULL, NULL, handle, http, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
		MHD_OPTION_LISTEN_SOCKET, settings->listen_fd, MHD_OPTION_URI_LOG_CALLBACK, begin,
		NULL, MHD_OPTION_NOTIFY_COMPLETED, complete, NULL, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)HTTP_TIMEOUT_S, MHD_OPTION_CONNECTION_LIMIT, settings->max_connections,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_MEMORY,
		MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK_SIZE, MHD_OPTION_END);
	if (http->daemon == NULL) {
		*error_r = xstrdup("libmicrohttpd cannot start");
		free(http);
		return -1;
	}
	*http_r = http;
	return 0;
}

bool http_is_full(struct http *http)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info != NULL && info->num_connections >= http->settings.max_connections;
}

void http_stop(struct http **http_p)
{
	struct http *http = *http_p;
	int fd;

	if (http == NULL)
		return;
	*http_p = NULL;
	fd = MHD_quiesce_daemon(http->daemon);
	for (int waited = 0; atomic_load(&working.value) > 0 && waited < DRAIN_MS;
	     waited += DRAIN_STEP_MS)
		poll(NULL, 0, DRAIN_STEP_MS);
	MHD_stop_daemon(http->daemon);
	if (fd >= 0)
		close(fd);
	free(http);
}
