/*
 * spamtrain - the classifier on the command line: judge, teach, explain, measure.
 *
 * Works on the users' stores directly, beside the daemons (the stores take care of that); only
 * retrain goes through spamtraind, because it may release a message from the quarantine.
 *
 * Errors: one line on standard error, exit code of sysexits.h, nothing changed by a wrong argument.
 * A reader that closes the pipe ends us without a word; other errors of standard output are told.
 */
#include "spamtrain/command/command.h"

#include "lib/address.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const struct command commands[] = {
	{"classify", "USER [FILE]", "Say what the user's filter thinks of a message",
	 command_classify, 1, 2, false,
	 "Reads FILE or standard input. Records nothing. Exit status 0, whatever the verdict.\n"
	 "  spamtrain classify alice@example.org < message\n"
	 "  spamtrain classify --json alice@example.org message | jq -r .result\n"},
	{"explain", "USER [FILE]", "Say why, in words a person can read", command_explain, 1, 2,
	 false,
	 "The features that spoke loudest, each with its weight: 0 is innocent, 1 is spam.\n"
	 "  spamtrain explain alice@example.org ~alice/Maildir/cur/1700000000.M1.mx:2,S\n"},
	{"train", "USER spam|ham PATH...", "Teach messages, one or a hundred thousand",
	 command_train, 3, -1, false,
	 "A PATH is a message, an mbox, a Maildir, or a folder of these; \"-\" is standard input.\n"
	 "What was taught before is skipped, so an interrupted run is simply started again.\n"
	 "Teach some of both classes: a filter that knows fewer than five of one blocks nothing.\n"
	 "  spamtrain train alice@example.org ham ~alice/Maildir/.Archive\n"
	 "  spamtrain train alice@example.org spam ~alice/Maildir/.Junk /srv/spam.mbox\n"},
	{"learn-folders",
	 "[--dry-run] [--days N] [--max N] [--settled N]\n"
	 "                     [--spam-folder NAME]... [--skip-folder NAME]... USER...|--all",
	 "Teach what is in the users' own mail folders", command_learn_folders, 1, -1, false,
	 "Asks Dovecot, as root, and changes nothing there. Junk is spam; what was read, answered or\n"
	 "marked in other folders is innocent; Trash, Drafts and Sent are left alone. What was learned\n"
	 "before is skipped, so an interrupted run is simply started again.\n"
	 "  --all               every user that Dovecot knows\n"
	 "  --dry-run           tell what would be taught\n"
	 "  --days N            mail of the last N days (365)\n"
	 "  --max N             at most N messages of each class, the newest of every month (1000)\n"
	 "  --settled N         leave out what came in the last N days (3)\n"
	 "  --spam-folder NAME  this folder holds spam, too\n"
	 "  --skip-folder NAME  leave this folder alone\n"
	 "  spamtrain learn-folders --dry-run alice@example.org\n"
	 "  spamtrain learn-folders --all\n"},
	{"retrain", "USER spam|innocent SIGNATURE", "Correct a verdict", command_retrain, 3, 3,
	 false,
	 "SIGNATURE is the message's X-DSPAM-Signature. A quarantined message is released by\n"
	 "retraining it as innocent. Needs a running spamtraind.\n"
	 "  spamtrain retrain alice@example.org innocent 69222b3c0123456789abcdef\n"},
	{"unlearn", "USER SIGNATURE|FILE", "Take back what was learned of a message",
	 command_unlearn, 2, 2, false,
	 "Every count is exactly what it was before. \"-\" is a message on standard input.\n"
	 "  spamtrain unlearn alice@example.org message.eml\n"},
	{"stats", "[USER]", "What the user's filter knows; or what users share", command_stats, 0,
	 1, false,
	 "Without USER: groups, spam traps, and the site dictionary.\n"
	 "  spamtrain stats --json alice@example.org\n"},
	{"history", "USER [COUNT [TEXT]]", "The user's latest messages and what became of them",
	 command_history, 1, 3, false,
	 "At most COUNT (50); only those with TEXT in sender or subject.\n"
	 "  spamtrain history alice@example.org 20 invoice\n"},
	{"preference", "get|set|list USER [NAME [VALUE]]", "Read and write preferences",
	 command_preference, 2, 4, false,
	 "set without a VALUE goes back to the site's default. list shows all, and what they mean.\n"
	 "  spamtrain preference set alice@example.org trainingMode TOE\n"},
	{"quarantine", "list|show|release|delete|flush USER [SIGNATURE...]",
	 "What is held back for the user", command_quarantine, 2, -1, false,
	 "show writes the message (its first MiB) to standard output; release delivers into INBOX and\n"
	 "trains as innocent; flush deletes all.\n"
	 "  spamtrain quarantine list alice@example.org\n"
	 "  spamtrain quarantine release alice@example.org 65a1b2c3d4e5f60718293a4b\n"},
	{"forget", "USER [DAYS]", "Forget the user's lessons, all or those of the last DAYS days",
	 command_forget, 1, 2, false,
	 "Without DAYS the whole store goes: history and preferences too. A store with a quarantine\n"
	 "that is not empty is left alone.\n"
	 "  spamtrain forget alice@example.org 7     what was learned in the last week\n"
	 "  spamtrain forget alice@example.org       everything\n"},
	{"purge", "USER...", "Drop what is older than the site keeps it", command_purge, 1, -1,
	 false, NULL},
	{"site", "rebuild", "Make the site dictionary anew from what users teach now", command_site,
	 1, 1, false,
	 "New users start from it if site_dictionary = yes; spamtraind makes it every\n"
	 "purge_interval.\n"},
	{"export", "USER [FILE]", "Write all that the user's filter knows as text", command_export,
	 1, 2, false,
	 "To FILE or standard output; as of one moment, while mail goes on.\n"
	 "  spamtrain export alice@example.org > alice.export\n"
	 "  spamtrain import alicia@example.org alice.export\n"},
	{"import", "[--replace] [--from bogofilter|spamassassin] USER FILE [PATH...]",
	 "Read an export, or what another filter learned", command_import, 2, -1, false,
	 "  --replace            also if the user's filter holds something, which is then gone\n"
	 "  --from bogofilter    FILE is written by: bogoutil -d wordlist.db\n"
	 "  --from spamassassin  FILE is written by: sa-learn --backup; its labels are used to teach\n"
	 "                       the messages in PATH (a message, an mbox, a Maildir, a folder)\n"
	 "A FILE that is damaged, cut short or of a newer program changes nothing.\n"
	 "  bogoutil -d ~alice/.bogofilter/wordlist.db |\n"
	 "      spamtrain import --from bogofilter alice@example.org -\n"},
	{"import-preferences",
	 "[--dry-run] [--replace] [--user USER] [--domain DOMAIN] FILE|FOLDER...",
	 "Take over what DSPAM's users had chosen", command_import_preferences, 1, -1, false,
	 "A FILE is DSPAM's USER.prefs, USER.dspam or USER.nodspam, a dump of dspam_preferences and\n"
	 "dspam_virtual_uids (SQL, or rows with tabs or commas), or, for --user, what\n"
	 "\"dspam_admin list preference USER\" prints; a FOLDER is DSPAM's.\n"
	 "  --dry-run        check all, change nothing\n"
	 "  --replace        also what users have set here since\n"
	 "  --user USER      whose the lines name=value are\n"
	 "  --domain DOMAIN  of users whom DSPAM knows without one\n"
	 "  mysqldump dspam dspam_preferences dspam_virtual_uids > dspam.sql\n"
	 "  spamtrain import-preferences dspam.sql\n"
	 "  spamtrain import-preferences --domain example.org /var/spool/dspam\n"},
	{"evaluate",
	 "--index FILE --results OUT [--mode teft|toe|tum] [--sensitivity N]\n"
	 "                     [--unreported FRACTION] [--store DIR] [--site FILE]\n"
	 "                     [--start FILE] [--days N] [--learn-first N] [--without FAMILY]...",
	 "Replay a labelled archive and measure", command_evaluate, 0, -1, true,
	 "  --index FILE           lines \"spam<TAB>path\" or \"ham<TAB>path\", in order of arrival;\n"
	 "                         a relative path is of the working folder, else of the index's\n"
	 "  --results OUT          gets a line \"gold score verdict\" for each\n"
	 "  --mode MODE            training mode (tum)\n"
	 "  --sensitivity N        statisticalSedation 0..10 (5): 0 catches most, 10 risks least\n"
	 "  --days N               as if the mail had come over so many days, with a purge each day\n"
	 "  --learn-first N        learn from the first N messages only; the others are scored\n"
	 "  --unreported FRACTION  so many of the errors are never corrected (0)\n"
	 "  --store DIR            keep the store here, which must be empty\n"
	 "  --site FILE            start from this site dictionary\n"
	 "  --start FILE           start from what this export holds\n"
	 "  --without FAMILY       leave out a family of features: header-pair, word, link...\n"
	 "Each message is classified, and if the verdict is wrong, corrected.\n"
	 "  spamtrain evaluate --index my-mail.index --results out --mode toe --sensitivity 7\n"},
	{NULL, NULL, NULL, NULL, 0, 0, false, NULL},
};

