/*
 * spamtraind_purge.h - the thread that removes what is too old, user by user: signatures and
 * history (classifier_purge()), messages in quarantine older than quarantine_lifetime, left-over
 * files.
 *
 * It runs every purge_interval, first a minute after the start, and pauses between users, so that
 * deliveries are not slowed down. A user whose store is in trouble is logged and left for next
 * time.
 */
#ifndef SHOVELER_SPAMTRAIND_PURGE_H
#define SHOVELER_SPAMTRAIND_PURGE_H

#include "spamtrain/daemon/spamtraind.h"
#include "spamtrain/daemon/ticker.h"

/* The thread. */
void purge_loop(struct ticker *ticker);

#endif
