/*
 * preference_maps.h - preferences that the host keeps: by domain in a file, or for each user in its
 * own database, by whatever map Postfix can ask (lib/postfix_maps.h).
 *
 * Each map is asked for "@DOMAIN" and for the user's address; the first one that knows a key
 * counts. The result is text as in default_preferences: "spamAction=tag; spamSubject=[Junk]". What
 * is valid in it counts; what is not is a warning in the log.
 */
#ifndef SHOVELER_PREFERENCE_MAPS_H
#define SHOVELER_PREFERENCE_MAPS_H

#include "spamtrain/user/preferences.h"

struct conf;
struct preference_maps;

/* NULL when preference_maps is empty. conf is not kept. */
struct preference_maps *preference_maps_new(const struct conf *conf);
void preference_maps_free(struct preference_maps **maps);

/*
 * Puts what is known of the domain, and then of the user, over the preferences. Returns 0, or -1
 * and *error_r: a map cannot be asked, so it is not known. From any thread.
 */
int preference_maps_apply(struct preference_maps *maps, const char *user,
			  struct preferences *preferences, char **error_r);

/* Asks each map something. Returns 0, or -1 and *error_r: one cannot be asked by this process. */
int preference_maps_check(struct preference_maps *maps, char **error_r);

#endif
