#include "spamtrain/shared/site_build.h"

#include "lib/msg.h"
#include "lib/xalloc.h"
#include "schema/store_confirmed.h"
#include "spamtrain/engine/features.h"
#include "spamtrain/user/preferences.h"
#include "spamtrain/shared/site_calibrate.h"
#include "spamtrain/user/users.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PART_BITS 6 /* upper bits of a hash: the parts are sorted one after the other */
#define PARTS	  (1U << PART_BITS)

/* What one user says of one feature; sorted, the strongest of a class comes last. */
#define VOTE(hash, spam, level) ((uint64_t)(hash) << 16 | (uint64_t)(spam) << 8 | (level))
#define VOTE_HASH(vote)		((uint32_t)((vote) >> 16))
#define VOTE_CLASS(vote)	((vote) >> 8)
#define VOTE_SPAM(vote)		(((vote) >> 8 & 1) != 0)
#define VOTE_LEVEL(vote)	((uint8_t)((vote)&0xff))

struct job {
	const struct site_build *build;
	struct site_header header;
	FILE *parts[PARTS];
	struct site_entry *entries;
	size_t room;
	char *error; /* it failed, or was given up */
};

/* ---- one user ---- */

/* [0] innocent, [1] spam */
struct said {
	uint32_t *hashes[2];
	size_t count[2], room[2];
	uint32_t messages[2];
};

static bool collect(void *context, enum store_class class, unsigned version, const uint32_t *hashes,
		    size_t count)
{
	struct said *said = context;
	int c = class == STORE_SPAM;

	if (version == FEATURES_VERSION && said->messages[c] < SITE_USER_MESSAGES) {
		while (said->room[c] < said->count[c] + count) {
			said->room[c] = said->room[c] * 2 + 4096;
			said->hashes[c] =
				xrealloc(said->hashes[c], said->room[c] * sizeof(*said->hashes[c]));
		}
		if (count > 0)
			memcpy(said->hashes[c] + said->count[c], hashes, count * sizeof(*hashes));
		said->count[c] += count;
		said->messages[c]++;
	}
	return said->messages[0] < SITE_USER_MESSAGES || said->messages[1] < SITE_USER_MESSAGES;
}

static int compare_hash(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void vote(struct job *job, struct said *said, int c)
{
	uint32_t *hashes = said->hashes[c];
	size_t count = said->count[c];

	if (count > 0)
		qsort(hashes, count, sizeof(*hashes), compare_hash);
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i; next < count && hashes[next] == hashes[i]; next++)
			continue;
		uint64_t vote =
			VOTE(hashes[i], c, site_level((uint32_t)(next - i), said->messages[c]));
		fwrite(&vote, sizeof(vote), 1, job->parts[hashes[i] >> (32 - PART_BITS)]);
	}
}

static void said_count(struct job *job, const struct said *said)
{
	job->header.users += said->messages[0] > 0 || said->messages[1] > 0;
	job->header.innocent_users += said->messages[0] >= SITE_USER_MINIMUM;
	job->header.spam_users += said->messages[1] >= SITE_USER_MINIMUM;
	job->header.innocent += said->messages[0];
	job->header.spam += said->messages[1];
}

/* Does he let others learn from him? */
static enum store_status takes_part(const struct site_build *build, const char *user,
				    struct store *store, bool *yes_r, char **error_r)
{
	struct preferences preferences;
	char *value = NULL, *ignored = NULL;
	enum store_status status = store_preference_get(store, "siteDictionary", &value, error_r);

	preferences_init(&preferences);
	if (status == STORE_OK)
		preferences_set(&preferences, "siteDictionary", value, &ignored);
	else if (status == STORE_NOT_FOUND)
		status = classifier_user_defaults(build->site, user, &preferences, error_r) ==
					 CLASSIFIER_OK
				 ? STORE_OK
				 : STORE_DEFER;
	*yes_r = preferences.site_dictionary;
	free(value);
	free(ignored);
	return status;
}

enum store_status site_user_confirmed(const struct site_build *build, const char *user,
				      bool (*each)(void *context, enum store_class class,
						   unsigned version, const uint32_t *hashes,
						   size_t count),
				      void *context, char **error_r)
{
	char *directory = store_user_directory(build->users_directory, user);
	struct store *store = NULL;
	bool yes = false;
	enum store_status status =
		directory == NULL ? STORE_NOT_FOUND : store_open(&store, directory, false, error_r);

	if (status == STORE_OK)
		status = takes_part(build, user, store, &yes, error_r);
	if (status == STORE_OK && yes)
		status = store_confirmed_list(store, each, context, error_r);
	store_close(&store);
	free(directory);
	return status;
}

static bool user_add(void *context, const char *user)
{
	struct job *job = context;
	struct said said = {0};
	char *error = NULL;

	if (job->build->next != NULL && !job->build->next(job->build->context)) {
		job->error = xstrdup("given up");
		return false;
	}
	enum store_status status = site_user_confirmed(job->build, user, collect, &said, &error);
	if (status == STORE_OK) {
		vote(job, &said, 0);
		vote(job, &said, 1);
		said_count(job, &said);
	} else if (status != STORE_NOT_FOUND) {
		msg_warn("site: user=<%s>, left out of the site dictionary: %s", user, error);
	}
	free(error);
	free(said.hashes[0]);
	free(said.hashes[1]);
	return true;
}

