/*
 * tokens.h - an immutable file of feature counts, mapped into memory.
 *
 * Format (little endian, 8-byte aligned): header, index of 2^bits + 1 positions by the hash's upper
 * bits, entries sorted by hash. About four entries share an index slot, so a look-up reads one slot
 * and one or two cache lines, however large the file is. Sizes are checked when it is opened; a
 * file that is not whole is refused.
 */
#ifndef SHOVELER_TOKENS_H
#define SHOVELER_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token {
	uint32_t hash;
	int32_t spam, innocent;	  /* messages; may be negative in a file that is not the oldest */
	int32_t gradient, square; /* sums over lessons: dictionary.h */
	uint16_t day;		  /* when it was last taught, days since 1970; 0: an empty token */
	uint16_t born;		  /* when it was first taught; 0: longer ago than anybody knows */
};

/* Sums; the later day, the earlier birth. */
static inline void token_add(struct token *to, const struct token *delta)
{
	to->spam += delta->spam;
	to->innocent += delta->innocent;
	to->gradient += delta->gradient;
	to->square += delta->square;
	to->born = to->day == 0 || delta->born < to->born ? delta->born : to->born;
	to->day = to->day > delta->day ? to->day : delta->day;
}

struct tokens {
	const struct token *entries;
	size_t count;
	const uint32_t *index;
	unsigned bits;
	void *map;
	size_t map_size;
};

/* 0; or -1 and *error_r. ENOENT: errno says so. */
int tokens_open(struct tokens *tokens, const char *path, char **error_r);
void tokens_close(struct tokens *tokens);

/* NULL when it is not there. */
const struct token *tokens_find(const struct tokens *tokens, uint32_t hash);

/* Calls found() for each of hashes that is there; i: which one. */
void tokens_find_all(const struct tokens *tokens, const uint32_t *hashes, size_t count,
		     void (*found)(void *context, size_t i, const struct token *token),
		     void *context);

/*
 * A new file, entry by entry, sorted and distinct, at most max of them; in memory is only the
 * index, a byte an entry. Errors are told at the end: then, as without an end, the file is not
 * whole. finish() syncs it with its folder; or -1, *error_r, errno, and no file is left.
 */
struct tokens_writer;
struct tokens_writer *tokens_writer_open(const char *path, size_t max, char **error_r);
void tokens_writer_add(struct tokens_writer *writer, const struct token *token);
int tokens_writer_finish(struct tokens_writer **writer, char **error_r);

/*
 * Writes entries (sorted, distinct) to path, synced with its folder. 0; or -1 and *error_r, errno
 * kept, no file left.
 */
int tokens_write(const char *path, const struct token *entries, size_t count, char **error_r);

#endif
