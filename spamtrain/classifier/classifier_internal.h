/*
 * classifier_internal.h - what the files of the classifier share: the user's handle, verdict,
 * teaching.
 */
#ifndef SHOVELER_CLASSIFIER_INTERNAL_H
#define SHOVELER_CLASSIFIER_INTERNAL_H

#include "spamtrain/classifier/classifier.h"
#include "spamtrain/engine/engine.h"
#include "spamtrain/shared/groups.h"
#include "spamtrain/shared/members.h"
#include "spamtrain/classifier/message.h"
#include "spamtrain/shared/site_dictionary.h"

struct classifier {
	struct classifier_site *site;
	char *user;
	struct store *store;
	struct preferences preferences;
	bool preferences_known;
	bool busy; /* taken out by a thread */
	/* What he is judged by beside his own dictionary: knowledge.c. */
	const struct dictionary_group *group;	 /* NULL: none */
	struct site_dictionary *site_dictionary; /* NULL: none that is solid */
	unsigned site_weight;			 /* of it, as of the last refresh; messages */
	struct dictionary_sums *sums;		 /* all of it; NULL before the first refresh */
	struct classifier *next;		 /* in the cache, most recently used first */
};

/* ---- site.c ---- */
const struct classifier_settings *classifier_site_settings(const struct classifier_site *site);
struct members *classifier_site_members(const struct classifier_site *site);
/* Reads the user's preferences over the site's. */
enum classifier_status classifier_preferences_load(struct classifier *classifier, char **error_r);

/* ---- knowledge.c: what he is judged by ---- */
/* Brings it up to date; in a transaction his own part then stays so until its end. */
enum store_status knowledge_refresh(struct classifier *c, char **error_r);
/* As of the last refresh. hashes: sorted. */
void knowledge_counts(const struct classifier *c, const uint32_t *hashes, size_t count,
		      struct token_counts *counts_r);
const struct dictionary_sums *knowledge_sums(const struct classifier *c);
/* Messages taught of the class of which fewer are: he and his group, without the site. */
int64_t knowledge_fewest(const struct classifier *c);

/* ---- process.c ---- */
enum classifier_status status_of_store(enum store_status status);
/* In a transaction: refreshes the dictionary and scores. *counts_r (may be NULL) is malloc'ed. */
enum classifier_status message_score(struct classifier *classifier, const uint32_t *hashes,
				     size_t count, struct engine_score *score_r,
				     struct token_counts **counts_r, char **error_r);

/* ---- factors.c ---- */
/* What speaks loudest for and against; returns how many. */
size_t reasons_find(const struct classifier_message *message, const struct token_counts *counts,
		    const struct dictionary_sums *sums, struct classifier_reason **reasons_r);
/* One a line, for the history and X-DSPAM-Factors. malloc'ed. */
char *reasons_text(const struct classifier_reason *reasons, size_t count);

/* ---- teach.c ---- */
/* What the store holds of a message: members of struct store_message. */
struct lesson_state {
	enum store_class taught;    /* STORE_NONE: its features are not counted */
	enum store_class counted;   /* class of its scores and its sender */
	enum store_class corrected; /* what the user said; STORE_NONE: taught is the filter's own */
};

/*
 * In a transaction: makes the store hold the message in that state, whatever it held before;
 * updates row (not the database).
 */
enum classifier_status teach(struct classifier *classifier, struct store_message *row,
			     struct lesson_state wanted, char **error_r);
/* What the row's lesson adds to its features' gradients, by side; zeros when nothing is taught. */
void lesson_gradients(int *gradients_r, const struct store_message *row);

/* ---- rejudge.c ---- */
/* As if the message came now and had not been learned. After knowledge_refresh(). */
struct engine_score score_again(struct classifier *c, const struct store_message *row,
				const uint32_t *hashes, size_t count);
/* Did the filter find more errors than the user reports? */
enum store_status user_is_careless(struct classifier *c, bool *careless_r, char **error_r);
/*
 * In a transaction, after the dictionary was refreshed: judges some messages before row newest
 * again.
 */
enum classifier_status rejudge_some(struct classifier *c, int64_t newest, bool careless,
				    char **error_r);

/* After a commit: makes a snapshot of the dictionary if it is time for one. */
void classifier_settle(struct classifier *classifier);

#endif
