/*
 * What users are told of the training modes, and of an account that knows little. Generated mail.
 */
#include "spamtrain/classifier/classifier_fixture.h"

/*
 * A message whose words are drawn from a vocabulary of its own: "topic", from word first on. Half
 * of its words are those that all mail has.
 */
static struct classifier_message *mail(const char *topic, unsigned first, unsigned number)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_printf(
		&text,
		"From: %s%u@%s%u.example\nSubject: %s%u %s%u\nMessage-ID: <%s.%u.%u@example.test>"
		"\n\n",
		topic, number % 5, topic, first / 20, topic, first + number % 7, topic,
		first + number % 11, topic, first, number);
	for (unsigned i = 0; i < 60; i++)
		strbuf_printf(&text, "common%u %s%u\n", (number * 31 + i * i) % 300, topic,
			      first + (number * 17 + i * 7) % 60);
	struct classifier_message *m = message_read_text(strbuf_text(&text));
	strbuf_free(&text);
	return m;
}

/* The verdict; with report, a wrong one is corrected. */
static struct classifier_verdict deliver(const char *topic, unsigned first, unsigned number,
					 bool spam, bool report)
{
	struct classifier_message *m = mail(topic, first, number);
	struct classifier_verdict v = process(m);

	if (report && (v.result == CLASSIFIER_SPAM) != spam)
		correct(CLASSIFIER_CORRECT, spam ? STORE_SPAM : STORE_INNOCENT, v.signature, NULL);
	classifier_message_free(&m);
	return v;
}

static double score(const char *topic, unsigned first, unsigned number)
{
	struct classifier_message *m = mail(topic, first, number);
	struct classifier_verdict v;
	char *error = NULL;

	assert_int_equal(classifier_score(c, m, &v, &error), CLASSIFIER_OK);
	classifier_verdict_free(&v);
	classifier_message_free(&m);
	return v.score;
}

static void train(const char *topic, unsigned count, enum store_class class)
{
	for (unsigned i = 0; i < count; i++) {
		struct classifier_message *m = mail(topic, 0, i);
		assert_int_equal(correct(CLASSIFIER_TRAIN, class, NULL, m), CLASSIFIER_LEARNED);
		classifier_message_free(&m);
	}
}

static struct classifier_stats stats(void)
{
	struct classifier_stats s;
	char *error = NULL;

	assert_int_equal(classifier_stats(c, &s, &error), CLASSIFIER_OK);
	return s;
}

/* An account that has been used with that mode for a while, all errors reported. */
static void used_account(const char *mode)
{
	teardown(NULL);
	setup(NULL);
	preference_set("trainingMode", mode);
	preference_set("enableWhitelist", "off");
	for (unsigned i = 0; i < 400; i++)
		deliver(i % 2 ? "pill" : "meeting", 0, i, i % 2, true);
}

/* A campaign in words nobody has seen comes 40 times, and nobody reports it. */
static double untended(const char *mode)
{
	used_account(mode);
	double before = score("lottery", 0, 1000);
	for (unsigned i = 0; i < 40; i++)
		deliver("lottery", 0, i, true, false);
	return score("lottery", 0, 1000) - before;
}

static void test_untended(void **state)
{
	double teft = untended("TEFT"), tum = untended("TUM"), toe = untended("TOE");
	double notrain = untended("NOTRAIN");

	(void)state;
	print_message("untended: TEFT %.2f, TUM %.2f, TOE %.2f, NOTRAIN %.2f\n", teft, tum, toe,
		      notrain);
	assert_true(teft < -1);	      /* learns wrong, and fast */
	assert_true(teft < tum);      /* TUM stops when it is sure: between */
	assert_true(tum < toe - 0.3); /* TOE learns none of its words, only scores */
	assert_true(notrain == 0);
}

struct adapted {
	unsigned missed, wrong;
	uint64_t lessons;
};

/* Spam whose words and senders move on all the time; errors are reported. */
static struct adapted drift(const char *mode)
{
	struct adapted a = {0};

	used_account(mode);
	uint64_t before = stats().spam_learned + stats().innocent_learned;
	for (unsigned i = 0; i < 400; i++) {
		bool spam = i % 2;
		struct classifier_verdict v =
			deliver(spam ? "pill" : "meeting", spam ? i / 2 : 0, 1000 + i, spam, true);
		a.missed += spam && v.result != CLASSIFIER_SPAM;
		a.wrong += !spam && v.result == CLASSIFIER_SPAM;
	}
	a.lessons = stats().spam_learned + stats().innocent_learned - before;
	return a;
}

static void test_drift(void **state)
{
	struct adapted teft = drift("TEFT"), tum = drift("TUM"), toe = drift("TOE");

	(void)state;
	print_message("drift: missed TEFT %u TUM %u TOE %u; lessons %u %u %u\n", teft.missed,
		      tum.missed, toe.missed, (unsigned)teft.lessons, (unsigned)tum.lessons,
		      (unsigned)toe.lessons);
	assert_true(tum.missed < toe.missed); /* TUM adapts to new spam better than TOE */
	assert_true(teft.missed <= toe.missed);
	assert_true(toe.lessons < tum.lessons); /* TOE learns least, TEFT everything */
	assert_true(tum.lessons < teft.lessons);
	assert_int_equal(teft.lessons, 400);
	assert_int_equal(teft.wrong + tum.wrong + toe.wrong, 0);
}

