/*
 * retrain_spool.h - corrections that wait for the training service, one file each.
 *
 * The Dovecot plugin writes a file after the IMAP transaction was committed; spamtraind deletes it
 * after the user's store was. In between either side may be killed or stopped for as long as it
 * takes. Nothing here waits for another process, and nothing needs a thread or a daemon.
 *
 *	SPOOL/tmp/NAME	being written
 *	SPOOL/new/NAME	waiting; appears by rename(2), so it is complete
 *	SPOOL/bad/NAME	refused by the reader as malformed, kept for the admin for some weeks
 *
 * NAME is "<microseconds since 1970, 16 digits>.<pid>.<sequence>.<user>": order of name is order of
 * time. <user> is a number made of the user's name, to count his files; it may be missing.
 * Content: the attributes of packet.h
 *
 *	user=alice@example.test, class=spam|innocent|none, signature=, source=imap, mailbox=, size=N,
 *	accepted=SECONDS since 1970 (may be missing)
 *
 * an empty line, and N bytes of message. The folders belong to lda_user and the group of the mail
 * processes (0770); files are readable for all who get that far, as the two sides have different
 * uids. Without `durable` a power failure may lose a correction that was just written; a crash of
 * any process does not.
 */
#ifndef SHOVELER_RETRAIN_SPOOL_H
#define SHOVELER_RETRAIN_SPOOL_H

#include "packet.h"
#include "span.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define RETRAIN_SPOOL_MAX_FILES	  20000
#define RETRAIN_SPOOL_MAX_OF_USER 5000	       /* files; one user must not take the others' room */
#define RETRAIN_SPOOL_MAX_MESSAGE (256 * 1024) /* bytes; the writer cuts what is longer */
#define RETRAIN_SPOOL_MAX_TEXT	  1024	       /* bytes of one attribute's value */
#define RETRAIN_SPOOL_MAX_FILE	  (RETRAIN_SPOOL_MAX_MESSAGE + PACKET_MAX_SIZE)
#define RETRAIN_SPOOL_TMP_AGE	  3600 /* seconds after which a file in tmp/ is a left-over */
#define RETRAIN_SPOOL_BAD_AGE	  (30 * 24 * 3600) /* seconds a file in bad/ is kept */

enum retrain_class { RETRAIN_INNOCENT, RETRAIN_SPAM, RETRAIN_NONE /* unlearn it */ };

/* As in the file: "innocent", "spam", "none". */
const char *retrain_class_name(enum retrain_class class);

/* Texts belong to the caller (writing) or to the struct retrain_file (reading). */
struct retrain_entry {
	const char *user; /* full mail address; the reader's caller checks that it is one */
	enum retrain_class class;
	const char *signature; /* "" or NULL: to be found by the message */
	const char *source;    /* "imap", "cli", ...: for the log and the history */
	const char *mailbox;   /* where it was moved to; may be "" or NULL; for the log */
	time_t accepted;       /* when the user said it; 0: when the file was named */
	bool durable;	       /* fsync file and folder before returning; not stored */
};

/*
 * Puts one correction into the spool. message: the whole message or its first part, or empty when
 * the signature is young enough to do without. Any number of threads. Returns 0; or -1 and
 * *error_r, freed by the caller: the spool is missing, full (RETRAIN_SPOOL_MAX_*, counted at most
 * once a second), or not writable. Nothing is left behind then.
 */
int retrain_spool_write(const char *spool, const struct retrain_entry *entry, struct span message,
			char **error_r);

/* Makes durable what was written without entry->durable. Returns 0, or -1 and *error_r. */
int retrain_spool_sync(const char *spool, char **error_r);

/* The same as retrain_spool_write(); *name_r is the file's name, freed by the caller. */
int retrain_spool_write_named(const char *spool, const struct retrain_entry *entry,
			      struct span message, char **name_r, char **error_r);

/* ---- the reader's side ---- */

enum retrain_status {
	RETRAIN_OK,
	RETRAIN_GONE,	   /* no longer there; no *error_r */
	RETRAIN_MALFORMED, /* will never be better */
	RETRAIN_ERROR	   /* cannot be read now */
};

struct retrain_file {
	struct retrain_entry entry;
	struct span message;
	struct packet packet; /* owns the texts */
	char *bytes;	      /* owns the message; NULL after retrain_file_parse() */
};

/* Checks a file's content. Returns RETRAIN_OK, or RETRAIN_MALFORMED and *error_r. */
enum retrain_status retrain_file_parse(struct retrain_file *file_r, struct span content,
				       char **error_r);
void retrain_file_free(struct retrain_file *file);

/*
 * The names of what waits, oldest first, NULL-terminated; names that no writer makes are left out.
 * At most RETRAIN_SPOOL_MAX_FILES. Returns 0 and *names_r (retrain_names_free()), or -1 and
 * *error_r.
 */
int retrain_spool_list(const char *spool, char ***names_r, size_t *count_r, char **error_r);
void retrain_names_free(char **names);
/* Whether a writer could have made that name. */
bool retrain_spool_is_name(const char *name);
/* When the file of that name was named. */
time_t retrain_spool_time(const char *name);

enum retrain_status retrain_spool_read(const char *spool, const char *name,
				       struct retrain_file *file_r, char **error_r);
/* Returns 0 (also when it is gone already), or -1 and *error_r. */
int retrain_spool_delete(const char *spool, const char *name, char **error_r);
/* Moves it to bad/. Returns 0, or -1 and *error_r. */
int retrain_spool_refuse(const char *spool, const char *name, char **error_r);

/*
 * Makes spool, tmp/, new/ and bad/ where missing; as root also sets mode and owner of those that
 * are there (uid: the reader's, gid: the writers'). Removes left-overs from tmp/. Returns 0, or -1
 * and *error_r.
 */
int retrain_spool_prepare(const char *spool, unsigned uid, unsigned gid, char **error_r);

/* Removes what is too old from tmp/ and bad/. */
void retrain_spool_clean(const char *spool);

#endif
