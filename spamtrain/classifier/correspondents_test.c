#include "spamtrain/classifier/correspondents.h"

#include "schema/store_correspondent.h"
#include "spamtrain/classifier/site_fixture.h"

static void keys(void **state)
{
	int64_t friend = correspondent_key(SPAN_LITERAL("friend@third.test"));

	(void)state;
	assert_int_not_equal(friend, 0);
	assert_int_equal(correspondent_key(SPAN_LITERAL("Friend@Third.TEST")), friend);
	assert_int_not_equal(correspondent_key(SPAN_LITERAL("friends@third.test")), friend);
	assert_int_equal(correspondent_key(SPAN_LITERAL("friend")), 0);
	assert_int_equal(correspondent_key(SPAN_LITERAL("")), 0);
	assert_int_equal(correspondent_key_of_field(SPAN_LITERAL("A B <friend@third.test>")),
			 friend);
	assert_int_equal(correspondent_key_of_field(SPAN_LITERAL(" friend@third.test ")), friend);
	assert_int_not_equal(
		correspondent_key_of_field(SPAN_LITERAL("<friend@third.test> <evil@bad.test>")),
		friend);
	assert_int_equal(correspondent_key_of_field(SPAN_LITERAL("friend@third.test evil")), 0);
	assert_int_equal(correspondent_key_of_field(SPAN_LITERAL("")), 0);
}

static struct classifier_message *message_make(unsigned number, bool spam, const char *from)
{
	char *text = xasprintf("From: %s\r\nSubject: %s %u\r\nMessage-ID: <%u@m>\r\n\r\n%s\r\n",
			       from, spam ? "pills" : "minutes", number, number,
			       spam ? "cheap pills online pharmacy discount"
				    : "the board meets at the bridge on friday");
	struct classifier_message *m = message_of(span_of(text));

	free(text);
	return m;
}

static void train(struct classifier *c, unsigned number, bool spam)
{
	char *from = xasprintf("p%u@%s.test", number, spam ? "bad" : "good");
	struct classifier_message *m = message_make(number, spam, from);

	user_correct(c, CLASSIFIER_TRAIN, spam ? STORE_SPAM : STORE_INNOCENT, NULL, m);
	classifier_message_free(&m);
	free(from);
}

static double probability(struct classifier *c, const char *from)
{
	struct classifier_message *m = message_make(9999, true, from);
	struct classifier_verdict verdict;
	char *error = NULL;

	assert_int_equal(classifier_score(c, m, &verdict, &error), CLASSIFIER_OK);
	classifier_verdict_free(&verdict);
	classifier_message_free(&m);
	return verdict.probability;
}

/* As if the sensitivity were the least, and only for whom he wrote to. */
static void their_mail_is_judged_mildly(void **state)
{
	struct classifier *c = user_open(ALICE);
	double before, after, mild;
	char *error = NULL;

	(void)state;
	for (unsigned i = 0; i < 80; i++)
		train(c, i, i % 2 == 0);
	before = probability(c, "Friend <friend@third.test>");
	assert_int_equal(
		classifier_sent(c, ALICE, ALICE " Friend@third.test  other@x.test", &error),
		CLASSIFIER_OK);
	after = probability(c, "Another Name <friend@third.test>");
	assert_true(after < before);
	assert_true(probability(c, "Friend <fiend@third.test>") > after);
	assert_int_equal(classifier_preference_set(c, "statisticalSedation", "10", &error),
			 CLASSIFIER_OK);
	mild = probability(c, "Another Name <friend@third.test>");
	assert_float_equal(mild, after, 1e-9);
	assert_int_equal(classifier_preference_set(c, "statisticalSedation", NULL, &error),
			 CLASSIFIER_OK);
	assert_int_equal(classifier_preference_set(c, "enableWhitelist", "off", &error),
			 CLASSIFIER_OK);
	assert_true(probability(c, "Another Name <friend@third.test>") > after);
	classifier_close(&c);
}

static void what_is_not_noted(void **state)
{
	struct classifier *c = user_open(ALICE);
	char *many = xstrdup(""), *error = NULL;

	(void)state;
	assert_int_equal(classifier_sent(c, ALICE, ALICE " nonsense", &error), CLASSIFIER_INVALID);
	free(error);
	for (unsigned i = 0; i <= CORRESPONDENTS_OF_MESSAGE; i++) {
		char *longer = xasprintf("%s a%u@many.test", many, i);

		free(many);
		many = longer;
	}
	assert_int_equal(classifier_sent(c, ALICE, many, &error), CLASSIFIER_INVALID);
	free(error);
	error = NULL;
	assert_int_equal(store_correspondent_get(classifier_store(c),
						 correspondent_key(SPAN_LITERAL("a0@many.test")),
						 &error),
			 STORE_NOT_FOUND);
	classifier_close(&c);
	free(many);
}

static void the_number_is_bounded(void **state)
{
	struct classifier *c = user_open(ALICE);
	struct store *store = classifier_store(c);
	char *error = NULL;

	(void)state;
	for (int64_t i = 0; i < STORE_CORRESPONDENTS_MAX + 50; i += 50) {
		int64_t some[50];

		for (int64_t j = 0; j < 50; j++)
			some[j] = 1000000 + i + j;
		assert_int_equal(store_correspondent_add(store, some, 50, 2000000000 + i, &error),
				 STORE_OK);
	}
	/* The oldest are gone, also those of the tests before. */
	assert_int_equal(store_correspondent_get(store, 1000000, &error), STORE_NOT_FOUND);
	assert_int_equal(store_correspondent_get(store, 1000000 + 50, &error), STORE_OK);
	assert_int_equal(
		store_correspondent_get(store, 1000000 + STORE_CORRESPONDENTS_MAX + 49, &error),
		STORE_OK);
	classifier_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(their_mail_is_judged_mildly),
		cmocka_unit_test(what_is_not_noted),
		cmocka_unit_test(the_number_is_bounded),
	};

	return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
