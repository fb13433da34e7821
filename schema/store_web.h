/*
 * store_web.h - what the web page and the daily digest ask of a user's store, and only they: pages
 * of the quarantine, statistics, the corrections of a message, trusted senders, the state of the
 * digest and of its links. The rules are those of schema/store.h.
 */
#ifndef SHOVELER_STORE_WEB_H
#define SHOVELER_STORE_WEB_H

#include "schema/store.h"

/* ---- history ---- */

/* The ids of the oldest and newest rows; zeros when there are none. */
enum store_status store_message_range(struct store *store, int64_t *oldest_r, int64_t *newest_r,
				      char **error_r);

#define STORE_WEEK (7 * 86400)

struct store_week {
	time_t start;		  /* Monday 0:00 UTC */
	uint64_t messages;	  /* that were classified */
	uint64_t spam;		  /* of these: count as spam now */
	uint64_t caught;	  /* of these: the filter said so */
	uint64_t false_positives; /* the filter said spam, and they do not count as such */
};

/* The week of a time. */
time_t store_week_start(time_t when);
/* Weeks with messages, oldest first, from the week of since on. */
enum store_status store_message_weeks(struct store *store, time_t since,
				      void (*each)(void *context, const struct store_week *week),
				      void *context, char **error_r);

/* What was asked of a message, oldest first; class STORE_NONE: taken back. */
enum store_status store_correction_list(struct store *store, int64_t message,
					void (*each)(void *context, time_t when,
						     enum store_class class, const char *source),
					void *context, char **error_r);

/* ---- senders whom the user always trusts ---- */

/* STORE_OK, or STORE_NOT_FOUND when he does not. */
enum store_status store_trusted_get(struct store *store, int64_t key, char **error_r);
/* By a row of the history; a sender who is trusted already stays as he is. */
enum store_status store_trusted_add(struct store *store, const struct store_message *row,
				    time_t now, char **error_r);
/* The one with that key, or who was trusted by that signature. STORE_NOT_FOUND: there is none. */
enum store_status store_trusted_delete(struct store *store, int64_t key, const char *signature,
				       char **error_r);
enum store_status store_trusted_list(struct store *store,
				     void (*each)(void *context, const char *from,
						  const char *signature, time_t added),
				     void *context, char **error_r);

/* ---- quarantine, by page ---- */

struct store_quarantine_page {
	bool by_time;	      /* newest first; else by score, the least spammy first */
	const char *contains; /* as in struct store_filter */
	size_t limit;
	bool news;  /* only what no digest has told of */
	bool after; /* behind the row with these: */
	double key; /* score or time */
	int64_t rowid;
};

enum store_status store_quarantine_page(
	struct store *store, const struct store_quarantine_page *page,
	bool (*each)(void *context, const struct store_quarantined *row, double key, int64_t rowid),
	void *context, char **error_r);

/* ---- the daily digest ---- */

/* Messages in quarantine that no digest has told of. */
enum store_status store_digest_news(struct store *store, uint64_t *count_r, char **error_r);
/* The day (YYYYMMDD) of the last digest, 0: none. */
enum store_status store_digest_day(struct store *store, int64_t *day_r, char **error_r);
enum store_status store_digest_set_day(struct store *store, int64_t day, char **error_r);
/* In a transaction: these were told of; those that are in quarantine no more are forgotten. */
enum store_status store_digest_announced(struct store *store, const char *signature,
					 char **error_r);
enum store_status store_digest_forget(struct store *store, char **error_r);

/* ---- links, by 64 hex digits ---- */

/* STORE_OK: it was used. */
enum store_status store_link_used(struct store *store, const char *link, char **error_r);
enum store_status store_link_use(struct store *store, const char *link, time_t expires,
				 char **error_r);
/* Forgets those that expired before then. */
enum store_status store_link_purge(struct store *store, time_t before, char **error_r);

#endif
