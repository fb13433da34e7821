#include "web/limiter.h"

#include "lib/xalloc.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define WAYS 8 /* places in which a key may be */

struct bucket {
	uint64_t key; /* 0: free */
	double taken; /* attempts */
	time_t when;  /* last change */
};

struct limiter {
	pthread_mutex_t lock;
	uint64_t seed; /* nobody can aim at another's place */
	struct bucket buckets[LIMITER_PLACES];
};

struct limiter *limiter_new(void)
{
	struct limiter *limiter = xcalloc(1, sizeof(*limiter));

	pthread_mutex_init(&limiter->lock, NULL);
	if (RAND_bytes((unsigned char *)&limiter->seed, sizeof(limiter->seed)) != 1)
		abort();
	return limiter;
}

void limiter_free(struct limiter **limiter)
{
	if (*limiter == NULL)
		return;
	pthread_mutex_destroy(&(*limiter)->lock);
	free(*limiter);
	*limiter = NULL;
}

/* The key's bucket; where it has none, the oldest of those that it may have. */
static struct bucket *find(struct limiter *limiter, const char *key)
{
	uint64_t hash = XXH3_64bits_withSeed(key, strlen(key), limiter->seed) | 1;
	struct bucket *ways = &limiter->buckets[hash / 2 % (LIMITER_PLACES / WAYS) * WAYS];
	struct bucket *oldest = ways;

	for (int i = 0; i < WAYS; i++) {
		if (ways[i].key == hash)
			return &ways[i];
		if (ways[i].when < oldest->when)
			oldest = &ways[i];
	}
	*oldest = (struct bucket){.key = hash};
	return oldest;
}

unsigned limiter_take(struct limiter *limiter, const char *key, unsigned burst, time_t now)
{
	double a_second = (double)burst / LIMITER_REFILL_S;
	struct bucket *bucket;
	unsigned wait = 0;

	pthread_mutex_lock(&limiter->lock);
	bucket = find(limiter, key);
	if (now > bucket->when)
		bucket->taken -= (double)(now - bucket->when) * a_second;
	if (bucket->taken < 0)
		bucket->taken = 0;
	bucket->when = now;
	if (bucket->taken + 1 > burst)
		wait = (unsigned)((bucket->taken + 1 - burst) / a_second) + 1;
	else
		bucket->taken += 1;
	pthread_mutex_unlock(&limiter->lock);
	return wait;
}

void limiter_forgive(struct limiter *limiter, const char *key)
{
	pthread_mutex_lock(&limiter->lock);
	find(limiter, key)->taken = 0;
	pthread_mutex_unlock(&limiter->lock);
}
