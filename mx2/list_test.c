#include "inbox.h"
#include "list.h"

#include "lib/xalloc.h"
#include "lib/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1700000000000LL

static char folder[] = "/tmp/shoveler-list-XXXXXX";
static char *key_file, *other_file, *key, *other, *inbox;
static struct policy *policy;

static int set_up(void **state)
{
	char *error = NULL, *store;

	(void)state;
	assert_non_null(mkdtemp(folder));
	key_file = xasprintf("%s/key", folder);
	other_file = xasprintf("%s/other", folder);
	inbox = xasprintf("%s/recipients", folder);
	store = xasprintf("%s/policy.sqlite", folder);
	key = list_key(key_file, true, &error);
	other = list_key(other_file, true, &error);
	assert_non_null(key);
	assert_non_null(other);
	assert_int_equal(POLICY_OK, policy_open(store, POLICY_CREATE, -1, &policy, &error));
	assert_int_equal(0, inbox_make(inbox, -1, -1, &error));
	free(store);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	policy_close(&policy);
	test_folder_remove(folder);
	free(key_file);
	free(other_file);
	free(key);
	free(other);
	free(inbox);
	return 0;
}

/* The signed text of a list with these addresses; malloc'ed. */
static char *signed_list(const char *file, const char *domain, int64_t serial, ...)
{
	struct recipient_list list = {.serial = serial};
	struct strbuf text = STRBUF_INIT;
	const char *address;
	char *error = NULL;
	va_list args;

	strcpy(list.domain, domain);
	va_start(args, serial);
	while ((address = va_arg(args, const char *)) != NULL)
		assert_int_equal(0, list_add(&list, span_of(address), &error));
	va_end(args);
	list_sort(&list);
	assert_int_equal(0, list_sign(&list, file, &text, &error));
	list_free(&list);
	return strbuf_steal(&text);
}

/* NULL: it is good; else why it is not, to be freed. */
static char *problem_of(const char *text, const char *by, int64_t now)
{
	struct recipient_list list;
	char *error = NULL;

	if (list_parse(span_of(text), &list, &error) == 0)
		(void)list_verify(&list, by, now, &error);
	list_free(&list);
	return error;
}

static void expect_problem(const char *text, const char *by, int64_t now, const char *expected)
{
	char *problem = problem_of(text, by, now);

	if (problem == NULL || strstr(problem, expected) == NULL)
		fail_msg("expected \"%s\", got \"%s\"", expected, problem);
	free(problem);
}

static void test_signed_and_read(void **state)
{
	char *text = signed_list(key_file, "partner.test", NOW, "Sam@partner.test",
				 "pat@partner.test", "sam@Partner.test", NULL);
	struct recipient_list list;
	char *error = NULL;

	(void)state;
	assert_int_equal(0, list_parse(span_of(text), &list, &error));
	assert_int_equal(2, list.count);
	assert_string_equal("pat@partner.test", list.addresses[0]);
	assert_string_equal("sam@partner.test", list.addresses[1]);
	assert_int_equal(NOW, list.serial);
	assert_int_equal(0, list_verify(&list, key, NOW + 1000, &error));
	list_free(&list);
	free(text);
}

/* A mail's header before it, a footer behind it, CRLF at line ends. */
static void test_survives_mail(void **state)
{
	char *text = signed_list(key_file, "partner.test", NOW, "pat@partner.test", NULL);
	struct strbuf mail = STRBUF_INIT;

	(void)state;
	strbuf_append_text(&mail, "From: postmaster@partner.test\r\n\r\n");
	for (const char *c = text; *c != '\0'; c++)
		strbuf_append_text(&mail, *c == '\n' ? " \r\n" : (char[]){*c, '\0'});
	strbuf_append_text(&mail, "-- \r\nScanned by nobody\r\n");
	assert_null(problem_of(strbuf_text(&mail), key, NOW));
	strbuf_free(&mail);
	free(text);
}