void complain(const char *format, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	va_start(args, format);
	strbuf_vprintf(&text, format, args);
	va_end(args);
	fputs("spamtrain: ", stderr);
	text_print(stderr, strbuf_text(&text));
	fputc('\n', stderr);
	strbuf_free(&text);
}

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: spamtrain [-c DIR] COMMAND [ARGUMENT...]\n\n"
		"  -c, --config DIR  folder of main.cf (default: $%s, else %s)\n"
		"      --json        for scripts: results as JSON\n"
		"      --version     print the version\n"
		"      --help        print this; after a COMMAND: what it does\n\n",
		CONF_DIRECTORY_VARIABLE, CONF_DEFAULT_DIRECTORY);
	for (const struct command *row = commands; row->name != NULL; row++)
		fprintf(out, "  spamtrain %s %s\n      %s\n", row->name, row->arguments,
			row->summary);
	fputs("\nA USER is a mail address. The manual page spamtrain(1) says more.\n", out);
}

static void print_command_usage(const struct command *command, FILE *out)
{
	fprintf(out, "usage: spamtrain %s %s\n%s.\n", command->name, command->arguments,
		command->summary);
	if (out == stdout)
		fputs(command->help == NULL ? "" : command->help, out);
	else
		fprintf(out, "\"spamtrain %s --help\" says more.\n", command->name);
}

