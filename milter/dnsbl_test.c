#include "dnsbl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static bool matches(const struct dnsbl_site *site, unsigned char a, unsigned char b,
		    unsigned char c, unsigned char d)
{
	const unsigned char address[4] = {a, b, c, d};

	return dnsbl_matches(site, address);
}

static struct dnsbl_site parse(const char *spec)
{
	struct dnsbl_site site;
	char *error = NULL;

	if (dnsbl_parse(spec, &site, &error) < 0)
		fail_msg("%s", error);
	return site;
}

static void plain_sites(void **state)
{
	struct dnsbl_site site = parse("zen.spamhaus.org");

	(void)state;
	assert_string_equal(site.domain, "zen.spamhaus.org");
	assert_int_equal(site.weight, 1);
	assert_true(matches(&site, 127, 0, 0, 2));
	assert_true(matches(&site, 127, 0, 0, 255));
	dnsbl_free(&site);
	site = parse("list.dnswl.org*-5");
	assert_int_equal(site.weight, -5);
	dnsbl_free(&site);
}

static void filters(void **state)
{
	struct dnsbl_site site = parse("bl.test=127.0.[0..2;9].[2..4;10]*3");

	(void)state;
	assert_string_equal(site.domain, "bl.test");
	assert_int_equal(site.weight, 3);
	assert_true(matches(&site, 127, 0, 0, 2));
	assert_true(matches(&site, 127, 0, 2, 4));
	assert_true(matches(&site, 127, 0, 9, 10));
	assert_false(matches(&site, 127, 0, 3, 2));
	assert_false(matches(&site, 127, 0, 0, 5));
	assert_false(matches(&site, 127, 1, 0, 2));
	dnsbl_free(&site);
	site = parse("bl.test=127.0.0.2");
	assert_true(matches(&site, 127, 0, 0, 2));
	assert_false(matches(&site, 127, 0, 0, 3));
	dnsbl_free(&site);
}

static void blocked_answers_never_match(void **state)
{
	const char *const specs[] = {"bl.test", "bl.test=127.255.255.[0..255]", "bl.test=127.0.0.1",
				     "bl.test=[0..255].[0..255].[0..255].[0..255]"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct dnsbl_site site = parse(specs[i]);

		assert_false(matches(&site, 127, 255, 255, 254));
		assert_false(matches(&site, 127, 255, 255, 252));
		assert_false(matches(&site, 127, 0, 0, 1));
		/* A parked domain answers with its web server. */
		assert_false(matches(&site, 203, 0, 113, 7));
		dnsbl_free(&site);
	}
}

static void bad_specs(void **state)
{
	const char *const specs[] = {
		"",
		"*3",
		"=127.0.0.2",
		"bl.test*",
		"bl.test*x",
		"bl.test*1.5",
		"bl.test*99999",
		"bl.test=",
		"bl.test=127",
		"bl.test=127.0.0.256",
		"bl.test=127.0.0.[4..2]",
		"bl.test=127.0.0.[2",
		"bl.test=127.0.0.2.3",
		"bl.test=127.0.0.[]",
		"bl test",
		"bl.test=127.0.0.[2;]",
		"bl.test=127.0.0.0002",
		"bl.test=x*3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct dnsbl_site site;
		char *error = NULL;

		if (dnsbl_parse(specs[i], &site, &error) == 0)
			fail_msg("\"%s\" was taken", specs[i]);
		assert_non_null(error);
		free(error);
	}
}

static void query_names(void **state)
{
	struct ip ip;
	char *name;

	(void)state;
	assert_int_equal(ip_parse("203.0.113.66", &ip), 0);
	name = dnsbl_query_name("bl.test", &ip);
	assert_string_equal(name, "66.113.0.203.bl.test");
	free(name);
	assert_int_equal(ip_parse("2001:db8::1", &ip), 0);
	name = dnsbl_query_name("bl.test", &ip);
	assert_string_equal(
		name, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test");
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_sites),
		cmocka_unit_test(filters),
		cmocka_unit_test(blocked_answers_never_match),
		cmocka_unit_test(bad_specs),
		cmocka_unit_test(query_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
