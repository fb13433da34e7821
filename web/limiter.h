/*
 * limiter.h - how often somebody may try to sign in: a bucket a key ("address 192.0.2.1", "user
 * alice@example.test"), that holds a number of attempts and fills up again over LIMITER_REFILL_S.
 *
 * Bounded memory: LIMITER_PLACES buckets; when they are all in use, the one that was not used for
 * longest makes room. Any number of threads.
 */
#ifndef SHOVELER_WEB_LIMITER_H
#define SHOVELER_WEB_LIMITER_H

#include <stdbool.h>
#include <time.h>

#define LIMITER_PLACES	 4096
#define LIMITER_REFILL_S 900 /* seconds from empty to full */

struct limiter;

struct limiter *limiter_new(void);
void limiter_free(struct limiter **limiter);

/* Takes one attempt of so many. Returns 0, or the seconds until there is one; nothing is taken. */
unsigned limiter_take(struct limiter *limiter, const char *key, unsigned burst, time_t now);
/* It was no failure: all attempts are back. */
void limiter_forgive(struct limiter *limiter, const char *key);

#endif
