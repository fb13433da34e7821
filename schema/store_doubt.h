/*
 * store_doubt.h - what second thoughts (rejudge.c and rescore.c in spamtrain/classifier) ask of a
 * user's store. The rules are those of schema/store.h; all of it within a transaction.
 *
 * Unconfirmed: the filter judged the message and the user has said nothing, and it is taught or
 * counted.
 */
#ifndef SHOVELER_STORE_DOUBT_H
#define SHOVELER_STORE_DOUBT_H

#include "schema/store.h"

#define STORE_AMONG_MAX 8

/* source of a row whose verdict the filter took back by itself. */
#define STORE_SOURCE_FILTER "filter"

struct store_unconfirmed {
	int64_t id;
	double score; /* when it came */
};

/* Those of the rows (at most STORE_AMONG_MAX) that are unconfirmed; room for as many in found_r. */
enum store_status store_unconfirmed_among(struct store *store, const int64_t *ids, size_t count,
					  struct store_unconfirmed *found_r, size_t *found_count_r,
					  char **error_r);
/* The spammiest unconfirmed rows that count as innocent, between the ids; at most limit. */
enum store_status store_unconfirmed_spammiest(struct store *store, int64_t above, int64_t below,
					      struct store_unconfirmed *found_r, size_t limit,
					      size_t *found_count_r, char **error_r);

/* Messages taught that never came as mail (of an archive); newest first, at most limit. */
enum store_status store_archived_list(struct store *store, int64_t *ids_r, size_t limit,
				      size_t *count_r, char **error_r);
/* Notes the scores of the row. */
enum store_status store_message_scores(struct store *store, const struct store_message *row,
				       char **error_r);

/* Verdicts of the history that the user corrected, and that the filter took back. */
enum store_status store_doubt_count(struct store *store, uint64_t *corrected_r, uint64_t *doubted_r,
				    char **error_r);

/* The queue of messages that were reported as spam: each is in it once. */
enum store_status store_reported_add(struct store *store, int64_t message, char **error_r);
enum store_status store_reported_delete(struct store *store, int64_t message, char **error_r);
/* The oldest, or STORE_NOT_FOUND. */
enum store_status store_reported_get(struct store *store, int64_t *message_r, char **error_r);

#endif
