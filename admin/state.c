#include "state.h"

#include "lib/xalloc.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define STATE(below) P_STATE_DIRECTORY, below
#define AT(setting)  P_##setting, NULL

const struct state_place state_places[] = {
	{"config", STATE_FOLDER, P_COUNT, NULL, true, "main.cf, its drop-ins and secrets"},
	{"submitter.secret", STATE_FILE, AT(SUBMITTER_SECRET_FILE), true,
	 "by which the milter vouches for who resends a message"},
	{"link.secret", STATE_FILE, AT(LINK_SECRET_FILE), true, "signs the links of digests"},
	{"mx2.key", STATE_FILE, AT(MX2_KEY_FILE), false, "signs lists of recipients"},
	{"policy.sqlite", STATE_POLICY, STATE("policy.sqlite"), false,
	 "public trees, groups, fallback MX domains"},
	{"users", STATE_STORES, AT(USERS_DIRECTORY), false,
	 "filters, history, preferences and quarantine of all users"},
	{"site", STATE_FOLDER, AT(SITE_DIRECTORY), false, "the site dictionary"},
	{"spool", STATE_FOLDER, AT(RETRAIN_SPOOL), false,
	 "corrections, releases and answers that wait"},
	{"sharing", STATE_FOLDER, STATE("sharing"), false, "who shares with whom"},
	{"recipients", STATE_FOLDER, STATE("recipients"), false,
	 "lists of recipients that wait for the fallback MX"},
	{"web", STATE_FOLDER, AT(WEB_STATE_DIRECTORY), true,
	 "the web page's key, and who signed out"},
	{"domain-preferences", STATE_FILE, STATE("domain-preferences"), false,
	 "what administrators chose for their domains"},
	{"milter", STATE_FOLDER, AT(MILTER_DIRECTORY), true,
	 "greylist, crashes, viruses that users are to be told of"},
	{"infected", STATE_FOLDER, AT(VIRUS_KEEP_DIRECTORY), false, "copies of suppressed mail"},
	{"rescan", STATE_FOLDER, AT(RESCAN_DIRECTORY), false,
	 "what the weekly re-scan took out of mailboxes"},
	{"rescan.last", STATE_FILE, STATE("rescan.last"), false, "how the last re-scan ended"},
	{"rescan.prom", STATE_FILE, AT(RESCAN_METRICS_FILE), false, "what came of it"},
	{"mx2.state", STATE_FILE, STATE("mx2.state"), false,
	 "which contacts of fallback domains were told of waiting mail"},
	{"public", STATE_MAIL, AT(PUBLIC_DIRECTORY), false, "mail of public trees"},
	{"report", STATE_FLEETING, STATE("report"), false, "what root tells the web page"},
	{"before-restore", STATE_FLEETING, STATE("before-restore"), false,
	 "the former state, while a restore is under way"},
	{NULL, STATE_FLEETING, P_COUNT, NULL, false, NULL},
};

const struct state_place *state_find(const char *name, size_t size)
{
	for (const struct state_place *place = state_places; place->name != NULL; place++)
		if (strlen(place->name) == size && memcmp(place->name, name, size) == 0)
			return place;
	return NULL;
}

char *state_path(const struct state_place *place, const struct conf *conf)
{
	const char *base =
		place->setting == P_COUNT ? conf_directory(conf) : conf_text(conf, place->setting);

	/* The folder of main.cf may be given as a relative one. */
	char *absolute = base[0] == '/' ? NULL : realpath(base, NULL);
	if (absolute != NULL)
		return absolute;
	return place->below == NULL ? xstrdup(base) : xasprintf("%s/%s", base, place->below);
}

bool state_is_copied(const struct state_place *place)
{
	return place->kind != STATE_MAIL && place->kind != STATE_FLEETING;
}

/* Is it a place, or on the way to one? Journals beside a database are its. */
static bool is_placed(const struct conf *conf, const char *path)
{
	bool placed = false;

	for (const struct state_place *place = state_places; place->name != NULL && !placed;
	     place++) {
		char *known = state_path(place, conf);
		size_t size = strlen(path);
		placed = strncmp(known, path, size) == 0 &&
			 (known[size] == '\0' || known[size] == '/');
		if (place->kind == STATE_POLICY && strncmp(path, known, strlen(known)) == 0)
			placed = true;
		free(known);
	}
	return placed;
}

int state_unknown(const struct conf *conf, void (*each)(void *context, const char *path),
		  void *context)
{
	const char *folder = conf_text(conf, P_STATE_DIRECTORY);
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		char *path = xasprintf("%s/%s", folder, entry->d_name);
		if (!is_placed(conf, path))
			each(context, path);
		free(path);
	}
	closedir(dir);
	return 0;
}
