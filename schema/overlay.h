/*
 * overlay.h - counts of features in memory: what the lessons since the newest snapshot add.
 *
 * A hash table that grows with what is put in; bounded because dictionary_merge() empties it.
 */
#ifndef SHOVELER_OVERLAY_H
#define SHOVELER_OVERLAY_H

#include "schema/tokens.h"

struct overlay {
	struct token *slots; /* day 0: free */
	size_t size;	     /* of slots, a power of two; 0 at first */
	size_t count;
	uint64_t key; /* random and odd: nobody can choose words that all want the same slot */
	unsigned shift;
};

/* Adds delta, whose day is not 0, to what is there of delta->hash. */
void overlay_add(struct overlay *overlay, const struct token *delta);
const struct token *overlay_find(const struct overlay *overlay, uint32_t hash);
/* Of a hash that will be added or looked up a little later: hides the memory's latency. */
void overlay_prefetch(const struct overlay *overlay, uint32_t hash);
/* Entries sorted by hash, malloc'ed. */
struct token *overlay_sorted(const struct overlay *overlay);
void overlay_free(struct overlay *overlay);

#endif
