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
#include "spamtrain/classifier/classifier.h"

#include <jansson.h>
#include <stdio.h>

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
int command_quarantine_list(struct session *session, int argc, char **argv);
int command_forget(struct session *session, int argc, char **argv);
int command_purge(struct session *session, int argc, char **argv);
int command_site(struct session *session, int argc, char **argv);
int command_export(struct session *session, int argc, char **argv);
int command_import(struct session *session, int argc, char **argv);
int command_evaluate(struct session *session, int argc, char **argv);
int command_import_preferences(struct session *session, int argc, char **argv);
int command_learn_folders(struct session *session, int argc, char **argv);

/* What users share: stats without a user. */
int command_site_stats(struct session *session);

/* Prints "spamtrain: ..." to standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The exit code of a status; complains about *error and frees it unless the status is OK. */
int result_of(enum classifier_status status, char **error);

/*
 * The user whom an address belongs to, as at delivery: lower case, without detail. malloc'ed; NULL
 * after a complaint (EX_USAGE).
 */
char *user_of(const struct session *session, const char *address);

/*
 * The user's classifier; user: any address of his. must_exist: a user without a store is EX_NOUSER
 * after a complaint; else he gets one. EX_OK, or an exit code after the complaint.
 */
int open_user(struct session *session, const char *user, bool must_exist,
	      struct classifier **classifier_r);

/* As open_user(), but a user without a store is EX_OK and *classifier_r NULL. */
int find_user(struct session *session, const char *user, struct classifier **classifier_r);

/* From 1 to max. EX_OK, or EX_USAGE after a complaint. */
int number_read(const char *text, long long max, long long *number_r);

/* "spam", "ham" or "innocent"; false after a complaint. */
bool class_read(const char *text, enum store_class *class_r);

/* ---- input.c ---- */

/* Opens (and creates, mode 0600) a file named on the command line as root, if we are. -1: errno. */
int file_open_as_root(const char *path, int flags);
/* Renames such a file; to NULL: removes it. */
int file_rename_as_root(const char *from, const char *to);
/*
 * The first bytes of a file (as root, if we are) that matter; *size_r is the size of all of it. "-"
 * is standard input. EX_OK, or an exit code after the complaint.
 */
int message_file_read(const char *path, struct strbuf *out, uint64_t *size_r);
/* ... as a message. */
int message_open(const char *path, struct classifier_message **message_r);
/* All of a file, at most 1 GiB. */
int file_read_whole(const char *path, struct strbuf *out);

/*
 * Calls each() with every message below path: a file with one message, an mbox, a Maildir (cur,
 * new, and its folders), or a folder of these; "-" is standard input. each() gets the first bytes
 * of the message and the size of all of it, and returns false to stop. Files that cannot be read
 * are complained about and counted. Memory is bounded by one message's first bytes.
 */
struct walk {
	bool (*each)(void *context, struct span message, uint64_t size);
	void *context;
	uint64_t bytes;	     /* read so far */
	unsigned unreadable; /* files */
	bool only_count;     /* sums bytes, calls nothing */
};

/* False when each() stopped. */
bool messages_walk(struct walk *walk, const char *path);

/* SIGINT, SIGTERM and SIGHUP only set a flag from now on; a second one ends the process. */
void interrupt_catch(void);
bool interrupt_came(void);

/* ---- output.c ---- */

/* A line of JSON, or more; takes the reference. */
void json_print(json_t *json);
/* Text that may come from outside as a JSON string: what is not UTF-8 is read as windows-1252. */
json_t *json_text(const char *text);
/*
 * How far something is, on standard error: a bar on a terminal; elsewhere, if plain is set, a line
 * every few seconds.
 */
struct progress {
	double started, shown; /* seconds; shown 0: nothing is on the terminal's line */
	bool terminal, plain;
};

void progress_start(struct progress *progress, bool plain);
/* part: of 1; what: "12345 messages". Prints only when it is time to. */
void progress_show(struct progress *progress, double part, const char *what);
/* So that what follows has a line of its own. */
void progress_end(struct progress *progress);
double progress_seconds(const struct progress *progress); /* since the start */

/* With "?" for control characters. */
void text_print(FILE *out, const char *text);
/* "word", or {"outcome": "word"}. */
void outcome_print(const struct session *session, const char *outcome);

#endif
