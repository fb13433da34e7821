/*
 * dictionary.c - the view: snapshot files, the overlay, the sums. How a snapshot is made:
 * dictionary_merge.c.
 */
#include "schema/dictionary_internal.h"

#include "lib/xalloc.h"
#include "schema/hash_list.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define MERGE_FEATURES	49152 /* features taught since the last snapshot: time for the next */
#define MERGE_LESSONS	1024  /* or rows of the log */
#define OPEN_ATTEMPTS	5
#define PREFETCH	12 /* look-ups ahead */
#define SECONDS_PER_DAY 86400

static void files_close(struct dictionary *d)
{
	for (size_t i = 0; i < d->file_count; i++) {
		tokens_close(&d->files[i]);
		free(d->names[i]);
	}
	d->file_count = 0;
}

void dictionary_clear(struct dictionary *d)
{
	files_close(d);
	overlay_free(&d->overlay);
	memset(&d->sums, 0, sizeof(d->sums));
	d->generation = -1;
	d->seq = 0;
	d->pending_features = d->pending_lessons = 0;
	d->purged_before = d->purged_on = 0;
}

void dictionary_free(struct dictionary **dictionary)
{
	if (*dictionary == NULL)
		return;
	dictionary_clear(*dictionary);
	free(*dictionary);
	*dictionary = NULL;
}

/* ---- loading ---- */

/* names is cut into pieces. */
static enum store_status files_open(struct store *store, char *names, char **error_r)
{
	struct dictionary *d = store->dictionary;
	char *rest = names, *name;

	while ((name = strsep(&rest, " ")) != NULL) {
		if (*name == '\0')
			continue;
		if (d->file_count == FILES_MAX || strchr(name, '/') != NULL) {
			*error_r = xasprintf("%s: damaged list of snapshots", store->directory);
			return STORE_DEFER;
		}
		char *path = xasprintf("%s/%s", store->directory, name);
		int result = tokens_open(&d->files[d->file_count], path, error_r);
		free(path);
		if (result != 0)
			return errno == ENOENT ? STORE_NOT_FOUND : STORE_DEFER;
		d->names[d->file_count++] = xstrdup(name);
	}
	return STORE_OK;
}

/* Those of a program with other learners keep their counts of lessons; calibration starts again. */
static void sums_read(struct dictionary_sums *sums, const void *blob, size_t size)
{
	const size_t head = offsetof(struct dictionary_sums, scores);

	if (size >= head)
		memcpy(sums, blob, size == sizeof(*sums) ? size : head);
}

static enum store_status snapshot_load(struct store *store, char **error_r)
{
	struct dictionary *d = store->dictionary;
	sqlite3_stmt *s = store_statement(store, STATEMENT_DICTIONARY_GET, error_r);
	enum store_status status = store_step(store, s, error_r);

	dictionary_clear(d);
	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? STORE_FAILED : status;
	int64_t generation = sqlite3_column_int64(s, 0);
	d->seq = sqlite3_column_int64(s, 1);
	char *names = store_column_text(s, 2);
	sums_read(&d->sums, sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3));
	d->purged_before = sqlite3_column_int(s, 4);
	d->purged_on = sqlite3_column_int(s, 5);
	sqlite3_reset(s);
	status = files_open(store, names, error_r);
	free(names);
	if (status == STORE_OK)
		d->generation = generation;
	else
		dictionary_clear(d);
	return status;
}

/* On which day the feature was first taught; a later one than any if it is not there. */
static int32_t born(const struct dictionary *d, uint32_t hash)
{
	const struct token *token = overlay_find(&d->overlay, hash);
	int32_t day = token == NULL ? INT32_MAX : token->born;

	for (size_t i = 0; i < d->file_count; i++) {
		token = tokens_find(&d->files[i], hash);
		if (token != NULL && token->born < day)
			day = token->born;
	}
	return day;
}

/*
 * sides: what the lesson adds to each feature, by its side. What takes back a lesson so old that
 * its features may have been dropped since leaves out those which were: they are gone, or were born
 * anew after it.
 */
static void apply_features(struct dictionary *d, struct span blob, struct token *sides,
			   int32_t learned)
{
	bool dropped = sides[0].spam + sides[0].innocent < 0 && learned < d->purged_before;
	size_t count;
	uint32_t *hashes = hash_list_unpack(blob, &count);

	for (size_t i = 0; i < count; i++) {
		struct token *delta = &sides[SIDE_OF(hashes[i])];
		overlay_prefetch(&d->overlay, hashes[i + PREFETCH < count ? i + PREFETCH : i]);
		delta->hash = hashes[i];
		if (!dropped || born(d, hashes[i]) <= learned)
			overlay_add(&d->overlay, delta);
	}
	d->pending_features += count;
	d->sums.spam += sides[0].spam;
	d->sums.innocent += sides[0].innocent;
	free(hashes);
}

static void apply_scores(struct dictionary *d, const uint16_t *scores, bool spam, int32_t delta)
{
	for (size_t i = 0; i < STORE_LEARNERS; i++)
		if (scores[i] < DICTIONARY_BINS)
			d->sums.scores[i][spam ? 1 : 0][scores[i]] += delta;
}

