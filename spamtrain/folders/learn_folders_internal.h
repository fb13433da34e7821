/*
 * learn_folders_internal.h - one user's run of learn_folders(): shared by learn_folders*.c only.
 *
 * learn_folders.c owns the struct and the order of the steps; learn_folders_read.c asks Dovecot
 * what there is; learn_folders_teach.c fetches what was chosen and teaches it. Functions that
 * return a status set *error_r (freed by the caller) when it is not CLASSIFIER_OK.
 */
#ifndef SHOVELER_LEARN_FOLDERS_INTERNAL_H
#define SHOVELER_LEARN_FOLDERS_INTERNAL_H

#include "spamtrain/classifier/classifier_internal.h"
#include "spamtrain/folders/folder_session.h"
#include "spamtrain/folders/learn_folders.h"

#define LEARNING_SECONDS_PER_DAY 86400
#define LEARNING_FOREIGN_MAX	 64	   /* namespaces of others */
#define LEARNING_SOURCE		 "folders" /* of the lessons, in the history */

struct learning {
	struct classifier_site *site;
	const char *user;
	const struct learn_options *options;
	struct learn_result *result;
	struct folder_session *session;
	struct classifier *classifier; /* NULL: dry run */
	struct folder_names names;
	struct strbuf foreign[LEARNING_FOREIGN_MAX];
	struct folder_fetched fetched;
	bool malformed;			   /* an answer of Dovecot: the run ends */
	char *refusal;			   /* the latest one */
	char (*unsure)[STORE_DIGEST_SIZE]; /* learned as innocent because they were read */
	size_t unsure_count;
	struct strbuf command; /* the next one; empty after learning_run() */
};

/*
 * Gives Dovecot l->command, and each() its answers. A refusal is a failure as well, but for folders
 * that came and went (may_refuse): then it is noted in l->refusal.
 */
enum classifier_status learning_run(struct learning *l,
				    bool (*each)(void *context, const struct imap_reply *reply),
				    void *context, bool may_refuse, bool *refused_r,
				    char **error_r);

struct learning_opened {
	uint32_t uidvalidity; /* 0: it cannot be opened */
	unsigned long exists; /* messages */
};

/* Opens a folder read-only. */
enum classifier_status learning_examine(struct learning *l, const struct learn_folder *folder,
					struct learning_opened *opened_r, char **error_r);

/* An answer that is a message's: read into l->fetched. False: it is none, or malformed. */
bool learning_fetched(struct learning *l, const struct imap_reply *reply);

/* The folders, and what each is used for: l->result->folders. */
enum classifier_status learning_list(struct learning *l, char **error_r);
/* What lies in them, and what of it is to be taught: l->result->choice. */
enum classifier_status learning_scan(struct learning *l, char **error_r);
/* Fetches and teaches the choice. */
enum classifier_status learning_teach(struct learning *l, char **error_r);
/* Unlearns what was only read, and is spam by all that was learned. */
enum classifier_status learning_take_back_suspects(struct learning *l, char **error_r);

#endif
