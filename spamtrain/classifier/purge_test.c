/* What a purge drops and what it spares, the bound of a dictionary, and that lessons stay exact. */
#include "spamtrain/classifier/site_fixture.h"

#define DAY   86400
#define START ((time_t)20000 * DAY)
#define WORDS 40 /* of a message */

static struct classifier_settings settings;
static struct classifier *c;

static void open_user(const char *user, const char *mode)
{
	c = user_open(user);
	user_prefers(c, "trainingMode", mode);
}

static int setup(void **state)
{
	(void)state;
	folder_make();
	settings = site_settings();
	site = classifier_site_create(&settings);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	classifier_close(&c);
	folder_remove();
	return 0;
}

/* Words numbered from first on. */
static struct classifier_message *message_make(unsigned number, unsigned first)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_printf(&text, "Message-ID: <%u@example.test>\n\n", number);
	for (unsigned i = first; i < first + WORDS; i++)
		strbuf_printf(&text, "word%u\n\n", i);
	struct classifier_message *m = message_of(strbuf_span(&text));
	strbuf_free(&text);
	return m;
}

static enum classifier_corrected correct(const struct classifier_message *m,
					 enum classifier_teaching teaching, enum store_class class,
					 time_t when)
{
	store_set_now(c->store, when);
	return user_correct(c, teaching, class, NULL, m);
}

static void train(unsigned number, unsigned first, enum store_class class, time_t when)
{
	struct classifier_message *m = message_make(number, first);

	assert_int_equal(correct(m, CLASSIFIER_TRAIN, class, when), CLASSIFIER_LEARNED);
	classifier_message_free(&m);
}

static void purge(time_t now)
{
	char *error = NULL;

	assert_int_equal(classifier_purge(c, now, &error), CLASSIFIER_OK);
}

static uint64_t tokens_now(void)
{
	char *error = NULL;

	assert_int_equal(dictionary_merge(c->store, false, &error), STORE_OK);
	assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
	return dictionary_tokens(c->store);
}

/* Counts of the features of the words from first on. */
struct counts {
	size_t count;
	struct token_counts list[1000];
	int64_t spam, innocent;
};

static void counts_take(struct counts *counts, unsigned first)
{
	struct classifier_message *m = message_make(0, first);
	char *error = NULL;

	memset(counts, 0, sizeof(*counts));
	assert_true(m->count <= 1000);
	counts->count = m->count;
	assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
	dictionary_counts(c->store, m->hashes, m->count, counts->list);
	counts->spam = dictionary_sums(c->store)->spam;
	counts->innocent = dictionary_sums(c->store)->innocent;
	for (size_t i = 0; i < m->count; i++) {
		assert_true(counts->list[i].spam >= 0);
		assert_true(counts->list[i].innocent >= 0);
		assert_true(counts->list[i].square >= 0);
	}
	classifier_message_free(&m);
}

static size_t known(unsigned first)
{
	struct counts counts;
	size_t sum = 0;

	counts_take(&counts, first);
	for (size_t i = 0; i < counts.count; i++)
		sum += counts.list[i].spam + counts.list[i].innocent > 0;
	return sum;
}

/* One spam's tokens live 15 days, those of two 30, those of three innocent ones 90. */
static void test_teft(void **state)
{
	(void)state;
	open_user(ALICE, "TEFT");
	train(1, 1000, STORE_SPAM, START);
	for (unsigned i = 0; i < 2; i++)
		train(10 + i, 2000, STORE_SPAM, START);
	for (unsigned i = 0; i < 3; i++)
		train(20 + i, 3000, STORE_INNOCENT, START);
	size_t one = known(1000), two = known(2000), three = known(3000);
	purge(START + 15 * DAY);
	assert_int_equal(known(1000), one);
	purge(START + 16 * DAY);
	assert_true(known(1000) < one / 2); /* what all messages have stays */
	assert_int_equal(known(2000), two);
	purge(START + 31 * DAY);
	assert_true(known(2000) < two / 2);
	assert_int_equal(known(3000), three);
	purge(START + 91 * DAY);
	assert_int_equal(known(3000), 0);
}

