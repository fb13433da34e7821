/*
 * dictionary.c - the view: snapshot files, the overlay, the sums; and how a snapshot is made.
 *
 * Snapshots are kept as a list of at most FILES_MAX files, oldest first. A merge turns the overlay,
 * and every file at the end of the list that is less than MERGE_RATIO times as large as what
 * follows it, into one new file: so a large dictionary is rewritten seldom.
 */
#include "schema/store_internal.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "schema/hash_list.h"
#include "schema/overlay.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX	4
#define MERGE_RATIO	6
#define MERGE_FEATURES	49152 /* features taught since the last snapshot: time for the next */
#define MERGE_LESSONS	1024  /* or rows of the log */
#define STRAY_SECONDS	3600  /* a file that is being written is younger */
#define OPEN_ATTEMPTS	5
#define PREFETCH	12 /* look-ups ahead */
#define SECONDS_PER_DAY 86400

struct dictionary {
	int64_t generation; /* -1: nothing loaded */
	int64_t seq;	    /* the last lesson that is in the view */
	struct tokens files[FILES_MAX];
	char *names[FILES_MAX];
	size_t file_count;
	struct overlay overlay;
	struct dictionary_sums sums;
	size_t pending_features, pending_lessons; /* since the snapshot */
};

static void files_close(struct dictionary *d)
{
	for (size_t i = 0; i < d->file_count; i++) {
		tokens_close(&d->files[i]);
		free(d->names[i]);
	}
	d->file_count = 0;
}

static void view_clear(struct dictionary *d)
{
	files_close(d);
	overlay_free(&d->overlay);
	memset(&d->sums, 0, sizeof(d->sums));
	d->generation = -1;
	d->seq = 0;
	d->pending_features = d->pending_lessons = 0;
}

