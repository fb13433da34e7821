#include "scanner_settings.h"

#include "lib/packet.h"
#include "lib/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static struct scanner_settings example(void)
{
	static char database[] = "/var/lib/cl amav\n%", temp[] = "/run/x";

	return (struct scanner_settings){.database_directory = database,
					 .temp_directory = temp,
					 .workers = 3,
					 .timeout_s = 60,
					 .max_time_s = 20,
					 .max_memory = INT64_C(1) << 40,
					 .max_file_size = 1,
					 .max_scan_size = 2,
					 .max_files = 4,
					 .max_recursion = 5,
					 .client_count = 2,
					 .clients = {0, 5002}};
}

static int transfer(struct strbuf *text, struct scanner_settings *result)
{
	struct packet packet;
	char *error = NULL;
	int ret = packet_parse(&packet, strbuf_span(text), NULL, &error);

	if (ret == 0) {
		ret = scanner_settings_read(result, &packet, &error);
		packet_free(&packet);
	}
	assert_true((error != NULL) == (ret < 0));
	free(error);
	strbuf_free(text);
	return ret;
}

static void arrive_as_they_were_sent(void **state)
{
	struct scanner_settings sent = example(), received;
	struct strbuf text = STRBUF_INIT;

	(void)state;
	scanner_settings_write(&sent, &text);
	assert_int_equal(transfer(&text, &received), 0);
	assert_string_equal(received.database_directory, sent.database_directory);
	assert_string_equal(received.temp_directory, sent.temp_directory);
	assert_int_equal(received.workers, 3);
	assert_int_equal(received.max_memory, INT64_C(1) << 40);
	assert_int_equal(received.max_recursion, 5);
	assert_int_equal(received.client_count, 2);
	assert_int_equal(received.clients[1], 5002);
	scanner_settings_free(&received);
}

static void anything_missing_or_wrong_is_refused(void **state)
{
	static const char *const texts[] = {
		"database_directory=/x\n",
		"database_directory=/x\ntemp_directory=/y\nclients=0\n",
		"database_directory=/x\ntemp_directory=/y\nclients=0\nworkers=-1\n",
		"database_directory=/x\ntemp_directory=/y\nclients=0\nworkers=2x\n",
		"workers=99999999999999999999\n",
	};
	struct scanner_settings received;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct strbuf text = STRBUF_INIT;

		strbuf_append_text(&text, texts[i]);
		assert_int_equal(transfer(&text, &received), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrive_as_they_were_sent),
		cmocka_unit_test(anything_missing_or_wrong_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
