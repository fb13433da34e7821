/*
 * exchange.h - a user's store as a text file, and back.
 *
 * An export holds everything that teaches: history, signatures, lessons, the dictionary, counts of
 * senders, corrections, preferences. It leaves out the quarantine, whose messages are files.
 *
 * Format, version 1: lines of fields separated by tabs, each line ended by a line feed.
 *
 *	shoveler-export 1		always first
 *	store N				number of the newest migration (schema/migrations/user)
 *	layout N SIZE ORDER		numbers in a token, bytes of the sums, "little" or "big"
 *	features N			version of the features' meaning (spamtrain/engine/features.h)
 *	table NAME COLUMN...		rows of this table follow
 *	row VALUE...			in the order of the columns
 *	tokens				a snapshot of the dictionary follows, the oldest first
 *	token HASH NUMBER...		struct token of schema/tokens.h, by ascending hash; older
 *					exports lack the last number (layout 6)
 *	end LINES DIGEST		lines before this one, XXH3-128 of all their bytes
 *
 * A VALUE is "." (NULL), a decimal integer, "~" and a C99 hexadecimal floating-point number, a
 * double quote and text (control bytes, "%" and DEL as %XX), or "=" and a blob in hex where "(N)"
 * stands for N zero bytes. Table "dictionary" has the sums beside the snapshots, and "lesson" what
 * was taught since.
 */
#ifndef SHOVELER_EXCHANGE_H
#define SHOVELER_EXCHANGE_H

#include "lib/span.h"
#include "schema/store.h"
#include "schema/tokens.h"

#include <stdio.h>

/*
 * Writes the store as of one moment, while others go on writing. out is flushed; an error of out is
 * STORE_DEFER with its reason.
 */
enum store_status store_export(struct store *store, unsigned features_version, FILE *out,
			       char **error_r);

/*
 * Makes the store in directory what the file says, in one transaction; other processes that have it
 * open see the new one from then on. STORE_INVALID: damaged, cut short, or written by a newer
 * program; or the store holds something and replace is not given; or its quarantine is not empty.
 * On any error nothing was changed, and no store was made.
 */
enum store_status store_import(const char *directory, struct span file, unsigned features_version,
			       bool replace, char **error_r);

/* What another filter knows: counts of our features, of so many messages of each class. */
struct store_counts {
	const struct token *tokens; /* sorted by hash, distinct */
	size_t count;
	int64_t spam, innocent;
};

/* As store_import(); the user's preferences stay. */
enum store_status store_import_counts(const char *directory, const struct store_counts *counts,
				      bool replace, char **error_r);

#endif
