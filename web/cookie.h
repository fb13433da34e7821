/*
 * cookie.h - the cookies we set (RFC 6265). "__Host-": browsers take them over TLS only, from this
 * host only, so that no neighbour can plant one.
 */
#ifndef SHOVELER_WEB_COOKIE_H
#define SHOVELER_WEB_COOKIE_H

#include "lib/span.h"

#define COOKIE_SESSION "__Host-shoveler"      /* session.h */
#define COOKIE_MAIL    "__Host-shoveler-mail" /* mail_key.h */

/* The value of that cookie in a Cookie header; empty when it is missing or there twice. */
struct span cookie_find(struct span header, const char *name);

/* The Set-Cookie header for a value, "": the browser forgets it; malloc'ed. */
char *cookie_header(const char *name, const char *value);

#endif
