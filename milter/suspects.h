/*
 * suspects.h - what the milter remembers between sessions: bounded, and kept across restarts
 * (memory.h).
 *
 * - Contents that a scanner worker did not survive, by digest: after crash_limit times such a
 *   message is held instead of deferred for ever.
 * - Senders whose message could not be judged for its mailbox recipients while others waited for it
 *   too: their mailbox recipients are refused with a 4xx for a while, until the others have got it
 * in a transaction of their own.
 */
#ifndef SHOVELER_SUSPECTS_H
#define SHOVELER_SUSPECTS_H

#include <stdbool.h>
#include <xxhash.h>

#define SUSPECTS_MAX	 4096	     /* entries of each kind; the oldest make room */
#define SUSPECTS_CRASH_S (3 * 86400) /* seconds a crash is remembered */
#define SUSPECTS_SPLIT_S 3600	     /* seconds mailbox recipients wait for the others */

/* Before anything else, in one thread. directory: milter_directory; without it it is forgotten. */
void suspects_open(const char *directory);

/* Counts one more crash of this content. Returns how many there were. */
int suspects_crashed(XXH128_hash_t digest);
int suspects_crashes(XXH128_hash_t digest);

/* client and sender together name a message in its next attempt. */
void suspects_split(const char *client, const char *sender);
bool suspects_is_split(const char *client, const char *sender);
void suspects_unsplit(const char *client, const char *sender);

#endif
