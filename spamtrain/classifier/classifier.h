/*
 * classifier.h - what the rest of Shoveler sees of the learning filter.
 *
 * One struct classifier_site a process: settings and a bounded cache of open stores; every function
 * that takes it may be called from any thread. A struct classifier is one user's classifier, taken
 * out by one thread: open, do one thing, close; never hold two at once (the cache is bounded, and a
 * second thread that wants the same user waits). Several processes may use the same store.
 *
 *	message = classifier_message_read(bytes);		once a message
 *	for each recipient:
 *		classifier_open(site, user, &c, &error);
 *		classifier_process(c, message, &envelope, &verdict, &error);
 *		classifier_close(&c);
 *		dspam_headers_format(&headers, &verdict, now);
 *		... deliver ...
 *		classifier_open ... classifier_outcome(c, verdict.signature, "delivered", &error);
 *
 * Errors: functions return an enum classifier_status; on anything but CLASSIFIER_OK *error_r is a
 * malloc'ed text that the caller logs and frees. Text is UTF-8. Times are seconds since 1970.
 */
#ifndef SHOVELER_CLASSIFIER_H
#define SHOVELER_CLASSIFIER_H

#include "lib/span.h"
#include "lib/strbuf.h"
#include "schema/store.h"
#include "spamtrain/shared/groups.h"
#include "spamtrain/user/preferences.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum classifier_status {
	CLASSIFIER_OK = 0,
	CLASSIFIER_DEFER,  /* the store cannot be opened, is locked, full or damaged: 4xx */
	CLASSIFIER_FAILED, /* the classifier itself: deliver unmarked, count and log */
	CLASSIFIER_INVALID /* the caller's user, class, name or value is not valid: nothing was done
			    */
};

struct conf;
struct classifier_site;
struct classifier;
struct classifier_message;

/* ---- site ---- */

struct classifier_settings {
	const char *users_directory;	/* copied */
	struct preferences preferences; /* of users who did not say otherwise */
	size_t open_stores_max;		/* kept open; at least 1 */
	unsigned wait_seconds;		/* for a user whose store another thread has */
	time_t signature_retention, history_retention; /* seconds */
	struct dictionary_rules rules;		       /* what a TEFT user's dictionary drops */
	bool quick; /* commits are not synced: for measurements on throw-away stores */
	/* Called when a verdict was found and is about to be recorded, in the same thread; or NULL.
	 * For measurements. */
	void (*judged)(void *context);
	void *judged_context;
	struct dictionary_groups groups; /* who shares a dictionary; taken over by the site */
	const char *site_file; /* where new users start from (copied); NULL: from nothing */
};

/* The built-in settings, without a users_directory. */
void classifier_settings_init(struct classifier_settings *settings);
struct classifier_site *classifier_site_create(const struct classifier_settings *settings);

/*
 * Reads the settings it needs from conf (conf is not kept). NULL and *error_r when a site default
 * is not valid. Opens nothing.
 */
struct classifier_site *classifier_site_new(const struct conf *conf, char **error_r);
void classifier_site_free(struct classifier_site **site);

/* Who shares a dictionary with whom. */
const struct dictionary_groups *classifier_site_groups(const struct classifier_site *site);

/* The file of the site dictionary, whether new users start from it or not. malloc'ed. */
char *classifier_site_file(const struct conf *conf);

/*
 * Under this name the store of the spam traps is kept: nobody can have it (RFC 2606), and all traps
 * together are one user to the site dictionary.
 */
#define CLASSIFIER_TRAPS "spam-traps@site.invalid"

/* default_preferences: valid as long as the site. */
const struct preferences *classifier_site_preferences(const struct classifier_site *site);
/*
 * What counts for a user before his own preferences: default_preferences, and preference_maps over
 * them. CLASSIFIER_DEFER when a map cannot be asked.
 */
enum classifier_status classifier_user_defaults(const struct classifier_site *site,
						const char *user, struct preferences *preferences_r,
						char **error_r);
/* Can this process ask the preference_maps? Returns 0, or -1 and *error_r. */
int classifier_site_check(const struct classifier_site *site, char **error_r);

/* ---- a user's classifier ---- */

/*
 * user: full mail address, lower case, without detail. With create, a user without a store gets
 * one; without it, *classifier_r is NULL and CLASSIFIER_OK is returned for such a user. Waits for
 * another thread that has it, for wait_seconds, then CLASSIFIER_DEFER.
 */
enum classifier_status classifier_open(struct classifier_site *site, const char *user, bool create,
				       struct classifier **classifier_r, char **error_r);
/* Gives the store back to the cache; sets *classifier to NULL; NULL is fine. */
void classifier_close(struct classifier **classifier);

/* History, quarantine index and preferences of the user (schema/store.h); valid until close. */
struct store *classifier_store(struct classifier *classifier);

