/*
 * spamtraind.h - what the parts of the training service share: the configuration in use.
 *
 * A struct spamtraind is made from the configuration at start and at each SIGHUP, and never
 * changed. Whoever does something takes the current one, works with it, and drops it; the last one
 * to drop it frees it. So a reload never waits for a session, and no session sees half of one.
 */
#ifndef SHOVELER_SPAMTRAIND_H
#define SHOVELER_SPAMTRAIND_H

#include "lib/conf.h"
#include "lib/lmtp_client.h"
#include "lib/strbuf.h"
#include "lib/submitter.h"
#include "spamtrain/classifier/classifier.h"
#include "spamtrain/daemon/training_address_message.h"

#include <stdatomic.h>

struct spamtraind {
	atomic_int users;
	struct classifier_site *site;
	struct lmtp_pool *nexthop; /* Dovecot: releases and answers */
	char *hostname;
	char *users_directory;
	char *temporary_directory;
	char *delimiters;			     /* recipient_delimiter */
	char *login_domain;			     /* for logins without "@"; may be empty */
	char **spam_addresses, **innocent_addresses; /* NULL-terminated, lower case */
	char **traps;				     /* likewise; "@domain" too */
	struct submitter_secret secret;		     /* size 0: there are no training addresses */
	uint64_t training_size_max;		     /* bytes */
	bool answers, receipts;
	char *answer_from; /* empty: postmaster at the user's domain */
	enum training_language language;
	int64_t quarantine_seconds;
	uint64_t quarantine_max; /* bytes of a user; 0: no limit */
	uid_t *clients;		 /* who may ask everything by the local socket */
	size_t client_count;
	bool opt_in;			     /* only who set the preference optIn is filtered */
	uid_t mail_uid;			     /* who may only retrain */
	uid_t milter_uid;		     /* who may only tell of sent mail and viruses */
	char *web_url;			     /* without "/" at the end; "": no links */
	struct submitter_secret link_secret; /* size 0: no links */
	int64_t link_seconds;
	int digest_hour;
	int64_t purge_interval; /* seconds */
	char *site_file;	/* of the site dictionary; NULL: there is none */
	unsigned site_users;	/* who must have taught a lesson */
};

/*
 * Reads and checks everything; reads the secret. Returns NULL and *error_r when it is not usable.
 */
struct spamtraind *spamtraind_new(const struct conf *conf, char **error_r);
/* Makes it the current one; the one before is freed once nobody uses it. NULL: none any more. */
void spamtraind_set_current(struct spamtraind *service);
/* The current one, never NULL between start and stop; give it back with spamtraind_drop(). */
struct spamtraind *spamtraind_current(void);
void spamtraind_drop(struct spamtraind **service);

/*
 * Appends the user who has that login or address: lower case, without detail, with login_domain if
 * it has no domain. Returns false, nothing appended, when that gives no user.
 */
bool spamtraind_user(const struct spamtraind *service, const char *login, struct strbuf *out);

/* The language of mail to a user with these preferences. */
enum training_language spamtraind_language(const struct spamtraind *service,
					   const struct preferences *preferences);

#endif
