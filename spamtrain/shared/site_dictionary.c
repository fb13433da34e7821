#include "spamtrain/shared/site_dictionary.h"

#include "lib/file.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SITE_MAGIC	  "SHVSITE1"
#define INDEX_SLOTS	  65536
#define INDEX_SIZE	  ((INDEX_SLOTS + 2) * sizeof(uint32_t)) /* one more, for alignment */
#define ENTRIES_MAX	  (UINT32_MAX / 2)
#define LEVEL_SHARE	  1024 /* 1 / share of level 1 */
#define LOOK_SECONDS	  10
#define LESSONS_MAX	  4  /* that the logistic learners take a feature for */
#define SCORES_OF_MESSAGE 2  /* past scores are known better than features */
#define TOTAL_MINIMUM	  20 /* who taught fewer messages does not count for more than this share */

struct site_dictionary {
	atomic_uint references;
	void *map;
	size_t size;
	const struct site_header *header;
	const uint32_t *index;
	const struct site_entry *entries;
};

/* ---- the file ---- */

static bool is_whole(const struct site_dictionary *d, const char **problem_r,
		     unsigned features_version)
{
	*problem_r = "damaged";
	if (d->size < sizeof(struct site_header) + INDEX_SIZE ||
	    memcmp(d->header->magic, SITE_MAGIC, sizeof(d->header->magic)) != 0 ||
	    d->header->entries > ENTRIES_MAX ||
	    d->size != sizeof(struct site_header) + INDEX_SIZE +
			       d->header->entries * sizeof(struct site_entry))
		return false;
	*problem_r = "made by another version of the program: build it again";
	return d->header->features_version == features_version;
}

static int map_file(struct site_dictionary *d, int fd, const char *path, unsigned features_version,
		    char **error_r)
{
	struct stat st;
	const char *problem;

	if (fstat(fd, &st) != 0 || st.st_size <= 0) {
		*error_r = xasprintf("%s: damaged", path);
		return -1;
	}
	d->size = (size_t)st.st_size;
	d->map = mmap(NULL, d->size, PROT_READ, MAP_SHARED, fd, 0);
	if (d->map == MAP_FAILED) {
		*error_r = xasprintf("%s: %s", path, strerror(errno));
		d->map = NULL;
		return -1;
	}
	d->header = d->map;
	d->index = (const uint32_t *)(d->header + 1);
	d->entries = (const struct site_entry *)((const char *)d->index + INDEX_SIZE);
	if (is_whole(d, &problem, features_version))
		return 0;
	*error_r = xasprintf("%s: %s", path, problem);
	return -1;
}

int site_dictionary_open(struct site_dictionary **dictionary_r, const char *path,
			 unsigned features_version, char **error_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*dictionary_r = NULL;
	if (fd < 0) {
		*error_r = xasprintf("%s: %s", path, strerror(errno));
		return -1;
	}
	struct site_dictionary *d = xcalloc(1, sizeof(*d));
	atomic_init(&d->references, 1);
	int result = map_file(d, fd, path, features_version, error_r);
	close(fd);
	if (result == 0)
		*dictionary_r = d;
	else
		site_dictionary_unref(&d);
	errno = EBADMSG;
	return result;
}

static struct site_dictionary *site_dictionary_ref(struct site_dictionary *dictionary)
{
	if (dictionary != NULL)
		atomic_fetch_add(&dictionary->references, 1);
	return dictionary;
}

void site_dictionary_unref(struct site_dictionary **dictionary)
{
	struct site_dictionary *d = *dictionary;

	*dictionary = NULL;
	if (d == NULL || atomic_fetch_sub(&d->references, 1) > 1)
		return;
	if (d->map != NULL)
		munmap(d->map, d->size);
	free(d);
}

const struct site_header *site_dictionary_header(const struct site_dictionary *dictionary)
{
	return dictionary->header;
}

bool site_header_is_solid(const struct site_header *header)
{
	return header->spam_users / 2 >= header->quorum &&
	       header->innocent_users / 2 >= header->quorum &&
	       header->spam >= SITE_SOLID_MESSAGES && header->innocent >= SITE_SOLID_MESSAGES;
}

