/*
 * milter_server.h - the socket on which Postfix speaks the milter protocol.
 *
 * Connections wait in one epoll set and have no thread: an idle one costs a descriptor and what its
 * session remembers. A thread takes one that has something to say, and stays with it for as long as
 * that takes (a scan, a lookup); there is always one more that waits, up to a thread for each
 * connection, so no session is kept waiting by others.
 *
 * Limits: at most max_connections; one more is closed at once, which Postfix answers with its
 * milter_default_action (tempfail); so is any new one while memory is short (xalloc.h). Silent for
 * idle_timeout_s: closed; within a message it is message_timeout_s, for Postfix tells of a message
 * when it has all of it, and a slow client needs its time.
 */
#ifndef SHOVELER_MILTER_SERVER_H
#define SHOVELER_MILTER_SERVER_H

#include "protocol.h"

struct milter_server;

struct milter_server_settings {
	const struct protocol_events *events;
	int listen_fd; /* from endpoint_listen(); milter_server_stop() closes it */
	unsigned max_connections;
	int idle_timeout_s, message_timeout_s;
	int drain_ms; /* that messages get to their end when we stop */
};

/* Returns 0, or -1 and *error_r (listen_fd then stays open). */
int milter_server_start(const struct milter_server_settings *settings,
			struct milter_server **server_r, char **error_r);

/*
 * Accepts no more, lets the messages under way end, ends all connections. Returns 0, or -1 when
 * threads are still at work after drain_ms: what they use must stay, the process is to exit.
 */
int milter_server_stop(struct milter_server **server);

#endif
