#include "scan.h"

#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

static void ask(int connection, int fd, struct scan_reply *reply)
{
	struct strbuf request = STRBUF_INIT;
	struct packet packet;
	int passed, ret;

	packet_put(&request, "request", "scan");
	ret = packet_send(connection, &request, fd);
	strbuf_free(&request);
	if (ret < 0) {
		reply->text = xasprintf("cannot ask the scanner: %s", strerror(errno));
		return;
	}
	ret = packet_receive(connection, &packet, &passed, &reply->text);
	if (ret == 0)
		reply->text = xstrdup("the scanner stopped while it had the message");
	if (ret <= 0)
		return;
	take_reply(&packet, reply);
	packet_free(&packet);
	if (passed >= 0)
		close(passed);
}

void scan_message(const struct endpoint *scanner, int timeout, int fd, struct scan_reply *reply_r)
{
	int connection;

	*reply_r = (struct scan_reply){.answer = SCAN_UNDECIDED};
	connection = endpoint_connect(scanner, SOCK_SEQPACKET, CONNECT_TIMEOUT_MS, &reply_r->text);
	if (connection < 0)
		return;
	endpoint_set_timeout(connection, timeout);
	ask(connection, fd, reply_r);
	close(connection);
}

void scan_reply_free(struct scan_reply *reply)
{
	free(reply->text);
	free(reply->database);
	*reply = (struct scan_reply){.answer = SCAN_UNDECIDED};
}
