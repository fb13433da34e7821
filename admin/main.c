/*
 * shoveler - the command of the admin: configuration, policy, self-test.
 *
 * It talks to nobody but the files and sockets of this host. It changes the policy store and the
 * folders of public trees, and nothing else: never Postfix's or Dovecot's configuration (that is
 * the package's or the Ansible role's business; `shoveler mx2 postfix` prints what belongs into
 * it).
 *
 * Errors: one line on standard error that says what is wrong and, where there is one, the way out;
 * exit code of sysexits.h. An argument that is wrong changes nothing. Whatever a script may want to
 * read can be had with --json on standard output.
 *
 * The tables of commands are below; each command lives in cmd_NAME.c.
 */
#include "command.h"

#include "lib/msg.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

const struct command commands[] = {
	{"conf", "[-n | -d | --mdoc] [NAME...]", "Print the configuration", command_conf, 0, -1,
	 "  -n, --changed     only what main.cf sets\n"
	 "  -d, --defaults    the built-in defaults; reads no main.cf\n"
	 "      --mdoc        the settings as text for the manual page\n"
	 "Prints \"name = value\" lines as they are written; with NAMEs just the values, expanded.\n",
	 NULL, true},
	{"status", "[--json]", "Show which daemons run and what they counted", command_status, 0, 0,
	 NULL, NULL, false},
	{"doctor",
	 "[--json | --all] [--quick | --slow] [--user ADDRESS] [--wait SECONDS] [CHECK...]",
	 "Check that everything is in place, and say what to do", command_doctor, 0, -1,
	 "  --all           show also what is well\n"
	 "  --quick         what takes no time and sends no mail: for monitoring each minute\n"
	 "  --slow          only the rest\n"
	 "  --user ADDRESS  a mailbox for tests: mail is sent to it, and moved (doctor_user)\n"
	 "  --wait SECONDS  how long that mail may take to its mailbox (30)\n"
	 "CHECKs, without which all are made; shoveler(8) says what each looks at:\n"
	 "  daemons units sockets metrics permissions milters postfix limits maps delivery\n"
	 "  dovecot former certificates dns scanner policy stores spool space clock rescan\n"
	 "  timers mx2 mail\n"
	 "Exit code: 0 all is well, 1 warnings, 2 something does not work, 64 usage.\n",
	 NULL, true},
	{"report", "", "Tell the web page of the queue and of all checks (a timer's work)",
	 command_report, 0, 0,
	 "Writes what shoveler-web shows of the host and its fallback domains, and does what their\n"
	 "contacts asked for there: flush, extend.\n",
	 NULL, false},
	{"backup", "FOLDER | - | --verify FOLDER | --list",
	 "Copy all state into a folder, or as a tar archive, while the daemons run", command_backup,
	 1, 2,
	 "FOLDER is brought up to date: only what has changed is written. What is in it is for root\n"
	 "alone: it holds secrets, and messages in quarantine.\n"
	 "  -                 a tar archive on standard output\n"
	 "      --verify      look whether a backup is whole: checksums and databases\n"
	 "      --list        every place of state, and what a backup does with it\n",
	 NULL, false},
	{"restore", "[--dry-run] [--user ADDRESS | --only NAME...] FOLDER | -",
	 "Put a backup, or a part of it, back while the daemons run", command_restore, 1, -1,
	 "  -                 a tar archive on standard input\n"
	 "      --user        only this user's filter, history, preferences and quarantine\n"
	 "      --only        only this place of state: users, policy.sqlite, config...\n"
	 "      --dry-run     look whether it can be restored; change nothing\n",
	 NULL, false},
	{"class", "ADDRESS...", "What a recipient is (mailbox, redirect, relayed), and why",
	 command_class, 1, -1, NULL, NULL, false},
	{"score", "--client IP [--helo NAME] [--from ADDRESS]",
	 "How the milter would score a client, line by line", command_score, 2, 6, NULL, NULL,
	 false},
	{"virus", NULL, "Suppressed messages, and how to release them", NULL, 0, 0, NULL,
	 virus_actions, false},
	{"public", NULL, "Public trees, and who administers them", NULL, 0, 0, NULL, public_actions,
	 false},
	{"group", NULL, "Groups of users, for sharing", NULL, 0, 0, NULL, group_actions, false},
	{"mx2", NULL, "Domains that this host is a fallback MX for", NULL, 0, 0, NULL, mx2_actions,
	 false},
	{"migrate", "[--check] [--learning-script FILE]...",
	 "What another spam filter left here, and what becomes of it", command_migrate, 0, -1,
	 "  --learning-script FILE  a Sieve script that does nothing but teach the former filter\n"
	 "  --check                 what is so now; exit code 1 if it still works in our place\n"
	 "Reads the configuration of Dovecot and Postfix and changes nothing: the Ansible role does\n"
	 "what is \"replaced\", and takes it back on removal. \"left\" can stay beside Shoveler, \"kept\"\n"
	 "is no filter, \"unclear\" is yours to decide.\n",
	 NULL, true},
	{NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, false},
};