/* Thousands of lessons of one class, and none of the other: nothing is blocked. */
static void one_sided(const char *topic, enum store_class class, const char *mode)
{
	teardown(NULL);
	setup(NULL);
	preference_set("trainingMode", mode);
	train(topic, 2000, class);
	for (unsigned i = 0; i < 60; i++) {
		struct classifier_verdict v =
			deliver(i % 2 ? "meeting" : "garden", 0, 5000 + i, false, false);
		assert_int_not_equal(v.result, CLASSIFIER_SPAM);
	}
}

static void test_one_sided(void **state)
{
	(void)state;
	one_sided("pill", STORE_SPAM, "TUM");
	one_sided("pill", STORE_SPAM, "TEFT");
	one_sided("pill", STORE_SPAM, "TOE");
	one_sided("meeting", STORE_INNOCENT, "TUM");
}

/* Day 0: nothing is blocked, whatever comes; four spams reported change nothing yet. */
static void test_new_account(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct classifier_verdict v =
			deliver(i % 2 ? "pill" : "meeting", 0, i, i % 2, true);
		assert_int_equal(v.result, CLASSIFIER_INNOCENT);
	}
}

/* An archive is taught one class after the other, in either order; nothing else was seen yet. */
static void bulk(unsigned spam, unsigned innocent, bool spam_first)
{
	unsigned caught = 0, wrong = 0;

	teardown(NULL);
	setup(NULL);
	if (spam_first)
		train("pill", spam, STORE_SPAM);
	train("meeting", innocent, STORE_INNOCENT);
	if (!spam_first)
		train("pill", spam, STORE_SPAM);
	for (unsigned i = 0; i < 40; i++) {
		caught += score("pill", 0, 5000 + i) > engine_threshold(5);
		wrong += score("meeting", 0, 5000 + i) > engine_threshold(5);
	}
	assert_true(caught >= 36);
	assert_int_equal(wrong, 0);
}

static void test_bulk(void **state)
{
	(void)state;
	bulk(200, 200, true);
	bulk(200, 200, false);
	bulk(30, 30, true);
	bulk(30, 30, false);
}

static bool count_unscored(void *context, const struct store_message *row)
{
	for (int i = 0; i < STORE_LEARNERS; i++)
		if (row->scores[i] >= DICTIONARY_BINS) {
			++*(unsigned *)context;
			break;
		}
	return true;
}

static unsigned unscored(void)
{
	struct store_filter filter = {.result = -1, .limit = 1000};
	unsigned count = 0;
	char *error = NULL;

	assert_int_equal(store_message_list(c->store, &filter, count_unscored, &count, &error),
			 STORE_OK);
	return count;
}

/*
 * Afterwards the archive has scores like mail that came mixed, and the classes lie further apart.
 */
static void test_rescore(void **state)
{
	char *error = NULL;

	(void)state;
	train("meeting", 60, STORE_INNOCENT);
	train("pill", 60, STORE_SPAM);
	assert_true(unscored() >= 60);
	double before = score("pill", 0, 5000) - score("meeting", 0, 5000);
	assert_int_equal(classifier_rescore(c, 1000, NULL, &error), CLASSIFIER_OK);
	assert_int_equal(unscored(), 0);
	assert_true(score("pill", 0, 5000) - score("meeting", 0, 5000) > before);
	struct classifier_stats s = stats();
	assert_int_equal(s.spam_learned, 60);
	assert_int_equal(s.innocent_learned, 60);
}

static bool count_taught(void *context, const struct store_message *row)
{
	((unsigned *)context)[row->taught]++;
	return true;
}

/* A spam whose kin was not reported: the filter finds out, and takes back what it taught itself. */
static void test_second_thoughts(void **state)
{
	char *error = NULL;

	(void)state;
	used_account("TEFT");
	preference_set("statisticalSedation", "3");
	for (unsigned i = 0; i < 4; i++)
		deliver("lottery", 0, i, true, false);
	for (unsigned i = 4; i < 40; i++) /* from now on he reports all of it */
		deliver("lottery", 0, i, true, true);
	for (unsigned i = 0; i < 400; i++)
		deliver(i % 2 ? "pill" : "meeting", 0, 2000 + i, i % 2, true);
	struct store_filter filter = {.result = -1, .limit = 1000, .contains = "lottery"};
	unsigned counts[3] = {0};
	assert_int_equal(store_message_list(c->store, &filter, count_taught, counts, &error),
			 STORE_OK);
	print_message("unreported kin: %u taken back, %u still innocent, %u spam\n", counts[0],
		      counts[STORE_INNOCENT], counts[STORE_SPAM]);
	assert_true(counts[STORE_NONE] >= 3);
	assert_true(counts[STORE_INNOCENT] <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_account, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_sided, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bulk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rescore, setup, teardown),
		cmocka_unit_test_setup_teardown(test_untended, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drift, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_thoughts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
