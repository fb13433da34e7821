#include "rcpt_class.h"

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static const char parameters[] = "alias_maps = hash:/aliases\n"
				 "canonical_maps = \n"
				 "default_transport = smtp\n"
				 "local_transport = local:mx.example.test\n"
				 "mydestination = mx.example.test, localhost\n"
				 "myorigin = mx.example.test\n"
				 "propagate_unmatched_extensions = canonical, virtual\n"
				 "recipient_canonical_maps = hash:/canonical\n"
				 "recipient_delimiter = +\n"
				 "relay_domains = !not.relay.test, relay.test\n"
				 "relay_transport = relay\n"
				 "transport_maps = hash:/transport\n"
				 "virtual_alias_domains = alias.test\n"
				 "virtual_alias_maps = pcre:/patterns, hash:/virtual\n"
				 "virtual_mailbox_domains = example.test, hash:/domains\n"
				 "virtual_transport = lmtp:unix:shoveler/lda\n";
static const char services[] = "smtp inet n - y - - smtpd\n"
			       "local unix - n n - - local\n"
			       "smtp unix - - y - - smtp\n"
			       "relay unix - - y - - smtp -o x=y\n"
			       "lmtp unix - - y - - lmtp\n"
			       "error unix - - y - - error\n"
			       "mailman unix - n n - - pipe flags=FR\n";

static const struct {
	const char *map, *key, *value;
} table[] = {
	{"hash:/virtual", "friend@example.test", "friend@third.test"},
	{"hash:/virtual", "both@example.test", "alice@example.test, friend@third.test"},
	{"hash:/virtual", "deep@example.test", "both@example.test other@third.test"},
	{"hash:/virtual", "loop1@example.test", "loop2@example.test"},
	{"hash:/virtual", "loop2@example.test", "loop1@example.test"},
	{"hash:/virtual", "self@example.test", "self@example.test, friend@third.test"},
	{"hash:/virtual", "keep@relay.test", "keep@relay.test, alice@example.test"},
	{"hash:/virtual", "@catch.example.test", "@example.test"},
	{"hash:/virtual", "info@alias.test", "alice@example.test"},
	{"hash:/virtual", "back@example.test", "carol@relay.test"},
	{"hash:/domains", "catch.example.test", "x"},
	{"hash:/transport", "list@example.test", "mailman:"},
	{"hash:/transport", "moved@example.test", "smtp:[new.example.net]"},
	{"hash:/transport", "filter.test", "smtp:[127.0.0.1]:10025"},
	{"hash:/aliases", "root", "admin, root@third.test"},
	{"hash:/aliases", "admin", "admin"},
	{"hash:/aliases", "prog", "\"|/usr/bin/prog with arguments\""},
	{"hash:/aliases", "ghost", ":include:/nonexistent/list"},
	{"hash:/aliases", "folder", ":include:/"},
	{"hash:/canonical", "old@example.test", "friend@example.test"},
	{"pcre:/patterns", "@example.test", "wrong@third.test"},
	{"hash:/virtual", "broken@example.test", "!"},
};

static int find(void *context, const char *map, const char *key, bool alias, char **value_r,
		char **error_r)
{
	(void)context, (void)alias;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].map, map) != 0 || strcmp(table[i].key, key) != 0)
			continue;
		if (table[i].value[0] == '!') {
			*error_r = xstrdup("the database is away");
			return -1;
		}
		*value_r = xstrdup(table[i].value);
		return 1;
	}
	return 0;
}

static const struct rcpt_lookup lookup = {find, NULL, NULL};

/* targets: separated by spaces, in order. */
static void expect(const char *address, const char *mailer, const char *host, unsigned classes,
		   const char *targets)
{
	struct rcpt_maps maps = {postfix_config_parse(parameters, services), &lookup};
	const struct rcpt_question question = {address, mailer, host, NULL};
	struct postfix_config *config = (struct postfix_config *)(uintptr_t)maps.config;
	struct rcpt_class result;
	char *error = NULL, joined[256] = "";

	if (rcpt_class_find(&maps, &question, &result, &error) < 0)
		fail_msg("%s: %s", address, error);
	for (size_t i = 0; i < result.target_count; i++) {
		strcat(joined, i == 0 ? "" : " ");
		strcat(joined, result.targets[i]);
	}
	if (result.classes != classes || strcmp(joined, targets) != 0)
		fail_msg("%s: classes %u, targets \"%s\"", address, result.classes, joined);
	rcpt_class_free(&result);
	postfix_config_free(&config);
}

