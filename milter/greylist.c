#include "greylist.h"

#include "lib/xalloc.h"
#include "memory.h"

#include <ctype.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define SETS	8192
#define WAYS	8 /* entries that share a place; the one that was used last longest ago makes room */
#define VERSION 1

/* 32 bytes: memory.h */
struct entry {
	uint64_t key; /* 0: free */
	int64_t first, last;
	int64_t passed;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry forgotten[SETS][WAYS];
static struct entry (*entries)[WAYS] = forgotten;
static uint64_t seed;

void greylist_open(const char *directory)
{
	char *path = xasprintf("%s/greylist", directory);
	struct memory memory = memory_open(path, VERSION, sizeof(forgotten));

	entries = memory.table;
	seed = memory.seed;
	free(path);
}

/* Network alone (sender NULL), or with sender and recipient. */
static uint64_t key_of(const struct ip *client, const char *sender, const char *recipient)
{
	size_t network = ip_is_v4(client) ? 15 : 8;
	char *text = xasprintf("%s\n%s", sender != NULL ? sender : "", recipient);
	uint64_t key;

	for (char *each = text; *each != '\0'; each++)
		*each = (char)tolower((unsigned char)*each);
	key = XXH3_64bits_withSeed(text, strlen(text),
				   XXH3_64bits_withSeed(client->bytes, network, seed) +
					   (sender != NULL));
	free(text);
	return key != 0 ? key : 1;
}

static int64_t lifetime(const struct entry *entry)
{
	return entry->passed > 0 ? GREYLIST_GOOD_S : GREYLIST_WINDOW_S;
}

/* The entry of that key; a fresh one in place of another if there is none. */
static struct entry *entry_of(uint64_t key, time_t now)
{
	struct entry *set = entries[key % SETS], *oldest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		/* The clock was set back: nobody waits longer for that. */
		if (set[i].first > now)
			set[i].first = now;
		if (set[i].last > now)
			set[i].last = now;
		if (set[i].key == key && now - set[i].last <= lifetime(&set[i]))
			return &set[i];
		if (set[i].key == key || set[i].last < oldest->last)
			oldest = &set[i];
	}
	*oldest = (struct entry){.key = key, .first = now, .last = now};
	return oldest;
}

static int decide(struct entry *network, struct entry *tuple, int delay_s, time_t now)
{
	if (network->passed >= GREYLIST_TRUSTED) {
		network->last = now;
		return 0;
	}
	if (tuple->passed == 0 && now - tuple->first < delay_s)
		return delay_s - (int)(now - tuple->first);
	if (tuple->passed++ == 0) {
		network->passed++;
		network->last = now;
	}
	tuple->last = now;
	return 0;
}

int greylist_check(const struct ip *client, const char *sender, const char *recipient, int delay_s,
		   time_t now)
{
	uint64_t network = key_of(client, NULL, ""), tuple = key_of(client, sender, recipient);
	int wait_s;

	pthread_mutex_lock(&lock);
	wait_s = decide(entry_of(network, now), entry_of(tuple, now), delay_s, now);
	pthread_mutex_unlock(&lock);
	return wait_s;
}
