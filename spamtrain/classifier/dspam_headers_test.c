/* The header fields that users' own rules read: DSPAM's. */
#include "spamtrain/classifier/classifier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* after the headers above */
#include <cmocka.h>

static void test_headers(void **state)
{
	struct classifier_verdict v = {.result = CLASSIFIER_SPAM,
				       .probability = 0.98765,
				       .confidence = 0.5,
				       .signature = "0123456789abcdef01234567",
				       .factors =
					       (char *)(uintptr_t) "a\r b, 0.9\nc\xc3\xa9, 0.1\n"};
	struct strbuf out = STRBUF_INIT;

	(void)state;
	dspam_headers_format(&out, &v, 0);
	assert_non_null(strstr(strbuf_text(&out), "X-DSPAM-Result: Spam\r\n"));
	assert_non_null(strstr(strbuf_text(&out),
			       "X-DSPAM-Confidence: 1.0000\r\nX-DSPAM-Probability: 1.0000\r\n"));
	assert_non_null(
		strstr(strbuf_text(&out), "X-DSPAM-Signature: 0123456789abcdef01234567\r\n"));
	assert_non_null(
		strstr(strbuf_text(&out), "X-DSPAM-Factors: 2,\r\n\ta? b, 0.9,\r\n\tc??, 0.1\r\n"));
	strbuf_free(&out);
	char line[2000]; /* whatever a message holds, no line of ours is too long */
	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\n", 2);
	v.factors = line;
	dspam_headers_format(&out, &v, 0);
	const char *factor = strstr(strbuf_text(&out), "\r\n\txxx");
	assert_non_null(factor);
	assert_true(strcspn(factor + 3, "\r") <= 100);
	strbuf_free(&out);
}

static void test_headers_are_coarse(void **state)
{
	static const struct {
		double probability;
		const char *fields;
	} cases[] = {
		{0, "X-DSPAM-Confidence: 1.0000\r\nX-DSPAM-Probability: 0.0000\r\n"},
		{0.0499, "X-DSPAM-Confidence: 1.0000\r\nX-DSPAM-Probability: 0.0000\r\n"},
		{0.06, "X-DSPAM-Confidence: 0.9000\r\nX-DSPAM-Probability: 0.0500\r\n"},
		{0.4999, "X-DSPAM-Confidence: 0.1000\r\nX-DSPAM-Probability: 0.4500\r\n"},
		{0.5, "X-DSPAM-Confidence: 0.0000\r\nX-DSPAM-Probability: 0.5000\r\n"},
		{0.5001, "X-DSPAM-Confidence: 0.1000\r\nX-DSPAM-Probability: 0.5500\r\n"},
		{0.9, "X-DSPAM-Confidence: 0.8000\r\nX-DSPAM-Probability: 0.9000\r\n"},
		{1, "X-DSPAM-Confidence: 1.0000\r\nX-DSPAM-Probability: 1.0000\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct classifier_verdict v = {.probability = cases[i].probability};
		struct strbuf out = STRBUF_INIT;

		dspam_headers_format(&out, &v, 0);
		assert_non_null(strstr(strbuf_text(&out), cases[i].fields));
		strbuf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_headers_are_coarse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
