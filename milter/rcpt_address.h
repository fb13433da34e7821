/*
 * rcpt_address.h - addresses as Postfix takes them apart for its maps. Pure.
 */
#ifndef SHOVELER_RCPT_ADDRESS_H
#define SHOVELER_RCPT_ADDRESS_H

#include "postfix_config.h"

/* All in lower case; freed by rcpt_parts_free(). */
struct rcpt_parts {
	char *local;  /* user and extension */
	char *user;   /* without extension */
	char *detail; /* the extension with its delimiter, "" if there is none */
	char *domain; /* "" if there is none */
};

void rcpt_parts_split(struct rcpt_parts *parts_r, const char *address, const char *delimiters);
void rcpt_parts_free(struct rcpt_parts *parts);

/*
 * One item of an alias's list as a whole address in lower case, without <> and comments: "@domain"
 * keeps the local part of owner, an item without domain gets origin, and detail (may be "") goes
 * behind the user. Freed by the caller.
 */
char *rcpt_address_complete(struct span item, const struct rcpt_parts *owner, const char *detail,
			    const char *origin);

/* pcre, regexp and cidr maps are asked for whole addresses only, not for parts of them. */
bool rcpt_map_is_pattern(const char *map);

#endif
