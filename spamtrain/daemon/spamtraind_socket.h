/*
 * spamtraind_socket.h - the socket by which programs of this host (spamtrain, the web page, the
 * admin command) ask for what is in the users' stores, and change it: lib/packet.h, one request a
 * packet, any number of requests a connection. docs/spamtraind-socket.md describes the requests.
 *
 * The peer must be root, our own user, or one of spamtraind_clients; mail_user may retrain.
 */
#ifndef SHOVELER_SPAMTRAIND_SOCKET_H
#define SHOVELER_SPAMTRAIND_SOCKET_H

#include "spamtrain/daemon/spamtraind_spool.h"

/* For a thread of lib/server.h; context is the struct spool_worker. */
void spamtraind_session(int fd, void *context);

#endif
