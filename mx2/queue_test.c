#include "queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int parse(const char *text, struct queued *message)
{
	return queued_parse(span_of(text), message);
}

static void test_a_message(void **state)
{
	struct queued message;

	(void)state;
	assert_int_equal(
		0, parse("{\"queue_name\": \"deferred\", \"queue_id\": \"4Yx1Bk2\", "
			 "\"arrival_time\": 1700000000, \"message_size\": 1234, "
			 "\"forced_expire\": false, \"sender\": \"a@b.test\", \"recipients\": "
			 "[{\"address\": \"pat@partner.test\", \"delay_reason\": \"connect to "
			 "mx1[192.0.2.1]:25: Connection refused\"}, {\"address\": "
			 "\"sam@partner.test\"}]}\n",
			 &message));
	assert_string_equal("4Yx1Bk2", message.id);
	assert_string_equal("deferred", message.queue);
	assert_int_equal(1700000000, message.arrival);
	assert_int_equal(1234, message.size);
	assert_string_equal("a@b.test", message.sender);
	assert_int_equal(2, message.count);
	assert_string_equal("sam@partner.test", message.recipients[1].address);
	assert_string_equal("", message.recipients[1].reason);
	queued_free(&message);
}

static void test_bounce_has_no_sender(void **state)
{
	struct queued message;

	(void)state;
	assert_int_equal(0, parse("{\"queue_id\": \"A1\", \"arrival_time\": 1, \"sender\": "
				  "\"MAILER-DAEMON\"}",
				  &message));
	assert_string_equal("", message.sender);
	assert_int_equal(0, message.count);
	queued_free(&message);
}

/* An id that is none could be an option of postsuper, or "ALL" of a line of its own. */
static void test_what_is_no_message(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"[]",
		"{",
		"{}",
		"nonsense",
		"{\"queue_id\": \"A1\"}",
		"{\"queue_id\": \"\", \"arrival_time\": 1}",
		"{\"queue_id\": \"-d\", \"arrival_time\": 1}",
		"{\"queue_id\": \"A\\nALL\", \"arrival_time\": 1}",
		"{\"queue_id\": 7, \"arrival_time\": 1, \"recipients\": 5}",
		"{\"queue_id\": \"A1\", \"arrival_time\": \"1\", \"recipients\": [5, null]}",
	};
	struct queued message;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(-1, parse(lines[i], &message));
		queued_free(&message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message),
		cmocka_unit_test(test_bounce_has_no_sender),
		cmocka_unit_test(test_what_is_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
