/*
 * For tests: the folder of a test goes with all that is in it.
 */
#ifndef LIB_TEST_FOLDER_H
#define LIB_TEST_FOLDER_H

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Fails the test where that cannot be done; a folder that is not there is no failure. */
static inline void test_folder_remove(const char *folder)
{
	char *command = xasprintf("rm -rf '%s'", folder);

	assert_int_equal(system(command), 0);
	free(command);
}

#endif