static void test_modes(void **state)
{
	static const struct {
		const char *mode;
		unsigned days;
		bool gone;
	} cases[] = {{"TUM", 89, false},
		     {"TUM", 91, true},
		     {"TOE", 4000, false},
		     {"NOTRAIN", 4000, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		open_user(ALICE, cases[i].mode);
		train(1, 1000, STORE_SPAM, START);
		size_t before = known(1000);
		purge(START + cases[i].days * DAY);
		assert_int_equal(known(1000), cases[i].gone ? 0 : before);
		teardown(NULL);
		setup(NULL);
	}
	open_user(ALICE, "TUM"); /* what many messages taught stays */
	for (unsigned i = 0; i < 50; i++)
		train(i, 1000, STORE_SPAM, START);
	size_t before = known(1000);
	purge(START + 400 * DAY);
	assert_in_range(known(1000), WORDS, before);
}

/* In any mode; the one-hit tokens go first, of these the oldest. */
static void test_limit(void **state)
{
	(void)state;
	settings.rules.tokens_max = 1000;
	classifier_site_free(&site);
	site = classifier_site_create(&settings);
	open_user(ALICE, "TOE");
	for (unsigned i = 0; i < 3; i++)
		train(900 + i, 500000, STORE_INNOCENT, START);
	size_t telling = known(500000);
	for (unsigned i = 0; i < 100; i++)
		train(i, 1000 * i, STORE_SPAM, START + (time_t)i * DAY);
	assert_true(tokens_now() > 4000);
	purge(START + 101 * DAY);
	assert_in_range(tokens_now(), 500, 1000);
	assert_true(known(500000) >= telling);
	assert_true(known(1000) < telling / 2);
	assert_true(known(99000) >= WORDS);
	struct counts counts;
	counts_take(&counts, 0);
	assert_int_equal(counts.spam, 100); /* messages are not forgotten */
}

/*
 * A lesson so old that its tokens were dropped, and partly taught anew since, is taken back to the
 * last count, and put back.
 */
static void test_exact(void **state)
{
	struct counts before, after, other;
	struct classifier_message *old = message_make(1, 1000);

	(void)state;
	open_user(ALICE, "TEFT");
	train(1, 1000, STORE_SPAM, START);
	size_t all = known(1000);
	for (unsigned i = 0; i < 60; i++) /* keeps half of the words alive */
		train(100 + i, 1020, STORE_SPAM, START + (time_t)i * DAY);
	purge(START + 61 * DAY);
	assert_in_range(known(1000), WORDS / 2, all - WORDS / 2);
	train(2, 990, STORE_SPAM, START + 62 * DAY); /* teaches some dropped words again */
	counts_take(&before, 1000);

	assert_int_equal(correct(old, CLASSIFIER_TRAIN, STORE_INNOCENT, START + 63 * DAY),
			 CLASSIFIER_LEARNED);
	counts_take(&other, 1000);
	assert_int_equal(other.spam, before.spam - 1);
	assert_int_equal(other.innocent, before.innocent + 1);
	assert_int_equal(correct(old, CLASSIFIER_UNLEARN, STORE_NONE, START + 64 * DAY),
			 CLASSIFIER_TAKEN_BACK);
	counts_take(&after, 1000);
	char *error = NULL;
	assert_int_equal(dictionary_merge(c->store, false, &error), STORE_OK);
	counts_take(&before, 1000);
	assert_memory_equal(&after, &before, sizeof(after));
	classifier_close(&c);

	/* Bob was never taught the old message. */
	open_user(BOB, "TEFT");
	for (unsigned i = 0; i < 60; i++)
		train(100 + i, 1020, STORE_SPAM, START + (time_t)i * DAY);
	purge(START + 61 * DAY);
	train(2, 990, STORE_SPAM, START + 62 * DAY);
	counts_take(&other, 1000);
	for (size_t i = 0; i < other.count; i++) {
		assert_int_equal(after.list[i].spam, other.list[i].spam);
		assert_int_equal(after.list[i].innocent, other.list[i].innocent);
	}
	assert_int_equal(after.spam, other.spam);
	assert_int_equal(after.innocent, other.innocent);
	classifier_message_free(&old);
}

/* Features that mean something else by now: what they taught is left to the purge. */
static void test_other_version(void **state)
{
	struct classifier_message *m = message_make(1, 1000);
	struct store_message row;
	struct counts before, after;
	char *error = NULL;

	(void)state;
	open_user(ALICE, "TEFT");
	train(1, 1000, STORE_SPAM, START);
	counts_take(&before, 1000);
	assert_int_equal(store_message_by_digest(c->store, m->digest, &row, &error), STORE_OK);

	/* With the signature: to and fro, exactly. */
	uint32_t *hashes;
	size_t count;
	unsigned version;
	assert_int_equal(store_features_get(c->store, row.id, &version, &hashes, &count, &error),
			 STORE_OK);
	assert_int_equal(store_features_add(c->store, row.id, FEATURES_VERSION + 1000, hashes,
					    count, &error),
			 STORE_OK);
	free(hashes);
	correct(m, CLASSIFIER_UNLEARN, STORE_NONE, START);
	assert_int_equal(known(1000), 0);
	correct(m, CLASSIFIER_TRAIN, STORE_SPAM, START);
	counts_take(&after, 1000);
	assert_memory_equal(&before, &after, sizeof(before));

	/* Without: the old lesson stays, the new one is added, and that one is exact. */
	purge(START + 15 * DAY);
	assert_int_equal(correct(m, CLASSIFIER_TRAIN, STORE_INNOCENT, START + 16 * DAY),
			 CLASSIFIER_LEARNED);
	counts_take(&after, 1000);
	assert_int_equal(after.spam, before.spam);
	assert_int_equal(after.innocent, before.innocent + 1);
	correct(m, CLASSIFIER_UNLEARN, STORE_NONE, START + 16 * DAY);
	counts_take(&after, 1000);
	assert_memory_equal(&before, &after, sizeof(before));
	store_message_free(&row);
	classifier_message_free(&m);
}

/* While one process has the store open and teaches, another one purges. */
static void test_beside(void **state)
{
	struct classifier_site *second;
	struct classifier *other = NULL;
	char *error = NULL;

	(void)state;
	open_user(ALICE, "TEFT");
	for (unsigned i = 0; i < 20; i++)
		train(i, 1000 * i, STORE_SPAM, START);
	size_t all = known(3000);
	second = classifier_site_create(&settings);
	assert_int_equal(classifier_open(second, ALICE, false, &other, &error), CLASSIFIER_OK);
	assert_int_equal(classifier_purge(other, START + 20 * DAY, &error), CLASSIFIER_OK);
	classifier_close(&other);
	classifier_site_free(&second);
	assert_true(known(3000) < all / 2);
	train(500, 3000, STORE_SPAM, START + 20 * DAY);
	assert_true(known(3000) >= all - 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_teft, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exact, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beside, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
