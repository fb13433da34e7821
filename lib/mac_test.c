/*
 * The test cases of RFC 4231, and libcrypto that gets no memory.
 */
#include "mac.h"

#include "memory_fault.h"
#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define RESERVE (256 * 1024)

static const char secret[] = "Jefe", text[] = "what do ya want for nothing?";
static const char expected[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

static void test_rfc4231(void **state)
{
	char key[20], mac[MAC_HEX_SIZE];

	(void)state;
	memset(key, 0x0b, sizeof(key));
	mac_make_hex((struct span){key, sizeof(key)}, span_of("Hi There"), mac);
	assert_string_equal(mac,
			    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	mac_make_hex(span_of(secret), span_of(text), mac);
	assert_string_equal(mac, expected);
}

static void test_equal(void **state)
{
	char mac[MAC_HEX_SIZE];

	(void)state;
	mac_make_hex(span_of(secret), span_of(text), mac);
	assert_true(mac_equal(mac, span_of(expected)));
	assert_false(mac_equal(mac, span_first(span_of(expected), MAC_HEX_SIZE - 2)));
	assert_false(mac_equal(mac, span_of("")));
	mac[MAC_HEX_SIZE - 2] ^= 1;
	assert_false(mac_equal(mac, span_of(expected)));
}

static int make_with_reserve(void *context)
{
	char mac[MAC_HEX_SIZE];

	xalloc_set_reserve(*(size_t *)context);
	memory_fault_begin();
	mac_make_hex(span_of(secret), span_of(text), mac);
	return strcmp(mac, expected) == 0 ? 0 : -1;
}

static void check_place(unsigned at, bool for_good, size_t reserve, enum memory_end expected_end)
{
	const struct memory_fault fault = {.at = at, .for_good = for_good, .late = true};
	enum memory_end end;

	assert_true(memory_fault_run(&fault, make_with_reserve, &reserve, &end, NULL));
	assert_int_equal(end, expected_end);
}

/* One that fails is tried again; without any memory the process ends, and says no other mac. */
static void test_memory(void **state)
{
	size_t none = 0;
	unsigned calls = memory_fault_count(true, make_with_reserve, &none);

	(void)state;
	assert_in_range(calls, 1, 1000);
	for (unsigned at = 1; at <= calls; at++) {
		check_place(at, false, RESERVE, MEMORY_END_DONE);
		check_place(at, true, 0, MEMORY_END_GONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc4231),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
