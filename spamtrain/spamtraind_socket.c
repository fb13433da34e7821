#include "spamtrain/spamtraind_socket.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

METRIC_COUNTER(requests, "shoveler_spamtraind_requests_total", "Requests by the local socket");
METRIC_COUNTER(strangers, "shoveler_spamtraind_peers_refused_total",
	       "Connections to the local socket by users who may not");

struct request {
	const struct packet *packet;
	int fd; /* the message, or -1 */
	struct spool_worker *worker;
	struct strbuf reply;
};

static const char *attribute(const struct request *request, const char *name)
{
	const char *value = packet_get(request->packet, name);

	return value != NULL ? value : "";
}

static void reply_error(struct request *request, const char *outcome, const char *reason)
{
	strbuf_reset(&request->reply);
	packet_put(&request->reply, "status", "error");
	packet_put(&request->reply, "outcome", outcome);
	packet_put(&request->reply, "reason", reason);
}

/*
 * The first part of the message. Read, not mapped: the peer could cut the file. Only a regular file
 * (or memfd) never blocks.
 */
static bool read_message(struct request *request, struct strbuf *message)
{
	struct stat file;
	ssize_t size;

	if (request->fd < 0)
		return true;
	if (fstat(request->fd, &file) < 0 || !S_ISREG(file.st_mode)) {
		reply_error(request, "invalid", "the descriptor is no regular file");
		return false;
	}
	strbuf_reserve(message, RETRAIN_SPOOL_MAX_MESSAGE);
	size = pread(request->fd, message->data, RETRAIN_SPOOL_MAX_MESSAGE, 0);
	if (size < 0) {
		reply_error(request, "invalid", strerror(errno));
		return false;
	}
	message->size = (size_t)size;
	return true;
}

static void reply_result(struct request *request, const struct correction_result *result)
{
	bool ok = result->status == CORRECTION_DONE || result->status == CORRECTION_WAITING;

	packet_put(&request->reply, "status", ok ? "ok" : "error");
	packet_put(&request->reply, "outcome", correction_outcome(result));
	if (ok)
		packet_put(&request->reply, "released", result->released ? "yes" : "no");
	if (result->reason != NULL)
		packet_put(&request->reply, "reason", result->reason);
	else if (result->status == CORRECTION_UNKNOWN)
		packet_put(&request->reply, "reason",
			   "this user was given no such signature, or it has expired");
}

static void submit(struct request *request, const struct retrain_entry *entry)
{
	int wait_ms = strcmp(attribute(request, "wait"), "no") == 0 ? 0 : SPAMTRAIND_WAIT_MS;
	struct correction_result result = {0};
	struct strbuf message = STRBUF_INIT;
	char *error = NULL;

	if (read_message(request, &message)) {
		if (message.size == 0 && entry->signature[0] == '\0') {
			reply_error(request, "invalid", "neither signature nor message");
		} else if (spool_worker_submit(request->worker, entry, strbuf_span(&message),
					       wait_ms, &result, &error) < 0) {
			msg_error("user=<%s>, action=correct, source=%s, refused: %s", entry->user,
				  entry->source, error);
			reply_error(request, "deferred", error);
		} else {
			reply_result(request, &result);
		}
	}
	correction_result_free(&result);
	strbuf_free(&message);
	free(error);
}

static void handle_correction(struct request *request, const char *class)
{
	const char *source = attribute(request, "source"), *login = attribute(request, "user");
	struct spamtraind *service = spamtraind_current();
	struct strbuf user = STRBUF_INIT;
	struct retrain_entry entry = {
		.class = strcmp(class, "spam") == 0 ? RETRAIN_SPAM : RETRAIN_INNOCENT,
		.signature = attribute(request, "signature"),
		.source = source[0] != '\0' ? source : "other",
	};

	if (strcmp(class, "spam") != 0 && strcmp(class, "innocent") != 0) {
		reply_error(request, "invalid", "class must be spam or innocent");
	} else if (!spamtraind_user(service, login, &user)) {
		reply_error(request, "invalid", "user must be a mail address");
	} else {
		entry.user = strbuf_text(&user);
		submit(request, &entry);
	}
	strbuf_free(&user);
	spamtraind_drop(&service);
}

static void handle(struct request *request)
{
	const char *name = attribute(request, "request");

	metric_add(&requests, 1);
	if (strcmp(name, "ping") == 0) {
		packet_put(&request->reply, "status", "ok");
		packet_put(&request->reply, "version", SHOVELER_VERSION);
	} else if (strcmp(name, "retrain") == 0) {
		handle_correction(request, attribute(request, "class"));
	} else if (strcmp(name, "release") == 0) {
		handle_correction(request, "innocent");
	} else {
		reply_error(request, "invalid", "request must be ping, retrain or release");
	}
}

static bool peer_may(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
		msg_error("cannot ask who the peer is: %s", strerror(errno));
		return false;
	}
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	metric_add(&strangers, 1);
	msg_warn("refused a connection of uid %u, pid %d: neither root nor our own user",
		 (unsigned)peer.uid, (int)peer.pid);
	return false;
}

void spamtraind_session(int fd, void *context)
{
	char *error = NULL;
	int received;

	if (!peer_may(fd))
		return;
	for (;;) {
		struct packet packet;
		struct request request = {.packet = &packet, .fd = -1, .worker = context};

		received = packet_receive(fd, &packet, &request.fd, &error);
		if (received <= 0)
			break;
		handle(&request);
		if (request.fd >= 0)
			close(request.fd);
		packet_free(&packet);
		received = packet_send(fd, &request.reply, -1);
		strbuf_free(&request.reply);
		if (received < 0)
			break;
	}
	if (error != NULL)
		msg_debug("local socket: %s", error);
	free(error);
}
