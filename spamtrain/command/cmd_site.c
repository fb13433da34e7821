/*
 * cmd_site.c - spamtrain site, and spamtrain stats without a user: what users share.
 */
#include "spamtrain/command/command.h"

#include "lib/xalloc.h"
#include "spamtrain/engine/features.h"
#include "spamtrain/shared/site_build.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char *date_text(time_t when, char *buf, size_t size)
{
	struct tm tm;

	strftime(buf, size, "%Y-%m-%d %H:%M", localtime_r(&when, &tm));
	return buf;
}

/* ---- site rebuild ---- */

static bool is_enabled(const struct session *session)
{
	return conf_bool(session->conf, P_SITE_DICTIONARY);
}

static json_t *site_json(const struct session *session, const struct site_header *header)
{
	return json_pack("{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "enabled",
			 is_enabled(session), "solid", site_header_is_solid(header), "built",
			 (json_int_t)header->built, "users", (json_int_t)header->users,
			 "spam_users", (json_int_t)header->spam_users, "innocent_users",
			 (json_int_t)header->innocent_users, "spam", (json_int_t)header->spam,
			 "innocent", (json_int_t)header->innocent, "tokens",
			 (json_int_t)header->entries, "users_needed", (json_int_t)header->quorum);
}

static void site_print(const struct session *session, const struct site_header *header)
{
	char date[32];

	printf("made      %s, of %llu spam from %u users and %llu innocent from %u\n"
	       "tokens    %llu, each taught by %u users or more\n"
	       "used      %s\n",
	       date_text((time_t)header->built, date, sizeof(date)),
	       (unsigned long long)header->spam, header->spam_users,
	       (unsigned long long)header->innocent, header->innocent_users,
	       (unsigned long long)header->entries, header->quorum,
	       !is_enabled(session) ? "no: site_dictionary = no"
	       : site_header_is_solid(header)
		       ? "yes, by new users"
		       : "not yet: too few users or messages have taught it");
}

int command_site(struct session *session, int argc, char **argv)
{
	struct site_header header;
	char *error = NULL;

	(void)argc;
	if (strcmp(argv[0], "rebuild") != 0) {
		complain("site rebuild");
		return EX_USAGE;
	}
	char *file = classifier_site_file(session->conf);
	const struct site_build build = {
		.users_directory = conf_text(session->conf, P_USERS_DIRECTORY),
		.file = file,
		.quorum = (unsigned)conf_number(session->conf, P_SITE_DICTIONARY_USERS),
		.site = session->site,
	};
	int result = site_build(&build, &header, &error);
	free(file);
	if (result != 0) {
		complain("%s", error);
		free(error);
		return EX_TEMPFAIL;
	}
	if (session->json)
		json_print(site_json(session, &header));
	else
		site_print(session, &header);
	return EX_OK;
}

/* ---- stats without a user ---- */

/* The header of what is there; false: nothing, or (after a complaint) nothing that can be read. */
static bool header_read(const struct session *session, struct site_header *header_r)
{
	char *file = classifier_site_file(session->conf), *error = NULL;
	struct site_dictionary *dictionary = NULL;
	bool found = site_dictionary_open(&dictionary, file, FEATURES_VERSION, &error) == 0;

	if (found)
		*header_r = *site_dictionary_header(dictionary);
	else if (errno != ENOENT)
		complain("%s", error);
	site_dictionary_unref(&dictionary);
	free(error);
	free(file);
	return found;
}

static void groups_print(const struct dictionary_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++) {
		printf("group     %s:", groups->list[i].name);
		for (size_t m = 0; m < groups->list[i].count; m++)
			printf(" %s", groups->list[i].members[m]);
		putchar('\n');
	}
	if (groups->count == 0)
		puts("groups    none");
}

static json_t *groups_json(const struct dictionary_groups *groups)
{
	json_t *list = json_array();

	for (size_t i = 0; i < groups->count; i++) {
		json_t *members = json_array();
		for (size_t m = 0; m < groups->list[i].count; m++)
			json_array_append_new(members, json_string(groups->list[i].members[m]));
		json_array_append_new(list, json_pack("{s:s, s:o}", "name", groups->list[i].name,
						      "members", members));
	}
	return list;
}

/* How many messages the traps have caught, as far as the history goes back. */
static int traps_count(struct session *session, uint64_t *caught_r)
{
	struct classifier *classifier = NULL;
	struct classifier_stats stats = {0};
	char *error = NULL;
	int code = result_of(
		classifier_open(session->site, CLASSIFIER_TRAPS, false, &classifier, &error),
		&error);

	if (code == EX_OK && classifier != NULL)
		code = result_of(classifier_stats(classifier, &stats, &error), &error);
	classifier_close(&classifier);
	*caught_r = stats.history;
	return code;
}

int command_site_stats(struct session *session)
{
	const struct dictionary_groups *groups = classifier_site_groups(session->site);
	const char *const *traps = conf_list(session->conf, P_SPAM_TRAPS);
	struct site_header header;
	uint64_t caught = 0;
	int code = traps_count(session, &caught);

	if (code != EX_OK)
		return code;
	bool built = header_read(session, &header);
	if (session->json) {
		json_t *list = json_array();
		for (const char *const *trap = traps; *trap != NULL; trap++)
			json_array_append_new(list, json_string(*trap));
		json_print(json_pack("{s:o, s:o, s:I, s:o}", "groups", groups_json(groups), "traps",
				     list, "trapped", (json_int_t)caught, "site_dictionary",
				     built ? site_json(session, &header) : json_null()));
		return EX_OK;
	}
	groups_print(groups);
	for (const char *const *trap = traps; *trap != NULL; trap++)
		printf("trap      %s\n", *trap);
	if (*traps == NULL)
		puts("traps     none");
	else
		printf("trapped   %llu messages in the history of the traps\n",
		       (unsigned long long)caught);
	if (built)
		site_print(session, &header);
	else
		printf("site      no dictionary of the site has been made%s\n",
		       is_enabled(session) ? " yet" : ": site_dictionary = no");
	return EX_OK;
}
