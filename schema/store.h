/*
 * store.h - one user's store, behind functions: no SQL outside schema/.
 *
 * What it holds: history (a row a message), signatures (the features of a message, kept some days
 * so that it can be corrected), the log of lessons, the names of the dictionary's snapshot files,
 * preferences, the index of the quarantine. SQLite, one folder a user (store.sqlite and
 * tokens.* beside it); deleting a user is deleting his folder.
 *
 * A struct store is used by one thread at a time; any number of processes may open the same one.
 * Functions return an enum store_status; on STORE_DEFER and STORE_FAILED *error_r is a malloc'ed
 * text, freed by the caller. Texts in rows belong to the row: store_message_free(). Times are
 * seconds since 1970.
 */
#ifndef SHOVELER_STORE_H
#define SHOVELER_STORE_H

#include "lib/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define STORE_SIGNATURE_SIZE 25 /* 24 hex digits and the NUL */
#define STORE_DIGEST_SIZE    33 /* 32 hex digits and the NUL */
#define STORE_LEARNERS	     13 /* scores kept of each message */

enum store_status {
	STORE_OK = 0,
	STORE_NOT_FOUND, /* no such row, or no such store; no *error_r */
	/*
	 * cannot be opened, locked for too long, disk full, newer than us, damaged, not our tables
	 */
	STORE_DEFER,
	STORE_FAILED, /* a mistake of the program */
	STORE_INVALID /* what was given is not valid (schema/exchange.h): nothing was done */
};

/* Numbers are stored: never renumber. */
enum store_class { STORE_NONE = 0, STORE_INNOCENT = 1, STORE_SPAM = 2 };
enum store_outcome {
	STORE_OUTCOME_NONE = 0, /* not known yet */
	STORE_OUTCOME_DELIVERED = 1,
	STORE_OUTCOME_TAGGED = 2,
	STORE_OUTCOME_QUARANTINED = 3,
	STORE_OUTCOME_REFUSED = 4,
	STORE_OUTCOME_DEFERRED = 5,
	STORE_OUTCOME_RELEASED = 6, /* from the quarantine into INBOX */
	STORE_OUTCOME_DELETED = 7,  /* from the quarantine, by user or expiry */
	STORE_OUTCOME_VIRUS = 8	    /* suppressed as a virus */
};

/* "", "delivered", "tagged", "quarantined", "refused", "deferred", "released", ... */
const char *store_outcome_name(enum store_outcome outcome);
/* "none", "innocent", "spam" */
const char *store_class_name(enum store_class class);

struct store;

/*
 * directory: the user's folder. create makes it (0700, with its parents) and the store; else a
 * missing store is STORE_NOT_FOUND. A store newer than this program is refused (STORE_DEFER).
 */
enum store_status store_open(struct store **store_r, const char *directory, bool create,
			     char **error_r);
void store_close(struct store **store);
/* The user's folder; the quarantine lies in "quarantine" below it. */
const char *store_directory(const struct store *store);

/* Commits are not synced any more: for measurements on throw-away stores. */
void store_set_quick(struct store *store);

/*
 * Whether a commit waits for the disk: it does unless said otherwise. Without it a power cut may
 * take the last commits back, in order; the store is sound either way. Not within a transaction.
 */
void store_set_synced(struct store *store, bool synced);

/* Is the file that was opened still the one in the folder? False after the user was removed. */
bool store_is_current(const struct store *store);

/*
 * The folder of a user below users_directory: DOMAIN/LOCALPART, each percent-escaped so that no
 * user's folder can lie outside or inside another's. NULL when user is not a valid address.
 * malloc'ed.
 */
char *store_user_directory(const char *users_directory, const char *user);

/*
 * Removes the store in this folder, and the folder if nothing else is in it. STORE_NOT_FOUND: there
 * is none. Who has one open finds out by store_is_current(); a transaction of the caller on it
 * keeps the writers out meanwhile.
 */
enum store_status store_remove(const char *directory, char **error_r);

/*
 * Takes back that one was made there: removes it unless somebody has put something into it
 * meanwhile, or that cannot be told. Files of a damaged one that were set aside, its dictionary, and
 * held messages stay.
 */
enum store_status store_remove_unused(const char *directory, char **error_r);

