/*
 * trial.h - what `shoveler doctor` does in its test user's mailbox: messages whose subject and
 * Message-ID begin with TRIAL_SUBJECT, in INBOX and Junk, and none other: an answer to one or a
 * forwarded one is somebody's mail.
 */
#ifndef SHOVELER_TRIAL_H
#define SHOVELER_TRIAL_H

#include "imap_session.h"

#include "lib/conf.h"
#include "lib/strbuf.h"

#define TRIAL_SUBJECT	  "shoveler-doctor-"
#define TRIAL_FOLDERS_MAX 100 /* that are looked into */

struct trial {
	const struct conf *conf;
	const char *user;
	char *subject;	 /* of the message without a virus */
	char *virus;	 /* of the one with */
	char *junk;	 /* where his Junk is */
	char *signature; /* that the history has, or "" */
	/* His own folders, as they stand in quotes: INBOX and Junk, then where Sieve may file. */
	char *folders[TRIAL_FOLDERS_MAX];
	size_t count;
	struct imap_session *session;
};

/* Each returns 0, or -1 and *error_r. */

/* Signs in, finds Junk and the other folders, and removes what an earlier trial left. */
int trial_begin(struct trial *trial, const struct conf *conf, const char *user, char **error_r);
/* Removes the messages, wherever they are. */
void trial_end(struct trial *trial);

/* A message for SMTP or APPEND; eicar: with the test virus attached. */
void trial_write(const struct trial *trial, bool eicar, struct strbuf *out);
int trial_append(const struct trial *trial, char **error_r);

/* Adds folders that are new. */
int trial_find_folders(struct trial *trial, char **error_r);

/* *uid_r 0: the message with this subject is not there. Selects the folder. */
int trial_find(const struct trial *trial, const char *folder, const char *subject,
	       unsigned long *uid_r, char **error_r);
/* These fields of the header, as the server has them; malloc'ed. */
int trial_fields(const struct trial *trial, unsigned long uid, const char *names, char **fields_r,
		 char **error_r);
int trial_move(const struct trial *trial, const char *from, const char *to, char **error_r);

/*
 * The name of the folder with \Junk in what LIST answered, as it stands in quotes. malloc'ed; NULL:
 * there is none, or its name is none that can.
 */
char *trial_junk_name(const char *answer);
/* The same of one line of LIST; NULL also for what holds no mail. */
char *trial_folder_name(const char *line);

#endif
