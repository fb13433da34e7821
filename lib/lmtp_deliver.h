/*
 * lmtp_deliver.h - the recipients of one message, several at the same time. Part of lmtp_server.c.
 *
 * Delivering waits for disks and for another server, so a few threads share the recipients; the
 * replies still go out in the order of the recipients (RFC 2033 section 4.2), by the session's own
 * thread, each as soon as it and all before it are known. Nobody runs ahead of the last reply by more
 * than settings->parallel recipients: were we killed, the client would send the message again to no
 * more than these.
 */
#ifndef SHOVELER_LMTP_DELIVER_H
#define SHOVELER_LMTP_DELIVER_H

#include "lmtp_server.h"

#define LMTP_HELPERS_MAX 32 /* such threads of the process; then messages go without */

/*
 * Calls deliver() and settled() of the handler for every recipient, and reply(), in the thread of
 * the caller and in order, for each that has one. reply() returns false when nobody listens any
 * more: then the recipients that are not begun are left out. Returns when all calls are over.
 */
void lmtp_deliver(const struct lmtp_server_settings *settings, struct lmtp_transaction *transaction,
		  bool (*reply)(void *context, const struct lmtp_recipient *recipient),
		  void *context);

#endif
