#include "helo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char *const ours[] = {"mx1.example.test", "example.test", NULL};

static void kinds(void **state)
{
	static const struct {
		const char *helo;
		enum helo_kind kind;
	} rows[] = {
		{"mail.client.test", HELO_NAME},
		{"mail.client.test.", HELO_NAME},
		{"a_b.client.test", HELO_NAME},
		{"xn--mller-kva.test", HELO_NAME},
		{"", HELO_MISSING},
		{NULL, HELO_MISSING},
		{"mail client.test", HELO_SYNTAX},
		{"mail..test", HELO_SYNTAX},
		{".test", HELO_SYNTAX},
		{"-x.test", HELO_SYNTAX},
		{"m\xc3\xbcller.test", HELO_SYNTAX},
		{"203.0.113.10", HELO_BARE_ADDRESS},
		{"203.0.113.77", HELO_BARE_ADDRESS},
		{"[203.0.113.10]", HELO_LITERAL},
		{"[203.0.113.77]", HELO_LITERAL_MISMATCH},
		{"[IPv6:2001:db8::1]", HELO_LITERAL_MISMATCH},
		{"[203.0.113.25]", HELO_OURS},
		{"203.0.113.25", HELO_OURS},
		{"MX1.example.test", HELO_OURS},
		{"example.test", HELO_OURS},
		{"localhost", HELO_NOT_FQDN},
		{"localhost.localdomain", HELO_NOT_FQDN},
		{"PC-7", HELO_NOT_FQDN},
		{"pc.local", HELO_NOT_FQDN},
		{"test.", HELO_NOT_FQDN},
		{"host.123", HELO_NOT_FQDN},
	};
	struct ip client, server;

	(void)state;
	assert_int_equal(ip_parse("203.0.113.10", &client), 0);
	assert_int_equal(ip_parse("203.0.113.25", &server), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum helo_kind kind = helo_kind_find(rows[i].helo, &client, ours, &server);

		if (kind != rows[i].kind)
			fail_msg("%s: %d", rows[i].helo, (int)kind);
	}
}

static void generic_names(void **state)
{
	static const char *const generic[] = {
		"84-112-7-19.isp.test",	     "19.7.112.84.isp.test",
		"host-84.112.7.19.isp.test", "dsl-084-112-007-019.isp.test",
		"54700713.isp.test",	     "p084112007019.isp.test",
		"pool-17.isp.test",	     "cust4711.dyn.isp.test",
		"a7.adsl.isp.test",
	};
	static const char *const specific[] = {
		"mail.client.test",    "mx7.client.test",     "pool.ntp.test",
		"mail-19.client.test", "out19-7.client.test", "customers.client7.test",
		"s7.dynamics.test",
	};
	struct ip client;

	(void)state;
	assert_int_equal(ip_parse("84.112.7.19", &client), 0);
	for (size_t i = 0; i < sizeof(generic) / sizeof(generic[0]); i++) {
		if (!helo_is_generic(generic[i], &client))
			fail_msg("%s is generic", generic[i]);
	}
	for (size_t i = 0; i < sizeof(specific) / sizeof(specific[0]); i++) {
		if (helo_is_generic(specific[i], &client))
			fail_msg("%s is not generic", specific[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(generic_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
