#include "scanner_client.h"

#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000
#define MAX_REQUESTS	   128 /* at a time: half of what a Unix socket lets wait (LISTEN_BACKLOG) */

static sem_t places;

static void take_reply(const struct packet *reply, struct scan_result *result)
{
	const char *status = packet_get(reply, "status");
	const char *name = packet_get(reply, "signature");

	result->status = status == NULL ? SCAN_ERROR : scan_status_find(status);
	if (name == NULL)
		name = packet_get(reply, "reason");
	if (result->status != SCAN_CLEAN)
		result->name = xstrdup(name != NULL ? name : "no reason given");
}

static void ask(int connection, int fd, struct scan_result *result)
{
	struct strbuf request = STRBUF_INIT;
	struct packet reply;
	int ret;

	packet_put(&request, "request", "scan");
	ret = packet_ask(connection, &request, fd, &reply, NULL, &result->name);
	strbuf_free(&request);
	if (ret == 1) {
		take_reply(&reply, result);
		packet_free(&reply);
	} else if (ret == 0) {
		result->crashed = true;
		result->name = xstrdup("the scanner stopped while it had the message");
	}
}

/* Returns false when no place became free in time. */
static bool take_place(int timeout_s)
{
	struct timespec until;
	int ret;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_s;
	do
		ret = sem_timedwait(&places, &until);
	while (ret < 0 && errno == EINTR);
	return ret == 0;
}

__attribute__((constructor)) static void make_places(void)
{
	sem_init(&places, 0, MAX_REQUESTS);
}

static void scan(const struct endpoint *scanner, int fd, int timeout_s, struct scan_result *result)
{
	int connection =
		endpoint_connect(scanner, SOCK_SEQPACKET, CONNECT_TIMEOUT_MS, &result->name);

	if (connection < 0)
		return;
	endpoint_set_timeout(connection, timeout_s);
	ask(connection, fd, result);
	close(connection);
}

void scanner_client_scan(const struct endpoint *scanner, int fd, int timeout_s,
			 struct scan_result *result_r)
{
	*result_r = (struct scan_result){.status = SCAN_ERROR};
	if (!take_place(timeout_s)) {
		result_r->name = xstrdup("the scanner is overloaded");
		return;
	}
	scan(scanner, fd, timeout_s, result_r);
	sem_post(&places);
}

void scan_result_free(struct scan_result *result)
{
	free(result->name);
	*result = (struct scan_result){0};
}
