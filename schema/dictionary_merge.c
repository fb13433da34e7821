/*
 * dictionary_merge.c - snapshots: how they are made, what is dropped on the way, and which files
 * go.
 *
 * Snapshots are a list of at most FILES_MAX files, oldest first. A merge turns the overlay, and
 * every file at the end of the list that is less than MERGE_RATIO times as large as what follows
 * it, into one new file: so a large dictionary is rewritten seldom. A brief merge, which a delivery
 * may wait for, leaves files alone that would make more than BRIEF_TOKENS, unless the list is full;
 * the next one that is not brief takes them. A purge makes one file of all,
 * without the useless tokens. Both write the file first, then name it in a short transaction; who
 * finds that another process made a snapshot meanwhile throws its own away.
 */
#include "schema/dictionary_internal.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MERGE_RATIO    4
#define BRIEF_TOKENS   (512 * 1024) /* some milliseconds */
#define STRAY_SECONDS  3600	    /* a file that is being written is younger */
#define PURGE_ATTEMPTS 3	    /* against processes that merge meanwhile */
#define PURGE_SHARE    16	    /* a purge must drop at least one token of so many */
#define AGE_MAX	       1023	    /* days told apart when the dictionary is too large */
#define HAPAX_HITS     5	    /* DSPAM's: spam + 2 * innocent */

/* ---- the tokens of several runs as one ---- */

struct run {
	const struct token *at, *end;
};

struct runs {
	struct run list[FILES_MAX + 1];
	size_t count;
	struct token *sorted; /* of the overlay */
	size_t total;	      /* tokens at most */
	struct run *first;    /* whose next tokens, below until, are in no other run */
	uint32_t until;
};

/* The files from kept on, and the overlay. */
static void runs_open(struct runs *runs, const struct dictionary *d, size_t kept)
{
	runs->count = 0;
	runs->first = NULL;
	runs->total = d->overlay.count;
	for (size_t i = kept; i < d->file_count; i++) {
		const struct tokens *file = &d->files[i];
		runs->list[runs->count++] =
			(struct run){file->entries, file->entries + file->count};
		runs->total += file->count;
	}
	runs->sorted = overlay_sorted(&d->overlay);
	runs->list[runs->count++] = (struct run){runs->sorted, runs->sorted + d->overlay.count};
}

static void runs_close(struct runs *runs)
{
	free(runs->sorted);
}

/* The run with the lowest hash; up to where it is alone. */
static struct run *runs_first(struct runs *runs)
{
	struct run *first = NULL;

	runs->until = UINT32_MAX;
	for (size_t i = 0; i < runs->count; i++) {
		struct run *run = &runs->list[i];
		if (run->at == run->end)
			continue;
		if (first == NULL || run->at->hash < first->at->hash) {
			if (first != NULL && first->at->hash < runs->until)
				runs->until = first->at->hash;
			first = run;
		} else if (run->at->hash < runs->until) {
			runs->until = run->at->hash;
		}
	}
	runs->first = first;
	return first;
}

/* The next token by hash, summed. False: there is none. */
static bool runs_next(struct runs *runs, struct token *token_r)
{
	struct run *first = runs->first;

	if (first != NULL && first->at < first->end && first->at->hash < runs->until) {
		*token_r = *first->at++;
		return true;
	}
	first = runs_first(runs);
	if (first == NULL)
		return false;
	*token_r = (struct token){.hash = first->at->hash};
	for (size_t i = 0; i < runs->count; i++) {
		struct run *run = &runs->list[i];
		if (run->at < run->end && run->at->hash == token_r->hash)
			token_add(token_r, run->at++);
	}
	return true;
}

/* ---- what is useless ---- */

/* A token that fewer messages taught goes sooner. */
enum rank { RANK_ONE_HIT, RANK_HAPAX, RANK_OTHER, RANKS };

struct selection {
	const struct dictionary_rules *rules;
	const struct dictionary_sums *sums;
	int32_t today;
	int32_t age_max[RANKS]; /* older ones go, because there are too many */
	int32_t dropped_day;	/* the latest on which one that goes was taught */
	size_t dropped, remaining;
	size_t ages[RANKS][AGE_MAX + 1]; /* of those that remain */
};

static bool is_empty(const struct token *t)
{
	return t->spam == 0 && t->innocent == 0;
}

static enum rank rank_of(const struct token *t)
{
	if (t->spam + t->innocent <= 1)
		return RANK_ONE_HIT;
	return t->spam + 2 * t->innocent < HAPAX_HITS ? RANK_HAPAX : RANK_OTHER;
}

