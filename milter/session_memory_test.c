/*
 * Memory that cannot be had, at allocations all through sessions of Postfix with scanner, scores
 * and a domain that this host is a fallback for: a virus never gets to a mailbox, nothing is taken
 * that should be put off, refused is only what always is, and nothing crashes. A daemon with a
 * reserve (xalloc.h) does not even end for one that fails.
 */
#include "session_fixture.h"

#include "lib/memory_fault.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define PLACES	 50 /* at which an allocation fails */
#define RESERVE	 (1024 * 1024)
#define MAX_RCPT 2

enum { INFECTED, MIXED, RELAYED, CLEAN, TRAINING, STRANGER, LISTED, MESSAGES };

static const struct {
	const char *client; /* other than the one before: a new session */
	const char *login;
	const char *recipients[MAX_RCPT], *mailer;
	const char *field, *body;
} messages[MESSAGES] = {
	[INFECTED] = {"192.0.2.10", NULL, {"<new@example.test>"}, "lmtp", "", "VIRUS\r\n"},
	[MIXED] = {"192.0.2.10",
		   NULL,
		   {"<alice@example.test>", "<friend@example.test>"},
		   "lmtp",
		   "X-Virus-Status",
		   "VIRUS\r\n"},
	[RELAYED] = {"192.0.2.10", NULL, {"<pat@partner.test>"}, "relay", "", NULL},
	[CLEAN] =
		{"192.0.2.10", NULL, {"<bob@example.test>"}, "lmtp", "X-Virus-Status", "Hello\r\n"},
	[TRAINING] = {"2001:db8::10",
		      "alice@example.test",
		      {"<dc-spam@example.test>"},
		      "lmtp",
		      "X-Shoveler-Submitter",
		      "spam\r\n"},
	[STRANGER] = {"2001:db8::10", NULL, {"<dc-spam@example.test>"}, "lmtp", "", "spam\r\n"},
	[LISTED] = {"203.0.113.66", NULL, {"<alice@example.test>"}, "lmtp", "", "Hello\r\n"},
};

/* What was answered, as the process that may have ended saw it. '\0': nothing. */
static struct outcome {
	char recipients[MAX_RCPT], codes[MAX_RCPT];
	char letters[32], code;
} * outcomes;

/* ---- in the process that has no memory ---- */

static void ask_recipient(struct protocol *protocol, size_t number, size_t i, struct strbuf *bytes)
{
	struct outcome *outcome = &outcomes[number];
	const char *letters;

	fixture_put_recipient(bytes, messages[number].recipients[i], messages[number].mailer);
	letters = fixture_answers(protocol, bytes);
	outcome->codes[i] = fixture_last(strbuf_span(protocol_output(protocol)), 'y')[0];
	outcome->recipients[i] = letters[0] == '\0' ? '?' : letters[strlen(letters) - 1];
}

static void send_message(struct protocol *protocol, size_t number, struct strbuf *bytes)
{
	struct outcome *outcome = &outcomes[number];
	bool taken = false;

	fixture_put_mail(bytes, "<s@client.test>", messages[number].login);
	for (size_t i = 0; i < MAX_RCPT && messages[number].recipients[i] != NULL; i++) {
		ask_recipient(protocol, number, i, bytes);
		taken |= outcome->recipients[i] == 'c';
	}
	if (!taken) {
		FIXTURE_PUT(bytes, 'A', "");
		return;
	}
	fixture_put_content(bytes, messages[number].field, messages[number].body);
	snprintf(outcome->letters, sizeof(outcome->letters), "%s",
		 fixture_answers(protocol, bytes));
	outcome->code = fixture_last(strbuf_span(protocol_output(protocol)), 'y')[0];
}

static int converse(void *context)
{
	struct protocol *protocol = NULL;
	struct strbuf bytes = STRBUF_INIT;
	const char *client = "";

	(void)context;
	fixture_reopen_dns();
	xalloc_set_reserve(RESERVE);
	memory_fault_begin();
	for (size_t i = 0; i < MESSAGES; i++) {
		if (strcmp(messages[i].client, client) != 0) {
			protocol_free(&protocol);
			strbuf_free(&bytes);
			protocol = protocol_new(&session_events);
			client = messages[i].client;
			fixture_put_start(&bytes, strchr(client, ':') != NULL ? '6' : '4', client);
		}
		send_message(protocol, i, &bytes);
	}
	protocol_free(&protocol);
	strbuf_free(&bytes);
	dns_close(&fixture_policy->lookups.dns);
	return 0;
}

