#include "xalloc.h"

#include "memory_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RESERVE	   100000
#define CALLS	   5		     /* in allocate() */
#define IMPOSSIBLE ((size_t)1 << 50) /* bytes that nobody has */

/* Each way once. 0: the results are right. */
static int allocate(void *context)
{
	char *a, *b, *c, *d;
	int ret;

	if (*(const int *)context != 0)
		xalloc_set_reserve(RESERVE);
	memory_fault_begin();
	a = xmalloc(10);
	b = xcalloc(2, 5);
	c = xasprintf("%s-%d", "text", 5);
	d = xstrdup(c);
	a = xrealloc(a, 1000);
	ret = strcmp(d, "text-5") == 0 && b[9] == '\0' && !xalloc_is_short() ? 0 : -1;
	free(a);
	free(b);
	free(c);
	free(d);
	xalloc_set_reserve(0);
	return ret;
}

static enum memory_end end_with(struct memory_fault fault, int has_reserve)
{
	enum memory_end end;

	fault.late = true;
	assert_true(memory_fault_run(&fault, allocate, &has_reserve, &end, NULL));
	return end;
}

static void test_reserve(void **state)
{
	(void)state;
	assert_int_equal(end_with((struct memory_fault){.at = 1, .for_good = true}, 0),
			 MEMORY_END_GONE);
	for (unsigned at = 1; at <= CALLS; at++) {
		assert_int_equal(end_with((struct memory_fault){.at = at}, 1), MEMORY_END_DONE);
		assert_int_equal(end_with((struct memory_fault){.at = at, .for_good = true}, 1),
				 MEMORY_END_GONE);
	}
}

/* In use, and filled again as soon as that can be done. */
static void test_short(void **state)
{
	(void)state;
	assert_false(xalloc_is_short());
	xalloc_set_reserve(IMPOSSIBLE);
	assert_true(xalloc_is_short());
	free(xmalloc(10));
	assert_true(xalloc_is_short());
	xalloc_set_reserve(RESERVE);
	assert_false(xalloc_is_short());
	xalloc_set_reserve(0);
	assert_false(xalloc_is_short());
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
