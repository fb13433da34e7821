/*
 * request.h - one request of a browser and what goes back: what http.c makes and the pages work on.
 */
#ifndef SHOVELER_WEB_REQUEST_H
#define SHOVELER_WEB_REQUEST_H

#include "web/form.h"
#include "web/mail_key.h"
#include "web/markup.h"
#include "web/session.h"

#include <stdbool.h>

#define REQUEST_PATH_MAX  64
#define REQUEST_FIELD_MAX 512 /* bytes of a header field that are kept */

struct site;

struct response {
	unsigned status;   /* 0: nothing was said yet */
	const char *type;  /* Content-Type, a literal */
	char *location;	   /* relative; malloc'ed, or NULL */
	char *cookie;	   /* value of the session's cookie; malloc'ed, or NULL: is not set */
	char *mail_cookie; /* of mail_key.h; malloc'ed, "": is forgotten, or NULL: is not set */
	const char *file;  /* name of a download, a literal, or NULL */
	unsigned retry_s;  /* Retry-After, or 0 */
	bool is_lasting;   /* may be kept by the browser: style and script */
	bool forgets;	   /* Clear-Site-Data: the user signed out */
};

struct request {
	struct site *site; /* held until the request is freed */

	/* what came; all of it is the peer's word, but for client, which is the proxy's */
	bool post;
	char path[REQUEST_PATH_MAX]; /* without the slash, without the query */
	char *raw_query;	     /* still encoded, or NULL */
	struct form query, form;
	char client[64]; /* IP address as text, "" where it is not known */
	char host[REQUEST_FIELD_MAX], origin[REQUEST_FIELD_MAX], languages[REQUEST_FIELD_MAX];
	char proxy_user[REQUEST_FIELD_MAX]; /* web_sign_on_header; "" unless that is set */
	char cookie[SESSION_TOKEN_MAX];	    /* the session's, "" when there is none */
	char mail_cookie[MAIL_TOKEN_MAX];   /* of mail_key.h, "" when there is none */

	struct session session; /* user "": nobody */
	time_t now;

	struct html html; /* the page */
	struct response response;
};

/* Is somebody signed in? */
static inline bool request_has_user(const struct request *r)
{
	return r->session.user[0] != '\0';
}

/* The next response headers carry the session as it is now. */
void request_issue_session(struct request *r);

/* 303 to a path of ours, relative, with its query. */
void respond_redirect(struct request *r, const char *location);

/* Frees what it points to, not itself. */
void request_free(struct request *r);

#endif
