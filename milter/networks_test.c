#include "networks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static bool contain(const struct networks *networks, const char *address)
{
	struct ip ip;

	assert_int_equal(ip_parse(address, &ip), 0);
	return networks_contain(networks, &ip);
}

static void membership(void **state)
{
	static const char *const list[] = {"!10.1.0.0/16",
					   "10.0.0.0/8",
					   "[::1]/128",
					   "192.0.2.7",
					   "[2001:db8::]/33",
					   "203.0.113.64/26",
					   "[::ffff:127.0.0.0]/104"};
	struct networks networks = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(networks_add(&networks, list[i]), 0);
	assert_true(contain(&networks, "10.2.3.4"));
	assert_false(contain(&networks, "10.1.3.4"));
	assert_false(contain(&networks, "11.0.0.0"));
	assert_true(contain(&networks, "::1"));
	assert_false(contain(&networks, "::2"));
	assert_true(contain(&networks, "192.0.2.7"));
	assert_false(contain(&networks, "192.0.2.8"));
	assert_true(contain(&networks, "2001:db8:7fff::1"));
	assert_false(contain(&networks, "2001:db8:8000::1"));
	assert_true(contain(&networks, "203.0.113.66"));
	assert_false(contain(&networks, "203.0.113.63"));
	/* As Debian writes it into mynetworks. */
	assert_true(contain(&networks, "127.0.0.5"));
	assert_false(contain(&networks, "128.0.0.1"));
	networks_free(&networks);
}

static void bad_networks(void **state)
{
	static const char *const list[] = {"",
					   "10.0.0.0/33",
					   "10.0.0.0/",
					   "10.0.0.0/x",
					   "hash:/etc/x",
					   "/etc/networks",
					   "example.test",
					   "::1/129",
					   "10.0.0"};
	struct networks networks = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(networks_add(&networks, list[i]), -1);
	assert_int_equal(networks.count, 0);
}

static void bogus_addresses(void **state)
{
	static const char *const bogus[] = {"127.0.0.1",   "10.1.2.3",	"0.0.0.0",
					    "169.254.1.1", "224.0.0.1", "::1",
					    "::",	   "fe80::1",	"fd00::1"};
	static const char *const good[] = {"203.0.113.10", "8.8.8.8", "2001:db8::1"};
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < sizeof(bogus) / sizeof(bogus[0]); i++) {
		assert_int_equal(ip_parse(bogus[i], &ip), 0);
		assert_true(ip_is_bogus(&ip));
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(ip_parse(good[i], &ip), 0);
		assert_false(ip_is_bogus(&ip));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(membership),
		cmocka_unit_test(bad_networks),
		cmocka_unit_test(bogus_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
