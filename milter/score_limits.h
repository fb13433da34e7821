/*
 * score_limits.h - from which score on what happens, by what the recipient is. Pure.
 *
 * score_note, score_greylist and score_reject count for everybody; score_limits says otherwise for
 * a class: "relayed=4/-/12" (note/greylist/reject; "-": never). Without being told so, mail that
 * only passes through carries no note. Who is several things at once has the strictest of their
 * limits.
 */
#ifndef SHOVELER_SCORE_LIMITS_H
#define SHOVELER_SCORE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#define SCORE_LIMIT_NEVER   100000
#define SCORE_LIMIT_CLASSES 4 /* mailbox, redirect, relayed, training: as the bits of verdict.h */

struct score_limits {
	int note, greylist, reject;
};

struct score_table {
	struct score_limits of[SCORE_LIMIT_CLASSES];
};

void score_table_default(struct score_table *table, const struct score_limits *everybody);
/* Returns 0, or -1 and *error_r. */
int score_table_set(struct score_table *table, const char *text, char **error_r);

/* Whether any score of any class does anything. */
bool score_table_is_used(const struct score_table *table);

/* classes: CLASS_... of verdict.h, or'ed. */
struct score_limits score_table_find(const struct score_table *table, unsigned classes);

enum score_action { SCORE_TAKE, SCORE_NOTE, SCORE_GREYLIST, SCORE_REJECT };

/* hits: a client with nothing to be said about passes, whatever the limits. */
enum score_action score_action_find(const struct score_limits *limits, int total, size_t hits);

#endif
