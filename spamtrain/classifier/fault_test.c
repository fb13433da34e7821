/*
 * A kill -9, a power cut, a full disk or an I/O error at every call that changes the disk, through
 * a script of all that is done with a store (fault_store.h).
 */
#include "spamtrain/classifier/fault_inject.h"
#include "spamtrain/classifier/fault_store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static enum step_end run_with_fault(const struct step *step, enum fault_kind kind, unsigned at)
{
	int status;
	bool dies = kind == FAULT_KILL || kind == FAULT_POWER;

	if (!dies) {
		fault_arm(kind, at);
		int code = step_run(step, NULL);
		fault_disarm();
		return code == 0 ? STEP_ACKNOWLEDGED : STEP_REFUSED;
	}
	pid_t pid = fork();
	if (pid == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(2);
		fault_arm(kind, at);
		int code = step_run(step, NULL);
		fault_disarm();
		_exit(code == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return STEP_KILLED;
	}
	assert_in_range(WEXITSTATUS(status), 0, 1);
	return WEXITSTATUS(status) == 0 ? STEP_ACKNOWLEDGED : STEP_REFUSED;
}

static unsigned count_calls(const struct step *step)
{
	fault_arm(FAULT_NONE, 0);
	assert_int_equal(step_run(step, NULL), 0);
	return fault_disarm();
}

static void check_step(const struct step *step, void *context)
{
	const enum fault_kind kind = *(const enum fault_kind *)context;
	char *before = fault_store_fingerprint(), name[40];
	unsigned calls = count_calls(step);
	char *after = fault_store_fingerprint();

	assert_in_range(calls, 1, 1000);
	/* Some calls are left out, for time: of a new store, mostly SQLite's own. */
	unsigned stride = step->creates ? 8 : kind == FAULT_KILL ? 1 : 2;
	for (unsigned at = 1 + (unsigned)kind % stride; at <= calls; at += stride) {
		fault_store_restore();
		enum step_end end = run_with_fault(step, kind, at);
		snprintf(name, sizeof(name), "fault %d at call %u", kind, at);
		fault_store_check(step, name, end, before, after);
	}
	free(before);
	free(after);
}

static void check_all(enum fault_kind kind)
{
	fault_store_each(check_step, &kind);
}

static void test_kill(void **state)
{
	(void)state;
	check_all(FAULT_KILL);
}

static void test_power(void **state)
{
	(void)state;
	check_all(FAULT_POWER);
}

static void test_full(void **state)
{
	(void)state;
	check_all(FAULT_FULL);
}

static void test_io(void **state)
{
	(void)state;
	check_all(FAULT_IO);
}

/* Forking is what takes time: little memory to copy. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1:malloc_context_size=3";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kill, fault_store_setup, fault_store_teardown),
		cmocka_unit_test_setup_teardown(test_power, fault_store_setup,
						fault_store_teardown),
		cmocka_unit_test_setup_teardown(test_full, fault_store_setup, fault_store_teardown),
		cmocka_unit_test_setup_teardown(test_io, fault_store_setup, fault_store_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
