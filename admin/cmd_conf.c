/* `shoveler conf`: the settings as they are, as main.cf has them, as they are built in. */
#include "command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static int print_values(const struct conf *conf, char **names)
{
	int ret = EX_OK;

	for (; *names != NULL; names++) {
		int param = conf_find(*names);

		if (param >= 0) {
			puts(conf_text(conf, (enum conf_param)param));
			continue;
		}
		complain("there is no setting \"%s\"; `shoveler conf -d` lists all", *names);
		ret = EX_USAGE;
	}
	return ret;
}

static int print_configuration(const char *directory, bool changed_only, char **names)
{
	struct conf *conf = NULL;
	char *error = NULL;
	int ret = EX_OK;

	if (conf_load(directory, &conf, &error) < 0) {
		complain("%s", error);
		free(error);
		return EX_CONFIG;
	}
	if (*names == NULL)
		conf_dump(conf, changed_only, stdout);
	else
		ret = print_values(conf, names);
	conf_free(&conf);
	return ret;
}

int command_conf(struct admin *admin, int argc, char **argv)
{
	enum { OPTION_MDOC = 256 };
	static const struct option long_options[] = {
		{"changed", no_argument, NULL, 'n'},
		{"defaults", no_argument, NULL, 'd'},
		{"mdoc", no_argument, NULL, OPTION_MDOC},
		{NULL, 0, NULL, 0},
	};
	bool changed_only = false, defaults = false, mdoc = false;
	int option;

	optind = 0;
	/* getopt wants a program name in front, which is the command's own name. */
	while ((option = getopt_long(argc + 1, argv - 1, "nd", long_options, NULL)) != -1) {
		switch (option) {
		case 'n':
			changed_only = true;
			break;
		case 'd':
			defaults = true;
			break;
		case OPTION_MDOC:
			mdoc = true;
			break;
		default:
			return EX_USAGE;
		}
	}
	argv += optind - 1;
	if (changed_only + defaults + mdoc > 1 ||
	    ((changed_only || defaults || mdoc) && *argv != NULL)) {
		complain("conf takes one of -n, -d, --mdoc, or names");
		return EX_USAGE;
	}
	if (mdoc)
		conf_dump_mdoc(stdout);
	else if (defaults)
		conf_dump_defaults(stdout);
	else
		return print_configuration(admin->directory, changed_only, argv);
	return EX_OK;
}