/* DSPAM's bounds of a probability that tells nothing: 0.35 to 0.65. */
static bool is_neutral(const struct token *t, const struct dictionary_sums *sums)
{
	double spam = t->spam / (sums->spam > 0 ? (double)sums->spam : 1);
	double innocent = t->innocent / (sums->innocent > 0 ? (double)sums->innocent : 1);
	double sum = spam + innocent;

	return sum > 0 && spam >= 0.35 * sum && spam <= 0.65 * sum;
}

static bool is_old(int32_t age, unsigned days)
{
	return days > 0 && age > (int32_t)days;
}

static bool is_useless(const struct selection *s, const struct token *t, int32_t age)
{
	const struct dictionary_rules *rules = s->rules;
	enum rank rank = rank_of(t);

	if (age > s->age_max[rank])
		return true;
	if (is_old(age, rules->unused) &&
	    (rules->unused_hits == 0 || t->spam + t->innocent < rules->unused_hits))
		return true;
	if (rank == RANK_ONE_HIT && is_old(age, t->spam > 0 ? rules->hits1s : rules->hits1i))
		return true;
	if (rank <= RANK_HAPAX && is_old(age, rules->hapaxes))
		return true;
	return is_old(age, rules->neutral) && is_neutral(t, s->sums);
}

static int32_t age_of(const struct selection *s, const struct token *t)
{
	return s->today - t->day;
}

/* Does it stay? Counts. Of today's tokens none goes: exactness rests on that (apply_features()). */
static bool select_token(struct selection *s, const struct token *t)
{
	int32_t age = age_of(s, t);

	if (age > 0 && (is_empty(t) || is_useless(s, t, age))) {
		s->dropped++;
		s->dropped_day = t->day > s->dropped_day ? t->day : s->dropped_day;
		return false;
	}
	s->remaining++;
	s->ages[rank_of(t)][age < 0 ? 0 : age > AGE_MAX ? AGE_MAX : age]++;
	return true;
}

static void count_all(struct selection *s, const struct dictionary *d)
{
	struct runs runs;
	struct token token;

	s->dropped = s->remaining = 0;
	memset(s->ages, 0, sizeof(s->ages));
	runs_open(&runs, d, 0);
	while (runs_next(&runs, &token))
		select_token(s, &token);
	runs_close(&runs);
}

/*
 * The least telling go first, of these the oldest; an eighth more than must, not to come again
 * soon.
 */
static void select_for_size(struct selection *s, size_t max)
{
	size_t remaining = s->remaining;

	for (int rank = 0; rank < RANKS; rank++)
		for (int32_t age = AGE_MAX; age > 0 && remaining > max - max / 8; age--) {
			remaining -= s->ages[rank][age];
			s->age_max[rank] = age - 1;
		}
}

/* ---- writing ---- */

/* How many files stay as they are; the others go into the new one. */
static size_t files_kept(const struct dictionary *d, bool brief)
{
	size_t kept = d->file_count, sum = d->overlay.count;

	if (kept == FILES_MAX)
		brief = false;
	if (sum == 0 && kept > 0)
		sum = d->files[--kept].count;
	while (kept > 0 && (kept == FILES_MAX || d->files[kept - 1].count < MERGE_RATIO * sum) &&
	       (!brief || sum + d->files[kept - 1].count <= BRIEF_TOKENS))
		sum += d->files[--kept].count;
	return kept;
}

/* selection: what is dropped; NULL: nothing but empty tokens, where no older file is kept. */
static enum store_status snapshot_write(struct store *store, size_t kept, const char *name,
					struct selection *selection, char **error_r)
{
	char *path = xasprintf("%s/%s", store->directory, name);
	struct runs runs;
	struct token token;

	runs_open(&runs, store->dictionary, kept);
	struct tokens_writer *writer = tokens_writer_open(path, runs.total, error_r);
	while (writer != NULL && runs_next(&runs, &token)) {
		bool stays = selection != NULL ? select_token(selection, &token)
					       : kept > 0 || !is_empty(&token);
		if (stays)
			tokens_writer_add(writer, &token);
	}
	runs_close(&runs);
	int result = writer == NULL ? -1 : tokens_writer_finish(&writer, error_r);
	free(path);
	return result == 0 ? STORE_OK : STORE_DEFER;
}

/* Writes the row: with another generation, or with the day of the last look only. */
static enum store_status row_write(struct store *store, int64_t generation, const char *files,
				   char **error_r)
{
	const struct dictionary *d = store->dictionary;
	sqlite3_stmt *s = store_statement(store, STATEMENT_DICTIONARY_SET, error_r);

	if (s == NULL)
		return STORE_DEFER;
	sqlite3_bind_int64(s, 1, generation);
	sqlite3_bind_int64(s, 2, d->seq);
	store_bind_text(s, 3, files);
	store_bind_blob(s, 4, &d->sums, sizeof(d->sums));
	sqlite3_bind_int(s, 5, d->purged_before);
	sqlite3_bind_int(s, 6, d->purged_on);
	return store_run(store, s, error_r);
}

