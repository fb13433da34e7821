/*
 * spamtraind_outbox.h - what waits for Dovecot: messages to be released, and answers to users.
 *
 * Each is a file of the kind of lib/retrain_spool.h, synced before outbox_*() returns, so that
 * nobody who teaches ever waits for Dovecot, and a crash of either side loses nothing. A few
 * threads bring them there: one at a time of a user, users in turn, so that one whose mailbox hangs
 * holds up one thread for one time-out. A user for whom Dovecot has no room or no answer is left
 * alone for a while (as in spamtraind_backoff.h), with all that waits for him in order. How many
 * may wait, in all and of one user, are the limits of the spool.
 */
#ifndef SHOVELER_SPAMTRAIND_OUTBOX_H
#define SHOVELER_SPAMTRAIND_OUTBOX_H

#include "lib/span.h"
#include "spamtrain/daemon/release.h"

#define OUTBOX_THREADS	   4
#define OUTBOX_DRAIN_S	   10	    /* that outbox_stop() waits for Dovecot */
#define OUTBOX_FOLDER_NAME "outbox" /* in the spool of corrections */

struct outbox;

/*
 * After each attempt to release, from a thread of the outbox; with RELEASE_DEFERRED it is tried
 * again. event: as given to outbox_release(). reason may be NULL.
 */
typedef void outbox_tried(void *context, const char *event, enum release_status status,
			  const char *reason);

/* folder: as prepared by retrain_spool_prepare(). Returns 0, or -1 and *error_r. */
int outbox_start(const char *folder, outbox_tried *tried, void *context, struct outbox **outbox_r,
		 char **error_r);
/*
 * What Dovecot has not answered after OUTBOX_DRAIN_S is left, and done after the next start: the
 * process is to end then, since a thread may still be waiting.
 */
void outbox_stop(struct outbox **outbox);

/* Any number of threads. Return 0; or -1 and *error_r: it was not accepted. */
int outbox_release(struct outbox *outbox, const char *user, const char *signature,
		   const char *event, char **error_r);
/* message: at most RETRAIN_SPOOL_MAX_MESSAGE bytes, to the user's INBOX. */
int outbox_mail(struct outbox *outbox, const char *user, struct span message, char **error_r);

#endif
