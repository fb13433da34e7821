/*
 * spamtraind_spool.h - the thread that works off the spool of corrections (lib/retrain_spool.h).
 *
 * New files are seen by inotify; the whole folder is read at the start, each minute, after an
 * overflow of inotify, and when a user's back-off is over. Files are taken in order of name, which
 * is order of time. A file is deleted only after the store has committed. A user whose store is in
 * trouble is left alone for a while (2 s, doubled up to 5 min) with all that waits for him, so that
 * the order of his corrections stays; the others go on.
 *
 * What comes by the socket or by mail goes through the same spool: it cannot overtake an older
 * correction of the same message, nor be overtaken by a newer one. By the socket it is durable
 * before it is acknowledged; mail is acknowledged when it is learned.
 *
 * This thread never waits for Dovecot: what is to be released is put into the outbox
 * (spamtraind_outbox.h).
 */
#ifndef SHOVELER_SPAMTRAIND_SPOOL_H
#define SHOVELER_SPAMTRAIND_SPOOL_H

#include "lib/retrain_spool.h"
#include "spamtrain/daemon/spamtraind_correct.h"
#include "spamtrain/daemon/spamtraind_outbox.h"

#define SPOOL_SOURCE_MAIL     "address" /* source of what came by mail */
#define SPOOL_RELEASE_WAIT_MS 5000	/* how long a session waits for Dovecot at most */
#define SPOOL_LESSON_WAIT_MS  30000	/* how long mail waits for its turn */
#define SPOOL_WAITING_MAX     64	/* sessions; what others ask is accepted, and "waiting" */

struct spool_worker;

/*
 * spool, and the outbox in it: as prepared by retrain_spool_prepare(). Returns 0, or -1 and
 * *error_r.
 */
int spool_worker_start(const char *spool, struct spool_worker **worker_r, char **error_r);
/* Ends after the file in work; what waits is done after the next start. */
void spool_worker_stop(struct spool_worker **worker);

/*
 * Journals a correction (durable), and waits up to wait_ms for what becomes of it; then *result_r
 * is CORRECTION_WAITING. Any number of threads. Returns 0; or -1 and *error_r: it was not accepted.
 */
int spool_worker_submit(struct spool_worker *worker, const struct retrain_entry *entry,
			struct span message, int wait_ms, struct correction_result *result_r,
			char **error_r);

/*
 * The same for many, synced at once. results_r: one an entry; those that were not accepted (no
 * room) are CORRECTION_DEFERRED. Returns 0; or -1 and *error_r when at least one was not accepted.
 */
int spool_worker_submit_many(struct spool_worker *worker, const struct retrain_entry *entries,
			     size_t count, int wait_ms, struct correction_result *results_r,
			     char **error_r);

/*
 * What came by mail: waits until it is learned (what it releases may still be under way). Trouble,
 * or too long a queue: CORRECTION_DEFERRED, it was withdrawn, and the sender has to try again.
 * Returns 0; or -1 and *error_r: it was not accepted.
 */
int spool_worker_correct(struct spool_worker *worker, const struct retrain_entry *entry,
			 struct span message, struct correction_result *result_r, char **error_r);
/* Mail to a user's INBOX, as outbox_mail(). */
int spool_worker_mail(struct spool_worker *worker, const char *user, struct span message,
		      char **error_r);

#endif
