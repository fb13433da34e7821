#include "scanner_client.h"

#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000

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
	int passed = -1, ret = -1;

	packet_put(&request, "request", "scan");
	if (packet_send(connection, &request, fd) < 0)
		result->name = xasprintf("cannot ask the scanner: %s", strerror(errno));
	else
		ret = packet_receive(connection, &reply, &passed, &result->name);
	strbuf_free(&request);
	if (ret == 1) {
		take_reply(&reply, result);
		packet_free(&reply);
		if (passed >= 0)
			close(passed);
	} else if (ret == 0) {
		result->crashed = true;
		result->name = xstrdup("the scanner stopped while it had the message");
	}
}

void scanner_client_scan(const struct endpoint *scanner, int fd, int timeout_s,
			 struct scan_result *result_r)
{
	int connection;

	*result_r = (struct scan_result){.status = SCAN_ERROR};
	connection = endpoint_connect(scanner, SOCK_SEQPACKET, CONNECT_TIMEOUT_MS, &result_r->name);
	if (connection < 0)
		return;
	endpoint_set_timeout(connection, timeout_s);
	ask(connection, fd, result_r);
	close(connection);
}

void scan_result_free(struct scan_result *result)
{
	free(result->name);
	*result = (struct scan_result){0};
}
