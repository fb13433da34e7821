/* What of a message is seen: languages, disguises, modern fields; and what is not. */
#include "spamtrain/engine/features.h"
#include "spamtrain/engine/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool has_hash(const struct features *features, uint32_t hash)
{
	for (size_t i = 0; i < features->count; i++)
		if (features->list[i].hash == hash)
			return true;
	return false;
}

/* Is there a feature of that description? */
static bool has(const char *message, const char *wanted)
{
	struct features features;
	bool found = false;

	features_extract(&features, span_of(message), strlen(message), FEATURES_ALL);
	for (size_t i = 0; i < features.count && !found; i++) {
		struct strbuf text = STRBUF_INIT;
		features_describe(&features, &features.list[i], &text);
		found = strcmp(strbuf_text(&text), wanted) == 0;
		strbuf_free(&text);
	}
	features_free(&features);
	return found;
}

/* How many of the words and pairs of plain are also found in disguised? In percent. */
static unsigned shared(const char *plain, const char *disguised)
{
	const unsigned families = FEATURE_WORD | FEATURE_LOWER | FEATURE_FOLDED | FEATURE_PAIR;
	struct features a, b;
	size_t found = 0;

	features_extract(&a, span_of(plain), strlen(plain), families);
	features_extract(&b, span_of(disguised), strlen(disguised), families);
	for (size_t i = 0; i < a.count; i++)
		found += has_hash(&b, a.list[i].hash);
	unsigned percent = (unsigned)(100 * found / (a.count > 0 ? a.count : 1));
	features_free(&a);
	features_free(&b);
	return percent;
}

#define TEXT(charset, body) "Content-Type: text/plain; charset=" charset "\n\n" body "\n"

static void test_the_score_of_the_client(void **state)
{
	static const char message[] = "X-Shoveler-Score: 8 (no_ptr +3, dnsbl.test +5)\n"
				      "X-Shoveler-Submitter: v1; user=alice\n"
				      "X-Spam-Score: 7.5 (no_helo)\nSubject: x\n\nx\n";

	(void)state;
	assert_true(has(message, "x-shoveler-score: no_ptr"));
	assert_true(has(message, "x-shoveler-score: dnsbl.test"));
	assert_true(has(message, "x-shoveler-score: 8"));
	/* Weights are the same each time; other fields of ours and other filters' say nothing. */
	assert_false(has(message, "x-shoveler-score: +5"));
	assert_false(has(message, "x-shoveler-submitter: alice"));
	assert_false(has(message, "x-spam-score: no_helo"));
}

static void test_disguises(void **state)
{
	static const char plain[] = TEXT("utf-8", "cheap viagra pills");

	(void)state;
	assert_int_equal(shared(plain, plain), 100);
	assert_int_equal(shared(plain, TEXT("utf-8", "ch\u200beap vi\u00adagra p\u200dills")), 100);
	assert_true(shared(plain, TEXT("utf-8", "ch\u0435\u0430\u0440 vi\u0430gr\u0430 pills")) >=
		    60);
	assert_true(has(TEXT("utf-8", "V!AGRA"), "folded viagra"));
	assert_true(has(TEXT("utf-8", "v i a g r a now"), "folded viagra"));
	assert_true(has(TEXT("utf-8", "\u0441\u0430\u0441\u0435"), "folded cace"));
	assert_false(has(TEXT("utf-8", "\u0434\u0430\u0441\u0435"), "folded cace"));
	assert_int_equal(shared(plain,
				"Content-Type: text/html\n\n<p>che<!-- x -->ap vi<b></b>agra "
				"pills</p>\n"),
			 100);
	assert_int_equal(shared(plain, "Content-Type: text/plain\nContent-Transfer-Encoding: "
				       "base64\n\nY2hlYXAgdmlhZ3JhIHBpbGxz\n"),
			 100);
}

static void test_languages(void **state)
{
	(void)state;
	/* Scripts without spaces: letters and pairs of them. */
	assert_true(has(TEXT("utf-8", "\u4ee3\u5f00\u53d1\u7968"), "\u53d1 \u7968"));
	assert_true(has(TEXT("utf-8", "\u0e1f\u0e23\u0e35"), "\u0e1f \u0e23"));
	assert_true(has(TEXT("gb2312", "\xb4\xfa\xbf\xaa\xb7\xa2\xc6\xb1"), "\u53d1 \u7968"));
	/* Upper case of other alphabets is undone. */
	assert_true(has(TEXT("utf-8", "\u0421\u041a\u0418\u0414\u041a\u0418"),
			"\u0441\u043a\u0438\u0434\u043a\u0438"));
	assert_true(has(TEXT("iso-8859-1", "\xdc"
					   "BERWEISUNG"),
			"\u00fcberweisung"));
}

static void test_word_lower(void **state)
{
	char text[WORD_MAX];

	(void)state;
	assert_false(word_lower(text, span_of("abc 1")));
	assert_true(word_lower(text, span_of("A\u00c9\u0416\u03a9\u00d7")));
	assert_memory_equal(text, "a\u00e9\u0436\u03c9\u00d7", 9);
}

/* Of keys and digests, which every message has of its own, nothing is kept but whose they are. */
static void test_keys(void **state)
{
	static const char key[] =
		"DKIM-Signature: v=1; a=rsa-sha256; d=mail.example.com; s=k1;\n"
		" b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzRqq\n"
		"ARC-Seal: i=1; a=rsa-sha256; b=secretsecret\n"
		"X-Token: AAAAbbbbCCCCddddEEEEffffGGGGhhhhIIIIjjjjKKKKllllMMMMnnnnOOOOpppp\n\nhi\n";
	struct features features;

	(void)state;
	assert_true(has(key, "dkim-signature: mail.example.com"));
	assert_true(has(key, "dkim-signature: example.com"));
	assert_false(has(key, "dkim-signature: rsa-sha256"));
	assert_false(has(key, "arc-seal: secretsecret"));
	features_extract(&features, span_of(key), strlen(key),
			 FEATURE_HEADER_WORD | FEATURE_HEADER_PAIR);
	for (size_t i = 0; i < features.count; i++)
		assert_true(features.list[i].first_size < 60);
	features_free(&features);
}

static double opinion_of(const char *message)
{
	struct features features;

	features_extract(&features, span_of(message), strlen(message), FEATURES_ALL);
	for (size_t i = 0; i < features.count; i++) {
		uint32_t hash = features.list[i].hash;
		if (FEATURE_VIEW(hash) == VIEW_OPINION) {
			features_free(&features);
			return FEATURE_OPINION(hash);
		}
	}
	fail();
	return 0;
}

static void test_opinion(void **state)
{
	(void)state;
	assert_true(
		opinion_of("From: a@example.org\nTo: b@example.org\nMessage-ID: <1@example.org>\n"
			   "In-Reply-To: <0@example.org>\nSubject: Re: meeting\n\n"
			   "> lunch?\nthanks, tomorrow I think\n") < -2);
	assert_true(opinion_of("From: x123456@example.biz\nSubject: WIN $$$ NOW!!!\nContent-Type: "
			       "text/html\n\n<a href=\"http://192.0.2.1/x\">viagra casino</a>\n") >
		    3);
	assert_true(opinion_of("") > -8 && opinion_of("") < 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_score_of_the_client),
		cmocka_unit_test(test_disguises),
		cmocka_unit_test(test_languages),
		cmocka_unit_test(test_word_lower),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_opinion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
