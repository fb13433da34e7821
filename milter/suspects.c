#include "suspects.h"

#include "lib/xalloc.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct entry {
	XXH128_hash_t key;
	time_t until;  /* 0: free */
	uint64_t used; /* clock of the table at its last use */
	int count;
};

/* Small and rarely used: a search through all of it is good enough. */
struct table {
	pthread_mutex_t lock;
	uint64_t clock;
	struct entry entries[SUSPECTS_MAX];
};

static struct table crashes = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct table splits = {.lock = PTHREAD_MUTEX_INITIALIZER};

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static struct entry *find(struct table *table, XXH128_hash_t key)
{
	time_t now = now_s();

	for (size_t i = 0; i < SUSPECTS_MAX; i++) {
		struct entry *entry = &table->entries[i];

		if (entry->until > now && XXH128_isEqual(entry->key, key))
			return entry;
	}
	return NULL;
}

static struct entry *oldest(struct table *table)
{
	struct entry *oldest = &table->entries[0];

	for (size_t i = 1; i < SUSPECTS_MAX; i++) {
		if (table->entries[i].used < oldest->used)
			oldest = &table->entries[i];
	}
	return oldest;
}

static int add(struct table *table, XXH128_hash_t key, time_t seconds)
{
	struct entry *entry;
	int count;

	pthread_mutex_lock(&table->lock);
	entry = find(table, key);
	if (entry == NULL) {
		entry = oldest(table);
		entry->key = key;
		entry->count = 0;
	}
	entry->until = now_s() + seconds;
	entry->used = ++table->clock;
	count = ++entry->count;
	pthread_mutex_unlock(&table->lock);
	return count;
}

static int count(struct table *table, XXH128_hash_t key)
{
	const struct entry *entry;
	int count;

	pthread_mutex_lock(&table->lock);
	entry = find(table, key);
	count = entry == NULL ? 0 : entry->count;
	pthread_mutex_unlock(&table->lock);
	return count;
}

int suspects_crashed(XXH128_hash_t digest)
{
	return add(&crashes, digest, SUSPECTS_CRASH_S);
}

int suspects_crashes(XXH128_hash_t digest)
{
	return count(&crashes, digest);
}

static XXH128_hash_t pair_key(const char *client, const char *sender)
{
	char *text = xasprintf("%s\n%s", client, sender);
	XXH128_hash_t key = XXH3_128bits(text, strlen(text));

	free(text);
	return key;
}

void suspects_split(const char *client, const char *sender)
{
	add(&splits, pair_key(client, sender), SUSPECTS_SPLIT_S);
}

bool suspects_is_split(const char *client, const char *sender)
{
	return count(&splits, pair_key(client, sender)) > 0;
}

void suspects_unsplit(const char *client, const char *sender)
{
	struct entry *entry;

	pthread_mutex_lock(&splits.lock);
	entry = find(&splits, pair_key(client, sender));
	if (entry != NULL) {
		entry->until = 0;
		entry->used = 0;
	}
	pthread_mutex_unlock(&splits.lock);
}
