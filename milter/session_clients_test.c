/*
 * Clients of each address family, as Postfix names them: what is looked up about them, who is
 * exempt, and what they are called in replies.
 */
#include "session_fixture.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ZERO_NIBBLES   "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." /* 20 of them */
#define LISTED_NIBBLES "6.6.0.0." ZERO_NIBBLES "8.b.d.0.1.0.0.2." /* 2001:db8::66 */

/* shown: how the client is named in the reply. */
static void expect_refused(char family, const char *client, const char *shown)
{
	char *text;

	fixture_open(family, client);
	if (fixture_ask_mailbox() != 'y')
		fail_msg("%c %s: taken", family, client);
	text = xasprintf("550 5.7.1 client [%s] refused", shown);
	if (strncmp(fixture_reply(), text, strlen(text)) != 0)
		fail_msg("%c %s: %s", family, client, fixture_reply());
	free(text);
}

static void test_ipv4(void **state)
{
	(void)state;
	expect_refused('4', "203.0.113.66", "203.0.113.66");
	assert_true(fixture_was_asked("66.113.0.203.dnsbl.test"));
	assert_true(fixture_was_asked("66.113.0.203.in-addr.arpa"));
	fixture_expect_taken('4', "203.0.113.65");
}

static void test_ipv6(void **state)
{
	(void)state;
	expect_refused('6', "2001:db8::66", "2001:db8::66");
	assert_true(fixture_was_asked(LISTED_NIBBLES "dnsbl.test"));
	assert_true(fixture_was_asked(LISTED_NIBBLES "ip6.arpa"));
	/* With the prefix of SMTP (RFC 5321 section 4.1.3), too. */
	expect_refused('6', "IPv6:2001:db8::66", "2001:db8::66");
	expect_refused('6', "2001:DB8:0:0::0:66", "2001:db8::66");
	fixture_expect_taken('6', "2001:db8::65");
	fixture_expect_taken('6', "fe80::65%eth0");
	assert_true(fixture_was_asked("5.6.0.0." ZERO_NIBBLES "0.0.0.0.0.8.e.f.dnsbl.test"));
}

/* RFC 4291 section 2.5.5.2: that is an IPv4 address, whatever the socket was. */
static void test_mapped(void **state)
{
	(void)state;
	expect_refused('6', "::ffff:203.0.113.66", "203.0.113.66");
	expect_refused('6', "::FFFF:cb00:7142", "203.0.113.66");
	expect_refused('6', "IPv6:::ffff:203.0.113.66", "203.0.113.66");
	fixture_expect_taken('6', "::ffff:127.0.0.66");
	assert_false(fixture_was_asked("66.0.0.127.dnsbl.test"));
}

/* mynetworks of Postfix, and score_exempt_networks. */
static void test_exempt(void **state)
{
	(void)state;
	fixture_expect_taken('6', "2001:db8:5::66");
	fixture_expect_taken('6', "2001:db8:5:ffff:ffff:ffff:ffff:66");
	expect_refused('6', "2001:db8:6::66", "2001:db8:6::66");
	fixture_expect_taken('6', "2001:db8:7f::66");
	/* A network of 44 bits ends within a byte. */
	expect_refused('6', "2001:db8:80::66", "2001:db8:80::66");
	fixture_expect_taken('6', "::1");
	fixture_expect_taken('4', "127.0.0.66");
	expect_refused('4', "126.255.255.66", "126.255.255.66");
}

/* There is nobody to look up. */
static void test_no_address(void **state)
{
	(void)state;
	fixture_expect_taken('U', "");
	fixture_expect_taken('L', "/var/spool/postfix/private/smtp");
	fixture_expect_taken('L', "203.0.113.66");
	fixture_open('6', "mail.client.test");
	assert_int_equal(fixture_ask_mailbox(), 'n');
	fixture_open('4', "");
	assert_int_equal(fixture_ask_mailbox(), 'n');
	fixture_open('6', "2001:db8::66::1");
	assert_int_equal(fixture_ask_mailbox(), 'n');
}

static void test_virus_exempt(void **state)
{
	(void)state;
	fixture_expect_taken('6', "2001:db8:9::65");
	assert_string_equal(fixture_send(NULL), "a");
	fixture_expect_taken('6', "2001:db8:a::65");
	assert_string_equal(fixture_send("VIRUS"), "cd");
	/* What is IPv4 there is in the list of IPv4. */
	fixture_expect_taken('6', "::ffff:198.51.100.7");
	assert_string_equal(fixture_send(NULL), "a");
}

/* A client's greylist and suspects are its own: greylist_test, suspects_test. Here: the HELO. */
static void test_helo(void **state)
{
	(void)state;
	fixture_open('6', "2001:db8::65");
	FIXTURE_PUT(&fixture_bytes, 'H', "[IPv6:2001:db8::65]\0");
	assert_int_equal(fixture_ask_mailbox(), 'c');
	fixture_open('6', "2001:db8::65");
	FIXTURE_PUT(&fixture_bytes, 'H', "[IPv6:2001:db8::64]\0");
	assert_int_equal(fixture_ask_mailbox(), 'y');
	assert_non_null(strstr(fixture_reply(), "score"));
}

static int set_up(void **state)
{
	(void)state;
	fixture_start(
		"score_exempt_networks = 2001:db8:70::/44\nscore_weights = helo_literal_mismatch=60\n"
		"virus_exempt_networks = 2001:db8:9::/48, 198.51.100.0/24\n");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),	   cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_mapped),	   cmocka_unit_test(test_exempt),
		cmocka_unit_test(test_no_address), cmocka_unit_test(test_virus_exempt),
		cmocka_unit_test(test_helo),
	};

	return cmocka_run_group_tests(tests, set_up, fixture_stop);
}
