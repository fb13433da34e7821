/*
 * cookie.h - the one cookie we set (RFC 6265). "__Host-": browsers take it over TLS only, from this
 * host only, so that no neighbour can plant one.
 */
#ifndef SHOVELER_WEB_COOKIE_H
#define SHOVELER_WEB_COOKIE_H

#include "lib/span.h"

#define COOKIE_NAME "__Host-shoveler"

/* The value of our cookie in a Cookie header; empty when it is missing or there twice. */
struct span cookie_find(struct span header);

/* The Set-Cookie header for a value; malloc'ed. */
char *cookie_header(const char *value);

#endif
