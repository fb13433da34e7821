/*
 * An export brought to another user is the same filter; a file that is not whole changes nothing.
 */
#include "schema/exchange_internal.h"
#include "schema/store_internal.h"
#include "spamtrain/classifier/site_fixture.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static struct classifier_message *message_make(unsigned number)
{
	struct strbuf text = STRBUF_INIT;
	bool spam = number % 2;

	strbuf_printf(&text, "From: %s%u@example.test\nSubject: %s\t%u %%\nMessage-ID: <%u@x>\n\n",
		      spam ? "seller" : "friend", number % 5, spam ? "cheap pills" : "meeting",
		      number, number);
	for (unsigned i = 0; i < 60; i++)
		strbuf_printf(&text, "%s%u ", spam ? "pill" : "paper", (number * 7 + i * i) % 300);
	struct classifier_message *m = classifier_message_read(strbuf_span(&text), text.size);
	strbuf_free(&text);
	return m;
}

static void correct(struct classifier *c, unsigned number, enum classifier_teaching teaching)
{
	struct classifier_message *m = message_make(number);

	assert_int_not_equal(
		user_correct(c, teaching, number % 2 ? STORE_SPAM : STORE_INNOCENT, NULL, m),
		CLASSIFIER_UNKNOWN);
	classifier_message_free(&m);
}

static void merge(struct classifier *c)
{
	char *error = NULL;

	assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
	assert_int_equal(dictionary_merge(c->store, false, &error), STORE_OK);
}

/* Alice has snapshots, lessons behind them, something taken back, and preferences. */
static void alice_make(void)
{
	struct classifier *c = user_open(ALICE);
	char *error = NULL;

	for (unsigned i = 0; i < 60; i++)
		correct(c, i, CLASSIFIER_TRAIN);
	merge(c);
	for (unsigned i = 60; i < 70; i++)
		correct(c, i, CLASSIFIER_TRAIN);
	merge(c);
	for (unsigned i = 70; i < 75; i++)
		correct(c, i, CLASSIFIER_TRAIN);
	correct(c, 3, CLASSIFIER_UNLEARN);
	assert_int_equal(classifier_preference_set(c, "spamSubject", "[\xc3\xa4%]", &error),
			 CLASSIFIER_OK);
	classifier_close(&c);
}

/* malloc'ed */
static char *export(const char *user, size_t *size_r)
{
	struct classifier *c = user_open(user);
	char *text = NULL, *error = NULL;
	FILE *out = open_memstream(&text, size_r);

	assert_int_equal(store_export(classifier_store(c), FEATURES_VERSION, out, &error),
			 STORE_OK);
	fclose(out);
	classifier_close(&c);
	return text;
}

static enum store_status import(const char *user, struct span file, bool replace)
{
	char *directory = store_user_directory(folder, user), *error = NULL;
	enum store_status status = store_import(directory, file, FEATURES_VERSION, replace, &error);

	assert_int_equal(status == STORE_OK, error == NULL);
	free(error);
	free(directory);
	return status;
}

static bool has_store(const char *user)
{
	struct classifier *c = NULL;
	char *error = NULL;

	assert_int_equal(classifier_open(site, user, false, &c, &error), CLASSIFIER_OK);
	bool there = c != NULL;
	classifier_close(&c);
	return there;
}

static struct classifier_stats stats(struct classifier *c)
{
	struct classifier_stats result = user_stats(c);

	result.store_bytes = 0;
	return result;
}

static void score_all(const char *user, double *scores)
{
	struct classifier *c = user_open(user);
	struct classifier_verdict verdict;
	char *error = NULL;

	for (unsigned i = 0; i < 20; i++) {
		struct classifier_message *m = message_make(100 + i);
		assert_int_equal(classifier_score(c, m, &verdict, &error), CLASSIFIER_OK);
		scores[i] = verdict.score;
		classifier_verdict_free(&verdict);
		classifier_message_free(&m);
	}
	classifier_close(&c);
}

static void assert_same(const char *a, const char *b)
{
	double of_a[20], of_b[20];
	size_t size_a, size_b;
	char *text_a = export(a, &size_a), *text_b = export(b, &size_b);

	assert_int_equal(size_a, size_b);
	assert_memory_equal(text_a, text_b, size_a);
	score_all(a, of_a);
	score_all(b, of_b);
	assert_memory_equal(of_a, of_b, sizeof(of_a));
	assert_true(of_a[1] > of_a[0]);
	free(text_a);
	free(text_b);
}

static void test_round_trip(void **state)
{
	size_t size;

	(void)state;
	alice_make();
	char *text = export(ALICE, &size);
	assert_int_equal(import(BOB, (struct span){text, size}, false), STORE_OK);
	assert_same(ALICE, BOB);
	struct classifier *c = user_open(ALICE);
	struct classifier_stats a = stats(c);
	classifier_close(&c);
	c = user_open(BOB);
	struct classifier_stats b = stats(c);
	classifier_close(&c);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(a.spam_learned, 36);
	assert_int_equal(a.innocent_learned, 38);
	free(text);
}

