#include "spamtrain/user/preference_maps.h"

#include "lib/conf.h"
#include "lib/msg.h"
#include "lib/postfix_maps.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct preference_maps {
	char **list; /* "type:name", ended by NULL */
	struct postfix_maps *postfix;
};

struct preference_maps *preference_maps_new(const struct conf *conf)
{
	const char *const *list = conf_list(conf, P_PREFERENCE_MAPS);
	struct preference_maps *maps;
	size_t count = 0;

	while (list[count] != NULL)
		count++;
	if (count == 0)
		return NULL;
	maps = xcalloc(1, sizeof(*maps));
	maps->list = xcalloc(count + 1, sizeof(*maps->list));
	for (size_t i = 0; i < count; i++)
		maps->list[i] = xstrdup(list[i]);
	maps->postfix = postfix_maps_new(conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY),
					 (int)conf_number(conf, P_POSTFIX_LOOKUP_TIMEOUT) * 1000,
					 (int)conf_number(conf, P_POSTFIX_LOOKUP_CACHE_TIME));
	return maps;
}

void preference_maps_free(struct preference_maps **maps)
{
	if (*maps == NULL)
		return;
	for (size_t i = 0; (*maps)->list[i] != NULL; i++)
		free((*maps)->list[i]);
	free((*maps)->list);
	postfix_maps_free(&(*maps)->postfix);
	free(*maps);
	*maps = NULL;
}

static void apply_text(const char *map, const char *key, const char *text,
		       struct preferences *preferences)
{
	char *error = NULL;

	if (!preferences_parse(preferences, text, &error))
		msg_warn("preference_maps: %s: %s: %s", map, key, error);
	free(error);
}

static int apply_key(struct preference_maps *maps, const char *key, struct preferences *preferences,
		     char **error_r)
{
	int found = 0;

	for (char **map = maps->list; *map != NULL && found == 0; map++) {
		char *text = NULL, *error = NULL;

		found = postfix_maps_find(maps->postfix, *map, key, false, &text, &error);
		if (found > 0)
			apply_text(*map, key, text, preferences);
		if (found < 0)
			*error_r = xasprintf("preference_maps: %s", error);
		free(error);
		free(text);
	}
	return found < 0 ? -1 : 0;
}

int preference_maps_apply(struct preference_maps *maps, const char *user,
			  struct preferences *preferences, char **error_r)
{
	const char *const keys[] = {strrchr(user, '@'), user};

	if (keys[0] == NULL)
		return 0;
	for (char **map = maps->list; *map != NULL; map++)
		postfix_maps_prefetch(maps->postfix, *map, keys, 2, false);
	for (size_t i = 0; i < 2; i++) {
		if (apply_key(maps, keys[i], preferences, error_r) < 0)
			return -1;
	}
	return 0;
}

int preference_maps_check(struct preference_maps *maps, char **error_r)
{
	struct preferences ignored;

	preferences_init(&ignored);
	return apply_key(maps, "@shoveler.invalid", &ignored, error_r);
}