struct site_entry site_dictionary_find(const struct site_dictionary *dictionary, uint32_t hash)
{
	size_t at = dictionary->index[hash >> 16], end = dictionary->index[(hash >> 16) + 1];

	end = end < dictionary->header->entries ? end : dictionary->header->entries;
	for (; at < end && dictionary->entries[at].hash <= hash; at++)
		if (dictionary->entries[at].hash == hash)
			return dictionary->entries[at];
	return (struct site_entry){.hash = hash};
}

static int write_file(int fd, const struct site_header *header, const struct site_entry *entries)
{
	uint32_t *index = xcalloc(1, INDEX_SIZE);
	size_t at = 0;

	for (uint32_t slot = 0; slot < INDEX_SLOTS; slot++) {
		index[slot] = (uint32_t)at;
		while (at < header->entries && entries[at].hash >> 16 == slot)
			at++;
	}
	index[INDEX_SLOTS] = (uint32_t)at;
	struct site_header whole = *header;
	memcpy(whole.magic, SITE_MAGIC, sizeof(whole.magic));
	int result = file_write_all(fd, (struct span){(const char *)&whole, sizeof(whole)});
	if (result == 0)
		result = file_write_all(fd, (struct span){(const char *)index, INDEX_SIZE});
	if (result == 0)
		result = file_write_all(fd, (struct span){(const char *)entries,
							  header->entries * sizeof(*entries)});
	if (result == 0)
		result = fsync(fd);
	int saved = errno;
	free(index);
	errno = saved;
	return result;
}

int site_dictionary_write(const char *path, const struct site_header *header,
			  const struct site_entry *entries, char **error_r)
{
	char *draft = xasprintf("%s.new", path);
	int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int result = fd < 0 ? -1 : write_file(fd, header, entries);

	if (fd >= 0 && close(fd) != 0)
		result = -1;
	if (result == 0)
		result = rename(draft, path);
	if (result == 0)
		result = file_sync_parent(path);
	if (result != 0) {
		*error_r = xasprintf("%s: %s", path, strerror(errno));
		if (fd >= 0)
			unlink(draft);
	}
	free(draft);
	return result;
}

/* ---- levels, and what they are worth ---- */

uint8_t site_level(uint32_t messages, uint32_t total)
{
	double share = (double)messages / (total > TOTAL_MINIMUM ? total : TOTAL_MINIMUM);

	if (messages == 0)
		return 0;
	double level = 1 + floor(2 * log2(share * LEVEL_SHARE));
	return (uint8_t)fmax(1, fmin(SITE_LEVEL_MAX, level));
}

unsigned site_dictionary_weight(int64_t spam, int64_t innocent)
{
	int64_t known = spam < innocent ? spam : innocent;

	known = known < 0 ? 0 : known > SITE_FADED ? SITE_FADED : known;
	return (unsigned)(SITE_WEIGHT * (SITE_FADED - known) / SITE_FADED);
}

/* In messages, of weight. */
static int32_t worth(uint8_t level, unsigned weight)
{
	if (level == 0)
		return 0;
	return (int32_t)lround(weight * fmin(1, exp2((level - 0.5) / 2) / LEVEL_SHARE));
}

/* As if the logistic learners, knowing nothing, had met the feature a few times. */
static void pull(struct token_counts *counts, int32_t spam, int32_t innocent)
{
	const int32_t half = LESSON_GRADIENT_MAX / 2;
	int32_t met = spam + innocent < LESSONS_MAX ? spam + innocent : LESSONS_MAX;

	if (met == 0)
		return;
	counts->gradient = half * met * (spam - innocent) / (spam + innocent);
	counts->square = met * half * half;
}