/* Lessons after an import count, can be taken back, and what came with it can be, too. */
static void test_life_goes_on(void **state)
{
	size_t size;

	(void)state;
	alice_make();
	struct classifier *c = user_open(ALICE);
	merge(c);
	classifier_close(&c);
	char *text = export(ALICE, &size);
	assert_int_equal(import(BOB, (struct span){text, size}, false), STORE_OK);
	c = user_open(BOB);
	struct classifier_stats before = stats(c);
	correct(c, 200, CLASSIFIER_TRAIN);
	assert_int_equal(stats(c).innocent_learned, before.innocent_learned + 1);
	merge(c);
	correct(c, 200, CLASSIFIER_UNLEARN);
	correct(c, 5, CLASSIFIER_UNLEARN);
	assert_int_equal(stats(c).innocent_learned, before.innocent_learned);
	assert_int_equal(stats(c).spam_learned, before.spam_learned - 1);
	classifier_close(&c);
	free(text);
}

/* A daemon that has the store open sees the new one; what was there is gone. */
static void test_replace(void **state)
{
	struct classifier_site *other = site_make();
	struct classifier *c = user_open_at(other, BOB);
	size_t size;

	(void)state;
	for (unsigned i = 300; i < 330; i++)
		correct(c, i, CLASSIFIER_TRAIN);
	merge(c);
	correct(c, 331, CLASSIFIER_TRAIN);
	assert_int_equal(stats(c).spam_learned, 16);
	alice_make();
	char *text = export(ALICE, &size);
	assert_int_equal(import(BOB, (struct span){text, size}, false), STORE_INVALID);
	assert_int_equal(stats(c).spam_learned, 16);
	assert_int_equal(import(BOB, (struct span){text, size}, true), STORE_OK);
	assert_int_equal(stats(c).spam_learned, 36);
	assert_same(ALICE, BOB);
	correct(c, 331, CLASSIFIER_TRAIN);
	assert_int_equal(stats(c).spam_learned, 37);
	classifier_close(&c);
	classifier_site_free(&other);
	free(text);
}

static void test_damage(void **state)
{
	size_t size;

	(void)state;
	alice_make();
	char *text = export(ALICE, &size);
	for (size_t cut = 0; cut < size; cut += 1 + size / 97)
		assert_int_equal(import(BOB, (struct span){text, cut}, true), STORE_INVALID);
	assert_int_equal(import(BOB, (struct span){text, size - 1}, true), STORE_INVALID);
	for (size_t at = 0; at < size; at += 1 + size / 97) {
		text[at] = (char)(text[at] ^ 1);
		assert_int_equal(import(BOB, (struct span){text, size}, true), STORE_INVALID);
		text[at] = (char)(text[at] ^ 1);
	}
	assert_false(has_store(BOB));
	assert_int_equal(import(BOB, (struct span){text, size}, false), STORE_OK);
	assert_same(ALICE, BOB);
	free(text);
}

/* The text with its first "from" replaced, and an end line that fits. */
static void resign(struct strbuf *out, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from), *end = strstr(text, "\nend\t");
	uint64_t lines = 0;

	assert_non_null(at);
	strbuf_append(out, text, (size_t)(at - text));
	strbuf_append_text(out, to);
	at += strlen(from);
	strbuf_append(out, at, (size_t)(end - at) + 1);
	for (size_t i = 0; i < out->size; i++)
		lines += out->data[i] == '\n';
	XXH128_hash_t digest = XXH3_128bits(out->data, out->size);
	strbuf_printf(out, "end\t%" PRIu64 "\t%016" PRIx64 "%016" PRIx64 "\n", lines,
		      (uint64_t)digest.high64, (uint64_t)digest.low64);
}

#define T4 "\ntokens\ntokens\ntokens\ntokens"

static void test_wrong_lines(void **state)
{
	static const char *const changes[][2] = {
		{"shoveler-export\t1", "shoveler-export\t2"},
		{"\nstore\t", "\nstore\t99"},
		{"\nstore\t", "\nstore\t0\t"},
		{"features\t", "features\t9"},
		{"little", "middle"},
		{"table\tlesson", "table\tquarantine"},
		{"table\tlesson", "table\tsqlite_schema"},
		{"table\tcorrection\tid", "table\tcorrection\tid\tid"},
		{"table\tcorrection\tid", "table\tcorrection\tname"},
		{"\nrow\t1\t", "\nrow\tone\t"},
		{"\nrow\t1\t", "\nrow\t=1g\t"},
		{"\nrow\t1\t", "\nrow\t=(99999999999)\t"},
		{"\nrow\t1\t", "\nrow\t~\t"},
		{"\nrow\t1\t", "\nrow\t"},
		{"\nrow\t2\t", "\nrow\t1\t"},
		{"\nrow\t1\t", "\nrow\t99999999999999999999\t"},
		{"\ntoken\t", "\ntoken\t0\t"},
		{"\ntoken\t", "\ntoken\t9"},
		{"\ntokens\n", "\nnothing\n"},
		{"\ntokens\n", "\ntokens" T4 T4 T4 T4 "\n"},
	};
	size_t size;

	(void)state;
	alice_make();
	char *text = export(ALICE, &size);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct strbuf changed = STRBUF_INIT;
		resign(&changed, text, changes[i][0], changes[i][1]);
		assert_int_equal(import(BOB, strbuf_span(&changed), true), STORE_INVALID);
		strbuf_free(&changed);
	}
	assert_false(has_store(BOB));
	struct strbuf same = STRBUF_INIT;
	resign(&same, text, "store", "store");
	assert_int_equal(import(BOB, strbuf_span(&same), true), STORE_OK);
	strbuf_free(&same);
	free(text);
}

