/*
 * postfix_maps.h - looks keys up in Postfix's own maps, of any type that this Postfix knows.
 *
 * By postmap -q (postalias -q for alias_maps), so that hash, lmdb, sqlite, mysql, ldap, pcre... all
 * give what they give to Postfix. A "proxy:" in front of a map is left out: the socket of the
 * proxymap service is Postfix's own. Answers, also "not found", are kept for a while; how long a
 * lookup may take is bounded, and how many run at a time, so that 1,000 sessions that all ask for
 * the same are a few runs of postmap.
 *
 * The milter's user must be able to read the maps (0640 root:postfix: put it into that group).
 */
#ifndef SHOVELER_POSTFIX_MAPS_H
#define SHOVELER_POSTFIX_MAPS_H

#include "span.h"

#define POSTFIX_MAPS_MAX_CACHE 65536 /* answers; then all of them are forgotten */
#define POSTFIX_MAPS_MAX_KEY   1024  /* bytes */

struct postfix_maps;

struct postfix_maps *postfix_maps_new(const char *config_directory, int timeout_ms,
				      int cache_seconds);
void postfix_maps_free(struct postfix_maps **maps);

/*
 * Looks key (already in lower case) up in map ("type:name"). Returns 1 and *value_r, freed by the
 * caller; 0: not found; -1 and *error_r: it is not known.
 */
int postfix_maps_find(struct postfix_maps *maps, const char *map, const char *key, bool alias,
		      char **value_r, char **error_r);

/*
 * Asks for several keys with one run of postmap, as far as they are not known yet, so that
 * postfix_maps_find() knows them afterwards. A failure shows there.
 */
void postfix_maps_prefetch(struct postfix_maps *maps, const char *map, const char *const *keys,
			   size_t count, bool alias);

#endif