/*
 * Takes back that one was restored there: removes it with all that is in it, unless it holds a
 * message of which is_known says false, or that cannot be told: then STORE_DEFER. The files of held
 * messages are the caller's.
 */
enum store_status store_remove_restored(const char *directory,
					bool (*is_known)(void *context, const char *file),
					void *context, char **error_r);

/* What lessons and corrections take for now; 0: the clock. For tests, and to replay an archive. */
void store_set_now(struct store *store, time_t now);
time_t store_now(const struct store *store);

/* ---- transactions (write; the lock is taken at once, waits at most 10 s) ---- */

enum store_status store_begin(struct store *store, char **error_r);
enum store_status store_commit(struct store *store, char **error_r);
void store_rollback(struct store *store); /* no transaction open: does nothing */

/* ---- history: a row a message ---- */

struct store_message {
	int64_t id; /* of the row; increases with time of arrival; pages are keyed by it */
	char signature[STORE_SIGNATURE_SIZE];
	char digest[STORE_DIGEST_SIZE];
	time_t received;
	uint64_t size; /* bytes of the whole message */
	char *sender;  /* envelope sender */
	char *from, *subject, *message_id, *queue_id;
	int result; /* -1 not classified (only trained); else enum classifier_result */
	double probability, confidence, score;
	enum store_outcome outcome;
	enum store_class taught;    /* what the dictionary holds of it now */
	enum store_class initially; /* what process() taught of itself */
	enum store_class corrected; /* what the user said, STORE_NONE if nothing */
	time_t corrected_at;
	char *source; /* of the last correction, "" if none */
	char *factors;
	char *virus;		  /* signature of the virus that was found in it, "" if none */
	bool counts;		  /* its verdict counts its scores and sender: not with NOTRAIN */
	bool wary;		  /* its verdict taught only as much as it was sure of itself */
	enum store_class counted; /* class under which scores and sender are counted now */
	uint16_t scores[STORE_LEARNERS]; /* bins of the learners' scores at classification */
	int64_t sender_key;		 /* hash of the From: line */
	int64_t route_key;		 /* ... and of the network that brought the message */
};

void store_message_free(struct store_message *row); /* the texts, not the row itself */

/* row->id is set. A second row with the same digest is STORE_FAILED: look first, in the
 * transaction. */
enum store_status store_message_add(struct store *store, struct store_message *row, char **error_r);
enum store_status store_message_by_signature(struct store *store, const char *signature,
					     struct store_message *row_r, char **error_r);
enum store_status store_message_by_id(struct store *store, int64_t id, struct store_message *row_r,
				      char **error_r);
enum store_status store_message_by_digest(struct store *store, const char *digest,
					  struct store_message *row_r, char **error_r);
/* The newest one with this Message-ID; more than one: STORE_NOT_FOUND unless newest_ok. */
enum store_status store_message_by_message_id(struct store *store, const char *message_id,
					      bool newest_ok, struct store_message *row_r,
					      char **error_r);
/* Writes taught, initially, corrected, corrected_at, source, counted. */
enum store_status store_message_update(struct store *store, const struct store_message *row,
				       char **error_r);
enum store_status store_message_outcome(struct store *store, const char *signature,
					enum store_outcome outcome, char **error_r);

/* A virus was found in it: sets outcome and virus. No such row: nothing is done. */
enum store_status store_message_virus(struct store *store, const char *signature, const char *virus,
				      char **error_r);

#define STORE_RESULT_NONE (-2) /* in a filter: rows that were never classified */

struct store_filter {
	int64_t before_id;	/* 0: from the newest */
	int64_t from_id;	/* the lowest that is looked at; 0: to the oldest */
	size_t limit;		/* rows; 0: 50 */
	const char *contains;	/* in from, sender or subject, ASCII case-insensitive; NULL: all */
	int result;		/* -1: all */
	enum store_class class; /* as it counts now: corrected, else result; STORE_NONE: all */
	enum store_outcome outcome; /* STORE_OUTCOME_NONE: all */
	bool corrected;		    /* only those that the user corrected */
	time_t since, until;	    /* received, until excluded; 0: all */
};