static void test_who_signed_it_and_when(void **state)
{
	char *text = signed_list(key_file, "partner.test", NOW, "pat@partner.test", NULL);
	char *empty = signed_list(key_file, "partner.test", NOW, NULL);

	(void)state;
	expect_problem(text, other, NOW, "not signed by the key");
	expect_problem(text, "", NOW, "no key is known");
	expect_problem(text, "AAAA", NOW, "no key is known");
	expect_problem(text, key, NOW - LIST_MAX_FUTURE_MS - 1, "from the future");
	expect_problem(text, key, NOW + LIST_MAX_AGE_MS + 1, "more than 14 days");
	expect_problem(empty, key, NOW, "no recipient in it");
	free(text);
	free(empty);
}

/* No byte of it can be changed, nor one left out. */
static void test_any_change_is_seen(void **state)
{
	char *text = signed_list(key_file, "partner.test", NOW, "pat@partner.test", NULL), *end;

	(void)state;
	end = strstr(text, "-----END");
	for (char *c = strstr(text, "domain: ") + 8; c < end; c++) {
		char old = *c, *problem;

		*c = old == '7' ? '8' : '7';
		problem = problem_of(text, key, NOW);
		/* What base64 fills up with, and line ends, say nothing. */
		if (problem == NULL && old != '\n' && old != '=')
			fail_msg("changing byte %td (%c) is not seen", c - text, old);
		free(problem);
		*c = '\0';
		problem = problem_of(text, key, NOW);
		assert_non_null(problem);
		free(problem);
		*c = old;
	}
	free(text);
}

