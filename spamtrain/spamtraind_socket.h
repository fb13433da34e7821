/*
 * spamtraind_socket.h - the socket by which programs of this host (spamtrain, the web page, the
 * admin command) ask for corrections and releases: lib/packet.h, one request a packet, any number
 * of requests a connection.
 *
 *	request=ping
 *		status=ok version=...
 *	request=retrain user= class=spam|innocent [signature=] [source=] [wait=no] [fd of message]
 *	request=release user= signature= [source=]
 *		status=ok outcome=learned|already|taken_back|waiting released=yes|no
 *		status=error outcome=unknown|invalid reason=...
 *
 * A retrain or release is durable in the spool before it is answered (spamtraind_spool.h).
 * "waiting" says that it was accepted and will be done: the client asked not to wait, or it takes
 * long. Releasing is correcting to innocent what is in quarantine. The peer must be root or our
 * own user.
 */
#ifndef SHOVELER_SPAMTRAIND_SOCKET_H
#define SHOVELER_SPAMTRAIND_SOCKET_H

#include "spamtrain/spamtraind_spool.h"

#define SPAMTRAIND_WAIT_MS 30000 /* how long a client is kept waiting for the outcome */

/* For a thread of lib/server.h; context is the struct spool_worker. */
void spamtraind_session(int fd, void *context);

#endif
