/*
 * command.h - what the subcommands of `spamtrain` share.
 *
 * A command is a row of a table: name, what --help says, and a function. The stores belong to
 * lda_user: when root runs it, everything is done as lda_user, except that files named on the
 * command line are opened as root.
 */
#ifndef SHOVELER_SPAMTRAIN_COMMAND_H
#define SHOVELER_SPAMTRAIN_COMMAND_H

#include "lib/conf.h"
#include "lib/strbuf.h"
#include "spamtrain/classifier.h"

struct session {
	const char *directory;	      /* of main.cf */
	struct conf *conf;	      /* NULL for commands that need none */
	struct classifier_site *site; /* likewise */
	bool json;		      /* --json was given */
};

struct command {
	const char *name;      /* NULL ends a table */
	const char *arguments; /* "USER spam|ham PATH..." */
	const char *summary;   /* one line */
	/* argv[0] is the first argument; returns an exit code (sysexits.h). */
	int (*run)(struct session *session, int argc, char **argv);
	int min_arguments, max_arguments; /* max -1: any number */
	bool without_conf;		  /* needs neither main.cf nor lda_user */
	const char *help;		  /* more lines for --help; may be NULL */
};

int command_classify(struct session *session, int argc, char **argv);
int command_explain(struct session *session, int argc, char **argv);
int command_train(struct session *session, int argc, char **argv);
int command_retrain(struct session *session, int argc, char **argv);
int command_unlearn(struct session *session, int argc, char **argv);
int command_stats(struct session *session, int argc, char **argv);
int command_history(struct session *session, int argc, char **argv);
int command_preference(struct session *session, int argc, char **argv);
int command_quarantine(struct session *session, int argc, char **argv);
int command_forget(struct session *session, int argc, char **argv);
int command_purge(struct session *session, int argc, char **argv);
int command_site(struct session *session, int argc, char **argv);
int command_export(struct session *session, int argc, char **argv);
int command_import(struct session *session, int argc, char **argv);
int command_evaluate(struct session *session, int argc, char **argv);

/* What users share: stats without a user. */
int command_site_stats(struct session *session);

/* Prints "spamtrain: ..." to standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The exit code of a status; complains about *error and frees it unless the status is OK. */
int result_of(enum classifier_status status, char **error);

/*
 * The user's classifier. must_exist: a user without a store is EX_NOUSER after a complaint; else he
 * gets one. EX_OK, or an exit code after the complaint.
 */
int open_user(struct session *session, const char *user, bool must_exist,
	      struct classifier **classifier_r);

/* "spam", "ham" or "innocent"; false after a complaint. */
bool class_read(const char *text, enum store_class *class_r);

/* ---- input.c ---- */

/* Opens (and creates, mode 0600) a file named on the command line as root, if we are. -1: errno. */
int file_open_as_root(const char *path, int flags);
/* The file as root, if we are; "-" is standard input. EX_OK, or an exit code after the complaint.
 */
int message_file_read(const char *path, struct strbuf *out);
/* ... as a message. */
int message_open(const char *path, struct classifier_message **message_r);

/*
 * Calls each() with every message below path: a file with one message, an mbox, a Maildir (cur and
 * new), or a folder of these. Files that cannot be read are complained about and counted. each()
 * returns false to stop. progress: of how many bytes.
 */
struct walk {
	bool (*each)(void *context, struct span message);
	void *context;
	uint64_t bytes;	     /* read so far */
	unsigned unreadable; /* files */
	bool only_count;     /* sums bytes, calls nothing */
};

/* False when each() stopped. */
bool messages_walk(struct walk *walk, const char *path);

#endif
