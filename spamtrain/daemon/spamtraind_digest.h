/*
 * spamtraind_digest.h - the thread that sends the daily digests: to users with the preference
 * dailyQuarantineSummary, from digest_hour on, if something is in their quarantine that no digest
 * has told of.
 *
 * Once a day, whatever happens: the day is noted in the user's store before the mail is handed to
 * Dovecot, what it told of after Dovecot took it. Killed in between, today's digest may be missing;
 * then tomorrow's tells of the same messages, and no day has two. While Dovecot is down the note is
 * taken back, and it is tried again every DIGEST_RETRY_SECONDS.
 */
#ifndef SHOVELER_SPAMTRAIND_DIGEST_H
#define SHOVELER_SPAMTRAIND_DIGEST_H

#include "spamtrain/daemon/spamtraind.h"
#include "spamtrain/daemon/ticker.h"

#define DIGEST_RETRY_SECONDS 300

/* The thread. */
void digest_loop(struct ticker *ticker);

#endif
