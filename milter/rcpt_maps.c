#include "rcpt_maps.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_KEYS      5		    /* that an address is asked for */
#define MAX_LIST_FILE (1024 * 1024) /* bytes of a file that holds a list of domains */

static int match_list(const struct rcpt_maps *maps, struct span list, const char *domain,
		      bool subdomains, int depth, char **error_r);

/* All maps of a parameter, in order. */
static int find_in_maps(const struct rcpt_maps *maps, enum postfix_parameter parameter,
			const char *key, bool partial, char **value_r, char **error_r)
{
	struct span rest = span_of(postfix_config_get(maps->config, parameter)), map;
	int found = 0;

	while (found == 0 && postfix_list_next(&rest, &map)) {
		char *name = xstrndup(map.data, map.size);

		if (!partial || !rcpt_map_is_pattern(name))
			found = maps->lookup->find(maps->lookup->context, name, key,
						   parameter == PF_ALIAS_MAPS, value_r, error_r);
		free(name);
	}
	return found;
}

static int match_file(const struct rcpt_maps *maps, const char *path, const char *domain,
		      bool subdomains, int depth, char **error_r)
{
	FILE *file = fopen(path, "re");
	char *text = xmalloc(MAX_LIST_FILE);
	size_t size = file == NULL ? 0 : fread(text, 1, MAX_LIST_FILE, file);
	int ret = -1;

	if (file == NULL || size == MAX_LIST_FILE || ferror(file))
		*error_r = xasprintf("cannot read %s", path);
	else
		ret = match_list(maps, (struct span){text, size}, domain, subdomains, depth + 1,
				 error_r);
	if (file != NULL)
		fclose(file);
	free(text);
	return ret;
}

/* In a map parent domains are keys too, where the list matches subdomains. */
static int match_map(const struct rcpt_maps *maps, const char *map, const char *domain,
		     bool subdomains, char **error_r)
{
	int found = 0;

	for (const char *key = domain; found == 0 && key != NULL && *key != '\0';) {
		char *value = NULL;

		found = maps->lookup->find(maps->lookup->context, map, key, false, &value, error_r);
		free(value);
		key = subdomains ? strchr(key, '.') : NULL;
		key = key == NULL ? NULL : key + 1;
	}
	return found;
}

static bool match_name(const char *pattern, const char *domain, bool subdomains)
{
	size_t pattern_size = strlen(pattern), domain_size = strlen(domain);

	if (strcasecmp(pattern, domain) == 0)
		return true;
	return subdomains && domain_size > pattern_size &&
	       domain[domain_size - pattern_size - 1] == '.' &&
	       strcasecmp(domain + domain_size - pattern_size, pattern) == 0;
}

static int match_item(const struct rcpt_maps *maps, const char *item, const char *domain,
		      bool subdomains, int depth, char **error_r)
{
	if (item[0] == '/')
		return match_file(maps, item, domain, subdomains, depth, error_r);
	if (strchr(item, ':') != NULL && item[0] != '[')
		return match_map(maps, item, domain, subdomains, error_r);
	return match_name(item, domain, subdomains);
}

/* The first item that matches decides; "!" before it turns that into a no. */
static int match_list(const struct rcpt_maps *maps, struct span list, const char *domain,
		      bool subdomains, int depth, char **error_r)
{
	struct span item;
	int matched = 0;
	bool negated = false;

	if (depth > RCPT_MAPS_MAX_DEPTH) {
		*error_r = xstrdup("lists of domains in lists of domains");
		return -1;
	}
	while (matched == 0 && postfix_list_next(&list, &item)) {
		char *text;

		for (negated = false; item.size > 0 && item.data[0] == '!';
		     item = span_from(item, 1))
			negated = !negated;
		text = xstrndup(item.data, item.size);
		matched = match_item(maps, text, domain, subdomains, depth, error_r);
		free(text);
	}
	return matched == 1 && negated ? 0 : matched;
}