void dictionary_free(struct dictionary **dictionary)
{
	if (*dictionary == NULL)
		return;
	view_clear(*dictionary);
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

static enum store_status snapshot_load(struct store *store, char **error_r)
{
	struct dictionary *d = store->dictionary;
	sqlite3_stmt *s = store_statement(store, STATEMENT_DICTIONARY_GET, error_r);
	enum store_status status = store_step(store, s, error_r);

	view_clear(d);
	if (status != STORE_OK)
		return status == STORE_NOT_FOUND ? STORE_FAILED : status;
	int64_t generation = sqlite3_column_int64(s, 0);
	d->seq = sqlite3_column_int64(s, 1);
	char *names = store_column_text(s, 2);
	if (sqlite3_column_bytes(s, 3) == sizeof(d->sums))
		memcpy(&d->sums, sqlite3_column_blob(s, 3), sizeof(d->sums));
	sqlite3_reset(s);
	status = files_open(store, names, error_r);
	free(names);
	if (status == STORE_OK)
		d->generation = generation;
	else
		view_clear(d);
	return status;
}

static uint32_t today(void)
{
	return (uint32_t)(time(NULL) / SECONDS_PER_DAY);
}

/* sides: what the lesson adds to each feature, by its side. */
static void apply_features(struct dictionary *d, struct span blob, struct token *sides)
{
	size_t count;
	uint32_t *hashes = hash_list_unpack(blob, &count);

	for (size_t i = 0; i < count; i++) {
		struct token *delta = &sides[SIDE_OF(hashes[i])];
		overlay_prefetch(&d->overlay, hashes[i + PREFETCH < count ? i + PREFETCH : i]);
		delta->hash = hashes[i];
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
		for (int i = 0; i < SIDES; i++) {
			int gradient = sqlite3_column_int(s, 6 + i);
			sides[i] = (struct token){.spam = spam ? delta : 0,
						  .innocent = spam ? 0 : delta,
						  .gradient = delta * gradient,
						  .square = delta * gradient * gradient,
						  .day = today()};
		}
		struct span blob = {sqlite3_column_blob(s, 5), (size_t)sqlite3_column_bytes(s, 5)};
		apply_features(d, blob, sides);
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

static enum store_status generation_get(struct store *store, int64_t *generation_r, char **error_r)
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
	enum store_status status = generation_get(store, &generation, error_r);

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
	sqlite3_bind_blob(s, 5, lesson->scores, sizeof(lesson->scores), SQLITE_TRANSIENT);
	sqlite3_bind_int(s, 6, lesson->gradients[SIDE_HEADER]);
	sqlite3_bind_int(s, 7, lesson->gradients[SIDE_BODY]);
	return store_run(store, s, error_r);
}

/* ---- merging ---- */

bool dictionary_merge_due(const struct store *store)
{
	const struct dictionary *d = store->dictionary;

	return d != NULL &&
	       (d->pending_features >= MERGE_FEATURES || d->pending_lessons >= MERGE_LESSONS);
}

struct run {
	const struct token *at, *end;
};

/* Sums the runs into out; drop: entries that add up to nothing are left out. Returns the count. */
static size_t runs_merge(struct run *runs, size_t count, struct token *out, bool drop)
{
	size_t written = 0;

	for (;;) {
		bool any = false;
		uint32_t hash = 0;
		for (size_t i = 0; i < count; i++) {
			if (runs[i].at < runs[i].end && (!any || runs[i].at->hash < hash)) {
				hash = runs[i].at->hash;
				any = true;
			}
		}
		if (!any)
			return written;
		struct token sum = {.hash = hash};
		for (size_t i = 0; i < count; i++) {
			if (runs[i].at == runs[i].end || runs[i].at->hash != hash)
				continue;
			token_add(&sum, runs[i].at++);
		}
		if (!drop || sum.spam != 0 || sum.innocent != 0)
			out[written++] = sum;
	}
}

/* How many files stay as they are; the others go into the new one. */
static size_t files_kept(const struct dictionary *d)
{
	size_t kept = d->file_count, sum = d->overlay.count;

	while (kept > 0 && (kept == FILES_MAX - 1 || d->files[kept - 1].count < MERGE_RATIO * sum))
		sum += d->files[--kept].count;
	return kept;
}

static enum store_status snapshot_write(struct store *store, size_t kept, const char *name,
					char **error_r)
{
	struct dictionary *d = store->dictionary;
	struct run runs[FILES_MAX + 1];
	size_t count = 0, total = d->overlay.count;
	struct token *sorted = overlay_sorted(&d->overlay);

	for (size_t i = kept; i < d->file_count; i++) {
		runs[count++] =
			(struct run){d->files[i].entries, d->files[i].entries + d->files[i].count};
		total += d->files[i].count;
	}
	runs[count++] = (struct run){sorted, sorted + d->overlay.count};
	struct token *out = malloc((total + 1) * sizeof(*out));
	enum store_status status = STORE_DEFER;
	if (out == NULL) {
		*error_r = xasprintf("%s: no memory for a snapshot", store->directory);
	} else {
		size_t written = runs_merge(runs, count, out, kept == 0);
		char *path = xasprintf("%s/%s", store->directory, name);
		if (tokens_write(path, out, written, error_r) == 0)
			status = STORE_OK;
		free(path);
	}
	free(out);
	free(sorted);
	return status;
}

static enum store_status snapshot_name(struct store *store, size_t kept, const char *name,
				       char **error_r)
{
	struct dictionary *d = store->dictionary;
	struct strbuf names = STRBUF_INIT;

	for (size_t i = 0; i < kept; i++)
		strbuf_printf(&names, "%s ", d->names[i]);
	strbuf_append_text(&names, name);
	sqlite3_stmt *s = store_statement(store, STATEMENT_DICTIONARY_SET, error_r);
	if (s != NULL) {
		sqlite3_bind_int64(s, 1, d->generation + 1);
		sqlite3_bind_int64(s, 2, d->seq);
		store_bind_text(s, 3, strbuf_text(&names));
		sqlite3_bind_blob(s, 4, &d->sums, sizeof(d->sums), SQLITE_TRANSIENT);
	}
	strbuf_free(&names);
	enum store_status status = store_run(store, s, error_r);
	if (status != STORE_OK)
		return status;
	s = store_statement(store, STATEMENT_LESSONS_DELETE, error_r);
	if (s != NULL)
		sqlite3_bind_int64(s, 1, d->seq);
	return store_run(store, s, error_r);
}

/* *won_r: no other process made a snapshot since ours was read. */
static enum store_status snapshot_commit(struct store *store, size_t kept, const char *name,
					 bool *won_r, char **error_r)
{
	int64_t generation = -1;
	enum store_status status = store_begin(store, error_r);

	*won_r = false;
	if (status == STORE_OK)
		status = generation_get(store, &generation, error_r);
	if (status == STORE_OK && generation == store->dictionary->generation) {
		status = snapshot_name(store, kept, name, error_r);
		if (status == STORE_OK)
			status = store_commit(store, error_r);
		*won_r = status == STORE_OK;
	}
	store_rollback(store);
	return status;
}

static void unlink_in(const char *directory, const char *name)
{
	char *path = xasprintf("%s/%s", directory, name);

	unlink(path);
	free(path);
}

enum store_status dictionary_merge(struct store *store, char **error_r)
{
	struct dictionary *d = store->dictionary;
	uint64_t random = 0;
	bool won;

	if (d == NULL || d->generation < 0 || d->pending_lessons == 0)
		return STORE_OK;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL);
	char *name = xasprintf("tokens.%lld.%016llx", (long long)(d->generation + 1),
			       (unsigned long long)random);
	size_t kept = files_kept(d);
	enum store_status status = snapshot_write(store, kept, name, error_r);
	if (status == STORE_OK) {
		status = snapshot_commit(store, kept, name, &won, error_r);
		if (won) {
			for (size_t i = kept; i < d->file_count; i++)
				unlink_in(store->directory, d->names[i]);
		} else {
			unlink_in(store->directory, name);
		}
		view_clear(d);
	}
	free(name);
	return status;
}

static bool is_named(const struct dictionary *d, const char *name)
{
	for (size_t i = 0; i < d->file_count; i++)
		if (strcmp(d->names[i], name) == 0)
			return true;
	return false;
}

void dictionary_sweep(struct store *store, time_t now)
{
	DIR *dir = opendir(store->directory);
	struct dirent *entry;
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "tokens.", 7) == 0 &&
		    !is_named(store->dictionary, entry->d_name) &&
		    fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
		    st.st_mtime < now - STRAY_SECONDS)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}