/* How many of scores are in that bin: the differences of rounded sums add up to it. */
static int32_t share_step(const uint16_t *shares, int bin, int neighbour, unsigned scores)
{
	double here = shares[bin], there = 0;

	if (neighbour >= 0 && neighbour < DICTIONARY_BINS)
		there = shares[neighbour];
	return (int32_t)(lround(here * scores / UINT16_MAX) - lround(there * scores / UINT16_MAX));
}

void site_dictionary_sums(const struct site_dictionary *dictionary, unsigned weight,
			  struct dictionary_sums *sums)
{
	const unsigned scores = SCORES_OF_MESSAGE * weight;

	sums->spam += weight;
	sums->innocent += weight;
	for (int learner = 0; learner < STORE_LEARNERS; learner++) {
		const uint16_t(*shares)[DICTIONARY_BINS] = dictionary->header->shares[learner];
		for (int bin = 0; bin < DICTIONARY_BINS; bin++) {
			sums->scores[learner][0][bin] +=
				share_step(shares[0], bin, bin + 1, scores);
			sums->scores[learner][1][bin] +=
				share_step(shares[1], bin, bin - 1, scores);
		}
	}
}

void site_dictionary_add(const struct site_dictionary *dictionary, unsigned weight,
			 const uint32_t *hashes, size_t count, struct token_counts *counts)
{
	int32_t worths[SITE_LEVEL_MAX + 1];

	for (int level = 0; level <= SITE_LEVEL_MAX; level++)
		worths[level] = worth((uint8_t)level, weight);
	for (size_t i = 0; i < count; i++) {
		struct site_entry entry = site_dictionary_find(dictionary, hashes[i]);
		if (entry.spam > SITE_LEVEL_MAX || entry.innocent > SITE_LEVEL_MAX)
			continue;
		int32_t spam = worths[entry.spam], innocent = worths[entry.innocent];
		/* What was taught seldom is worth something all the same: the one side of it. */
		if (spam == 0 && innocent == 0) {
			spam = entry.spam > entry.innocent;
			innocent = entry.innocent > entry.spam;
		}
		if (counts[i].square == 0)
			pull(&counts[i], spam, innocent);
		bool own_spam = counts[i].spam > 0, own_innocent = counts[i].innocent > 0;
		counts[i].spam += own_innocent && !own_spam ? 0 : spam;
		counts[i].innocent += own_spam && !own_innocent ? 0 : innocent;
	}
}

/* ---- the newest one ---- */

struct site_newest {
	char *path;
	unsigned features_version;
	pthread_mutex_t lock;
	struct site_dictionary *current;
	struct timespec looked; /* 0: never */
	struct stat seen;	/* st_ino 0: there was none */
};

struct site_newest *site_newest_new(const char *path, unsigned features_version)
{
	struct site_newest *newest = xcalloc(1, sizeof(*newest));

	newest->path = xstrdup(path);
	newest->features_version = features_version;
	pthread_mutex_init(&newest->lock, NULL);
	return newest;
}

void site_newest_free(struct site_newest **newest)
{
	if (*newest == NULL)
		return;
	site_dictionary_unref(&(*newest)->current);
	pthread_mutex_destroy(&(*newest)->lock);
	free((*newest)->path);
	free(*newest);
	*newest = NULL;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void look(struct site_newest *newest)
{
	struct stat st = {0};
	char *error = NULL;

	if (stat(newest->path, &st) != 0)
		memset(&st, 0, sizeof(st));
	if (is_same(&st, &newest->seen))
		return;
	newest->seen = st;
	site_dictionary_unref(&newest->current);
	if (st.st_ino != 0 && site_dictionary_open(&newest->current, newest->path,
						   newest->features_version, &error) != 0) {
		msg_warn("new users start from nothing: %s", error);
		free(error);
	}
}

struct site_dictionary *site_newest_get(struct site_newest *newest)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&newest->lock);
	if (newest->looked.tv_sec == 0 || now.tv_sec - newest->looked.tv_sec >= LOOK_SECONDS) {
		newest->looked = now;
		look(newest);
	}
	struct site_dictionary *dictionary = site_dictionary_ref(newest->current);
	pthread_mutex_unlock(&newest->lock);
	return dictionary;
}
