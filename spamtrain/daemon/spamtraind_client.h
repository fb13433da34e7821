/*
 * spamtraind_client.h - asks the training service by its local socket; the requests and replies are
 * in spamtraind_socket.h. For spamtrain, the admin command and the web page, as root or lda_user.
 */
#ifndef SHOVELER_SPAMTRAIND_CLIENT_H
#define SHOVELER_SPAMTRAIND_CLIENT_H

#include "lib/conf.h"
#include "lib/packet.h"
#include "lib/strbuf.h"

#define SPAMTRAIND_CLIENT_TIMEOUT_S 60 /* longer than the service keeps a client waiting */

/* Connects to spamtraind_listen. Returns the descriptor, or -1 and *error_r. */
int spamtraind_connect(const struct conf *conf, char **error_r);

/*
 * One request, of attributes made by packet_put(); message: a regular file or memfd at any offset,
 * or -1. Returns 0 and *reply_r (packet_free()), also when its status is "error"; -1 and *error_r
 * when the service did not answer.
 */
int spamtraind_ask(int fd, const struct strbuf *request, int message, struct packet *reply_r,
		   char **error_r);

/*
 * The same; *content_r: the descriptor that came with the reply, closed by the caller, or -1
 * (docs/spamtraind-socket.md).
 */
int spamtraind_ask_fd(int fd, const struct strbuf *request, int message, struct packet *reply_r,
		      int *content_r, char **error_r);

#endif