/* Those of the site overlaid with the user's own; valid until close or preference change. */
const struct preferences *classifier_preferences(struct classifier *classifier);

/* ---- a message, read once ---- */

/*
 * Never fails and never reads more than it must: every byte sequence is a message. The bytes may
 * be the first part of a message (shoveler-lda gives at most CLASSIFIER_MESSAGE_MAX); they are not
 * kept. Existing X-DSPAM-* and X-Shoveler-* fields and trace fields are ignored, except that the
 * signature in X-DSPAM-Signature can be asked for. full_size is the size of the whole message.
 */
#define CLASSIFIER_MESSAGE_MAX (1024 * 1024) /* bytes looked at; the rest is ignored */

struct classifier_message *classifier_message_read(struct span bytes, uint64_t full_size);
void classifier_message_free(struct classifier_message **message);

/* Text of the fields, decoded to UTF-8, control characters removed, bounded; "" when missing. */
const char *classifier_message_from(const struct classifier_message *message);
const char *classifier_message_subject(const struct classifier_message *message);
const char *classifier_message_id(const struct classifier_message *message);
/* 32 hex digits: half of SHA-256 over the message without trace fields and our own fields. */
const char *classifier_message_digest(const struct classifier_message *message);
/* The syntactically valid X-DSPAM-Signature that the message carries, or "". Proves nothing. */
const char *classifier_message_signature(const struct classifier_message *message);

/* ---- verdict ---- */

enum classifier_result { CLASSIFIER_INNOCENT, CLASSIFIER_SPAM, CLASSIFIER_WHITELISTED };

enum classifier_basis {
	CLASSIFIER_BY_SCORE,
	CLASSIFIER_BY_CORRESPONDENT, /* by score, but the user wrote to the sender: least sensitive */
	CLASSIFIER_BY_SENDER,	     /* trusted, whatever the score */
	CLASSIFIER_NEW_ACCOUNT	     /* too little is learned: all is let through */
};

struct classifier_verdict {
	enum classifier_result result;
	double probability; /* 0..1, of being spam */
	double confidence;  /* 0..1, of the result */
	double score;	    /* calibrated log-odds; larger is spammier; 0 is even */
	/* Of a message judged now, not of one that is known already: */
	double threshold; /* spam is what scores more */
	enum classifier_basis basis;
	char signature[STORE_SIGNATURE_SIZE];
	char *factors;	/* "" unless showFactors; malloc'ed; freed by classifier_verdict_free() */
	bool again;	/* this user got this very message before: nothing was learned */
	bool corrected; /* the user corrected it since: result is the corrected one */
	enum store_outcome outcome; /* what the history says became of it */
};

/* "Innocent", "Spam", "Whitelisted" */
const char *classifier_result_name(enum classifier_result result);
void classifier_verdict_free(struct classifier_verdict *verdict);

/* All members may be NULL or 0. */
struct classifier_envelope {
	const char *sender; /* MAIL FROM, without <> */
	const char *queue_id;
	time_t received; /* 0: now */
	/* What to issue, of signature_make(); NULL: one for this user alone. Several users may
	 * have the same: it counts for each in his own store only. */
	const char *signature;
	/* What will become of the message if nothing goes wrong: saves a classifier_outcome(). */
	enum store_outcome if_innocent, if_spam;
};

/* A new one: STORE_SIGNATURE_SIZE bytes, of which 64 bits nobody can guess. */
void signature_make(char *signature, time_t now);

/*
 * Scores the message for the user and records it, in one transaction: history row, signature, and
 * what the user's training mode teaches. The same message (by digest) again gives the recorded
 * verdict and signature and records nothing. envelope may be NULL.
 */
enum classifier_status classifier_process(struct classifier *classifier,
					  const struct classifier_message *message,
					  const struct classifier_envelope *envelope,
					  struct classifier_verdict *verdict_r, char **error_r);

/* Scores only: nothing is recorded, signature is "" (spamtrain classify, explain). */
enum classifier_status classifier_score(struct classifier *classifier,
					const struct classifier_message *message,
					struct classifier_verdict *verdict_r, char **error_r);

/* Why: one feature that spoke for or against. */
struct classifier_reason {
	char *text;	    /* "subject: pharmacy", "link example.biz": UTF-8 */
	const char *family; /* static; features.h */
	double probability; /* 0 innocent .. 1 spam */
	int spam, innocent; /* messages that had it */
};

#define CLASSIFIER_REASONS_MAX 15

/*
 * As classifier_score(), with the reasons, loudest first. count_r NULL: no reasons. *reasons_r is
 * freed by classifier_reasons_free().
 */
enum classifier_status classifier_explain(struct classifier *classifier,
					  const struct classifier_message *message,
					  struct classifier_verdict *verdict_r,
					  struct classifier_reason **reasons_r, size_t *count_r,
					  char **error_r);
void classifier_reasons_free(struct classifier_reason *reasons, size_t count);

