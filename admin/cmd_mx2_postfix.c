#include "mx2_postfix.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_MAP_DIRECTORY "/etc/postfix/shoveler"
#define MAX_MAP_FILE	      4096

/* sqlite_table(5) */
static char *map_text(const struct conf *conf, const struct policy_map *map)
{
	return xasprintf("# Made by `shoveler mx2 postfix`; see shoveler(8) and sqlite_table(5).\n"
			 "dbpath = %s/policy.sqlite\n"
			 "query = SELECT value FROM %s WHERE key = '%%s'\n",
			 conf_text(conf, P_STATE_DIRECTORY), map->view);
}

static bool file_has(const char *path, const char *text)
{
	FILE *file = fopen(path, "re");
	char old[MAX_MAP_FILE];
	size_t size;

	if (file == NULL)
		return false;
	size = fread(old, 1, sizeof(old), file);
	fclose(file);
	return size == strlen(text) && memcmp(old, text, size) == 0;
}

/* Beside and renamed: Postfix never sees half a file. */
static int write_map(const char *path, const char *text)
{
	char *fresh = xasprintf("%s.new", path);
	FILE *file = fopen(fresh, "we");
	int ret = EX_OK;

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || rename(fresh, path) < 0) {
		complain("cannot write %s: %s", path, strerror(errno));
		ret = EX_CANTCREAT;
	}
	free(fresh);
	return ret;
}

static int update_map(struct admin *admin, const char *path, const char *text)
{
	int ret;

	if (file_has(path, text))
		return EX_OK;
	ret = write_map(path, text);
	if (ret == EX_OK && !admin->json)
		printf("changed %s\n", path);
	return ret;
}

static char *map_setting(const struct policy_map *map, const char *path)
{
	return xasprintf("%s%sproxy:sqlite:%s", map->restriction != NULL ? map->restriction : "",
			 map->restriction != NULL ? " " : "", path);
}

static bool longest(void *context, const struct policy_mx2 *mx2)
{
	int64_t *seconds = context;

	if (mx2->retention > *seconds)
		*seconds = mx2->retention;
	return true;
}

/*
 * The queue keeps mail as long as the most patient domain wants. Maps in place need a store:
 * Postfix's proxymap dies without one.
 */
static int add_lifetime(struct admin *admin, enum policy_mode mode, json_t *settings)
{
	struct policy *policy;
	int64_t seconds = 0;
	char *error = NULL;
	int ret = open_policy(admin, mode, &policy);

	if (policy != NULL)
		ret = policy_result(policy_mx2_list(policy, longest, &seconds, &error), &error);
	policy_close(&policy);
	if (seconds > 0)
		json_object_set_new(settings, "maximal_queue_lifetime",
				    json_sprintf("%llds", (long long)seconds));
	return ret;
}

/* Unknown recipients are refused while the primary is up and known ones taken while it is down. */
static void add_verification(json_t *settings)
{
	json_object_set_new(settings, "unverified_recipient_defer_code", json_string("250"));
	json_object_set_new(settings, "unverified_recipient_reject_code", json_string("550"));
	json_object_set_new(settings, "address_verify_positive_expire_time", json_string("100d"));
	json_object_set_new(settings, "address_verify_positive_refresh_time", json_string("1d"));
}

static void print_settings(json_t *settings)
{
	const char *name;
	json_t *value;

	json_object_foreach(settings, name, value)
		printf("%s = %s\n", name, json_string_value(value));
}

int mx2_postfix(struct admin *admin, int argc, char **argv)
{
	const char *directory = argc > 0 ? argv[0] : DEFAULT_MAP_DIRECTORY;
	json_t *settings = json_object(), *files = json_object(), *all;
	struct policy_map map;
	int ret = EX_OK;

	for (size_t i = 0; ret == EX_OK && policy_map(i, &map); i++) {
		char *path = xasprintf("%s/%s", directory, map.file);
		char *text = map_text(admin->conf, &map), *setting = map_setting(&map, path);

		json_object_set_new(settings, map.parameter, json_string(setting));
		json_object_set_new(files, path, json_string(text));
		if (argc > 0)
			ret = update_map(admin, path, text);
		else if (!admin->json)
			printf("== %s\n%s\n", path, text);
		free(path);
		free(text);
		free(setting);
	}
	add_verification(settings);
	if (ret == EX_OK)
		ret = add_lifetime(admin, argc > 0 ? POLICY_CREATE : POLICY_READ, settings);
	all = json_pack("{s:o, s:o}", "files", files, "settings", settings);
	if (ret == EX_OK && admin->json) {
		json_dumpf(all, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (ret == EX_OK && argc == 0) {
		puts("== main.cf: add these to what is there");
		print_settings(settings);
	}
	json_decref(all);
	return ret;
}