static void test_what_is_no_list(void **state)
{
	static const char *const texts[][2] = {
		{"", "is no list"},
		{"Hello\n", "is no list"},
		{"-----BEGIN SHOVELER RECIPIENTS-----\n", "domain"},
		{"-----BEGIN SHOVELER RECIPIENTS-----\ndomain: a.test\nserial: -1\ncount: 0\n",
		 "serial"},
		{"-----BEGIN SHOVELER RECIPIENTS-----\ndomain: a.test\nserial: 1\ncount: 2\n"
		 "x@a.test\n",
		 "cut off"},
		{"-----BEGIN SHOVELER RECIPIENTS-----\ndomain: a.test\nserial: 1\ncount: "
		 "999999999999999\n",
		 "cut off"},
		{"-----BEGIN SHOVELER RECIPIENTS-----\ndomain: a.test\nserial: 1\ncount: 1\n"
		 "x@b.test\n",
		 "no address of"},
		{"-----BEGIN SHOVELER RECIPIENTS-----\ndomain: a.test\nserial: 1\ncount: 1\n"
		 "x@a.test\nsignature: AAAA\n",
		 "no signature"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_problem(texts[i][0], key, NOW, texts[i][1]);
}

static void test_bounded(void **state)
{
	char *huge = xcalloc(1, LIST_MAX_SIZE + 2);
	struct recipient_list list = {.domain = "a.test"};
	char *error = NULL;

	(void)state;
	memset(huge, 'x', LIST_MAX_SIZE + 1);
	expect_problem(huge, key, NOW, "larger than 1 MB");
	free(huge);
	for (int i = 0; i < LIST_MAX_COUNT; i++)
		assert_int_equal(0, list_add(&list, span_of("x@a.test"), &error));
	assert_int_equal(-1, list_add(&list, span_of("x@a.test"), &error));
	free(error);
	list_free(&list);
}

static void test_key_file(void **state)
{
	char *error = NULL, *again = list_key(key_file, true, &error);

	(void)state;
	assert_string_equal(key, again);
	free(again);
	assert_string_not_equal(key, other);
	assert_int_equal(0, chmod(other_file, 0640));
	assert_null(list_key(other_file, false, &error));
	assert_non_null(strstr(error, "can be read by others"));
	free(error);
	assert_int_equal(0, chmod(other_file, 0600));
	assert_null(list_key("/nonexistent/key", false, &error));
	assert_non_null(strstr(error, "shoveler mx2 key"));
	free(error);
}

static void add_domain(void)
{
	struct policy_mx2 mx2;
	char *error = NULL;

	policy_mx2_init(&mx2);
	assert_int_equal(0, policy_mx2_set(&mx2, "domain", "partner.test", &error));
	assert_int_equal(0, policy_mx2_set(&mx2, "recipients", "list", &error));
	assert_int_equal(0, policy_mx2_set(&mx2, "key", key, &error));
	assert_int_equal(POLICY_OK, policy_mx2_add(policy, &mx2, &error));
}

static bool count_one(void *context, const char *address)
{
	(void)address;
	++*(size_t *)context;
	return true;
}

static size_t known(void)
{
	size_t count = 0;
	char *error = NULL;

	assert_int_equal(POLICY_OK, policy_mx2_recipient_list(policy, "partner.test", count_one,
							      &count, &error));
	return count;
}

/* As accept does it, then as tend does it. */
static enum inbox_result take(char *text)
{
	struct recipient_list list;
	char *error = NULL;
	FILE *log = fopen("/dev/null", "w");
	enum inbox_result result = inbox_check(policy, inbox, span_of(text), NOW, &list, &error);

	if (result == INBOX_OK) {
		assert_int_equal(0, inbox_put(inbox, list.domain, span_of(text), &error));
		assert_int_equal(0, inbox_install(policy, inbox, NOW, log, &error));
	}
	fclose(log);
	free(error);
	list_free(&list);
	free(text);
	return result;
}

static void test_taken_once_and_in_order(void **state)
{
	char *first = signed_list(key_file, "partner.test", NOW - 2, "pat@partner.test", NULL);
	char *reason;
	int64_t when = 0;

	(void)state;
	add_domain();
	assert_int_equal(INBOX_OK, take(xstrdup(first)));
	assert_int_equal(1, known());
	assert_int_equal(INBOX_REFUSED, take(xstrdup(first)));
	assert_int_equal(INBOX_OK, take(signed_list(key_file, "partner.test", NOW, "a@partner.test",
						    "b@partner.test", NULL)));
	assert_int_equal(2, known());
	/* Replayed, or overtaken on its way. */
	assert_int_equal(INBOX_REFUSED, take(first));
	assert_int_equal(INBOX_REFUSED, take(signed_list(key_file, "partner.test", NOW - 1,
							 "c@partner.test", NULL)));
	assert_int_equal(2, known());
	reason = inbox_refusal(inbox, "partner.test", 0, &when);
	assert_non_null(strstr(reason, "not newer"));
	assert_true(when > 0);
	free(reason);
	assert_int_equal(INBOX_REFUSED, take(signed_list(other_file, "partner.test", NOW + 1,
							 "d@partner.test", NULL)));
	assert_int_equal(INBOX_REFUSED,
			 take(signed_list(key_file, "third.test", NOW, "d@third.test", NULL)));
	assert_null(inbox_refusal(inbox, "third.test", 0, &when));
	assert_int_equal(2, known());
}

/* What lies in the folder is believed no more than what came by mail. */
static void test_the_folder_is_not_trusted(void **state)
{
	char *forged = signed_list(other_file, "partner.test", NOW + 5, "e@partner.test", NULL);
	char *error = NULL, *path = xasprintf("%s/partner.test.list", inbox);
	FILE *log = fopen("/dev/null", "w");
	size_t before = known();

	(void)state;
	assert_int_equal(0, inbox_put(inbox, "partner.test", span_of(forged), &error));
	assert_int_equal(-1, inbox_install(policy, inbox, NOW, log, &error));
	assert_non_null(strstr(error, "not signed by the key"));
	free(error);
	assert_int_equal(-1, access(path, F_OK));
	assert_int_equal(0, symlink(key_file, path));
	assert_int_equal(-1, inbox_install(policy, inbox, NOW, log, &error));
	free(error);
	unlink(path);
	assert_int_equal(before, known());
	fclose(log);
	free(path);
	free(forged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signed_and_read),
		cmocka_unit_test(test_survives_mail),
		cmocka_unit_test(test_who_signed_it_and_when),
		cmocka_unit_test(test_any_change_is_seen),
		cmocka_unit_test(test_what_is_no_list),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_taken_once_and_in_order),
		cmocka_unit_test(test_the_folder_is_not_trusted),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