int rcpt_maps_has_domain(const struct rcpt_maps *maps, enum postfix_parameter parameter,
			 const char *domain, char **error_r)
{
	/*
	 * parent_domain_matches_subdomains names relay_domains by default, and none of the others.
	 */
	return match_list(maps, span_of(postfix_config_get(maps->config, parameter)), domain,
			  parameter == PF_RELAY_DOMAINS, 0, error_r);
}

/* All keys of an address at once: most addresses are in none of the maps, so all will be asked. */
static void prefetch(const struct rcpt_maps *maps, enum postfix_parameter parameter,
		     const char *const *keys, size_t count)
{
	struct span rest = span_of(postfix_config_get(maps->config, parameter)), map;

	if (maps->lookup->prefetch == NULL)
		return;
	while (postfix_list_next(&rest, &map)) {
		char *name = xstrndup(map.data, map.size);

		if (!rcpt_map_is_pattern(name))
			maps->lookup->prefetch(maps->lookup->context, name, keys, count,
					       parameter == PF_ALIAS_MAPS);
		free(name);
	}
}

static int is_local_domain(const struct rcpt_maps *maps, const char *domain, char **error_r)
{
	if (strcasecmp(postfix_config_get(maps->config, PF_MYORIGIN), domain) == 0)
		return 1;
	return rcpt_maps_has_domain(maps, PF_MYDESTINATION, domain, error_r);
}

int rcpt_maps_find_address(const struct rcpt_maps *maps, enum postfix_parameter parameter,
			   const struct rcpt_parts *parts, char **value_r, const char **detail_r,
			   char **error_r)
{
	bool detailed = parts->detail[0] != '\0';
	int local = is_local_domain(maps, parts->domain, error_r), found = 0;
	struct {
		char *key;
		bool wanted, partial, bare;
	} tries[] = {
		{xasprintf("%s@%s", parts->local, parts->domain), true, false, false},
		{xasprintf("%s@%s", parts->user, parts->domain), detailed, true, true},
		{xstrdup(parts->local), local == 1, true, false},
		{xstrdup(parts->user), local == 1 && detailed, true, true},
		{xasprintf("@%s", parts->domain), true, true, false},
	};
	const char *keys[MAX_KEYS];
	size_t key_count = 0;

	*detail_r = "";
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]) && local >= 0; i++) {
		if (tries[i].wanted)
			keys[key_count++] = tries[i].key;
	}
	prefetch(maps, parameter, keys, key_count);
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if (local >= 0 && found == 0 && tries[i].wanted) {
			found = find_in_maps(maps, parameter, tries[i].key, tries[i].partial,
					     value_r, error_r);
			if (found == 1 && tries[i].bare)
				*detail_r = parts->detail;
		}
		free(tries[i].key);
	}
	return local < 0 ? -1 : found;
}

int rcpt_maps_find_alias(const struct rcpt_maps *maps, const struct rcpt_parts *parts,
			 char **value_r, char **error_r)
{
	int found = find_in_maps(maps, PF_ALIAS_MAPS, parts->local, false, value_r, error_r);

	if (found == 0 && parts->detail[0] != '\0')
		found = find_in_maps(maps, PF_ALIAS_MAPS, parts->user, false, value_r, error_r);
	return found;
}

int rcpt_maps_find_transport(const struct rcpt_maps *maps, const struct rcpt_parts *parts,
			     char **value_r, char **error_r)
{
	char *full = xasprintf("%s@%s", parts->local, parts->domain);
	char *bare = xasprintf("%s@%s", parts->user, parts->domain);
	const char *key = parts->domain;
	int found = find_in_maps(maps, PF_TRANSPORT_MAPS, full, false, value_r, error_r);

	if (found == 0 && parts->detail[0] != '\0')
		found = find_in_maps(maps, PF_TRANSPORT_MAPS, bare, true, value_r, error_r);
	/* The domain itself, then ".parent" for each parent. */
	while (found == 0 && key != NULL && *key != '\0') {
		found = find_in_maps(maps, PF_TRANSPORT_MAPS, key, true, value_r, error_r);
		key = strchr(key + 1, '.');
	}
	if (found == 0)
		found = find_in_maps(maps, PF_TRANSPORT_MAPS, "*", true, value_r, error_r);
	free(full);
	free(bare);
	return found;
}
