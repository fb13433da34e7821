/*
 * test_folder.h - for tests: a folder with files, which goes with all that is in it. What cannot be
 * done fails the test.
 */
#ifndef LIB_TEST_FOLDER_H
#define LIB_TEST_FOLDER_H

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Replaces a file that is there. */
static inline void test_folder_write(const char *folder, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	free(path);
}

/* A folder that is not there is no failure. */
static inline void test_folder_remove(const char *folder)
{
	char *command = xasprintf("rm -rf '%s'", folder);

	assert_int_equal(system(command), 0);
	free(command);
}

#endif
