#include "metrics.h"

#include "listener.h"
#include "strbuf.h"
#include "xalloc.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define METRICS_SOCKET_MODE	  0660
#define METRICS_TIMEOUT_SECONDS	  10
#define METRICS_CONNECTION_LIMIT  16
#define METRICS_CONNECTION_MEMORY (size_t)(16 * 1024)

static struct metric *metrics; /* sorted by name */
static struct MHD_Daemon *http;
static time_t started;

__attribute__((constructor)) static void note_start(void)
{
	started = time(NULL);
}

void metric_register(struct metric *metric)
{
	struct metric **place = &metrics;

	while (*place != NULL && strcmp((*place)->name, metric->name) < 0)
		place = &(*place)->next;
	metric->next = *place;
	*place = metric;
}

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned names; /* metrics that metric_count() made */

/* family{label="value"}, escaped as Prometheus has it; control characters are none of a name's. */
static char *labelled(const char *family, const char *label, const char *value)
{
	struct strbuf name = STRBUF_INIT;

	strbuf_printf(&name, "%s{%s=\"", family, label);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			strbuf_append_char(&name, '\\');
		strbuf_append_char(&name, (unsigned char)*value < ' ' ? '?' : *value);
	}
	strbuf_append_text(&name, "\"}");
	return strbuf_steal(&name);
}

static struct metric *find_metric(const char *name)
{
	struct metric *each = metrics;

	while (each != NULL && strcmp(each->name, name) != 0)
		each = each->next;
	return each;
}

void metric_count(const char *family, const char *help, const char *label, const char *value)
{
	char *name = labelled(family, label, value);
	struct metric *metric;

	pthread_mutex_lock(&names_lock);
	metric = find_metric(name);
	if (metric == NULL && names >= METRIC_NAMES_MAX) {
		free(name);
		name = labelled(family, label, "other");
		metric = find_metric(name);
	}
	if (metric == NULL) {
		metric = xcalloc(1, sizeof(*metric));
		metric->name = name;
		metric->help = help;
		metric->type = "counter";
		name = NULL;
		names++;
		metric_register(metric);
	}
	pthread_mutex_unlock(&names_lock);
	metric_add(metric, 1);
	free(name);
}

static size_t family_size(const char *name)
{
	return strcspn(name, "{");
}

static bool same_family(const struct metric *a, const struct metric *b)
{
	size_t size = family_size(a->name);

	return size == family_size(b->name) && memcmp(a->name, b->name, size) == 0;
}

static void write_value(const struct metric *metric, struct strbuf *out)
{
	long long value = (long long)atomic_load(&metric->value);

	if (metric->milli)
		strbuf_printf(out, "%s %lld.%03lld\n", metric->name, value / 1000, value % 1000);
	else
		strbuf_printf(out, "%s %lld\n", metric->name, value);
}

/* An upgrade without a restart, and a daemon that comes and goes, can be seen by these. */
static void write_process(struct strbuf *out)
{
	strbuf_printf(out,
		      "# HELP process_start_time_seconds When this process began, Unix time\n"
		      "# TYPE process_start_time_seconds gauge\n"
		      "process_start_time_seconds %lld\n"
		      "# HELP shoveler_build_info The program and its version; always 1\n"
		      "# TYPE shoveler_build_info gauge\n"
		      "shoveler_build_info{program=\"%s\",version=\"%s\"} 1\n",
		      (long long)started, program_invocation_short_name, SHOVELER_VERSION);
}

void metrics_write(struct strbuf *out)
{
	const struct metric *previous = NULL;

	write_process(out);
	pthread_mutex_lock(&names_lock);
	for (struct metric *each = metrics; each != NULL; each = each->next) {
		int size = (int)family_size(each->name);

		if (previous == NULL || !same_family(previous, each))
			strbuf_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", size, each->name,
				      each->help, size, each->name, each->type);
		write_value(each, out);
		previous = each;
	}
	pthread_mutex_unlock(&names_lock);
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *text,
			      size_t size)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		size, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result handle_request(void *context, struct MHD_Connection *connection,
				      const char *url, const char *method, const char *version,
				      const char *upload, size_t *upload_size, void **state)
{
	static const char not_found[] = "the metrics are at /metrics\n";
	struct strbuf page = STRBUF_INIT;
	enum MHD_Result result;

	(void)context, (void)version, (void)upload, (void)upload_size, (void)state;
	if (strcmp(method, "GET") != 0 || strcmp(url, "/metrics") != 0)
		return answer(connection, MHD_HTTP_NOT_FOUND, not_found, sizeof(not_found) - 1);
	metrics_write(&page);
	result = answer(connection, MHD_HTTP_OK, strbuf_text(&page), page.size);
	strbuf_free(&page);
	return result;
}

int metrics_serve(const char *address, char **error_r)
{
	const struct listener_access access = {METRICS_SOCKET_MODE, (uid_t)-1, (gid_t)-1};
	struct endpoint endpoint;
	int fd;

	if (address[0] == '\0')
		return 0;
	if (endpoint_parse(address, &endpoint, error_r) < 0)
		return -1;
	fd = listener_open(&endpoint, SOCK_STREAM, access, error_r);
	if (fd < 0)
		return -1;
	http = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, handle_request, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_TIMEOUT,
		METRICS_TIMEOUT_SECONDS, MHD_OPTION_CONNECTION_LIMIT, METRICS_CONNECTION_LIMIT,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, METRICS_CONNECTION_MEMORY, MHD_OPTION_END);
	if (http == NULL) {
		*error_r = xasprintf("cannot serve metrics on %s", address);
		close(fd);
		return -1;
	}
	return 0;
}

void metrics_stop(void)
{
	if (http != NULL)
		MHD_stop_daemon(http);
	http = NULL;
}