void complain(const char *format, ...)
{
	va_list args;

	fputs("shoveler: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void print_table(const struct command *table, const char *prefix, FILE *out)
{
	for (const struct command *row = table; row->name != NULL; row++) {
		if (row->actions != NULL) {
			print_table(row->actions, row->name, out);
			continue;
		}
		fprintf(out, "  shoveler %s%s%s%s%s\n      %s\n", prefix,
			prefix[0] != '\0' ? " " : "", row->name,
			row->arguments[0] != '\0' ? " " : "", row->arguments, row->summary);
	}
}

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: shoveler [-c DIR] COMMAND [ARGUMENT...]\n\n"
		"  -c, --config DIR  folder of main.cf (default: $%s, else %s)\n"
		"      --json        for scripts: what is listed comes as JSON\n"
		"      --version     print the version\n"
		"      --help        print this; after a COMMAND: what it does\n\n",
		CONF_DIRECTORY_VARIABLE, CONF_DEFAULT_DIRECTORY);
	print_table(commands, "", out);
	fputs("\nThe manual pages shoveler(8) and shoveler.cf(5) say more.\n", out);
}

static void print_command_usage(const struct command *command, const char *prefix, FILE *out)
{
	if (command->actions != NULL) {
		fprintf(out, "%s: %s.\n\n", command->name, command->summary);
		print_table(command->actions, command->name, out);
		return;
	}
	fprintf(out, "usage: shoveler %s%s%s %s\n%s.\n", prefix, prefix[0] != '\0' ? " " : "",
		command->name, command->arguments, command->summary);
	if (command->help != NULL)
		fputs(command->help, out);
}

static const struct command *find_command(const struct command *table, const char *name)
{
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

static int load_conf(struct admin *admin)
{
	char *error = NULL;

	if (conf_load(admin->directory, &admin->conf, &error) == 0)
		return EX_OK;
	complain("%s", error);
	free(error);
	return EX_CONFIG;
}

/* Takes --help and --json out of argv, wherever they stand; returns the new argc. */
static int take_common_options(struct admin *admin, int argc, char **argv, bool *help_r)
{
	int kept = 0;

	*help_r = false;
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			*help_r = true;
		else if (strcmp(argv[i], "--json") == 0)
			admin->json = true;
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
}

static int run_command(struct admin *admin, const struct command *command, const char *prefix,
		       int argc, char **argv)
{
	int ret = EX_OK;

	if (argc < command->min_arguments ||
	    (command->max_arguments >= 0 && argc > command->max_arguments)) {
		print_command_usage(command, prefix, stderr);
		return EX_USAGE;
	}
	if (!command->reads_conf_itself)
		ret = load_conf(admin);
	if (ret == EX_OK)
		ret = command->run(admin, argc, argv);
	conf_free(&admin->conf);
	if (ret == EX_OK && (fflush(stdout) != 0 || ferror(stdout))) {
		complain("cannot write to standard output");
		return EX_IOERR;
	}
	return ret;
}

static int dispatch(struct admin *admin, int argc, char **argv)
{
	const struct command *table = commands, *command = NULL;
	const char *prefix = "";
	bool help;

	argc = take_common_options(admin, argc, argv, &help);
	while (argc > 0) {
		const struct command *next = find_command(table, argv[0]);

		if (next == NULL) {
			complain("there is no command \"%s%s%s\"; `shoveler --help` lists all",
				 prefix, prefix[0] != '\0' ? " " : "", argv[0]);
			return EX_USAGE;
		}
		if (command != NULL)
			prefix = command->name;
		command = next;
		argc--;
		argv++;
		if (command->actions == NULL)
			break;
		table = command->actions;
		prefix = command->name;
	}
	if (help || command == NULL || command->actions != NULL) {
		FILE *out = help ? stdout : stderr;

		if (command == NULL)
			print_usage(out);
		else
			print_command_usage(command, command->actions == NULL ? prefix : "", out);
		return help ? EX_OK : EX_USAGE;
	}
	return run_command(admin, command, prefix, argc, argv);
}

int main(int argc, char **argv)
{
	enum { OPTION_HELP = 256, OPTION_VERSION, OPTION_JSON };
	static const struct option long_options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, OPTION_HELP},
		{"version", no_argument, NULL, OPTION_VERSION},
		{"json", no_argument, NULL, OPTION_JSON},
		{NULL, 0, NULL, 0},
	};
	struct admin admin = {conf_default_directory(), NULL, false};
	int option;

	while ((option = getopt_long(argc, argv, "+c:", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			admin.directory = optarg;
			break;
		case OPTION_JSON:
			admin.json = true;
			break;
		case OPTION_HELP:
			print_usage(stdout);
			return EX_OK;
		case OPTION_VERSION:
			printf("shoveler %s\n", SHOVELER_VERSION);
			return EX_OK;
		default:
			print_usage(stderr);
			return EX_USAGE;
		}
	}
	return dispatch(&admin, argc - optind, argv + optind);
}
