#include "learner.h"
#include "lib/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/learner_test.XXXXXX";

static void assert_kind(enum script_kind kind, const char *filter, const char *programs,
			const char *script)
{
	const struct script_folders folders = {folder, folder, folder};
	struct script_judgement judgement;

	script_judge(span_of(script), &folders, &judgement);
	assert_string_equal(judgement.programs, programs);
	assert_string_equal(judgement.filter, filter);
	assert_int_equal(judgement.kind, kind);
	script_judgement_free(&judgement);
}

static void test_scripts_that_teach(void **state)
{
	(void)state;
	/* The one of Dovecot's documentation. */
	assert_kind(SCRIPT_TEACHES, "rspamd", "learn-ham.sh",
		    "require [\"vnd.dovecot.pipe\", \"copy\", \"imapsieve\", \"environment\", "
		    "\"variables\"];\n"
		    "if environment :matches \"imap.mailbox\" \"*\" { set \"mailbox\" \"${1}\"; }\n"
		    "if string \"${mailbox}\" \"Trash\" { stop; }\n"
		    "pipe :copy \"learn-ham.sh\" [ \"${username}\" ];\n");
	assert_kind(SCRIPT_TEACHES, "SpamAssassin", "sa-learn",
		    "pipe :copy \"sa-learn\" [\"--spam\"];");
	assert_kind(SCRIPT_TEACHES, "rspamd", "rspamc",
		    "pipe :copy :try \"rspamc\" [\"-h\", \"localhost\", \"learn_ham\"];");
	assert_kind(SCRIPT_TEACHES, "bogofilter", "train",
		    "execute :pipe :output \"answer\" \"train\" \"spam\";");
	assert_kind(SCRIPT_TEACHES, "bogofilter", "train",
		    "if execute :pipe \"train\" { keep; } else { stop; }");
	assert_kind(
		SCRIPT_TEACHES, "DSPAM", "dspam",
		"pipe :copy \"dspam\" [\"--user\", \"x\", \"--class=spam\", \"--source=error\"];");
}

static void test_other_scripts(void **state)
{
	(void)state;
	assert_kind(SCRIPT_OTHER, "", "", "fileinto \"Archive\";");
	assert_kind(SCRIPT_OTHER, "", "", "");
	assert_kind(SCRIPT_OTHER, "", "", "# pipe \"sa-learn\";\n/* pipe \"sa-learn\"; */ keep;");
	assert_kind(SCRIPT_OTHER, "", "", "addheader \"X\" \"; pipe sa-learn\";");
	assert_kind(SCRIPT_OTHER, "", "",
		    "vacation text:\npipe \"sa-learn\";\n.\n; addflag \"\\\\Seen\";");
}

static void test_scripts_that_do_both(void **state)
{
	(void)state;
	assert_kind(SCRIPT_MIXED, "SpamAssassin", "sa-learn",
		    "setflag \"\\\\Seen\"; pipe :copy \"sa-learn\" \"--spam\";");
	assert_kind(SCRIPT_MIXED, "SpamAssassin", "sa-learn, index",
		    "pipe :copy \"sa-learn\" \"--spam\"; pipe :copy \"index\";");
	assert_kind(SCRIPT_MIXED, "rspamd", "rspamc",
		    "include :global \"x\"; pipe :copy \"rspamc\" \"learn_spam\";");
}

static void test_scripts_of_which_nothing_is_known(void **state)
{
	(void)state;
	assert_kind(SCRIPT_UNKNOWN, "", "index", "pipe :copy \"index\";");
	assert_kind(SCRIPT_UNKNOWN, "", "missing", "pipe :copy \"missing\";");
	assert_kind(SCRIPT_UNKNOWN, "", "../train", "pipe :copy \"../train\";");
	assert_kind(SCRIPT_UNKNOWN, "", "", "include \"learn\";");
	/* It only judges. */
	assert_kind(SCRIPT_UNKNOWN, "SpamAssassin", "spamc", "filter \"spamc\";");
	assert_kind(SCRIPT_UNKNOWN, "bogofilter", "bogofilter",
		    "execute :pipe \"bogofilter\" \"-p\";");
	assert_kind(SCRIPT_UNKNOWN, "SpamProbe", "spamprobe", "execute \"spamprobe\" \"score\";");
}

static void test_broken_scripts(void **state)
{
	static const char *const broken[] = {
		"pipe",	 "pipe \"", "pipe \"a\\", "text:",	     "/*",
		"{{{;;", ":",	    "\"",	  "execute :output", "if pipe \"x\" }"};
	const struct script_folders folders = {"", "", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct script_judgement judgement;

		script_judge(span_of(broken[i]), &folders, &judgement);
		assert_int_not_equal(judgement.kind, SCRIPT_TEACHES);
		script_judgement_free(&judgement);
	}
}

static void test_unreadable_files(void **state)
{
	const struct script_folders folders = {folder, folder, folder};
	struct script_judgement judgement;
	char pipe_path[300];

	(void)state;
	snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", folder);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	script_judge_file("/nonexistent/x.sieve", &folders, &judgement);
	assert_int_equal(judgement.kind, SCRIPT_UNKNOWN);
	script_judgement_free(&judgement);
	script_judge_file("/proc/self/exe", &folders, &judgement);
	assert_int_equal(judgement.kind, SCRIPT_UNKNOWN);
	script_judgement_free(&judgement);
	script_judge_file(pipe_path, &folders, &judgement);
	assert_int_equal(judgement.kind, SCRIPT_UNKNOWN);
	script_judgement_free(&judgement);
}

static int make_programs(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	test_folder_write(
		folder, "learn-ham.sh",
		"#!/bin/sh\nexec /usr/bin/rspamc -h /run/rspamd/controller.sock learn_ham\n");
	test_folder_write(folder, "train",
			  "#!/bin/sh\n# not sa-learn\ncase $1 in\nspam) bogofilter -s ;;\nesac\n");
	test_folder_write(folder, "index",
			  "#!/bin/sh\n# once it was: sa-learn\nexec notmuch insert\n");
	return 0;
}

static int remove_programs(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts_that_teach),
		cmocka_unit_test(test_other_scripts),
		cmocka_unit_test(test_scripts_that_do_both),
		cmocka_unit_test(test_scripts_of_which_nothing_is_known),
		cmocka_unit_test(test_broken_scripts),
		cmocka_unit_test(test_unreadable_files),
	};

	return cmocka_run_group_tests(tests, make_programs, remove_programs);
}
