/*
 * Memory that cannot be had, at allocations all through a script of all that is done with a store
 * (fault_store.h), by whomever they are made: the step is refused, or the process ends as xalloc.h
 * promises; nothing crashes or leaks, and the store holds nothing by halves. Before it all those
 * of reading a message, and the same script with few descriptors.
 */
#include "spamtrain/classifier/fault_store.h"

#include "lib/memory_fault.h"
#include "spamtrain/classifier/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define PLACES	  16  /* of a step at which an allocation fails: forking is what takes time */
#define SHORT	  150 /* allocations of a step of which every third one fails */
#define LEAK_EACH 8   /* one in so many is looked at for leaks, which takes longer */

#define DESCRIPTORS 12 /* that are enough for each step */

static const enum step_end ends[] = {[MEMORY_END_DONE] = STEP_ACKNOWLEDGED,
				     [MEMORY_END_REFUSED] = STEP_REFUSED,
				     [MEMORY_END_GONE] = STEP_KILLED};

static int run(void *context)
{
	return step_run(context, NULL);
}

/* Most allocations are those of opening the store. */
static int run_when_open(void *context)
{
	return step_run(context, memory_fault_begin);
}

static void check_place(const struct step *step, const struct memory_fault *fault, bool look,
			const char *before, const char *after)
{
	char name[60];
	enum memory_end end;
	bool leaked = false;

	snprintf(name, sizeof(name), "no memory at allocation %u%s", fault->at,
		 fault->for_good ? " and from there on" : "");
	fault_store_restore();
	if (!memory_fault_run(fault, fault->late ? run_when_open : run, (void *)(uintptr_t)step,
			      &end, look ? &leaked : NULL))
		fail_msg("%s, %s: it crashed", step->name, name);
	if (leaked)
		fail_msg("%s, %s: it leaked", step->name, name);
	fault_store_check(step, name, ends[end], before, after);
}

static void check_step(const struct step *step, void *context)
{
	const bool late = *(const bool *)context;
	char *before = fault_store_fingerprint(), *after;
	unsigned number = 0;
	unsigned calls =
		memory_fault_count(late, late ? run_when_open : run, (void *)(uintptr_t)step);
	unsigned stride = calls <= SHORT ? 3 : calls / PLACES;

	after = fault_store_fingerprint();
	assert_in_range(calls, 1, 1000000);
	for (unsigned at = 1; at <= calls; at += stride, number++) {
		const struct memory_fault fault = {at, calls > SHORT && number % 2, late};

		check_place(step, &fault, number % LEAK_EACH == 0, before, after);
	}
	free(before);
	free(after);
}

static void check_first(const struct step *step, void *context)
{
	if (step->creates)
		check_step(step, context);
	else
		assert_int_equal(step_run(step, NULL), 0);
}

static void test_opening(void **state)
{
	bool late = false;

	(void)state;
	fault_store_each(check_first, &late);
}

static void test_steps(void **state)
{
	bool late = true;

	(void)state;
	fault_store_each(check_step, &late);
}

/* ---- descriptors ---- */

struct few {
	const struct step *step;
	rlim_t limit;
};

static int run_with_few(void *context)
{
	const struct few *few = context;
	const struct rlimit limit = {few->limit, few->limit};

	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? step_run(few->step, NULL) : -1;
}

static void check_descriptors(const struct step *step, void *context)
{
	static const struct memory_fault none;
	char *before = fault_store_fingerprint(), *after, name[60];
	enum memory_end end;
	int next = dup(STDOUT_FILENO);

	(void)context;
	close(next);
	assert_int_equal(step_run(step, NULL), 0);
	after = fault_store_fingerprint();
	for (unsigned more = 0; more <= DESCRIPTORS; more++) {
		struct few few = {step, (rlim_t)next + more};

		snprintf(name, sizeof(name), "%u descriptors", more);
		fault_store_restore();
		if (!memory_fault_run(&none, run_with_few, &few, &end, NULL))
			fail_msg("%s, %s: it crashed", step->name, name);
		if (more == DESCRIPTORS && end != MEMORY_END_DONE)
			fail_msg("%s: more than %s needed", step->name, name);
		fault_store_check(step, name, ends[end], before, after);
	}
	free(before);
	free(after);
}

static void test_descriptors(void **state)
{
	(void)state;
	fault_store_each(check_descriptors, NULL);
}

/* ---- a message, before any store ---- */

static int read_message(void *context)
{
	static const char text[] = "From: =?iso-8859-2?Q?Ren=E9?= <a@example.test>\nSubject: x\n"
				   "Message-ID: <1@example.test>\n\nsome words\n";
	char *digest = context;
	struct classifier_message *m =
		classifier_message_read((struct span){text, sizeof(text) - 1}, sizeof(text) - 1);
	int ret = digest[0] == '\0' || strcmp(m->digest, digest) == 0 ? 0 : -1;

	memcpy(digest, m->digest, sizeof(m->digest));
	classifier_message_free(&m);
	return ret;
}

/* What cannot be had once is had at the second attempt; no other digest comes of it. */
static void test_message(void **state)
{
	char digest[STORE_DIGEST_SIZE] = "";
	unsigned calls = memory_fault_count(false, read_message, digest);
	enum memory_end end;

	(void)state;
	calls = memory_fault_count(false, read_message, digest);
	assert_in_range(calls, 10, 1000);
	for (unsigned at = 1; at <= calls; at++) {
		struct memory_fault fault = {.at = at};

		if (!memory_fault_run(&fault, read_message, digest, &end, NULL) ||
		    end != MEMORY_END_DONE)
			fail_msg("a message, no memory at allocation %u: not read", at);
		fault.for_good = true;
		if (!memory_fault_run(&fault, read_message, digest, &end, NULL) ||
		    end == MEMORY_END_REFUSED)
			fail_msg("a message, no memory from allocation %u on: crashed", at);
	}
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1:malloc_context_size=3";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test_setup_teardown(test_descriptors, fault_store_setup,
						fault_store_teardown),
		cmocka_unit_test_setup_teardown(test_opening, fault_store_setup,
						fault_store_teardown),
		cmocka_unit_test_setup_teardown(test_steps, fault_store_setup,
						fault_store_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