int result_of(enum classifier_status status, char **error)
{
	static const int codes[] = {EX_OK, EX_TEMPFAIL, EX_SOFTWARE, EX_DATAERR};

	if (status != CLASSIFIER_OK)
		complain("%s", *error == NULL ? "failed" : *error);
	free(*error);
	*error = NULL;
	return codes[status];
}

char *user_of(const struct session *session, const char *address)
{
	struct strbuf user = STRBUF_INIT;

	if (address_user(span_of(address), conf_text(session->conf, P_RECIPIENT_DELIMITER), &user))
		return strbuf_steal(&user);
	complain("\"%s\" is not a user's mail address", address);
	return NULL;
}

static int user_open(struct session *session, const char *user, bool create,
		     struct classifier **classifier_r)
{
	char *name = user_of(session, user), *error = NULL;

	*classifier_r = NULL;
	if (name == NULL)
		return EX_USAGE;
	int code = result_of(classifier_open(session->site, name, create, classifier_r, &error),
			     &error);
	free(name);
	return code;
}

int find_user(struct session *session, const char *user, struct classifier **classifier_r)
{
	return user_open(session, user, false, classifier_r);
}

int open_user(struct session *session, const char *user, bool must_exist,
	      struct classifier **classifier_r)
{
	int code = user_open(session, user, !must_exist, classifier_r);

	if (code == EX_OK && *classifier_r == NULL) {
		complain("%s has no store: no mail was filtered for this user yet", user);
		return EX_NOUSER;
	}
	return code;
}

bool class_read(const char *text, enum store_class *class_r)
{
	bool spam = strcmp(text, "spam") == 0;

	if (!spam && strcmp(text, "ham") != 0 && strcmp(text, "innocent") != 0) {
		complain("the class is \"spam\" or \"ham\", not \"%s\"", text);
		return false;
	}
	*class_r = spam ? STORE_SPAM : STORE_INNOCENT;
	return true;
}

