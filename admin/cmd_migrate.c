/* `shoveler migrate`: what another filter has left on this host, and what becomes of it. */
#include "command.h"
#include "former.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* Before Shoveler is set up there is no main.cf: then its defaults count. */
static int load_conf(struct admin *admin)
{
	char *path = xasprintf("%s/main.cf", admin->directory), *error = NULL;
	int ret = EX_OK;

	if (access(path, F_OK) == 0 && conf_load(admin->directory, &admin->conf, &error) < 0) {
		complain("%s", error);
		ret = EX_CONFIG;
	}
	free(error);
	free(path);
	return ret;
}

static void print_text(const struct former *former)
{
	for (size_t i = 0; i < former->count; i++) {
		const struct former_finding *finding = &former->findings[i];

		printf("%-8s  %s: %s\n          %s\n          -> %s\n",
		       former_action_name(finding->action), finding->system, finding->where,
		       finding->what, finding->advice);
	}
	if (former->count == 0)
		puts("No other spam filter was found in the configuration of Dovecot and Postfix.");
	if (former->folders.size > 0)
		printf("Folders that belong into junk_folders: %s\n",
		       strbuf_text(&former->folders));
}

static json_t *findings_json(const struct former *former)
{
	json_t *list = json_array();

	for (size_t i = 0; i < former->count; i++) {
		const struct former_finding *finding = &former->findings[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "system", finding->system,
				  "action", former_action_name(finding->action), "where",
				  finding->where, "what", finding->what, "advice", finding->advice,
				  "line",
				  json_sprintf("%s: %s, %s: %s -> %s",
					       former_action_name(finding->action), finding->system,
					       finding->where, finding->what, finding->advice)));
	}
	return list;
}

/* For the role: what it writes into Dovecot's conf.d, sets in Postfix and in our main.cf.d. */
static int print_json(const struct former *former)
{
	json_t *settings = json_object(), *all;

	if (former->folders.size > 0) {
		char *junk_folders = former_junk_folders(former);

		json_object_set_new(settings, conf_name(P_JUNK_FOLDERS), json_string(junk_folders));
		free(junk_folders);
	}
	all = json_pack("{s:o, s:s, s:{s:O*, s:O*}, s:o}", "findings", findings_json(former),
			"dovecot", strbuf_text(&former->dropin), "postfix", "set",
			former->parameters, "services", former->services, "settings", settings);
	/* Only text that is no UTF-8 can have no JSON. */
	if (all == NULL || json_array_size(json_object_get(all, "findings")) != former->count) {
		complain("what was found has text that is no UTF-8: see it without --json");
		json_decref(all);
		return EX_DATAERR;
	}
	json_dumpf(all, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(all);
	return EX_OK;
}

static int take_options(int argc, char **argv, bool *live, const char **scripts)
{
	size_t count = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--check") == 0) {
			*live = true;
		} else if (strcmp(argv[i], "--learning-script") == 0 && i + 1 < argc) {
			scripts[count++] = argv[++i];
		} else {
			complain("expected [--check] [--learning-script FILE]...");
			return EX_USAGE;
		}
	}
	return EX_OK;
}

static bool replaces(const struct former *former)
{
	for (size_t i = 0; i < former->count; i++) {
		if (former->findings[i].action == FORMER_REPLACED)
			return true;
	}
	return false;
}

int command_migrate(struct admin *admin, int argc, char **argv)
{
	const char **scripts = xcalloc((size_t)argc + 1, sizeof(*scripts));
	struct former former = {.learning_scripts = scripts};
	char *error = NULL;
	bool live = false;
	int ret = take_options(argc, argv, &live, scripts);

	if (ret == EX_OK)
		ret = load_conf(admin);
	if (ret == EX_OK && former_look(&former, admin->conf, live, &error) < 0) {
		complain("%s", error);
		ret = EX_UNAVAILABLE;
	}
	if (ret == EX_OK && admin->json)
		ret = print_json(&former);
	else if (ret == EX_OK)
		print_text(&former);
	if (ret == EX_OK && live && replaces(&former))
		ret = 1;
	former_free(&former);
	free(error);
	free(scripts);
	return ret;
}