static void lesson_apply(struct dictionary *d, sqlite3_stmt *s)
{
	bool spam = sqlite3_column_int(s, 1) == STORE_SPAM;
	int delta = sqlite3_column_int(s, 2);
	uint16_t scores[STORE_LEARNERS];

	d->seq = sqlite3_column_int64(s, 0);
	d->pending_lessons++;
	if (sqlite3_column_int(s, 3) != 0) {
		struct token sides[SIDES];
		uint16_t day = (uint16_t)sqlite3_column_int(s, 8);
		for (int i = 0; i < SIDES; i++) {
			int gradient = sqlite3_column_int(s, 6 + i);
			sides[i] = (struct token){.spam = spam ? delta : 0,
						  .innocent = spam ? 0 : delta,
						  .gradient = delta * gradient,
						  .square = delta * gradient * gradient,
						  .day = day > 0 ? day : 1,
						  .born = day > 0 ? day : 1};
		}
		struct span blob = {sqlite3_column_blob(s, 5), (size_t)sqlite3_column_bytes(s, 5)};
		apply_features(d, blob, sides, sqlite3_column_int(s, 9));
	} else if (sqlite3_column_bytes(s, 4) == sizeof(scores)) {
		memcpy(scores, sqlite3_column_blob(s, 4), sizeof(scores));
		apply_scores(d, scores, spam, delta);
	}
}

static enum store_status lessons_load(struct store *store, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_LESSONS_SINCE, error_r);
	enum store_status status;

	if (s != NULL)
		sqlite3_bind_int64(s, 1, store->dictionary->seq);
	while ((status = store_step(store, s, error_r)) == STORE_OK)
		lesson_apply(store->dictionary, s);
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}

enum store_status dictionary_generation(struct store *store, int64_t *generation_r, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_DICTIONARY_GENERATION, error_r);
	enum store_status status = store_step(store, s, error_r);

	if (status != STORE_OK)
		return status;
	*generation_r = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return STORE_OK;
}

static enum store_status refresh(struct store *store, char **error_r)
{
	int64_t generation;
	enum store_status status = dictionary_generation(store, &generation, error_r);

	if (status == STORE_OK && generation != store->dictionary->generation)
		status = snapshot_load(store, error_r);
	if (status == STORE_OK)
		status = lessons_load(store, error_r);
	return status;
}

enum store_status dictionary_refresh(struct store *store, char **error_r)
{
	bool inside = sqlite3_get_autocommit(store->db) == 0;
	enum store_status status = STORE_NOT_FOUND;

	if (store->dictionary == NULL) {
		store->dictionary = xcalloc(1, sizeof(*store->dictionary));
		store->dictionary->generation = -1;
	}
	if (inside) {
		status = refresh(store, error_r);
	} else {
		/* A file may be replaced between reading its name and opening it: read again. */
		for (int i = 0; i < OPEN_ATTEMPTS && status == STORE_NOT_FOUND; i++) {
			free(*error_r);
			*error_r = NULL;
			status = store_run(store,
					   store_statement(store, STATEMENT_BEGIN_READ, error_r),
					   error_r);
			if (status == STORE_OK)
				status = refresh(store, error_r);
			store_rollback(store);
		}
	}
	return status == STORE_NOT_FOUND ? STORE_DEFER : status;
}

/* ---- reading ---- */

static void counts_add(void *context, size_t i, const struct token *token)
{
	struct token_counts *counts = (struct token_counts *)context + i;

	counts->spam += token->spam;
	counts->innocent += token->innocent;
	counts->gradient += token->gradient;
	counts->square += token->square;
}

void dictionary_counts(const struct store *store, const uint32_t *hashes, size_t count,
		       struct token_counts *counts_r)
{
	const struct dictionary *d = store->dictionary;

	memset(counts_r, 0, count * sizeof(*counts_r));
	for (size_t i = 0; i < count; i++) {
		overlay_prefetch(&d->overlay, hashes[i + PREFETCH < count ? i + PREFETCH : i]);
		const struct token *token = overlay_find(&d->overlay, hashes[i]);
		if (token != NULL)
			counts_add(counts_r, i, token);
	}
	for (size_t f = 0; f < d->file_count; f++)
		tokens_find_all(&d->files[f], hashes, count, counts_add, counts_r);
}

const struct dictionary_sums *dictionary_sums(const struct store *store)
{
	return &store->dictionary->sums;
}

uint64_t dictionary_tokens(const struct store *store)
{
	uint64_t sum = store->dictionary->overlay.count;

	for (size_t i = 0; i < store->dictionary->file_count; i++)
		sum += store->dictionary->files[i].count;
	return sum;
}

static int32_t today(const struct store *store)
{
	time_t day = store_now(store) / SECONDS_PER_DAY;

	return day < 1 ? 1 : day > UINT16_MAX ? UINT16_MAX : (int32_t)day;
}

static enum store_status lesson_taught(struct store *store, const struct lesson *lesson,
				       char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_LESSON_TAUGHT, error_r);

	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, lesson->message);
	sqlite3_bind_int(s, 2, lesson->gradients[SIDE_HEADER]);
	sqlite3_bind_int(s, 3, lesson->gradients[SIDE_BODY]);
	return store_run(store, s, error_r);
}

enum store_status dictionary_lesson(struct store *store, const struct lesson *lesson,
				    char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_LESSON_ADD, error_r);

	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, lesson->message);
	sqlite3_bind_int(s, 2, (int)lesson->class);
	sqlite3_bind_int(s, 3, lesson->delta);
	sqlite3_bind_int(s, 4, lesson->tokens);
	store_bind_blob(s, 5, lesson->scores, sizeof(lesson->scores));
	sqlite3_bind_int(s, 6, lesson->gradients[SIDE_HEADER]);
	sqlite3_bind_int(s, 7, lesson->gradients[SIDE_BODY]);
	sqlite3_bind_int(s, 8, today(store));
	enum store_status status = store_run(store, s, error_r);
	if (status == STORE_OK && lesson->tokens && lesson->delta > 0)
		status = lesson_taught(store, lesson, error_r);
	return status;
}

bool dictionary_merge_due(const struct store *store)
{
	const struct dictionary *d = store->dictionary;

	return d != NULL &&
	       (d->pending_features >= MERGE_FEATURES || d->pending_lessons >= MERGE_LESSONS);
}
