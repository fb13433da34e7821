#include "lda/queue_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* after the headers above */
#include <cmocka.h>

static void assert_id(const char *message, const char *expected)
{
	char id[QUEUE_ID_SIZE];

	queue_id_find(span_of(message), id);
	assert_string_equal(id, expected);
}

static void ids_of_postfix(void **state)
{
	(void)state;
	assert_id(
		"Received: from c (c [203.0.113.10])\r\n\tby mx1.example.test (Postfix) with ESMTP "
		"id 4Q2XzK1\r\n\tfor <a@b>; Sun\r\nReceived: by x (Postfix) id OTHER;\r\n\r\n",
		"4Q2XzK1");
	assert_id("A: b\r\nReceived: by mx1 (Postfix, from userid 0)\r\n\tid 9C1; date\r\n\r\n",
		  "9C1");
	assert_id("Received: from id FORGED (x) by mx1 (Postfix) with ESMTP id 4Q2;\r\n", "4Q2");
}

static void no_id(void **state)
{
	(void)state;
	assert_id("", "NOQUEUE");
	assert_id("Received: by mx1 (Exim) id X\r\n\r\n", "NOQUEUE");
	assert_id("Received: by mx1 (Postfix) id \r\n\r\n", "NOQUEUE");
	assert_id("Received: by mx1 (Postfix) id "
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;\r\n\r\n",
		  "NOQUEUE");
	assert_id("A: b\r\n\r\nReceived: by mx1 (Postfix) id BODY;\r\n", "NOQUEUE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_of_postfix),
		cmocka_unit_test(no_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