static enum store_status snapshot_name(struct store *store, size_t kept, const char *name,
				       char **error_r)
{
	struct dictionary *d = store->dictionary;
	struct strbuf names = STRBUF_INIT;

	for (size_t i = 0; i < kept; i++)
		strbuf_printf(&names, "%s ", d->names[i]);
	strbuf_append_text(&names, name);
	enum store_status status =
		row_write(store, d->generation + 1, strbuf_text(&names), error_r);
	strbuf_free(&names);
	if (status != STORE_OK)
		return status;
	sqlite3_stmt *s = store_statement(store, STATEMENT_LESSONS_DELETE, error_r);
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
		status = dictionary_generation(store, &generation, error_r);
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

static enum store_status snapshot_make(struct store *store, size_t kept,
				       struct selection *selection, bool *won_r, char **error_r)
{
	struct dictionary *d = store->dictionary;
	uint64_t random = 0;

	*won_r = false;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL);
	char *name = xasprintf("tokens.%lld.%016llx", (long long)(d->generation + 1),
			       (unsigned long long)random);
	enum store_status status = snapshot_write(store, kept, name, selection, error_r);
	if (status == STORE_OK) {
		if (selection != NULL && selection->dropped_day >= d->purged_before)
			d->purged_before = selection->dropped_day + 1;
		status = snapshot_commit(store, kept, name, won_r, error_r);
		for (size_t i = kept; i < d->file_count && *won_r; i++)
			unlink_in(store->directory, d->names[i]);
		/* A commit that failed may still be found done after a crash: its file stays. */
		if (status == STORE_OK && !*won_r)
			unlink_in(store->directory, name);
		dictionary_clear(d);
	}
	free(name);
	return status;
}

enum store_status dictionary_merge(struct store *store, bool brief, char **error_r)
{
	const struct dictionary *d = store->dictionary;
	bool won;

	if (d == NULL || d->generation < 0)
		return STORE_OK;
	size_t kept = files_kept(d, brief);
	if (d->pending_lessons == 0 && kept + 1 >= d->file_count)
		return STORE_OK;
	return snapshot_make(store, kept, NULL, &won, error_r);
}

/* ---- purging ---- */

/* Notes that nothing is to be done today; if somebody was faster, it is looked again. */
static enum store_status looked_through(struct store *store, char **error_r)
{
	sqlite3_stmt *s = store_statement(store, STATEMENT_DICTIONARY_LOOKED, error_r);

	if (s != NULL)
		sqlite3_bind_int(s, 1, store->dictionary->purged_on);
	return store_run(store, s, error_r);
}

static enum store_status purge_once(struct store *store, const struct dictionary_rules *rules,
				    int32_t today, size_t *dropped_r, bool *done_r, char **error_r)
{
	struct dictionary *d = store->dictionary;
	struct selection *s = xcalloc(1, sizeof(*s));
	enum store_status status = STORE_OK;

	*s = (struct selection){.rules = rules, .sums = &d->sums, .today = today};
	for (int rank = 0; rank < RANKS; rank++)
		s->age_max[rank] = INT32_MAX;
	count_all(s, d);
	if (rules->tokens_max > 0 && s->remaining > rules->tokens_max) {
		select_for_size(s, rules->tokens_max);
		count_all(s, d);
	}
	d->purged_on = today;
	*done_r = true;
	if (s->dropped * PURGE_SHARE <= s->remaining && s->age_max[RANK_ONE_HIT] == INT32_MAX) {
		status = looked_through(store, error_r);
	} else {
		s->dropped = s->remaining = 0;
		struct dictionary_sums sums = d->sums; /* the view is cleared */
		s->sums = &sums;
		status = snapshot_make(store, 0, s, done_r, error_r);
		*dropped_r = *done_r ? s->dropped : 0;
	}
	free(s);
	return status;
}

enum store_status dictionary_purge(struct store *store, const struct dictionary_rules *rules,
				   int32_t today, size_t *dropped_r, char **error_r)
{
	enum store_status status = STORE_OK;
	bool done = false;

	*dropped_r = 0;
	for (int i = 0; i < PURGE_ATTEMPTS && status == STORE_OK && !done; i++) {
		status = dictionary_refresh(store, error_r);
		if (status != STORE_OK || store->dictionary->purged_on >= today)
			break;
		status = purge_once(store, rules, today, dropped_r, &done, error_r);
	}
	return status;
}

/* ---- stray files ---- */

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
