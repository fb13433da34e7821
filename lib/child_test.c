#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void expect(const char *script, const char *input, int timeout_ms, int code, const char *out)
{
	const char *const arguments[] = {"sh", "-c", script, NULL};
	struct strbuf output = STRBUF_INIT, errors = STRBUF_INIT;
	char *error = NULL;

	assert_int_equal(child_run(arguments, span_of(input), timeout_ms, &output, &errors, &error),
			 code);
	if (code >= 0)
		assert_string_equal(strbuf_text(&output), out);
	assert_true((error != NULL) == (code < 0));
	free(error);
	strbuf_free(&output);
	strbuf_free(&errors);
}

static void passes_input_and_output(void **state)
{
	(void)state;
	expect("cat", "one\ntwo\n", 60000, 0, "one\ntwo\n");
	expect("echo x; exit 3", "ignored", 60000, 3, "x\n");
}

static void bounds_time_and_size(void **state)
{
	(void)state;
	expect("sleep 60", "", 100, -1, "");
	expect("exec >&- 2>&-; sleep 60", "", 100, -1, "");
	expect("yes", "", 60000, -1, "");
	expect("kill -9 $$", "", 60000, -1, "");
}

/* More than a pipe holds; the program does not die of SIGPIPE. */
static void need_not_read_its_input(void **state)
{
	char *input = malloc(1024 * 1024 + 1);

	(void)state;
	assert_non_null(input);
	memset(input, 'x', 1024 * 1024);
	input[1024 * 1024] = '\0';
	expect("exec <&-; echo no room; exit 7", input, 60000, 7, "no room\n");
	free(input);
}

static void reports_a_missing_program(void **state)
{
	const char *const arguments[] = {"no-such-program", NULL};
	struct strbuf output = STRBUF_INIT;
	char *error = NULL;

	(void)state;
	assert_int_equal(child_run(arguments, span_of(""), 1000, &output, &output, &error), -1);
	assert_non_null(strstr(error, "no-such-program"));
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_input_and_output),
		cmocka_unit_test(bounds_time_and_size),
		cmocka_unit_test(need_not_read_its_input),
		cmocka_unit_test(reports_a_missing_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