/* Newest first. each() returns false to stop; the row and its texts are valid during the call. */
enum store_status store_message_list(struct store *store, const struct store_filter *filter,
				     bool (*each)(void *context, const struct store_message *row),
				     void *context, char **error_r);

/* The first one behind that id that is taught or counted, and came or was corrected since then. */
enum store_status store_message_taught_since(struct store *store, int64_t after_id, time_t since,
					     struct store_message *row_r, char **error_r);

/* Notes a correction that changed something: when, which class, by what way. */
enum store_status store_correction_add(struct store *store, int64_t message, time_t when,
				       enum store_class class, const char *source, char **error_r);

/*
 * ---- senders: how often a From: line was innocent and spam, and one that came from a network ----
 */

struct store_sender {
	int64_t innocent, spam;
};

/* Zeros when the key is not known. */
enum store_status store_sender_get(struct store *store, int64_t key, struct store_sender *sender_r,
				   char **error_r);
enum store_status store_sender_add(struct store *store, int64_t key, enum store_class class,
				   int delta, char **error_r);

/* ---- purging, counting ---- */

/*
 * What of a dictionary is useless (dictionary_purge()), as DSPAM's dspam_clean has it. Days since a
 * token was last taught; 0: never.
 */
struct dictionary_rules {
	unsigned hits1s, hits1i; /* taught by one message only, spam or innocent */
	unsigned hapaxes;	 /* fewer than five hits, where innocent ones count twice */
	unsigned neutral;	 /* between 0.35 and 0.65 */
	unsigned unused;	 /* any; fewer hits than unused_hits, unless that is 0 */
	int32_t unused_hits;
	size_t tokens_max; /* more than these: the least telling and oldest go; 0: no limit */
};

/* Drop all that came and was corrected before; limit rows in a transaction, others wait for so
 * long. Not within a transaction. */
enum store_status store_purge_features(struct store *store, time_t before, size_t limit,
				       char **error_r);
enum store_status store_purge_history(struct store *store, time_t before, size_t limit,
				      char **error_r);
enum store_status store_count(struct store *store, uint64_t *messages_r, uint64_t *features_r,
			      uint64_t *bytes_r, char **error_r);

/* ---- preferences, as text; checked by spamtrain/user/preferences.h ---- */

enum store_status store_preference_get(struct store *store, const char *name, char **value_r,
				       char **error_r);
/* value NULL removes it. */
enum store_status store_preference_set(struct store *store, const char *name, const char *value,
				       char **error_r);
enum store_status store_preference_list(struct store *store,
					bool (*each)(void *context, const char *name,
						     const char *value),
					void *context, char **error_r);

/*
 * ---- quarantine index: the message itself is a file, shoveler-lda's and spamtraind's matter ----
 */

struct store_quarantined {
	char signature[STORE_SIGNATURE_SIZE]; /* joins with the history */
	char *file;			      /* name in the quarantine folder, no slashes */
	char *sender;			      /* envelope sender */
	char *recipient;		      /* envelope recipient, with detail */
	time_t added;
	uint64_t size; /* bytes of the file */
};

void store_quarantined_free(struct store_quarantined *row);

/*
 * Durable when it returns STORE_OK; the history's outcome is set with it. The same signature again
 * replaces the row: *replaced_r is then the file it named, malloc'ed, else NULL. STORE_DEFER when
 * the user was removed meanwhile. Not within a transaction.
 */
enum store_status store_quarantine_add(struct store *store, const struct store_quarantined *row,
				       char **replaced_r, char **error_r);
enum store_status store_quarantine_get(struct store *store, const char *signature,
				       struct store_quarantined *row_r, char **error_r);
/* Oldest first. */
enum store_status store_quarantine_list(struct store *store,
					bool (*each)(void *context,
						     const struct store_quarantined *row),
					void *context, char **error_r);
/*
 * Removes the row of this signature and file and sets the history's outcome, both or nothing.
 * STORE_NOT_FOUND: there is none, or it names another file by now. Not within a transaction.
 */
enum store_status store_quarantine_delete(struct store *store, const struct store_quarantined *row,
					  enum store_outcome outcome, char **error_r);
enum store_status store_quarantine_size(struct store *store, uint64_t *rows_r, uint64_t *bytes_r,
					char **error_r);

#endif