/* ---- what all of them said ---- */

static int compare_vote(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void entry_add(struct job *job, uint64_t vote)
{
	struct site_entry *last =
		job->header.entries == 0 ? NULL : &job->entries[job->header.entries - 1];

	if (last == NULL || last->hash != VOTE_HASH(vote)) {
		if (job->header.entries == job->room) {
			job->room = job->room * 2 + 4096;
			job->entries = xrealloc(job->entries, job->room * sizeof(*job->entries));
		}
		last = &job->entries[job->header.entries++];
		*last = (struct site_entry){.hash = VOTE_HASH(vote)};
	}
	if (VOTE_SPAM(vote))
		last->spam = VOTE_LEVEL(vote);
	else
		last->innocent = VOTE_LEVEL(vote);
}

/* Of each feature and class the quorum-th vote counts, the strongest first. */
static void votes_count(struct job *job, uint64_t *votes, size_t count)
{
	qsort(votes, count, sizeof(*votes), compare_vote);
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i; next < count && VOTE_CLASS(votes[next]) == VOTE_CLASS(votes[i]);
		     next++)
			continue;
		if (next - i >= job->build->quorum)
			entry_add(job, votes[next - job->build->quorum]);
	}
}

static int part_count(struct job *job, FILE *part)
{
	long size;
	int result = -1;

	if (fflush(part) != 0 || ferror(part) != 0 || (size = ftell(part)) < 0)
		return -1;
	size_t count = (size_t)size / sizeof(uint64_t);
	uint64_t *votes = xmalloc((count + 1) * sizeof(*votes));
	rewind(part);
	if (fread(votes, sizeof(*votes), count, part) == count) {
		votes_count(job, votes, count);
		result = 0;
	}
	free(votes);
	return result;
}

/* ---- the file ---- */

static int parts_open(struct job *job, const char *folder)
{
	for (unsigned i = 0; i < PARTS; i++) {
		char *path = xasprintf("%s/part.XXXXXX", folder);
		int fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
		free(path);
		if (fd < 0 || (job->parts[i] = fdopen(fd, "w+")) == NULL)
			return -1;
	}
	return 0;
}

static void job_free(struct job *job)
{
	for (unsigned i = 0; i < PARTS; i++)
		if (job->parts[i] != NULL)
			fclose(job->parts[i]);
	free(job->entries);
	free(job->error);
}

/* Scores the users' mail with a draft, and writes the whole. */
static int calibrate(struct job *job, char **error_r)
{
	char *draft = xasprintf("%s.draft", job->build->file);
	struct site_dictionary *dictionary = NULL;
	int result = site_dictionary_write(draft, &job->header, job->entries, error_r);

	if (result == 0)
		result = site_dictionary_open(&dictionary, draft, FEATURES_VERSION, error_r);
	if (result == 0)
		result = site_calibrate(job->build, dictionary, &job->header, error_r);
	if (result == 0)
		result = site_dictionary_write(job->build->file, &job->header, job->entries,
					       error_r);
	site_dictionary_unref(&dictionary);
	unlink(draft);
	free(draft);
	return result;
}

static int run(struct job *job, char **error_r)
{
	if (users_each(job->build->users_directory, user_add, job, error_r) != 0)
		return -1;
	if (job->error != NULL) {
		*error_r = xasprintf("%s: %s", job->build->file, job->error);
		return -1;
	}
	for (unsigned i = 0; i < PARTS; i++) {
		if (part_count(job, job->parts[i]) != 0) {
			*error_r = xasprintf("%s: %s", job->build->file, strerror(errno));
			return -1;
		}
	}
	return calibrate(job, error_r);
}

/* A descriptor that keeps others from building at the same time, or -1 and *error_r. */
static int folder_lock(const char *folder, char **error_r)
{
	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		*error_r = xasprintf("%s: %s", folder, strerror(errno));
		return -1;
	}
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	*error_r = xasprintf("%s: %s", folder,
			     errno == EWOULDBLOCK ? "another process makes the site dictionary now"
						  : strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int site_build(const struct site_build *build, struct site_header *header_r, char **error_r)
{
	struct job job = {.build = build,
			  .header = {.features_version = FEATURES_VERSION,
				     .quorum = build->quorum,
				     .built = time(NULL)}};
	char *copy = xstrdup(build->file), *folder = dirname(copy);
	int result = -1, lock = folder_lock(folder, error_r);

	if (lock >= 0 && parts_open(&job, folder) != 0)
		*error_r = xasprintf("%s: %s", folder, strerror(errno));
	else if (lock >= 0)
		result = run(&job, error_r);
	*header_r = job.header;
	job_free(&job);
	if (lock >= 0)
		close(lock);
	free(copy);
	return result;
}
