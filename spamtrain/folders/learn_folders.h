/*
 * learn_folders.h - teaches a user's filter what lies in his own mail folders (spamtrain
 * learn-folders).
 *
 * Dovecot is asked for everything, read-only (EXAMINE, BODY.PEEK): no flag of a message changes.
 * Which messages are taught, and in which order, says folder_choice.h. A lesson is a transaction of
 * its own, so deliveries to the user wait for one at most. What the user said himself since a
 * message came stays, and so does what this filter has judged at delivery: nothing is learned
 * twice, and a run that was interrupted goes on when it is started again.
 *
 * Spam that was opened and forgotten in INBOX costs more than it weighs. So in the end what the
 * user did no more than read is judged as if it had not been learned, and what is spam then is
 * unlearned.
 */
#ifndef SHOVELER_LEARN_FOLDERS_H
#define SHOVELER_LEARN_FOLDERS_H

#include "spamtrain/classifier/classifier.h"
#include "spamtrain/folders/folder_choice.h"

struct learn_result;

struct learn_options {
	const char *const *junk, *const *trash, *const *spam, *const *skip; /* folder_choice.h */
	unsigned days, settled_days;
	size_t max;   /* messages of a class */
	bool sent;    /* note to whom the user wrote (learn_sent_recipients) */
	bool opt_in;  /* only users with optIn are filtered (lda_opt_in) */
	bool dry_run; /* read what there is, teach nothing, make no store */
	time_t now;
	bool (*stop)(void);
	void (*progress)(void *context, const struct learn_result *so_far);
	void *context;
};

struct learn_folder {
	char *name; /* as the server spells it */
	enum folder_use use;
	uint32_t uidvalidity;
	size_t messages, taken; /* taken: before the choice of the newest */
};

/* Of the newest third, judged before they were learned. */
struct learn_estimate {
	size_t spam, caught;	/* spam, and recognized */
	size_t innocent, wrong; /* innocent, and taken for spam */
};

struct learn_result {
	struct learn_folder *folders;
	size_t folder_count;
	struct folder_choice choice;
	size_t done; /* of choice.count */
	size_t learned_spam, learned_innocent;
	size_t already;	   /* learned before, or the user said something since */
	size_t judged;	   /* came through this filter: it knows them */
	size_t doubtful;   /* another filter called them spam, the user only read them */
	size_t suspects;   /* only read, and spam by all that was learned: taken back */
	size_t gone;	   /* moved or deleted meanwhile */
	size_t sent;	   /* messages whose recipients were noted */
	char *trouble;	   /* a folder that cannot be read, and why; NULL: all could */
	bool not_filtered; /* optOut: nothing was done */
	bool interrupted;
	struct learn_estimate estimate;
};

/*
 * user: the user of the store; login: what Dovecot calls him. result_r is freed by the caller,
 * whatever comes back. CLASSIFIER_INVALID: Dovecot does not know him.
 */
enum classifier_status learn_folders(struct classifier_site *site, const char *user,
				     const char *login, const struct learn_options *options,
				     struct learn_result *result_r, char **error_r);
void learn_result_free(struct learn_result *result);

/* Whether another filter's fields in a message call it spam. Not to be believed: a hint. */
bool learn_other_says_spam(struct span message);
/*
 * Digests and answers of ours (own_mail.h), which quote spam. Whoever forges that is not learned
 * from.
 */
bool learn_is_ours(struct span message);

#endif
