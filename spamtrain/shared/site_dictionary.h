/*
 * site_dictionary.h - what many users of a site have taught: where a new user's filter starts.
 *
 * A file that is written as a whole (site_build.h), never changed, and mapped into memory. For each
 * feature and class it says how strongly it was taught: the share of a user's messages of that
 * class that held the feature, as the quorum-th of all users, the strongest first, has it. So what
 * fewer users than the quorum have taught does not exist, and however hard some of them push, the
 * site believes nothing more strongly than the last user of the quorum does.
 *
 * It also says how the users' own mail scores with it, so that a new user's first scores can be
 * told apart: for each learner and score, the mean share of a user's spam that scores as low, and
 * of his innocent mail that scores as high. Left out of each mean are the highest shares of quorum
 * - 1 users: so few can make the site neither bolder nor useless.
 *
 * Nothing else is in it: no names, no texts, no numbers of one user.
 *
 * Format (little endian): struct site_header, index of 65537 positions by the hash's upper 16
 * bits, entries sorted by hash. Sizes are checked when it is opened.
 */
#ifndef SHOVELER_SITE_DICTIONARY_H
#define SHOVELER_SITE_DICTIONARY_H

#include "schema/dictionary.h"

#include <stdbool.h>
#include <stdint.h>

/* From one level to the next the share grows by the square root of 2. */
#define SITE_LEVEL_MAX 21 /* every message; level 1: one of 1,024; 0: not taught */

struct site_entry {
	uint32_t hash;
	uint8_t spam, innocent; /* levels */
	uint16_t zero;
};

struct site_header {
	char magic[8];
	uint32_t features_version, quorum;
	uint64_t entries;
	int64_t built;			     /* seconds since 1970 */
	uint32_t users;			     /* who contributed anything */
	uint32_t spam_users, innocent_users; /* with SITE_USER_MINIMUM messages of the class */
	uint32_t unused;
	uint64_t spam, innocent; /* messages that were looked at */
	/* [0] of innocent mail, with this score or more; [1] of spam, with it or less: of 65535 */
	uint16_t shares[STORE_LEARNERS][2][DICTIONARY_BINS];
};

/*
 * Solid enough to block mail with: twice the quorum of users with so many messages each, and so
 * many messages in all, of each class.
 */
#define SITE_USER_MINIMUM   5
#define SITE_SOLID_MESSAGES 100

/*
 * So many messages of each class the site's word is worth to a user who knows nothing; it fades in
 * proportion until he knows SITE_FADED of each class.
 */
#define SITE_WEIGHT 64
#define SITE_FADED  100

struct site_dictionary;

/* 0; or -1 and *error_r. errno is ENOENT if there is none. */
int site_dictionary_open(struct site_dictionary **dictionary_r, const char *path,
			 unsigned features_version, char **error_r);
void site_dictionary_unref(struct site_dictionary **dictionary);

const struct site_header *site_dictionary_header(const struct site_dictionary *dictionary);
bool site_header_is_solid(const struct site_header *header);
/* Levels of a feature; zeros when it is not there. */
struct site_entry site_dictionary_find(const struct site_dictionary *dictionary, uint32_t hash);

/* What the site's word is worth to a user who was taught so many messages. */
unsigned site_dictionary_weight(int64_t spam, int64_t innocent);

/* Adds messages and scores, of each class so many as the weight is. */
void site_dictionary_sums(const struct site_dictionary *dictionary, unsigned weight,
			  struct dictionary_sums *sums);

/*
 * Adds the site's word to what the user himself knows. A feature that he was taught in one class
 * only stays his: the site has no say for the other.
 */
void site_dictionary_add(const struct site_dictionary *dictionary, unsigned weight,
			 const uint32_t *hashes, size_t count, struct token_counts *counts);

/* The level of so many of a user's messages, of which there are total. */
uint8_t site_level(uint32_t messages, uint32_t total);

/* Writes path (and syncs it) in place of what is there. 0; or -1 and *error_r, nothing changed. */
int site_dictionary_write(const char *path, const struct site_header *header,
			  const struct site_entry *entries, char **error_r);

/* ---- the newest one, looked for at most every few seconds ---- */

struct site_newest;

struct site_newest *site_newest_new(const char *path, unsigned features_version);
void site_newest_free(struct site_newest **newest);
/* A reference, or NULL: there is none that can be used (logged if it is damaged). */
struct site_dictionary *site_newest_get(struct site_newest *newest);

#endif
