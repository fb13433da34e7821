#include "rewrite.h"

#include "subject_tag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
/* after the headers above */
#include <cmocka.h>

#define OWN "X-DSPAM-Result: Spam\r\nX-DSPAM-Signature: 1\r\n"

static void assert_rewritten(const char *message, const char *own, const char *tag,
			     const char *expected)
{
	struct rewrite rewrite;
	struct strbuf out = STRBUF_INIT;
	struct span piece;

	rewrite_init(&rewrite, span_of(message), span_of(own), tag);
	while (rewrite.source.next(&rewrite.source, &piece))
		strbuf_append_span(&out, piece);
	assert_string_equal(strbuf_text(&out), expected);
	strbuf_free(&out);
	rewrite_free(&rewrite);
}

static void forged_fields_go(void **state)
{
	(void)state;
	assert_rewritten("X-DSPAM-Result: Innocent\r\nA: b\r\nx-dspam-factors : 1,\r\n\t2\r\n 3\r\n"
			 "C: d\r\nX-Shoveler-Submitter: v1; mac=1\r\nX-DSPAMX: stays\r\n"
			 "X-Shoveler-Score: 3\r\nX-Dspam-Improbability: 1\r\n\r\n"
			 "X-DSPAM-Result: in the body\r\n",
			 OWN, NULL,
			 OWN "A: b\r\nC: d\r\nX-DSPAMX: stays\r\nX-Shoveler-Score: 3\r\n\r\n"
			     "X-DSPAM-Result: in the body\r\n");
	assert_rewritten("X-DSPAM-Result: x\r\n\r\nbody", "", NULL, "\r\nbody");
	assert_rewritten("X-DSPAM-Result: x", "", NULL, "");
	assert_rewritten("A: b\nX-DSPAM-Result: x\n\nlone LF\n", OWN, NULL,
			 OWN "A: b\n\nlone LF\n");
}

static void the_rest_is_untouched(void **state)
{
	static const char *const messages[] = {
		"A:b\r\nC :  d\r\n\tmore \r\n\r\n\r\nbody \r bare\n\r\nno final newline",
		"\r\nonly a body\r\n",
		"A: b\r\n",
		"A: b",
		"",
		"A: b\r\nno field here\r\nX-DSPAM-Result: body\r\n",
	};
	char expected[256];

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		assert_rewritten(messages[i], "", NULL, messages[i]);
		strcpy(expected, OWN);
		strcat(expected, messages[i]);
		assert_rewritten(messages[i], OWN, NULL, expected);
	}
}

/* A body without any header must not become part of our fields. */
static void a_missing_header_is_separated(void **state)
{
	(void)state;
	assert_rewritten("hello\r\n", OWN, NULL, OWN "\r\nhello\r\n");
	assert_rewritten(" folded\r\n", OWN, NULL, OWN "\r\n folded\r\n");
	assert_rewritten("hello\r\n", "", NULL, "hello\r\n");
}

static void subjects_are_tagged(void **state)
{
	(void)state;
	assert_rewritten(
		"A: b\r\nsubject: Hi\r\n there\r\nX-DSPAM-Result: x\r\nSubject: two\r\n\r\n", OWN,
		"[SPAM]", OWN "A: b\r\nSubject: [SPAM] Hi\r\n there\r\nSubject: two\r\n\r\n");
	assert_rewritten("Subject: [SPAM] Hi\r\n\r\n", "", "[SPAM]", "Subject: [SPAM] Hi\r\n\r\n");
	assert_rewritten("A: b\r\n\r\n", OWN, "[SPAM]", OWN "Subject: [SPAM]\r\nA: b\r\n\r\n");
	assert_rewritten("hello", OWN, "[SPAM]", OWN "Subject: [SPAM]\r\n\r\nhello");
	assert_rewritten("Subject:\r\n\r\n", "", "[SPAM]", "Subject: [SPAM]\r\n\r\n");
}

static char *tagged(const char *body, const char *tag)
{
	struct strbuf out = STRBUF_INIT;
	bool changed = subject_tag(&out, span_of(body), tag);

	assert_int_equal(changed, out.size > 0);
	return changed ? strbuf_steal(&out) : NULL;
}

static void assert_tagged(const char *body, const char *tag, const char *expected)
{
	char *field = tagged(body, tag), *again;

	assert_non_null(field);
	assert_string_equal(field, expected);
	/* whatever it gives, it does not tag it twice */
	again = tagged(field + strlen("Subject:"), tag);
	assert_null(again);
	free(field);
}

static void encoded_words_are_kept(void **state)
{
	char *field, *line;
	char longest[201];

	(void)state;
	assert_tagged(" =?utf-8?B?w6R0?= x", "[SPAM]", "Subject: [SPAM] =?utf-8?B?w6R0?= x\r\n");
	assert_tagged(" Hi", "[Müll]", "Subject: =?UTF-8?Q?=5BM=C3=BCll=5D?= Hi\r\n");
	assert_tagged(" =?utf-8?B?w6R0?=", "Ü b",
		      "Subject: =?UTF-8?Q?=C3=9C_b_?= =?utf-8?B?w6R0?=\r\n");
	/* [SPAM] in encoded words is recognised */
	assert_null(tagged(" =?UTF-8?Q?=5BSPAM=5D_x?=", "[SPAM]"));
	for (int i = 0; i < 200; i += 2)
		memcpy(longest + i, "\xc3\xbc", 2);
	longest[200] = '\0';
	field = tagged(" Hi", longest);
	for (line = strtok(field, "\n"); line != NULL; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= strlen("Subject: ") + 75 + 1 + strlen(" Hi"));
	free(field);
	assert_tagged(" Hi", longest, (field = tagged(" Hi", longest)));
	free(field);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forged_fields_go),
		cmocka_unit_test(the_rest_is_untouched),
		cmocka_unit_test(a_missing_header_is_separated),
		cmocka_unit_test(subjects_are_tagged),
		cmocka_unit_test(encoded_words_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