static void test_quarantine_stays(void **state)
{
	struct store_quarantined row = {.signature = "0123456789abcdef01234567",
					.file = xstrdup("one"),
					.sender = xstrdup(""),
					.recipient = xstrdup(BOB)};
	struct classifier *c = user_open(BOB);
	char *replaced = NULL, *error = NULL;
	size_t size;

	(void)state;
	alice_make();
	assert_int_equal(store_quarantine_add(c->store, &row, &replaced, &error), STORE_OK);
	char *text = export(ALICE, &size);
	assert_int_equal(import(BOB, (struct span){text, size}, true), STORE_INVALID);
	assert_int_equal(stats(c).spam_learned, 0);
	classifier_close(&c);
	store_quarantined_free(&row);
	free(replaced);
	free(text);
}

/* Every export taken while another process teaches is the store as of one moment. */
static void test_export_beside_lessons(void **state)
{
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		struct classifier_site *own = site_make();
		struct classifier *c = user_open_at(own, ALICE);
		for (unsigned i = 0; i < 100000; i++) {
			correct(c, i, CLASSIFIER_TRAIN);
			if (i % 3 == 0)
				merge(c);
		}
		_exit(0);
	}
	for (int i = 0; i < 12; i++) {
		size_t size;
		usleep(30000);
		char *text = export(ALICE, &size);
		assert_int_equal(import(BOB, (struct span){text, size}, true), STORE_OK);
		struct classifier *c = user_open(BOB);
		struct classifier_stats s = stats(c);
		assert_int_equal(s.spam_learned + s.innocent_learned, s.history);
		classifier_close(&c);
		free(text);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static bool equals(const char *a, size_t size_a, const char *b, size_t size_b)
{
	return size_a == size_b && memcmp(a, b, size_a) == 0;
}

/* Killed at any moment, an import was made or was not. */
static void test_killed(void **state)
{
	size_t few_size, many_size, size;

	(void)state;
	struct classifier *c = user_open(ALICE);
	correct(c, 1, CLASSIFIER_TRAIN);
	classifier_close(&c);
	char *few = export(ALICE, &few_size);
	alice_make();
	char *many = export(ALICE, &many_size);
	for (unsigned i = 0; i < 15; i++) {
		assert_int_equal(import(BOB, (struct span){few, few_size}, true), STORE_OK);
		pid_t child = fork();
		if (child == 0) {
			import(BOB, (struct span){many, many_size}, true);
			_exit(0);
		}
		usleep(4000 * i);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		char *text = export(BOB, &size);
		assert_true(equals(text, size, many, many_size) ||
			    equals(text, size, few, few_size));
		free(text);
	}
	free(few);
	free(many);
}

static enum store_status count_table(void *context, const char *table, char **error_r)
{
	(void)error_r;
	assert_true(table[0] != '\0');
	++*(unsigned *)context;
	return STORE_OK;
}

static int stop_at_zero(void *context)
{
	return (*(int *)context)-- == 0;
}

/* A list of tables that breaks off is not taken for the whole list. */
static void test_list_breaks_off(void **state)
{
	struct classifier *c = user_open(ALICE);
	unsigned all = 0, failed = 0, count;
	char *error = NULL;

	(void)state;
	assert_int_equal(exchange_tables(c->store->db, count_table, &all, &error), STORE_OK);
	assert_in_range(all, 5, 100);
	for (int first = 0, left = -1; left < 0; first++) {
		left = first;
		count = 0;
		sqlite3_progress_handler(c->store->db, 1, stop_at_zero, &left);
		if (exchange_tables(c->store->db, count_table, &count, &error) == STORE_OK)
			assert_int_equal(count, all);
		else
			failed++;
		free(error);
		error = NULL;
	}
	assert_true(failed > all);
	sqlite3_progress_handler(c->store->db, 0, NULL, NULL);
	classifier_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_life_goes_on, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_replace, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_damage, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_lines, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_quarantine_stays, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_export_beside_lessons, site_setup,
						site_teardown),
		cmocka_unit_test_setup_teardown(test_killed, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_list_breaks_off, site_setup, site_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
