/* `shoveler class`, `score` and `virus`: what the milter would say, and what it has suppressed. */
#include "command.h"

#include "milter/commands.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static int finish(int ret, char *error)
{
	if (ret == 0)
		return EX_OK;
	complain("%s", error);
	free(error);
	return EX_UNAVAILABLE;
}

int command_class(struct admin *admin, int argc, char **argv)
{
	char *error = NULL;
	int ret = 0;

	for (int i = 0; i < argc && ret == 0; i++)
		ret = milter_show_class(admin->conf, argv[i], stdout, &error);
	return finish(ret, error);
}

/* "--client VALUE"; the commands get their arguments without a program name. */
static int take_option(struct score_question *question, const char *name, const char *value)
{
	if (strcmp(name, "--client") == 0)
		question->client = value;
	else if (strcmp(name, "--helo") == 0)
		question->helo = value;
	else if (strcmp(name, "--from") == 0)
		question->sender = value;
	else
		return -1;
	return 0;
}

int command_score(struct admin *admin, int argc, char **argv)
{
	struct score_question question = {0};
	char *error = NULL;
	int ret;

	for (int i = 0; i < argc; i += 2) {
		if (i + 1 == argc || take_option(&question, argv[i], argv[i + 1]) < 0) {
			complain("expected --client IP [--helo NAME] [--from ADDRESS]");
			return EX_USAGE;
		}
	}
	if (question.client == NULL) {
		complain("--client IP is missing");
		return EX_USAGE;
	}
	ret = milter_show_score(admin->conf, &question, stdout, &error);
	return finish(ret, error);
}

static int virus_list(struct admin *admin, int argc, char **argv)
{
	char *error = NULL;
	int ret;

	(void)argc, (void)argv;
	ret = milter_list_kept(admin->conf, stdout, &error);
	return finish(ret, error);
}

static int virus_show(struct admin *admin, int argc, char **argv)
{
	char *error = NULL;
	int ret;

	(void)argc;
	ret = milter_show_kept(admin->conf, argv[0], stdout, &error);
	return finish(ret, error);
}

static int virus_release(struct admin *admin, int argc, char **argv)
{
	char *error = NULL;
	int ret = 0;

	for (int i = 0; i < argc && ret == 0; i++)
		ret = milter_release_kept(admin->conf, argv[i], &error);
	return finish(ret, error);
}

const struct command virus_actions[] = {
	{"list", "", "Suppressed messages of which a copy is kept", virus_list, 0, 0, NULL, NULL,
	 false},
	{"show", "ID", "Print one of them as it is", virus_show, 1, 1, NULL, NULL, false},
	{"release", "ID...", "Send them to their recipients after all, past the scanner",
	 virus_release, 1, -1, NULL, NULL, false},
	{NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, false},
};
