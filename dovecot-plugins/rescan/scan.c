#include "scan.h"

#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 5000

static char *text_of(const struct packet *packet, const char *name)
{
	const char *value = packet_get(packet, name);

	return value != NULL ? xstrdup(value) : NULL;
}

static void take_reply(const struct packet *packet, struct scan_reply *reply)
{
	const char *status = packet_get(packet, "status");

	reply->database = text_of(packet, "database");
	if (status != NULL && strcmp(status, "clean") == 0) {
		reply->answer = SCAN_CLEAN;
		return;
	}
	if (status != NULL && strcmp(status, "infected") == 0) {
		reply->answer = SCAN_INFECTED;
		reply->text = text_of(packet, "signature");
	} else {
		if (status != NULL && strcmp(status, "limit") == 0)
			reply->answer = SCAN_LIMITED;
		reply->text = text_of(packet, "reason");
	}
	if (reply->text == NULL)
		reply->text = xstrdup("unknown");
}

struct scan {
	int connection; /* -1: there is none */
	bool unreachable;
	char *error; /* why it cannot be answered */
};

struct scan *scan_begin(const struct endpoint *scanner, int fd)
{
	struct scan *scan = xcalloc(1, sizeof(*scan));
	struct strbuf request = STRBUF_INIT;

	scan->connection =
		endpoint_connect(scanner, SOCK_SEQPACKET, CONNECT_TIMEOUT_MS, &scan->error);
	scan->unreachable = scan->connection < 0;
	if (scan->unreachable)
		return scan;
	packet_put(&request, "request", "scan");
	if (packet_send(scan->connection, &request, fd) < 0)
		scan->error = xasprintf("cannot ask the scanner: %s", strerror(errno));
	strbuf_free(&request);
	return scan;
}

static void receive(struct scan *scan, int timeout, struct scan_reply *reply)
{
	struct packet packet;
	int passed, ret;

	endpoint_set_timeout(scan->connection, timeout);
	ret = packet_receive(scan->connection, &packet, &passed, &scan->error);
	if (ret == 0)
		scan->error = xstrdup("the scanner stopped while it had the message");
	if (ret <= 0)
		return;
	take_reply(&packet, reply);
	packet_free(&packet);
	if (passed >= 0)
		close(passed);
}

void scan_finish(struct scan **_scan, int timeout, struct scan_reply *reply_r)
{
	struct scan *scan = *_scan;

	*_scan = NULL;
	*reply_r = (struct scan_reply){.answer = SCAN_UNDECIDED, .unreachable = scan->unreachable};
	if (scan->error == NULL)
		receive(scan, timeout, reply_r);
	if (scan->error != NULL)
		reply_r->text = scan->error;
	if (scan->connection >= 0)
		close(scan->connection);
	free(scan);
}

void scan_reply_free(struct scan_reply *reply)
{
	free(reply->text);
	free(reply->database);
	*reply = (struct scan_reply){.answer = SCAN_UNDECIDED};
}

/* It names them with each answer: an empty message is as good as any. */
char *scan_database(const struct endpoint *scanner, int timeout)
{
	int fd = memfd_create("rescan", MFD_CLOEXEC);
	struct scan_reply reply;
	struct scan *scan;
	char *database;

	if (fd < 0)
		return NULL;
	scan = scan_begin(scanner, fd);
	scan_finish(&scan, timeout, &reply);
	close(fd);
	database = reply.database;
	reply.database = NULL;
	scan_reply_free(&reply);
	return database;
}
