/*
 * rcpt_maps.h - the lookups of Postfix's programs, over parameters of its main.cf.
 *
 * All return 1: found (or matched), 0: not, -1 and *error_r: it is not known.
 */
#ifndef SHOVELER_RCPT_MAPS_H
#define SHOVELER_RCPT_MAPS_H

#include "postfix_config.h"
#include "rcpt_address.h"

#define RCPT_MAPS_MAX_DEPTH 8 /* files in lists in files */

/* How keys are looked up: postfix_maps_find(), or a test's own table. */
struct rcpt_lookup {
	int (*find)(void *context, const char *map, const char *key, bool alias, char **value_r,
		    char **error_r);
	/* Makes find() fast for several keys of one map; may be NULL. */
	void (*prefetch)(void *context, const char *map, const char *const *keys, size_t count,
			 bool alias);
	void *context;
};

struct rcpt_maps {
	const struct postfix_config *config;
	const struct rcpt_lookup *lookup;
};

/* Is domain in the list of domains, files and maps that the parameter holds? */
int rcpt_maps_has_domain(const struct rcpt_maps *maps, enum postfix_parameter parameter,
			 const char *domain, char **error_r);

/*
 * The address in the maps of the parameter, with the keys that cleanup(8) uses: user+ext@domain,
 * user@domain, in local domains user+ext and user, then @domain. *detail_r: the extension that did
 * not take part in the match, within parts, else "".
 */
int rcpt_maps_find_address(const struct rcpt_maps *maps, enum postfix_parameter parameter,
			   const struct rcpt_parts *parts, char **value_r, const char **detail_r,
			   char **error_r);

/* A local name in the alias database, with and without its extension. */
int rcpt_maps_find_alias(const struct rcpt_maps *maps, const struct rcpt_parts *parts,
			 char **value_r, char **error_r);

/* transport_maps: user+ext@domain, user@domain, domain, .parent domains, "*". */
int rcpt_maps_find_transport(const struct rcpt_maps *maps, const struct rcpt_parts *parts,
			     char **value_r, char **error_r);

#endif
