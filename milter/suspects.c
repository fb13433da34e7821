#include "suspects.h"

#include "lib/xalloc.h"
#include "memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VERSION 1

/* 64 bytes: memory.h */
struct entry {
	XXH128_hash_t key;
	int64_t until; /* since 1970; 0: free */
	uint64_t used; /* number of its last use */
	int64_t count;
	int64_t unused[3];
};

/* Small and rarely used: a search through all of it is good enough. */
struct table {
	pthread_mutex_t lock;
	uint64_t uses; /* so far */
	struct entry *entries;
};

static struct entry forgotten[2][SUSPECTS_MAX];
static struct table crashes = {PTHREAD_MUTEX_INITIALIZER, 0, forgotten[0]};
static struct table splits = {PTHREAD_MUTEX_INITIALIZER, 0, forgotten[1]};

static void open_table(struct table *table, const char *directory, const char *name)
{
	char *path = xasprintf("%s/%s", directory, name);

	table->entries = memory_open(path, VERSION, sizeof(forgotten[0])).table;
	for (size_t i = 0; i < SUSPECTS_MAX; i++) {
		if (table->entries[i].used > table->uses)
			table->uses = table->entries[i].used;
	}
	free(path);
}

void suspects_open(const char *directory)
{
	open_table(&crashes, directory, "crashes");
	open_table(&splits, directory, "splits");
}

static struct entry *find(struct table *table, XXH128_hash_t key)
{
	time_t now = time(NULL);

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
	entry->until = time(NULL) + seconds;
	entry->used = ++table->uses;
	count = (int)++entry->count;
	pthread_mutex_unlock(&table->lock);
	return count;
}

static int count(struct table *table, XXH128_hash_t key)
{
	const struct entry *entry;
	int count;

	pthread_mutex_lock(&table->lock);
	entry = find(table, key);
	count = entry == NULL ? 0 : (int)entry->count;
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
