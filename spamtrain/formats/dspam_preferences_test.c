/*
 * DSPAM's preferences, in all forms that it keeps them in.
 */
#include "spamtrain/formats/dspam_preferences.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* "user/name=value" of all rows, with blanks between. */
static void check(const char *path, const char *text, const char *user, const char *expected)
{
	struct dspam_preferences p = {0};
	struct strbuf found = STRBUF_INIT;
	char *error = NULL;

	if (dspam_preferences_read(&p, span_of(text), path, user, &error) != 0)
		fail_msg("%s", error);
	dspam_preferences_sort(&p);
	for (size_t i = 0; i < p.count; i++) {
		const char *owner = dspam_preferences_user(&p, &p.rows[i]);
		strbuf_printf(&found, "%s%s/%s=%s", i == 0 ? "" : " ", owner == NULL ? "?" : owner,
			      p.rows[i].name, p.rows[i].value);
	}
	assert_string_equal(strbuf_text(&found), expected);
	strbuf_free(&found);
	dspam_preferences_free(&p);
}

static void check_wrong(const char *path, const char *text, const char *user, const char *expected)
{
	struct dspam_preferences p = {0};
	char *error = NULL;

	assert_int_equal(dspam_preferences_read(&p, span_of(text), path, user, &error), -1);
	if (strstr(error, expected) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", error, expected);
	free(error);
	dspam_preferences_free(&p);
}

static void test_files(void **state)
{
	(void)state;
	check("data/b/o/bob@x.test/bob@x.test.prefs",
	      "# bob\r\ntrainingMode=TEFT\r\nspamSubject=[a = b] \n\n", NULL,
	      "bob@x.test/trainingMode=TEFT bob@x.test/spamSubject=[a = b] ");
	check("data/x.test/bob/bob.prefs", "optIn=on", NULL, "bob@x.test/optIn=on");
	check("data/bob/bob.prefs", "optIn=on", NULL, "bob/optIn=on");
	check("bob.prefs", "optIn=on", NULL, "bob/optIn=on");
	check("/var/spool/dspam/default.prefs", "enableBNR=on", "x", "/enableBNR=on");
	check("listed", "optIn=on\noptOut=", "ann@x.test",
	      "ann@x.test/optIn=on ann@x.test/optOut=");
	check("opt-in/bob@x.test.dspam", "", NULL, "bob@x.test/optIn=on");
	check("opt-out/x.test/bob.nodspam", "", NULL, "bob@x.test/optOut=on");
	check("opt-out/bob.nodspam", "ignored", NULL, "bob/optOut=on");
	check_wrong("a/bob.prefs", "optIn=on\noptOut\n", NULL, "a/bob.prefs:2: \"optOut\" is not");
	check_wrong("a/bob.prefs", "=on\n", NULL, "a/bob.prefs:1: ");
	assert_true(dspam_preferences_is_file("x/bob.prefs"));
	assert_true(dspam_preferences_is_file("x/bob.nodspam"));
	assert_false(dspam_preferences_is_file("x/bob.css"));
	assert_false(dspam_preferences_is_file("x/.dspam"));
	assert_false(dspam_preferences_is_file("x.prefs/bob"));
}

static void test_rows(void **state)
{
	(void)state;
	check("p.tsv",
	      "uid\tpreference\tvalue\n2\tspamSubject\ta\\tb\\\\\n0\toptIn\ton\n2\tbob@x\n", NULL,
	      "bob@x/spamSubject=a\tb\\ /optIn=on");
	check("p.csv",
	      "username,preference,value\r\nbob@x,spamSubject,\"a, \"\"b\"\"\"\r\nann,optIn,on",
	      NULL, "bob@x/spamSubject=a, \"b\" ann/optIn=on");
	check("p.csv", "7,optIn,on\n10,optIn,off\n10,ten\n7,\"seven\"\n9,nine\n", NULL,
	      "seven/optIn=on ten/optIn=off");
	check("p.csv", "7,optIn,on\n", NULL, "?/optIn=on");
	check("p.csv", "7,optIn,\n7,x,\"\"\n7,a\n", NULL, "a/optIn= a/x=");
	check_wrong("p.csv", "1,a,b\n1,a,b,c\n", NULL, "p.csv:2: neither");
	check_wrong("p.csv", "1,a,\"b\n", NULL, "p.csv:1: ");
	check_wrong("p.csv", "1,\"a\"b,c\n", NULL, "p.csv:1: ");
	check_wrong("p.csv", "what is this", NULL, "p.csv:1: ");
}

static void test_sql(void **state)
{
	(void)state;
	check("my.sql",
	      "-- MySQL dump\n/*!40101 SET x='y' */;\nDROP TABLE IF EXISTS `dspam_preferences`;\n"
	      "CREATE TABLE `dspam_preferences` (`uid` int(10), `value` varchar(64) DEFAULT ';');\n"
	      "INSERT INTO `dspam_preferences` VALUES (1,'spamSubject','it\\'s; (a)'),(0,'optIn','on');\n"
	      "INSERT INTO `other` VALUES (1,'a\\'),(2','INSERT INTO dspam_preferences');\n"
	      "INSERT INTO `dspam`.`dspam_virtual_uids` VALUES (1,'bob@x');\n",
	      NULL, "bob@x/spamSubject=it's; (a) /optIn=on");
	check("pg.sql",
	      "SET x = 1;\nCOPY public.dspam_preferences (value, uid, preference) FROM stdin;\n"
	      "[a\\tb]\t3\tspamSubject\noff\t0\toptOut\n\\.\n\n"
	      "COPY public.other (a) FROM stdin;\n');\n\\.\n"
	      "COPY public.dspam_virtual_uids (uid, username) FROM stdin;\n3\tbob@x\n\\.\n",
	      NULL, "bob@x/spamSubject=[a\tb] /optOut=off");
	check("inserts.sql",
	      "INSERT INTO public.dspam_preferences (uid, value, preference) VALUES (3, 'a\\', 'x''y');"
	      "INSERT INTO \"dspam_virtual_uids\" VALUES(3,'bob@x')",
	      NULL, "bob@x/x'y=a\\");
	check("none.sql", "INSERT INTO other VALUES (1);", NULL, "");
	check_wrong("a.sql", "INSERT INTO dspam_preferences VALUES (1,'a');\n", NULL, "a.sql:1: ");
	check_wrong("a.sql", "\nINSERT INTO dspam_preferences VALUES (1,'a','b", NULL, "a.sql:2: ");
	check_wrong("a.sql", "INSERT INTO dspam_preferences VALUES (1,'a','b')\nx;", NULL,
		    "a.sql:2: ");
	check_wrong("a.sql", "COPY dspam_preferences (uid) FROM stdin;\n1\t2\n\\.\n", NULL,
		    "a.sql:2: ");
	check_wrong("a.sql", "COPY dspam_virtual_uids (uid, username) FROM stdin;\n1\ta\n", NULL,
		    "a.sql:");
}

static void test_reasons(void **state)
{
	(void)state;
	assert_non_null(dspam_preference_reason("ENABLEBNR"));
	assert_null(dspam_preference_reason("trainingMode"));
	assert_null(dspam_preference_reason("nonsense"));
}

static void test_limits(void **state)
{
	struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_append_text(&text, "spamSubject=");
	for (int i = 0; i <= DSPAM_FIELD_MAX; i++)
		strbuf_append_char(&text, 'a');
	check_wrong("bob.prefs", strbuf_text(&text), NULL, "bob.prefs:1: too long");
	strbuf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),  cmocka_unit_test(test_rows),
		cmocka_unit_test(test_sql),    cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