/* ---- what may have come of it ---- */

static unsigned count(const char *letters, char letter)
{
	unsigned number = 0;

	for (; *letters != '\0'; letters++)
		number += *letters == letter;
	return number;
}

/* To a mailbox: nothing of it, or not the mailbox. */
static bool is_infected_right(const struct outcome *outcome, char last)
{
	bool alone = outcome->recipients[1] != 'c';

	if (outcome->recipients[0] != 'c')
		return last == 'c';
	return alone ? last == 'd' : last == 'c' && count(outcome->letters, '-') == 1;
}

static bool is_content_right(size_t number, const struct outcome *outcome)
{
	size_t size = strlen(outcome->letters);
	char last = size == 0 ? '\0' : outcome->letters[size - 1];

	if (last == 't' || (last == 'y' && outcome->code == '4'))
		return true;
	switch (number) {
	case INFECTED:
	case MIXED:
		return is_infected_right(outcome, last);
	case RELAYED:
		return last == 'a';
	case CLEAN:
		return last == 'c' && count(outcome->letters, 'm') == 1 &&
		       count(outcome->letters, 'i') == 2;
	case TRAINING:
		return last == 'c' && count(outcome->letters, 'm') == 1 &&
		       count(outcome->letters, 'i') == 1;
	default:
		/* A list that does not answer counts as nothing. */
		return number == LISTED && last == 'c';
	}
}

static bool is_right(size_t number, const struct outcome *outcome)
{
	bool taken = false;

	for (size_t i = 0; i < MAX_RCPT; i++) {
		bool refused = number == STRANGER || number == LISTED;

		if (outcome->recipients[i] == 'y' && outcome->codes[i] != '4' && !refused)
			return false;
		if (outcome->recipients[i] == 'c' && number == STRANGER)
			return false;
		if (outcome->recipients[i] != '\0' && strchr("cy", outcome->recipients[i]) == NULL)
			return false;
		taken |= outcome->recipients[i] == 'c';
	}
	/* An end without an answer is one that Postfix puts off. */
	return !taken || outcome->letters[0] == '\0' || is_content_right(number, outcome);
}

static void check_place(const struct memory_fault *fault)
{
	enum memory_end end;

	memset(outcomes, 0, sizeof(*outcomes) * MESSAGES);
	if (!memory_fault_run(fault, converse, NULL, &end, NULL))
		fail_msg("no memory at allocation %u: it crashed", fault->at);
	if (end == MEMORY_END_GONE && !fault->for_good)
		fail_msg("no memory at allocation %u: it ended in spite of its reserve", fault->at);
	for (size_t i = 0; i < MESSAGES; i++) {
		if (!is_right(i, &outcomes[i]))
			fail_msg("no memory at allocation %u%s: message %zu: recipients %.2s, "
				 "answers %s, code %c",
				 fault->at, fault->for_good ? " and later" : "", i,
				 outcomes[i].recipients, outcomes[i].letters, outcomes[i].code);
	}
}

static void test_memory(void **state)
{
	unsigned calls = memory_fault_count(true, converse, NULL), number = 0;

	(void)state;
	assert_in_range(calls, PLACES, 1000000);
	for (size_t i = 0; i < MESSAGES; i++)
		assert_true(is_right(i, &outcomes[i]));
	assert_int_equal(outcomes[LISTED].codes[0], '5');
	assert_int_equal(outcomes[STRANGER].codes[0], '5');
	assert_string_equal(outcomes[INFECTED].letters, "cd");
	assert_non_null(strchr(outcomes[MIXED].letters, '-'));
	for (unsigned at = 1; at <= calls; at += calls / PLACES, number++) {
		/* Postfix's maps are asked again. */
		postfix_maps_free(&fixture_policy->maps);
		fixture_policy->maps =
			postfix_maps_new(fixture_policy->postfix_directory, 20000, 60);
		check_place(&(struct memory_fault){
			.at = at, .for_good = number % 3 == 0, .late = true});
	}
}

static int set_up(void **state)
{
	(void)state;
	outcomes = mmap(NULL, sizeof(*outcomes) * MESSAGES, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(outcomes != MAP_FAILED);
	fixture_start("");
	/* Its thread would not be there after a fork. */
	dns_close(&fixture_policy->lookups.dns);
	return 0;
}

static int tear_down(void **state)
{
	munmap(outcomes, sizeof(*outcomes) * MESSAGES);
	return fixture_stop(state);
}

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1:malloc_context_size=3";
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