/* Notes in the history what became of the message. Unknown signature: CLASSIFIER_INVALID. */
enum classifier_status classifier_outcome(struct classifier *classifier, const char *signature,
					  enum store_outcome outcome, char **error_r);

/*
 * The X-DSPAM-* fields for the mail, each line ended by "\r\n": -Result, -Processed, -Confidence,
 * -Probability, -Signature, and -Factors when there are any; -Reclassified when it was corrected.
 */
void dspam_headers_format(struct strbuf *out, const struct classifier_verdict *verdict, time_t now);

/* ---- corrections ---- */

enum classifier_teaching {
	CLASSIFIER_CORRECT, /* the verdict was wrong, or is right after all (IMAP move, web, dc-*)
			     */
	CLASSIFIER_TRAIN,   /* teach it whatever the verdict was (bulk training, spamtrain train) */
	CLASSIFIER_UNLEARN  /* take back whatever is learned of it; class is ignored */
};

struct classifier_correction {
	enum classifier_teaching teaching;
	enum store_class class;			  /* STORE_SPAM or STORE_INNOCENT */
	const char *signature;			  /* NULL or "": find it by the message */
	const struct classifier_message *message; /* NULL: by the signature alone */
	const char *source; /* "imap", "address", "web", "cli", "trap": goes into the log */
	time_t said;	    /* when the user said it; 0: now. What he said later stays. */
};

enum classifier_corrected {
	CLASSIFIER_LEARNED, /* it was not so before, now it is */
	CLASSIFIER_ALREADY, /* it was so before, or something was said later: nothing was changed */
	CLASSIFIER_TAKEN_BACK, /* an earlier correction was undone, or a lesson unlearned */
	CLASSIFIER_UNKNOWN /* not this user's signature, or it has expired, and no message given */
};

const char *classifier_corrected_name(enum classifier_corrected corrected);

/*
 * The one function behind every correction. Finds the history row by signature, else by the
 * message's own signature, digest or Message-ID; a message never seen before gets a row.
 * Idempotent and exact: what is in the store afterwards depends only on what is taught last, not
 * on the way.
 */
enum classifier_status classifier_correct(struct classifier *classifier,
					  const struct classifier_correction *correction,
					  enum classifier_corrected *corrected_r, char **error_r);

/* 24 lower-case hex digits? Says nothing about whose it is. */
bool classifier_is_signature(const char *text);

/* ---- preferences, by DSPAM's names ---- */

/* Checks name and value. value NULL removes the user's own, so that the site's default counts. */
enum classifier_status classifier_preference_set(struct classifier *classifier, const char *name,
						 const char *value, char **error_r);

/* ---- housekeeping ---- */

struct classifier_stats {
	uint64_t spam_learned, innocent_learned; /* lessons in the dictionary */
	uint64_t tokens;			 /* distinct features in the dictionary */
	uint64_t history, signatures;		 /* rows */
	uint64_t store_bytes;			 /* all files of the store, quarantine excluded */
};

enum classifier_status classifier_stats(struct classifier *classifier,
					struct classifier_stats *stats_r, char **error_r);

/*
 * What the user is judged by beside his own lessons, as of the last classifier_stats(): the group
 * (NULL: none), and how many messages of each class the site dictionary is worth to him.
 */
const struct dictionary_group *classifier_group(const struct classifier *classifier,
						unsigned *site_weight_r);

/* Drops what is older than the site's retention times; in small transactions, beside deliveries. */
enum classifier_status classifier_purge(struct classifier *classifier, time_t now, char **error_r);

/*
 * Takes back what was learned of messages that came since then, as far as it can be; counts them.
 */
enum classifier_status classifier_forget_since(struct classifier *classifier, time_t since,
					       uint64_t *forgotten_r, char **error_r);

/*
 * For archives that were taught one class after the other: compares them with what is known by now,
 * without which the filter stays too careful. Judges at most `most` of the messages taught from
 * archives again (each twice at most), 1 ms each, in transactions of 50. stop (or NULL) says when
 * to end early; what is done stays.
 */
enum classifier_status classifier_rescore(struct classifier *classifier, size_t most,
					  bool (*stop)(void), char **error_r);

/*
 * Is a message that was taught as innocent spam, judged as if it had not been? For lessons that
 * nobody gave one by one. Changes nothing; *signature_r is what it can be unlearned by.
 */
enum classifier_status classifier_doubts(struct classifier *classifier, const char *digest,
					 bool *doubts_r, char signature_r[STORE_SIGNATURE_SIZE],
					 char **error_r);

/*
 * Removes the user's store: lessons, history, preferences. CLASSIFIER_INVALID if there is none, or
 * if the quarantine is not empty. The caller holds no handle of this user.
 */
enum classifier_status classifier_forget_user(struct classifier_site *site, const char *user,
					      char **error_r);

#endif
