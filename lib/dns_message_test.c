#include "dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Header with counts, then the question "a.test" of some type. */
#define HEADER(rcode, answers, authorities)                                                        \
	"\x12\x34\x81" rcode "\x00\x01\x00" answers "\x00" authorities "\x00\x00"
#define QUESTION                                                                                   \
	"\x01"                                                                                     \
	"a"                                                                                        \
	"\x04"                                                                                     \
	"test"                                                                                     \
	"\x00\x00\x01\x00\x01"
#define RR(type, ttl, length) "\xc0\x0c\x00" type "\x00\x01\x00\x00\x00" ttl "\x00" length

static void read_literal(const char *bytes, size_t size, enum dns_type type,
			 struct dns_answer *answer)
{
	/* An exact copy, so that the sanitizer sees every byte too far. */
	unsigned char *copy = malloc(size);

	memcpy(copy, bytes, size);
	dns_message_read(copy, size, type, answer);
	free(copy);
}
#define READ(literal, type, answer) read_literal(literal, sizeof(literal) - 1, type, answer)

static void reads_addresses(void **state)
{
	struct dns_answer answer;

	(void)state;
	READ(HEADER("\x80", "\x02", "\x00")
		     QUESTION RR("\x01", "\x3c", "\x04") "\x7f\x00\x00\x02" RR(
			     "\x01", "\x05", "\x04") "\x7f\x00\x00\x04",
	     DNS_A, &answer);
	assert_int_equal(answer.status, DNS_FOUND);
	assert_int_equal(answer.count, 2);
	assert_int_equal(answer.ttl, 5);
	assert_memory_equal(answer.records[1].data, "\x7f\x00\x00\x04", 4);
	dns_answer_free(&answer);
}

static void reads_names_and_text(void **state)
{
	struct dns_answer answer;

	(void)state;
	READ(HEADER("\x80", "\x02", "\x00") QUESTION RR(
		     "\x0f", "\x3c", "\x07") "\x00\x0a\x02"
					     "mx"
					     "\xc0\x0c" RR("\x0f", "\x3c", "\x03") "\x00\x00\x00",
	     DNS_MX, &answer);
	assert_int_equal(answer.count, 2);
	assert_int_equal(answer.records[0].preference, 10);
	assert_string_equal(answer.records[0].text, "mx.a.test");
	assert_string_equal(answer.records[1].text, "");
	dns_answer_free(&answer);
	READ(HEADER("\x80", "\x01", "\x00") QUESTION RR("\x10", "\x3c", "\x06") "\x02"
										"ab"
										"\x02"
										"cd",
	     DNS_TXT, &answer);
	assert_string_equal(answer.records[0].text, "abcd");
	dns_answer_free(&answer);
}

static void knows_that_there_is_none(void **state)
{
	struct dns_answer answer;

	(void)state;
	READ(HEADER("\x83", "\x00", "\x01") QUESTION RR(
		     "\x06", "\x3c", "\x16") "\x00\x00"
					     "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x07",
	     DNS_A, &answer);
	assert_int_equal(answer.status, DNS_NONE);
	assert_int_equal(answer.ttl, 7);
	dns_answer_free(&answer);
}

static void refuses_what_is_malformed(void **state)
{
	static const char whole[] =
		HEADER("\x80", "\x01", "\x00") QUESTION RR("\x0f", "\x3c", "\x07") "\x00\x0a\x02"
										   "mx"
										   "\xc0\x0c";
	struct dns_answer answer;

	(void)state;
	for (size_t size = 0; size < sizeof(whole) - 1; size++) {
		read_literal(whole, size, DNS_MX, &answer);
		assert_int_equal(answer.status, DNS_FAILED);
		dns_answer_free(&answer);
	}
	/* SERVFAIL, a name that points at itself, an address of 3 bytes */
	READ(HEADER("\x82", "\x00", "\x00") QUESTION, DNS_A, &answer);
	assert_int_equal(answer.status, DNS_FAILED);
	READ(HEADER("\x80", "\x01", "\x00") QUESTION "\xc0\x18\x00\x01\x00\x01", DNS_A, &answer);
	assert_int_equal(answer.status, DNS_FAILED);
	READ(HEADER("\x80", "\x01", "\x00") QUESTION RR("\x01", "\x3c", "\x03") "\x7f\x00\x00",
	     DNS_A, &answer);
	assert_int_equal(answer.status, DNS_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses),
		cmocka_unit_test(reads_names_and_text),
		cmocka_unit_test(knows_that_there_is_none),
		cmocka_unit_test(refuses_what_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
