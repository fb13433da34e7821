/*
 * site.h - the settings in use. Made at start and at each SIGHUP, never changed; a request holds
 * the one it began with.
 */
#ifndef SHOVELER_WEB_SITE_H
#define SHOVELER_WEB_SITE_H

#include "web/limiter.h"
#include "web/mail_key.h"
#include "web/session.h"

#include "lib/conf.h"
#include "lib/endpoint.h"

#include <stdatomic.h>

struct host_report;

struct asker;

struct site {
	atomic_int users;
	struct endpoint auth; /* Dovecot's auth socket */
	struct endpoint imap; /* its IMAP server, on this host */
	bool has_imap;	      /* false: there are no pages about folders */
	char *delimiters;     /* recipient_delimiter */
	char *login_domain;   /* of logins without "@", may be empty */
	char **host_admins;   /* users, NULL at the end */
	char **domain_admins; /* the same */
	char *sign_on_header; /* of the proxy, may be empty: off */
	char *origin;	      /* "https://host" of web_url; "": what Host says */
	/* not the site's own: they live as long as the process */
	struct session_keeper *keeper;
	struct limiter *limiter;
	const struct mail_key *mail_key;
	struct asker *asker;
	struct host_report *report;
};

/* keeper, limiter, asker are the caller's. Returns NULL and *error_r when conf is not usable. */
struct site *site_new(const struct conf *conf, char **error_r);
struct site *site_hold(struct site *site);
void site_drop(struct site **site);

/* Appends the user who has that login: lower case, no detail, with the domain. False: no user. */
bool site_user(const struct site *site, const char *login, struct strbuf *out);

#endif