static void expect_unknown(const char *address, const char *mailer, const char *host)
{
	struct rcpt_maps maps = {postfix_config_parse(parameters, services), &lookup};
	const struct rcpt_question question = {address, mailer, host, NULL};
	struct postfix_config *config = (struct postfix_config *)(uintptr_t)maps.config;
	struct rcpt_class result;
	char *error = NULL;

	assert_int_equal(rcpt_class_find(&maps, &question, &result, &error), -1);
	assert_non_null(error);
	free(error);
	postfix_config_free(&config);
}

static void plain_addresses(void **state)
{
	(void)state;
	expect("alice@example.test", "lmtp", "unix:shoveler/lda", CLASS_MAILBOX, "");
	expect("Alice+x@Example.test", "lmtp", "unix:shoveler/lda", CLASS_MAILBOX, "");
	expect("bob@relay.test", "relay", "relay.test", CLASS_RELAYED, "");
	expect("carol@elsewhere.test", "smtp", "elsewhere.test", CLASS_RELAYED, "");
	expect("list@example.test", "mailman", "", CLASS_MAILBOX, "");
	expect("moved@example.test", "smtp", "[new.example.net]", CLASS_RELAYED, "");
	expect("x@filter.test", "smtp", "[127.0.0.1]:10025", CLASS_MAILBOX, "");
	expect("x@y.test", "lmtp", "inet:backend.test:24", CLASS_RELAYED, "");
	expect("x@example.test", "lmtp", "inet:backend.test:24", CLASS_MAILBOX, "");
	expect("nobody@alias.test", "error", "unknown", CLASS_NOWHERE, "");
}

static void aliases(void **state)
{
	(void)state;
	expect("friend@example.test", "lmtp", "unix:x", CLASS_REDIRECT, "friend@third.test");
	expect("friend+ext@example.test", "lmtp", "unix:x", CLASS_REDIRECT,
	       "friend+ext@third.test");
	expect("both@example.test", "lmtp", "unix:x", CLASS_MAILBOX | CLASS_REDIRECT,
	       "friend@third.test");
	expect("deep@example.test", "lmtp", "unix:x", CLASS_MAILBOX | CLASS_REDIRECT,
	       "friend@third.test other@third.test");
	expect("info@alias.test", "error", "x", CLASS_MAILBOX, "");
	expect("back@example.test", "lmtp", "unix:x", CLASS_REDIRECT, "carol@relay.test");
	expect("both@catch.example.test", "lmtp", "unix:x", CLASS_MAILBOX | CLASS_REDIRECT,
	       "friend@third.test");
	expect("old@example.test", "lmtp", "unix:x", CLASS_REDIRECT, "friend@third.test");
	expect("self@example.test", "lmtp", "unix:x", CLASS_MAILBOX | CLASS_REDIRECT,
	       "friend@third.test");
}

/* Who is told of a virus: those to whom it would have been delivered, under their own addresses. */
static void mailboxes(void **state)
{
	struct rcpt_maps maps = {postfix_config_parse(parameters, services), &lookup};
	const struct rcpt_question question = {"info@alias.test", "error", "x", NULL};
	struct postfix_config *config = (struct postfix_config *)(uintptr_t)maps.config;
	struct rcpt_class result;
	char *error = NULL;

	(void)state;
	assert_int_equal(rcpt_class_find(&maps, &question, &result, &error), 0);
	assert_int_equal(result.mailbox_count, 1);
	assert_string_equal(result.mailboxes[0], "alice@example.test");
	rcpt_class_free(&result);
	postfix_config_free(&config);
}

static void local_aliases(void **state)
{
	(void)state;
	expect("root@mx.example.test", "local", "mx.example.test", CLASS_MAILBOX | CLASS_REDIRECT,
	       "root@third.test");
	expect("nobody@mx.example.test", "local", "mx.example.test", CLASS_MAILBOX, "");
	expect("prog@mx.example.test", "local", "mx.example.test", CLASS_MAILBOX, "");
	expect_unknown("ghost@mx.example.test", "local", "mx.example.test");
	expect_unknown("folder@mx.example.test", "local", "mx.example.test");
}

static void bounded(void **state)
{
	(void)state;
	/* Round and round: ends, and is delivered nowhere. */
	expect("loop1@example.test", "lmtp", "unix:x", CLASS_NOWHERE, "");
	expect("keep@relay.test", "relay", "relay.test", CLASS_MAILBOX | CLASS_REDIRECT,
	       "keep@relay.test");
}

static void unknown(void **state)
{
	(void)state;
	expect_unknown("broken@example.test", "lmtp", "unix:x");
	expect_unknown("alice@example.test", "no-such-transport", "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_addresses), cmocka_unit_test(aliases),
		cmocka_unit_test(local_aliases),   cmocka_unit_test(bounded),	   cmocka_unit_test(mailboxes),
		cmocka_unit_test(unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
