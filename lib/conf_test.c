#include "conf.h"

#include "strbuf.h"
#include "xalloc.h"
#include "test_folder.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/conf_test.XXXXXX";

static struct conf *load(const char *main_cf)
{
	struct conf *conf = NULL;
	char *error = NULL;

	test_folder_write(folder, "main.cf", main_cf);
	if (conf_load(folder, &conf, &error) < 0)
		fail_msg("%s", error);
	return conf;
}

static void assert_refused(const char *main_cf, const char *expected)
{
	struct conf *conf = NULL;
	char *error = NULL;

	test_folder_write(folder, "main.cf", main_cf);
	assert_int_equal(conf_load(folder, &conf, &error), -1);
	if (strstr(error, expected) == NULL)
		fail_msg("\"%s\" does not contain \"%s\"", error, expected);
	free(error);
}

static void defaults_refer_to_other_settings(void **state)
{
	struct conf *conf = load("runtime_directory = /tmp/run\n");

	(void)state;
	assert_string_equal(conf_text(conf, P_LDA_LISTEN), "unix:/tmp/run/lda.sock");
	conf_free(&conf);
}

static void continuation_lines_and_lists(void **state)
{
	struct conf *conf = load("# comment\n"
				 "training_spam_addresses = dc-spam@a.test,\n"
				 "\n"
				 "# in between\n"
				 "\tdc-spam@b.test\n");
	const char *const *list = conf_list(conf, P_TRAINING_SPAM_ADDRESSES);

	(void)state;
	assert_string_equal(list[0], "dc-spam@a.test");
	assert_string_equal(list[1], "dc-spam@b.test");
	assert_null(list[2]);
	conf_free(&conf);
}

static void dropins_win_in_order_of_name(void **state)
{
	char *path = xasprintf("%s/main.cf.d", folder);
	struct conf *conf;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	test_folder_write(folder, "main.cf.d/20-b.cf", "myhostname = second\n");
	test_folder_write(folder, "main.cf.d/10-a.cf", "myhostname = first\n");
	test_folder_write(folder, "main.cf.d/README", "no setting here\n");
	conf = load("myhostname = main\n");
	assert_string_equal(conf_text(conf, P_MYHOSTNAME), "second");
	conf_free(&conf);
	test_folder_write(folder, "main.cf.d/20-b.cf", "");
	test_folder_write(folder, "main.cf.d/10-a.cf", "");
	free(path);
}

static void errors_name_file_line_and_nearest_key(void **state)
{
	(void)state;
	assert_refused("\n# x\nlda_lisen = unix:/x\n", "main.cf, line 3: unknown setting "
						       "\"lda_lisen\"; did you mean "
						       "\"lda_listen\"?");
	assert_refused("zzz = 1\n", "line 1: unknown setting \"zzz\"; `shoveler conf -d`");
	assert_refused("lda_listen\n", "line 1: expected \"name = value\"");
	assert_refused(" x = 1\n", "line 1: a line that starts with white space");
	assert_refused("lda_listen = tcp:1\n", "line 1: lda_listen = tcp:1: expected unix:/path");
	assert_refused("state_directory = x\n", "expected an absolute path");
	assert_refused("state_directory = /$nothing\n", "line 1: unknown setting \"nothing\"");
	assert_refused("state_directory = /$state_directory\n", "refers to itself");
}

static void what_is_wrong_can_be_passed_over(void **state)
{
	struct conf *conf;
	char *error = NULL;

	(void)state;
	test_folder_write(folder, "main.cf",
			  " x = 1\n"
			  "lda_listen = unix:/srv/lda\n"
			  "no_such = 1\n"
			  " of two lines\n"
			  "runtime_directory = /$nothing\n"
			  "state_directory = relative\n"
			  "users_directory = $state_directory/mine\n"
			  "lda_max_sessions = many\n"
			  "no equals sign\n"
			  "lda_user = deliverer\n");
	conf = conf_load_what_is_right(folder, &error);
	assert_non_null(conf);
	assert_non_null(strstr(error, "main.cf, line 1: a line that starts with white space"));
	assert_string_equal(conf_text(conf, P_LDA_LISTEN), "unix:/srv/lda");
	assert_string_equal(conf_text(conf, P_LDA_USER), "deliverer");
	assert_string_equal(conf_text(conf, P_RUNTIME_DIRECTORY), "/run/shoveler");
	assert_string_equal(conf_text(conf, P_LDA_PIPE_LISTEN), "unix:/run/shoveler/lda-pipe.sock");
	assert_string_equal(conf_text(conf, P_USERS_DIRECTORY), "/var/lib/shoveler/mine");
	assert_true(conf_number(conf, P_LDA_MAX_SESSIONS) > 0);
	free(error);
	conf_free(&conf);
	test_folder_write(folder, "main.cf", "lda_user = deliverer\n");
	conf = conf_load_what_is_right(folder, &error);
	assert_null(error);
	assert_string_equal(conf_text(conf, P_LDA_USER), "deliverer");
	conf_free(&conf);
	assert_null(conf_load_what_is_right("/nonexistent", &error));
	assert_non_null(error);
	free(error);
}

static void missing_file_is_an_error(void **state)
{
	struct conf *conf = NULL;
	char *error = NULL;

	(void)state;
	assert_int_equal(conf_load("/nonexistent", &conf, &error), -1);
	assert_string_equal(error, "cannot open /nonexistent/main.cf: No such file or directory");
	free(error);
}

static void every_default_is_valid(void **state)
{
	struct conf *conf = load("");

	(void)state;
	for (int i = 0; i < P_COUNT; i++)
		assert_int_equal(conf_find(conf_name((enum conf_param)i)), i);
	conf_free(&conf);
}

static void the_manual_page_says_values_and_when_they_count(void **state)
{
	static const char *const expected[] = {
		".It Va link_lifetime Pq default: Ql 7d\n",
		"From 1m to 365d.\nUsed by spamtraind.\n",
		"yes or no.\nUsed by shoveler-milter; needs a restart.\n",
		"From 1 bytes to 1024g.\n",
		"Used by spamtraind (restart) and retrain.\n",
	};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	conf_dump_mdoc(out);
	fclose(out);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		if (strstr(text, expected[i]) == NULL)
			fail_msg("not in the manual page: %s", expected[i]);
	}
	free(text);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_refer_to_other_settings),
		cmocka_unit_test(continuation_lines_and_lists),
		cmocka_unit_test(dropins_win_in_order_of_name),
		cmocka_unit_test(errors_name_file_line_and_nearest_key),
		cmocka_unit_test(what_is_wrong_can_be_passed_over),
		cmocka_unit_test(missing_file_is_an_error),
		cmocka_unit_test(every_default_is_valid),
		cmocka_unit_test(the_manual_page_says_values_and_when_they_count),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
