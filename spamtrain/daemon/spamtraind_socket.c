#include "spamtrain/daemon/spamtraind_socket.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/server.h"
#include "lib/packet.h"
#include "spamtrain/daemon/spamtraind_request.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

METRIC_COUNTER(requests, "shoveler_spamtraind_requests_total", "Requests by the local socket");
#define ERRORS(outcome)                                                                            \
	METRIC_COUNTER(outcome##_requests,                                                         \
		       "shoveler_spamtraind_request_errors_total{outcome=\"" #outcome "\"}",       \
		       "Requests by the local socket that were answered with an error")
ERRORS(invalid);
ERRORS(unknown);
ERRORS(denied);
ERRORS(deferred);
METRIC_COUNTER(strangers, "shoveler_spamtraind_peers_refused_total",
	       "Connections to the local socket by users who may not");

/* What a peer may, and what a request needs one of. */
enum rights {
	RIGHTS_NONE = 0,
	RIGHTS_RETRAIN = 1, /* mail_user */
	RIGHTS_SENT = 2,    /* milter_user */
	RIGHTS_OTHERS = 4,  /* spamtraind_clients, and all that is above */
	RIGHTS_ALL = 7,
};

static void request_ping(struct request *request)
{
	reply_ok(request);
	packet_put(&request->reply, "version", SHOVELER_VERSION);
}

static const struct {
	const char *name;
	void (*handle)(struct request *request);
	unsigned rights;
	bool anonymous; /* needs no user= */
} handlers[] = {
	{"ping", request_ping, RIGHTS_RETRAIN | RIGHTS_SENT, true},
	{"sent", request_sent, RIGHTS_SENT, false},
	{"virus", request_virus, RIGHTS_RETRAIN | RIGHTS_SENT, false},
	{"retrain", request_retrain, RIGHTS_RETRAIN, false},
	{"undo", request_undo, RIGHTS_OTHERS, false},
	{"unlearn", request_unlearn, RIGHTS_OTHERS, false},
	{"release", request_release, RIGHTS_OTHERS, false},
	{"history", request_history, RIGHTS_OTHERS, false},
	{"message", request_message, RIGHTS_OTHERS, false},
	{"quarantine", request_quarantine, RIGHTS_OTHERS, false},
	{"quarantine-message", request_quarantine_message, RIGHTS_OTHERS, false},
	{"quarantine-delete", request_quarantine_delete, RIGHTS_OTHERS, false},
	{"quarantine-flush", request_quarantine_flush, RIGHTS_OTHERS, false},
	{"preferences", request_preferences, RIGHTS_OTHERS, false},
	{"preference-set", request_preference_set, RIGHTS_OTHERS, false},
	{"preview", request_preview, RIGHTS_OTHERS, false},
	{"sender-trust", request_sender_trust, RIGHTS_OTHERS, false},
	{"trusted", request_trusted, RIGHTS_OTHERS, false},
	{"stats", request_stats, RIGHTS_OTHERS, false},
	{"forget", request_forget, RIGHTS_OTHERS, false},
	{"export", request_export, RIGHTS_OTHERS, false},
	{"overview", request_overview, RIGHTS_ALL, true},
	{"link-show", request_link_show, RIGHTS_OTHERS, true},
	{"link-use", request_link_use, RIGHTS_OTHERS, true},
};

static void handle_by(struct request *request, enum rights rights, size_t i)
{
	if ((rights & handlers[i].rights) == 0)
		reply_error(request, "denied", "this system user may not ask that");
	else if (!handlers[i].anonymous &&
		 !spamtraind_user(request->service, request_text(request, "user"), &request->user))
		reply_error(request, "invalid", "user must be a mail address");
	else
		handlers[i].handle(request);
}

static void handle(struct request *request, enum rights rights)
{
	const char *name = request_text(request, "request");

	metric_add(&requests, 1);
	request->service = spamtraind_current();
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (strcmp(name, handlers[i].name) == 0)
			handle_by(request, rights, i);
	}
	if (request->reply.size == 0)
		reply_error(request, "invalid", "there is no such request");
	strbuf_free(&request->user);
	spamtraind_drop(&request->service);
}

static enum rights rights_of(uid_t uid)
{
	struct spamtraind *service = spamtraind_current();
	enum rights rights = RIGHTS_NONE;

	if (uid == service->mail_uid)
		rights = RIGHTS_RETRAIN;
	if (uid == service->milter_uid)
		rights = RIGHTS_SENT;
	for (size_t i = 0; i < service->client_count; i++) {
		if (uid == service->clients[i])
			rights = RIGHTS_ALL;
	}
	spamtraind_drop(&service);
	return uid == 0 || uid == geteuid() ? RIGHTS_ALL : rights;
}

static enum rights peer_rights(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	enum rights rights;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
		msg_error("cannot ask who the peer is: %s", strerror(errno));
		return RIGHTS_NONE;
	}
	rights = rights_of(peer.uid);
	if (rights == RIGHTS_NONE) {
		metric_add(&strangers, 1);
		msg_warn("refused a connection of uid %u, pid %d: not in spamtraind_clients",
			 (unsigned)peer.uid, (int)peer.pid);
	}
	return rights;
}

/* Links that were used or have expired are counted in spamtraind_link.c. */
static void count_error(const struct request *request)
{
	static const struct {
		const char *outcome;
		struct metric *counter;
	} errors[] = {{"invalid", &invalid_requests},
		      {"unknown", &unknown_requests},
		      {"denied", &denied_requests},
		      {"deferred", &deferred_requests}};

	for (size_t i = 0; request->outcome != NULL && i < sizeof(errors) / sizeof(errors[0]);
	     i++) {
		if (strcmp(request->outcome, errors[i].outcome) == 0)
			metric_add(errors[i].counter, 1);
	}
}

static int answer(int fd, struct request *request)
{
	int sent = packet_send(fd, &request->reply, request->reply_fd);

	count_error(request);
	if (sent < 0)
		msg_warn("request=%s: cannot answer: %s", request_text(request, "request"),
			 strerror(errno));
	if (request->reply_fd >= 0)
		close(request->reply_fd);
	strbuf_free(&request->reply);
	return sent;
}

void spamtraind_session(int fd, void *context)
{
	enum rights rights = peer_rights(fd);
	char *error = NULL;
	int received = 1;

	while (rights != RIGHTS_NONE && received > 0) {
		struct packet packet;
		struct request request = {
			.packet = &packet, .fd = -1, .worker = context, .reply_fd = -1};

		received = packet_receive(fd, &packet, &request.fd, &error);
		if (received <= 0)
			break;
		(void)server_session_is(SERVER_IN_WORK);
		handle(&request, rights);
		if (request.fd >= 0)
			close(request.fd);
		if (answer(fd, &request) < 0 || !server_session_is(SERVER_BETWEEN))
			received = -1;
		packet_free(&packet);
	}
	if (error != NULL)
		msg_debug("local socket: %s", error);
	free(error);
}