/* Not root: the stores must be ours. */
static int check_access(const struct session *session, const char *user)
{
	const char *folder = conf_text(session->conf, P_USERS_DIRECTORY);

	if (access(folder, R_OK | W_OK | X_OK) == 0 || errno == ENOENT)
		return EX_OK;
	complain("%s: %s; run this as root or as %s", folder, strerror(errno), user);
	return EX_NOPERM;
}

/* From now on as lda_user; root can come back to read files (input.c). */
static int become(const struct session *session, const char *user)
{
	const struct passwd *entry;

	if (geteuid() != 0)
		return check_access(session, user);
	entry = getpwnam(user);
	if (entry == NULL) {
		complain("lda_user: there is no system user \"%s\"", user);
		return EX_CONFIG;
	}
	if (initgroups(user, entry->pw_gid) != 0 || setegid(entry->pw_gid) != 0 ||
	    seteuid(entry->pw_uid) != 0) {
		complain("cannot become %s: %s", user, strerror(errno));
		return EX_NOPERM;
	}
	return EX_OK;
}

static int session_open(struct session *session)
{
	char *error = NULL;

	if (conf_load(session->directory, &session->conf, &error) == 0) {
		int code = become(session, conf_text(session->conf, P_LDA_USER));
		if (code != EX_OK)
			return code;
		session->site = classifier_site_new(session->conf, &error);
	}
	if (session->site != NULL)
		return EX_OK;
	complain("%s", error);
	free(error);
	return EX_CONFIG;
}

static int command_run(struct session *session, const struct command *command, int argc,
		       char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			print_command_usage(command, stdout);
			return EX_OK;
		}
	}
	if (argc < command->min_arguments ||
	    (command->max_arguments >= 0 && argc > command->max_arguments)) {
		print_command_usage(command, stderr);
		return EX_USAGE;
	}
	int code = command->without_conf ? EX_OK : session_open(session);
	if (code == EX_OK)
		code = command->run(session, argc, argv);
	classifier_site_free(&session->site);
	conf_free(&session->conf);
	return code;
}

/* Takes --json out of argv, wherever it stands; returns the new argc. */
static int take_json(struct session *session, int argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			session->json = true;
		else
			argv[kept++] = argv[i];
	}
	return kept;
}

/* -1 to go on, or an exit code. */
static int options_read(struct session *session, int argc, char **argv)
{
	enum { OPTION_HELP = 256, OPTION_VERSION };
	static const struct option long_options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, OPTION_HELP},
		{"version", no_argument, NULL, OPTION_VERSION},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+c:", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			session->directory = optarg;
			break;
		case OPTION_HELP:
			print_usage(stdout);
			return EX_OK;
		case OPTION_VERSION:
			printf("spamtrain %s\n", SHOVELER_VERSION);
			return EX_OK;
		default: /* getopt has told what is wrong */
			fputs("\"spamtrain --help\" lists options and commands.\n", stderr);
			return EX_USAGE;
		}
	}
	return -1;
}

static const struct command *command_find(const char *name)
{
	for (const struct command *row = commands; row->name != NULL; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static int run(struct session *session, int argc, char **argv)
{
	int code = options_read(session, argc, argv);

	if (code >= 0)
		return code;
	if (optind == argc) {
		fputs("usage: spamtrain [-c DIR] COMMAND [ARGUMENT...]\n"
		      "\"spamtrain --help\" lists the commands.\n",
		      stderr);
		return EX_USAGE;
	}
	const struct command *command = command_find(argv[optind]);
	if (command != NULL)
		return command_run(session, command, argc - optind - 1, argv + optind + 1);
	complain("there is no command \"%s\"; --help lists them", argv[optind]);
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	struct session session = {.directory = conf_default_directory()};

	msg_open("spamtrain", "stderr");
	argc = take_json(&session, argc, argv);
	int code = run(&session, argc, argv);
	bool failed = ferror(stdout) != 0;
	if ((fclose(stdout) != 0 || failed) && code == EX_OK) {
		complain("standard output: %s", strerror(errno));
		code = EX_IOERR;
	}
	return code;
}
