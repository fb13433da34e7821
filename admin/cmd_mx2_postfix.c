/* `shoveler mx2 postfix`: the maps and settings by which Postfix reads the policy store. */
#include "cmd_mx2.h"

#include "lib/child.h"
#include "lib/file.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_MAP_DIRECTORY "/etc/postfix/shoveler"
#define MAX_MAP_FILE	      4096
#define POSTCONF_TIMEOUT_MS   10000

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

static int write_map(const char *path, const char *text)
{
	if (file_replace(path, span_of(text), 0644, false) == 0)
		return EX_OK;
	complain("cannot write %s: %s", path, strerror(errno));
	return EX_CANTCREAT;
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

/* Maps in place need a store: Postfix's proxymap dies without one. */
static int make_store(struct admin *admin)
{
	struct policy *policy;
	int ret = open_policy(admin, POLICY_CREATE, &policy);

	policy_close(&policy);
	return ret;
}

/*
 * - Postfix keeps mail as long as it can, and `shoveler mx2 tend` expires it at each domain's time:
 *   a retention may become longer without a reload, and saves what is queued.
 * - Known recipients are taken while the primary is down, for as long as Postfix can remember them.
 *   Unknown ones are refused if the primary once said so, and put off if nobody ever asked it.
 */
static void add_settings(json_t *settings)
{
	static const char *const pairs[][2] = {
		{"maximal_queue_lifetime", "100d"},
		{"bounce_queue_lifetime", "100d"},
		{"unverified_recipient_reject_code", "550"},
		{"unverified_recipient_defer_code", "450"},
		{"address_verify_positive_expire_time", "100d"},
		{"address_verify_positive_refresh_time", "1d"},
		{"address_verify_negative_expire_time", "100d"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		json_object_set_new(settings, pairs[i][0], json_string(pairs[i][1]));
}

char *ask_postconf(struct admin *admin, const char *options, const char *name)
{
	const char *const arguments[] = {
		"postconf", "-c", conf_text(admin->conf, P_POSTFIX_CONFIG_DIRECTORY),
		options,    name, NULL};
	struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;
	char *error = NULL, *value;
	struct span text;

	(void)child_run(arguments, (struct span){NULL, 0}, POSTCONF_TIMEOUT_MS, &out, &errors,
			&error);
	text = span_trim(strbuf_span(&out));
	value = xstrndup(text.data != NULL ? text.data : "", text.size);
	free(error);
	strbuf_free(&out);
	strbuf_free(&errors);
	return value;
}

char *postfix_setting(struct admin *admin, const char *name)
{
	return ask_postconf(admin, "-hx", name);
}

/*
 * Signed lists of recipients come by mail. The group is the one that may read the policy store:
 * pipe(8) gives no others.
 */
static void add_accept(struct admin *admin, json_t *services)
{
	char program[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[size > 0 ? size : 0] = '\0';
	json_object_set_new(services, "shoveler-accept/unix",
			    json_sprintf("shoveler-accept unix - n n - 2 pipe user=%s:%s "
					 "argv=%s -c %s mx2 accept ${sender}",
					 conf_text(admin->conf, P_LDA_USER),
					 conf_text(admin->conf, P_POLICY_GROUP),
					 size > 0 ? program : "/usr/sbin/shoveler",
					 admin->directory));
}

/*
 * A client like relay, for domains that do not bounce: what the primary refuses stays in the queue
 * for `shoveler mx2 tend`. The primary may learn who the client was (XFORWARD). No chroot, where
 * the files of cafile= are not.
 */
static void add_services(struct admin *admin, json_t *services)
{
	json_object_set_new(services, "shoveler-relay/unix",
			    json_string("shoveler-relay unix - - n - - smtp -o soft_bounce=yes "
					"-o smtp_send_xforward_command=yes "
					"-o syslog_name=postfix/shoveler-relay"));
	add_accept(admin, services);
}

static void print_services(json_t *services)
{
	const char *name;
	json_t *value;

	json_object_foreach(services, name, value) printf("%s\n", json_string_value(value));
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
	json_t *settings = json_object(), *files = json_object(), *services = json_object(), *all;
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
	add_settings(settings);
	add_services(admin, services);
	if (ret == EX_OK && argc > 0)
		ret = make_store(admin);
	if (ret == EX_OK && argc > 0)
		ret = make_inbox(admin);
	all = json_pack("{s:o, s:o, s:o}", "files", files, "settings", settings, "services",
			services);
	if (ret == EX_OK && admin->json) {
		json_dumpf(all, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (ret == EX_OK && argc == 0) {
		puts("== main.cf: add these to what is there");
		print_settings(settings);
		puts("\n== master.cf: add this service");
		print_services(services);
	}
	json_decref(all);
	return ret;
}
