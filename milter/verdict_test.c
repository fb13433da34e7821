#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct policy defaults = {.scan = true,
				       .virus_action = VIRUS_DISCARD,
				       .virus_action_submitted = VIRUS_REJECT,
				       .limit_action = VIRUS_REJECT};

#define MIXED (CLASS_MAILBOX | CLASS_REDIRECT)

static void expect(const struct policy *policy, struct verdict_input input, enum verdict verdict)
{
	assert_string_equal(verdict_name(verdict_find(policy, &input)), verdict_name(verdict));
}

static void without_mailboxes_nothing_is_scanned(void **state)
{
	const unsigned others[] = {CLASS_REDIRECT, CLASS_RELAYED, CLASS_TRAINING, CLASS_NOWHERE};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		expect(&defaults,
		       (struct verdict_input){.classes = others[i], .status = SCAN_ERROR},
		       VERDICT_ACCEPT);
}

static void mailboxes(void **state)
{
	struct verdict_input input = {.classes = CLASS_MAILBOX};

	(void)state;
	expect(&defaults, input, VERDICT_ACCEPT);
	input.status = SCAN_INFECTED;
	expect(&defaults, input, VERDICT_DISCARD);
	input.status = SCAN_LIMIT;
	expect(&defaults, input, VERDICT_REJECT);
	input.status = SCAN_ERROR;
	expect(&defaults, input, VERDICT_DEFER);
	input.poisonous = true;
	expect(&defaults, input, VERDICT_HOLD);
}

static void mixed(void **state)
{
	struct verdict_input input = {.classes = MIXED, .separable = true};

	(void)state;
	expect(&defaults, input, VERDICT_ACCEPT);
	input.status = SCAN_INFECTED;
	expect(&defaults, input, VERDICT_SUPPRESS);
	input.status = SCAN_LIMIT;
	expect(&defaults, input, VERDICT_SPLIT);
	input.status = SCAN_ERROR;
	expect(&defaults, input, VERDICT_SPLIT);
	input.separable = false;
	expect(&defaults, input, VERDICT_DEFER);
	input.status = SCAN_LIMIT;
	expect(&defaults, input, VERDICT_HOLD);
	input.status = SCAN_INFECTED;
	input.inseparable = true;
	expect(&defaults, input, VERDICT_HOLD);
}

static void submitted(void **state)
{
	struct verdict_input input = {
		.classes = MIXED, .separable = true, .submitted = true, .status = SCAN_INFECTED};

	(void)state;
	expect(&defaults, input, VERDICT_REJECT);
	input.classes = CLASS_MAILBOX;
	expect(&defaults, input, VERDICT_REJECT);
}

static void all_mail_of_users(void **state)
{
	struct policy policy = defaults;
	struct verdict_input input = {
		.classes = CLASS_RELAYED, .separable = true, .submitted = true};

	(void)state;
	input.status = SCAN_INFECTED;
	expect(&policy, input, VERDICT_ACCEPT);
	policy.scan_submitted = true;
	expect(&policy, input, VERDICT_REJECT);
	input.classes = MIXED;
	expect(&policy, input, VERDICT_REJECT);
	input.status = SCAN_ERROR;
	expect(&policy, input, VERDICT_DEFER);
	input.submitted = false;
	expect(&policy, input, VERDICT_SPLIT);
}

static void the_brake_holds(void **state)
{
	struct verdict_input input = {
		.classes = CLASS_MAILBOX, .status = SCAN_INFECTED, .braked = true};

	(void)state;
	expect(&defaults, input, VERDICT_HOLD);
	input.classes = MIXED;
	expect(&defaults, input, VERDICT_HOLD);
	input.submitted = true;
	expect(&defaults, input, VERDICT_REJECT);
}

static void what_cannot_be_kept_waits(void **state)
{
	struct verdict_input input = {
		.classes = CLASS_MAILBOX, .status = SCAN_INFECTED, .unkept = true};

	(void)state;
	expect(&defaults, input, VERDICT_DEFER);
	input.classes = MIXED;
	expect(&defaults, input, VERDICT_DEFER);
	input.separable = true;
	expect(&defaults, input, VERDICT_SPLIT);
}

static void no_error_is_ever_accepted(void **state)
{
	struct policy policy = defaults;

	(void)state;
	for (unsigned classes = 0; classes < 32; classes++) {
		for (unsigned bits = 0; bits < 8; bits++) {
			for (policy.virus_action = VIRUS_DISCARD;
			     policy.virus_action <= VIRUS_ACCEPT; policy.virus_action++) {
				struct verdict_input input = {.classes = classes | CLASS_MAILBOX,
							      .separable = bits & 1,
							      .inseparable = bits & 2,
							      .submitted = bits & 4,
							      .status = SCAN_ERROR};
				enum verdict verdict = verdict_find(&policy, &input);

				assert_true(verdict == VERDICT_DEFER || verdict == VERDICT_SPLIT);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_mailboxes_nothing_is_scanned),
		cmocka_unit_test(mailboxes),
		cmocka_unit_test(mixed),
		cmocka_unit_test(submitted),
		cmocka_unit_test(all_mail_of_users),
		cmocka_unit_test(the_brake_holds),
		cmocka_unit_test(what_cannot_be_kept_waits),
		cmocka_unit_test(no_error_is_ever_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
