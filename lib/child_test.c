#include "child.h"

#include "memory_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
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

/* 0: it said that it could not, or brought all that the program wrote. */
static int run_cat(void *context)
{
	const char *const arguments[] = {"sh", "-c", "cat; echo two >&2; exit 1", NULL};
	struct strbuf output = STRBUF_INIT, errors = STRBUF_INIT;
	char *error = NULL;
	int code = child_run(arguments, span_of("one"), 60000, &output, &errors, &error), ret;

	(void)context;
	ret = code < 0 || (code == 1 && strcmp(strbuf_text(&output), "one") == 0 &&
			   strcmp(strbuf_text(&errors), "two\n") == 0)
		      ? 0
		      : -1;
	free(error);
	strbuf_free(&output);
	strbuf_free(&errors);
	return ret;
}

/* A program without its pipes would seem to have nothing to say. */
static void has_its_pipes_or_does_not_start(void **state)
{
	unsigned calls = memory_fault_count(false, run_cat, NULL);

	(void)state;
	assert_in_range(calls, 3, 100);
	for (unsigned at = 1; at <= calls; at++) {
		const struct memory_fault fault = {.at = at};
		enum memory_end end;

		assert_true(memory_fault_run(&fault, run_cat, NULL, &end, NULL));
		if (end == MEMORY_END_REFUSED)
			fail_msg("no memory at allocation %u: a program lost its pipes", at);
	}
}

/* Exit code of sh -c script with that standard input, output and errors; -1: did not start. */
static int start(const char *script, int input, int output, int errors)
{
	const char *const arguments[] = {"sh", "-c", script, NULL};
	const struct child_program program = {
		.file = "sh",
		.arguments = arguments,
		.descriptors = {{input, 0}, {output, 1}, {errors, 2}},
		.count = 3,
		.close_from = 3,
	};
	int status;
	pid_t pid;

	if (child_start(&program, &pid) != 0)
		return -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void has_nothing_where_asked(void **state)
{
	char text[10];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(
		start("cat; echo lost >&2 && echo x", CHILD_NOTHING, fds[1], CHILD_NOTHING), 0);
	assert_int_equal(read(fds[0], text, sizeof(text)), 2);
	assert_int_equal(start("exit 0", -1, fds[1], CHILD_NOTHING), -1);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_input_and_output),
		cmocka_unit_test(bounds_time_and_size),
		cmocka_unit_test(need_not_read_its_input),
		cmocka_unit_test(reports_a_missing_program),
		cmocka_unit_test(has_its_pipes_or_does_not_start),
		cmocka_unit_test(has_nothing_where_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
