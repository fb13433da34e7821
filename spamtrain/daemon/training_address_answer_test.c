#include "spamtrain/daemon/training_address_answer.h"

#include "lib/header.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct strbuf format(const struct answer *answer)
{
	static char host[] = "mx1.example.test", from[] = "";
	const struct spamtraind service = {
		.hostname = host, .answer_from = from, .language = TRAINING_ENGLISH};
	struct strbuf out = STRBUF_INIT;

	answer_format(&out, &service, answer, 1700000000);
	return out;
}

static void assert_field(const struct strbuf *mail, const char *name, const char *expected)
{
	struct header_field field;

	assert_true(header_find(strbuf_span(mail), name, &field));
	if (!span_equal(span_trim(field.body), span_of(expected)))
		fail_msg("%s is \"%.*s\"", name, SPAN_ARG(span_trim(field.body)));
}

/* ASCII in the header; every line ends with CRLF and has at most 78 characters (RFC 5322 2.1.1). */
static void assert_well_formed(const struct strbuf *mail)
{
	size_t header = header_size(strbuf_span(mail)), column = 0;

	assert_memory_equal(mail->data + header, "\r\n", 2);
	for (size_t i = 0; i < mail->size; i++) {
		if (i < header)
			assert_true((unsigned char)mail->data[i] < 0x80);
		if (mail->data[i] == '\n') {
			assert_int_equal(mail->data[i - 1], '\r');
			assert_true(column <= 79);
			column = 0;
		} else if ((mail->data[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	assert_int_equal(mail->data[mail->size - 1], '\n');
}

static void an_explanation_names_the_address_and_the_class(void **state)
{
	const struct answer answer = {"alice@example.test",
				      "dc-ham@example.test",
				      STORE_INNOCENT,
				      TRAINING_LANGUAGE_UNKNOWN,
				      0,
				      false};
	struct strbuf mail = format(&answer);

	(void)state;
	assert_well_formed(&mail);
	assert_field(&mail, "Date", "Tue, 14 Nov 2023 22:13:20 +0000");
	assert_field(&mail, "From", "postmaster@example.test");
	assert_field(&mail, "To", "alice@example.test");
	assert_field(&mail, "Auto-Submitted", "auto-replied");
	assert_field(&mail, "Content-Language", "en");
	assert_non_null(strstr(mail.data, "this is no spam."));
	assert_non_null(strstr(mail.data, "    dc-ham@example.test\r\n"));
	strbuf_free(&mail);
}

static void every_text_is_well_formed(void **state)
{
	(void)state;
	for (int language = TRAINING_ENGLISH; language <= TRAINING_FRENCH; language++) {
		for (unsigned learned = 0; learned < 3; learned++) {
			const struct answer answer = {"alice@example.test",
						      "dc-spam@example.test",
						      STORE_SPAM,
						      (enum training_language)language,
						      learned,
						      learned == 2};
			struct strbuf mail = format(&answer);

			assert_well_formed(&mail);
			assert_null(strstr(mail.data, "%"));
			assert_non_null(strstr(mail.data, "dc-spam@example.test"));
			assert_field(&mail, "Content-Language",
				     language == TRAINING_FRENCH ? "fr" : "en");
			strbuf_free(&mail);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_explanation_names_the_address_and_the_class),
		cmocka_unit_test(every_text_is_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
