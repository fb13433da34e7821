#include "trial.h"

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

/* Frees name. */
static void is_name(char *name, const char *expected)
{
	if (expected == NULL) {
		assert_null(name);
	} else {
		assert_non_null(name);
		assert_string_equal(name, expected);
	}
	free(name);
}

static void finds(const char *answer, const char *expected)
{
	is_name(trial_junk_name(answer), expected);
}

static void test_junk_name(void **state)
{
	(void)state;
	finds("* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n* LIST (\\Junk) \"/\" Junk\r\na OK\r\n",
	      "Junk");
	finds("* LIST (\\Junk \\HasNoChildren) \"/\" \"Junk E-mail\"\r\n", "Junk E-mail");
	finds("* LIST (\\Junk) \".\" \"a \\\"b\\\" c\"\r\n", "a \\\"b\\\" c");
	finds("* LIST (\\Junk) \"\\\\\" \"Junk 2\"\r\n", "Junk 2");
	finds("* LIST (\\Junk) NIL Spam\r\n", "Spam");
	finds("* LIST (\\Sent) \"/\" Sent\r\na OK\r\n", NULL);
	finds("* LIST (\\Junk) \"/\" {4}\r\nJunk\r\n", NULL);
	finds("* LIST (\\Junk) \"/\" \"Ju\r\n", NULL);
	finds("* LIST (\\Junk", NULL);
	finds("* LIST (\\Junk) \"", NULL);
	finds("* LIST (\\Junk) \"/\"", NULL);
	finds("* LIST (\\Junk) \"/\" \"x\\", NULL);
}

static void folder(const char *line, const char *expected)
{
	is_name(trial_folder_name(line), expected);
}

static void test_folder_name(void **state)
{
	(void)state;
	folder("* LIST (\\HasNoChildren) \"/\" Filed\r\n* LIST () \"/\" Other\r\n", "Filed");
	folder("* LIST () \"/\" \"Lists/A B\"\r\n", "Lists/A B");
	folder("* LIST (\\Noselect \\HasChildren) \"/\" Lists\r\n", NULL);
	folder("* LIST (\\NonExistent) \"/\" Lists\r\n", NULL);
	folder("* LIST () \"/\" {4}\r\n", NULL);
	folder("a OK done\r\n", NULL);
	folder("* LIST (\\Sent", NULL);
	folder("", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_junk_name),
					   cmocka_unit_test(test_folder_name)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
