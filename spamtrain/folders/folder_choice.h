/*
 * folder_choice.h - which messages of a user's folders say what he takes for spam and what not.
 *
 * Spam is what lies in a Junk folder, innocent what the user has read, answered, marked or said not
 * to be junk and left in another folder. Both must have lain there for some days, so that he had
 * time to change his mind. Nothing is taken of Trash, Drafts, Sent, of views on other folders
 * (\All, \Flagged), and of what others share. Pure: no I/O.
 */
#ifndef SHOVELER_FOLDER_CHOICE_H
#define SHOVELER_FOLDER_CHOICE_H

#include "schema/store.h"
#include "spamtrain/folders/folder_reply.h"

#define FOLDER_PERIOD_DAYS 30 /* every such period has its share of what is taught */

/* ---- folders ---- */

enum folder_use { FOLDER_USE_NONE, FOLDER_USE_SPAM, FOLDER_USE_INNOCENT, FOLDER_USE_SENT };

struct folder_names {
	const char *const *junk,
		*const *trash; /* junk_folders, trash_folders; each ends with NULL */
	const char *const *spam, *const *skip; /* as asked for: whole names */
	const struct strbuf *foreign;	       /* prefixes of namespaces that are others' */
	size_t foreign_count;
};

/* By its attributes, else by its name or that of a folder it lies in. */
enum folder_use folder_use(const struct folder_names *names, const struct folder_listed *listed);

/* ---- messages ---- */

enum folder_verdict {
	FOLDER_TAKEN,
	FOLDER_TOO_NEW,	 /* the user may not have looked yet */
	FOLDER_TOO_OLD,	 /* mail of long ago is another mail */
	FOLDER_NOT_READ, /* nobody knows what he thinks of it */
	FOLDER_DOUBTFUL, /* answered in Junk, marked as junk elsewhere, deleted, a draft, in both */
	FOLDER_TOO_MANY, /* there are enough of its class and time */
	FOLDER_VERDICTS
};

struct folder_rules {
	time_t now;
	time_t settled, oldest; /* seconds before now */
};

enum folder_verdict folder_message_verdict(const struct folder_rules *rules, enum folder_use use,
					   const struct folder_fetched *message);

struct folder_candidate {
	uint32_t folder, uid;
	time_t date;
	uint64_t guid;
	enum store_class class;
	bool certain; /* the user did more than read it */
	bool taken;   /* for folder_choose() */
};

struct folder_choice {
	struct folder_candidate *list; /* malloc'ed by the caller; its order changes */
	size_t count;
	size_t of_class[2]; /* spam, innocent, after folder_choose() */
	size_t left_out[FOLDER_VERDICTS];
};

/*
 * Leaves out what is there twice, or in both classes, and of each class all but max messages: the
 * newest of every period first, as many of each period as there are. Then the order of teaching:
 * the oldest first, classes mixed evenly.
 */
void folder_choose(struct folder_choice *choice, time_t now, size_t max);

#endif
