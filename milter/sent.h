/*
 * sent.h - tells the training service to whom a user wrote (learn_sent_recipients).
 */
#ifndef SHOVELER_SENT_H
#define SHOVELER_SENT_H

#include "lib/endpoint.h"

#define SENT_RECIPIENTS_MAX 25	 /* of one message; more of them are told of no one */
#define SENT_TIMEOUT_MS	    1000 /* mail does not wait longer for it */

/*
 * login: as the user signed in; recipients: addresses, separated by blanks. What cannot be told
 * within the time is lost, with a warning: it is a hint, and mail goes on.
 */
void sent_tell(const struct endpoint *service, const char *queue_id, const char *login,
	       const char *recipients);

#endif
