/*
 * dictionary.h - a user's dictionary: what was learned, as counts of features and of past scores.
 *
 * The log of lessons (store.sqlite) is the truth; the dictionary is a view of it: immutable
 * snapshot files (tokens.h), plus what the lessons since the newest snapshot add, held in memory.
 * A lesson is one insert into the log, a retraction is the same lesson with delta -1: counts are
 * sums of integers, so it is exact. When the log has grown enough, dictionary_merge() writes a
 * snapshot.
 *
 * Crash at any moment: a snapshot file that the store does not name does not exist for anybody and
 * is removed by the next purge; the file that it does name was synced before it was named.
 */
#ifndef SHOVELER_DICTIONARY_H
#define SHOVELER_DICTIONARY_H

#include "schema/store.h"

#define DICTIONARY_BINS 256 /* of a histogram */

struct token_counts {
	int32_t spam, innocent;	  /* messages */
	int32_t gradient, square; /* sums of lesson.gradient and of its square */
};

/* scores[i] counts messages of a class by the bin of learner i's score when it came. */
struct dictionary_sums {
	int64_t spam, innocent;				    /* lessons that count features */
	int64_t gradient, square;			    /* of those lessons */
	int32_t scores[STORE_LEARNERS][2][DICTIONARY_BINS]; /* [..][0] innocent, [..][1] spam */
};

/*
 * Header and body are learned apart from each other by the logistic learners; a bit of the hash
 * says to which one a feature belongs (the four lowest bits are the view:
 * spamtrain/engine/features.h).
 */
enum { SIDE_HEADER, SIDE_BODY, SIDES };
#define SIDE_OF(hash) ((hash) >> 3 & 1U)

struct lesson {
	int64_t message;
	enum store_class class;
	int delta;   /* +1, or -1: takes back */
	bool tokens; /* counts the message's features; else: its scores */
	/* With tokens: how much it moves the weights of its features, by SIDE_OF(), at most
	 * LESSON_GRADIENT_MAX either way. What is taken back moves them as it did when it was
	 * taught, if the store remembers. */
	int gradients[SIDES];
	uint16_t scores[STORE_LEARNERS];
};

#define LESSON_GRADIENT_MAX 128
#define SCORE_UNKNOWN	    UINT16_MAX /* a score that is not counted */

/* Brings the view up to date with the log. In a transaction it then stays so until its end. */
enum store_status dictionary_refresh(struct store *store, char **error_r);

/* Of the view as of the last refresh. hashes: sorted. */
void dictionary_counts(const struct store *store, const uint32_t *hashes, size_t count,
		       struct token_counts *counts_r);
const struct dictionary_sums *dictionary_sums(const struct store *store);
uint64_t dictionary_tokens(const struct store *store); /* distinct; an upper bound */

/* Appends to the log, in a transaction. The view shows it after the next refresh. */
enum store_status dictionary_lesson(struct store *store, const struct lesson *lesson,
				    char **error_r);

/* A message's features, kept for corrections. version: of their meaning. */
enum store_status store_features_add(struct store *store, int64_t message, unsigned version,
				     const uint32_t *hashes, size_t count, char **error_r);
/* The version that a message's features had, when they are not kept any more. */
enum store_status store_features_version(struct store *store, int64_t message, unsigned *version_r,
					 char **error_r);
/* *hashes_r is malloc'ed. */
enum store_status store_features_get(struct store *store, int64_t message, unsigned *version_r,
				     uint32_t **hashes_r, size_t *count_r, char **error_r);

/* Is it time for a snapshot? Cheap. */
bool dictionary_merge_due(const struct store *store);
/*
 * Writes a snapshot and names it in the store; brief: in some milliseconds, and larger files are
 * left to a merge that is not. Not in a transaction; others read and write the store meanwhile. If
 * another process was faster, nothing is changed (STORE_OK).
 */
enum store_status dictionary_merge(struct store *store, bool brief, char **error_r);

/*
 * Drops useless tokens, at most once a day; leaves them while they are less than a sixteenth. Not
 * in a transaction; others read and write the store meanwhile, and if they keep making snapshots it
 * is left to the next time. Lessons can still be taken back exactly: what was dropped stays
 * dropped.
 */
enum store_status dictionary_purge(struct store *store, const struct dictionary_rules *rules,
				   int32_t today, size_t *dropped_r, char **error_r);

/* Removes snapshot files that the store does not name and that are an hour old. After a refresh. */
void dictionary_sweep(struct store *store, time_t now);

#endif
