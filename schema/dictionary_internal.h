/*
 * dictionary_internal.h - the view of one open store: shared by dictionary*.c only.
 */
#ifndef SHOVELER_DICTIONARY_INTERNAL_H
#define SHOVELER_DICTIONARY_INTERNAL_H

#include "schema/overlay.h"
#include "schema/store_internal.h"
#include "schema/tokens.h"

#define FILES_MAX 16

struct dictionary {
	int64_t generation;		/* -1: nothing loaded */
	int64_t seq;			/* the last lesson that is in the view */
	struct tokens files[FILES_MAX]; /* oldest first */
	char *names[FILES_MAX];
	size_t file_count;
	struct overlay overlay;
	struct dictionary_sums sums;
	size_t pending_features, pending_lessons; /* since the snapshot */
	/* Days since 1970: no token that was taught since the first was ever dropped; when they
	 * were last looked through. */
	int32_t purged_before, purged_on;
};

void dictionary_clear(struct dictionary *d);

/* That the store has now. */
enum store_status dictionary_generation(struct store *store, int64_t *generation_r, char **error_r);

#endif
