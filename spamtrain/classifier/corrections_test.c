/*
 * Property: whatever was processed, corrected, unlearned and forgotten in whatever order, with
 * merges and restarts in between, the store holds exactly what a fresh one holds that was taught
 * only the final state of each message. Final state: verdict, its scores, and struct lesson_state.
 */
#include "spamtrain/classifier/classifier_fixture.h"

#include <time.h>

#define MESSAGES 80
#define STEPS	 4000
#define ROUNDS	 8

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * UINT32_C(1664525) + UINT32_C(1013904223);
	return (random_state >> 8) % n;
}

static struct classifier_message *message_make(unsigned number)
{
	struct strbuf text = STRBUF_INIT;
	bool spam = number % 2;

	strbuf_printf(
		&text, "From: %s%u@example.org\nSubject: %s %u\nMessage-ID: <%u@example.test>\n\n",
		spam ? "seller" : "friend", number % 6, spam ? "pills" : "meeting", number, number);
	for (unsigned i = 0; i < 40; i++)
		strbuf_printf(&text, "%s%u\n",
			      i % 2  ? "common"
			      : spam ? "pill"
				     : "paper",
			      (number * 7 + i * i) % 50);
	struct classifier_message *m = message_read_text(strbuf_text(&text));
	strbuf_free(&text);
	return m;
}

/* ---- random steps ---- */

static char signatures[MESSAGES][STORE_SIGNATURE_SIZE];

static void step_process(unsigned number)
{
	struct classifier_message *m = message_make(number);
	struct classifier_verdict v = process(m);

	memcpy(signatures[number], v.signature, sizeof(v.signature));
	classifier_message_free(&m);
}

/* With the signature, with the message, or with both. */
static void step_correct(unsigned number)
{
	static const enum classifier_teaching teachings[] = {CLASSIFIER_CORRECT, CLASSIFIER_CORRECT,
							     CLASSIFIER_CORRECT, CLASSIFIER_TRAIN,
							     CLASSIFIER_UNLEARN};
	enum classifier_teaching teaching = teachings[random_below(5)];
	enum store_class class = random_below(2) ? STORE_SPAM : STORE_INNOCENT;
	unsigned way = random_below(3);
	struct classifier_message *m = way == 0 ? NULL : message_make(number);
	const char *signature = way == 1 ? NULL : signatures[number];

	enum classifier_corrected first = correct(teaching, class, signature, m);
	enum classifier_corrected second = correct(teaching, class, signature, m);
	if (first == CLASSIFIER_UNKNOWN)
		assert_int_equal(second, CLASSIFIER_UNKNOWN);
	else
		assert_int_equal(second, CLASSIFIER_ALREADY);
	classifier_message_free(&m);
}

static void step_rare(unsigned what)
{
	static const char *const modes[] = {"TEFT", "TUM", "TOE", "NOTRAIN"};
	char *error = NULL;
	uint64_t forgotten;

	switch (what) {
	case 0:
		assert_int_equal(classifier_forget_since(c, time(NULL) - 60, &forgotten, &error),
				 CLASSIFIER_OK);
		break;
	case 1:
	case 2:
		assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
		assert_int_equal(dictionary_merge(c->store, false, &error), STORE_OK);
		break;
	case 3:
		assert_int_equal(
			classifier_rescore(c, 1 + random_below(2 * MESSAGES), NULL, &error),
			CLASSIFIER_OK);
		break;
	case 4:
		classifier_close(&c);
		classifier_site_free(&site);
		site = site_make();
		open_user(ALICE);
		break;
	default:
		preference_set("trainingMode", modes[random_below(4)]);
	}
}

static void step(void)
{
	unsigned what = random_below(100), number = random_below(MESSAGES);

	if (what < 30)
		step_process(number);
	else if (what < 96)
		step_correct(number);
	else
		step_rare(random_below(40) == 0 ? 0 : 1 + random_below(7));
}

/* ---- the final state, taught to a fresh store ---- */

struct final {
	struct store_message row;
	struct lesson_state state;
	uint32_t *hashes;
	size_t count;
};

static struct final finals[MESSAGES];
static size_t final_count;

static bool row_take(void *context, const struct store_message *row)
{
	struct final *f = &finals[final_count++];

	(void)context;
	f->row = *row;
	f->row.sender = f->row.from = f->row.subject = f->row.message_id = NULL;
	f->row.queue_id = f->row.source = f->row.factors = f->row.virus = NULL;
	f->state = (struct lesson_state){row->taught, row->counted, row->corrected};
	return true;
}

static void finals_take(void)
{
	struct store_filter filter = {.result = -1, .limit = MESSAGES};
	char *error = NULL;
	unsigned version;

	final_count = 0;
	assert_int_equal(store_message_list(c->store, &filter, row_take, NULL, &error), STORE_OK);
	for (size_t i = 0; i < final_count; i++)
		assert_int_equal(store_features_get(c->store, finals[i].row.id, &version,
						    &finals[i].hashes, &finals[i].count, &error),
				 STORE_OK);
}

static void finals_teach(void)
{
	char *error = NULL;

	assert_int_equal(store_begin(c->store, &error), STORE_OK);
	for (size_t i = 0; i < final_count; i++) {
		struct final *f = &finals[i];
		f->row.taught = f->row.counted = f->row.corrected = STORE_NONE;
		assert_int_equal(store_message_add(c->store, &f->row, &error), STORE_OK);
		assert_int_equal(store_features_add(c->store, f->row.id, FEATURES_VERSION,
						    f->hashes, f->count, &error),
				 STORE_OK);
		assert_int_equal(teach(c, &f->row, f->state, &error), CLASSIFIER_OK);
		free(f->hashes);
	}
	assert_int_equal(store_commit(c->store, &error), STORE_OK);
}

struct snapshot {
	struct dictionary_sums sums;
	struct token_counts counts[MESSAGES][256];
	struct store_sender senders[MESSAGES][2];
};

static struct snapshot *snapshot_take(void)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));
	char *error = NULL;

	assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
	s->sums = *dictionary_sums(c->store);
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct classifier_message *m = message_make(i);
		assert_true(m->count <= 256);
		dictionary_counts(c->store, m->hashes, m->count, s->counts[i]);
		assert_int_equal(
			store_sender_get(c->store, m->sender_key, &s->senders[i][0], &error),
			STORE_OK);
		assert_int_equal(
			store_sender_get(c->store, m->route_key, &s->senders[i][1], &error),
			STORE_OK);
		classifier_message_free(&m);
	}
	return s;
}

/* Counted from the rows alone, without teach(). */
static void assert_sums(const struct dictionary_sums *sums)
{
	int64_t spam = 0, innocent = 0;

	for (size_t i = 0; i < final_count; i++) {
		spam += finals[i].state.taught == STORE_SPAM;
		innocent += finals[i].state.taught == STORE_INNOCENT;
	}
	assert_int_equal(sums->spam, spam);
	assert_int_equal(sums->innocent, innocent);
}

static void test_any_way_leads_there(void **state)
{
	(void)state;
	random_state = (uint32_t)time(NULL);
	print_message("random seed %u\n", random_state);
	for (unsigned i = 0; i < STEPS; i++) {
		step();
		if (i % (STEPS / ROUNDS) != 0)
			continue;
		struct snapshot *walked = snapshot_take(), *taught;
		finals_take();
		assert_sums(&walked->sums);
		open_user(BOB);
		finals_teach();
		taught = snapshot_take();
		assert_memory_equal(walked, taught, sizeof(*walked));
		free(walked);
		free(taught);
		classifier_close(&c);
		char *error = NULL;
		assert_int_equal(classifier_forget_user(site, BOB, &error), CLASSIFIER_OK);
		open_user(ALICE);
	}
}

/* ---- signature or message missing or expired ---- */

static void expire_signatures(void)
{
	char *error = NULL;

	assert_int_equal(classifier_purge(c, time(NULL) + 30 * 86400, &error), CLASSIFIER_OK);
}

static void test_ways(void **state)
{
	struct classifier_message *m = message_make(1), *other = message_make(3);
	struct classifier_verdict v = process(m);

	(void)state;
	/* by the signature alone; by the message alone; again by both */
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_LEARNED);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, NULL, m), CLASSIFIER_ALREADY);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_INNOCENT, NULL, m),
			 CLASSIFIER_TAKEN_BACK);
	/* a signature that nobody has, with a message that is known by its digest */
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, "0123456789abcdef01234567", m),
			 CLASSIFIER_LEARNED);
	/* neither */
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, "0123456789abcdef01234567", NULL),
			 CLASSIFIER_UNKNOWN);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, NULL, NULL), CLASSIFIER_UNKNOWN);
	/* a message that was never seen is learned, and unlearned */
	assert_int_equal(correct(CLASSIFIER_UNLEARN, STORE_NONE, NULL, other), CLASSIFIER_UNKNOWN);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, NULL, other), CLASSIFIER_LEARNED);
	assert_int_equal(correct(CLASSIFIER_UNLEARN, STORE_NONE, NULL, other),
			 CLASSIFIER_TAKEN_BACK);
	classifier_message_free(&m);
	classifier_message_free(&other);
}

static void test_expired(void **state)
{
	struct classifier_message *m = message_make(1);
	struct classifier_verdict v = process(m);
	struct snapshot *before = snapshot_take(), *after;

	(void)state;
	expire_signatures();
	/* without features nothing can be taken back exactly, so nothing is changed */
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_UNKNOWN);
	after = snapshot_take();
	assert_memory_equal(before, after, sizeof(*before));
	free(after);
	/* the message brings them back */
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, v.signature, m),
			 CLASSIFIER_LEARNED);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_INNOCENT, v.signature, NULL),
			 CLASSIFIER_TAKEN_BACK);
	after = snapshot_take();
	assert_memory_equal(before, after, sizeof(*before));
	free(before);
	free(after);
	classifier_message_free(&m);
}

/* The filter doubted its verdict; the user says that it was right after all. */
static void test_doubted(void **state)
{
	struct classifier_message *m = message_make(2);
	struct classifier_verdict v = process(m);
	struct store_message row;
	char *error = NULL;

	(void)state;
	assert_int_equal(v.result, CLASSIFIER_INNOCENT);
	assert_int_equal(store_begin(c->store, &error), STORE_OK);
	assert_int_equal(store_message_by_signature(c->store, v.signature, &row, &error), STORE_OK);
	assert_int_equal(row.taught, STORE_INNOCENT);
	assert_int_equal(teach(c, &row, (struct lesson_state){0}, &error), CLASSIFIER_OK);
	assert_int_equal(store_message_update(c->store, &row, &error), STORE_OK);
	store_message_free(&row);
	assert_int_equal(store_commit(c->store, &error), STORE_OK);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_INNOCENT, v.signature, NULL),
			 CLASSIFIER_LEARNED);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_INNOCENT, v.signature, NULL),
			 CLASSIFIER_ALREADY);
	assert_int_equal(store_message_by_signature(c->store, v.signature, &row, &error), STORE_OK);
	assert_int_equal(row.taught, STORE_INNOCENT);
	assert_int_equal(row.corrected, STORE_INNOCENT);
	store_message_free(&row);
	classifier_message_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_any_way_leads_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_doubted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
