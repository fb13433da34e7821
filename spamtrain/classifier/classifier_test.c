/*
 * What users are promised: idempotent, reversible, exact, walls between users, nothing lost by kill
 * -9.
 */
#include "spamtrain/classifier/site_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/* Tests of stores that are busy wait for them. */
static struct classifier_site *site_make_hasty(void)
{
	struct classifier_settings settings = site_settings();

	settings.wait_seconds = 1;
	return classifier_site_create(&settings);
}

static int setup(void **state)
{
	(void)state;
	folder_make();
	site = site_make_hasty();
	return 0;
}

/* Everything that a verdict depends on, for the features of the first messages. */
struct snapshot {
	struct dictionary_sums sums;
	struct token_counts counts[20][400];
};

static struct snapshot *snapshot_take(struct classifier *c)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));
	char *error = NULL;

	assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
	s->sums = *dictionary_sums(c->store);
	for (unsigned i = 0; i < 20; i++) {
		struct classifier_message *m = mail_make(i / 2, i % 2);
		assert_true(m->count <= 400);
		dictionary_counts(c->store, m->hashes, m->count, s->counts[i]);
		classifier_message_free(&m);
	}
	return s;
}

static void assert_unchanged(struct classifier *c, struct snapshot *before)
{
	struct snapshot *now = snapshot_take(c);

	assert_memory_equal(before, now, sizeof(*now));
	free(now);
}

static void test_new_account(void **state)
{
	struct classifier *c = user_open(ALICE);

	(void)state;
	for (unsigned i = 0; i < 30;
	     i++) { /* one class only, and no other: still nothing blocked */
		struct classifier_message *m = mail_make(i, true);
		struct classifier_verdict v = user_process(c, m);
		assert_int_equal(v.result, CLASSIFIER_INNOCENT);
		user_correct(c, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL);
		classifier_message_free(&m);
	}
	struct classifier_message *ham = mail_make(1, false);
	assert_int_equal(user_process(c, ham).result, CLASSIFIER_INNOCENT);
	classifier_message_free(&ham);
	classifier_close(&c);
}

static void test_learns(void **state)
{
	struct classifier *c = user_open(ALICE), *bob;

	(void)state;
	user_train(c, 0, 60);
	struct classifier_message *spam = mail_make(1000, true), *ham = mail_make(1000, false);
	assert_int_equal(user_process(c, spam).result, CLASSIFIER_SPAM);
	assert_int_equal(user_process(c, ham).result, CLASSIFIER_INNOCENT);
	classifier_close(&c);
	bob = user_open(BOB);
	assert_int_equal(user_process(bob, spam).result, CLASSIFIER_INNOCENT);
	classifier_close(&bob);
	classifier_message_free(&spam);
	classifier_message_free(&ham);
}

static void test_redelivery(void **state)
{
	struct classifier *c = user_open(ALICE);
	struct classifier_message *m = mail_make(3, false);

	(void)state;
	user_prefers(c, "trainingMode", "TEFT");
	struct classifier_verdict first = user_process(c, m);
	assert_false(first.again);
	struct snapshot *before = snapshot_take(c);
	struct classifier_verdict second = user_process(c, m);
	assert_true(second.again);
	assert_string_equal(first.signature, second.signature);
	assert_int_equal(first.result, second.result);
	assert_unchanged(c, before);
	free(before);
	classifier_message_free(&m);
	classifier_close(&c);
}

static void correction_round(const char *mode)
{
	struct classifier *c = user_open(ALICE);
	struct classifier_message *m = mail_make(5, true);

	user_prefers(c, "trainingMode", mode);
	user_train(c, 100, 130);
	struct classifier_verdict v = user_process(c, m);
	enum store_class right = v.result == CLASSIFIER_SPAM ? STORE_SPAM : STORE_INNOCENT;
	enum store_class wrong = right == STORE_SPAM ? STORE_INNOCENT : STORE_SPAM;
	struct snapshot *judged = snapshot_take(c);

	assert_int_equal(user_correct(c, CLASSIFIER_CORRECT, right, v.signature, NULL),
			 CLASSIFIER_ALREADY);
	assert_unchanged(c, judged);
	assert_int_equal(user_correct(c, CLASSIFIER_CORRECT, wrong, v.signature, NULL),
			 CLASSIFIER_LEARNED);
	struct snapshot *corrected = snapshot_take(c);
	assert_memory_not_equal(judged, corrected, sizeof(*judged));
	assert_int_equal(user_correct(c, CLASSIFIER_CORRECT, wrong, NULL, m), CLASSIFIER_ALREADY);
	assert_unchanged(c, corrected);
	assert_int_equal(user_correct(c, CLASSIFIER_CORRECT, right, NULL, m),
			 CLASSIFIER_TAKEN_BACK);
	assert_unchanged(c, judged);
	assert_int_equal(user_correct(c, CLASSIFIER_CORRECT, wrong, v.signature, m),
			 CLASSIFIER_LEARNED);
	assert_unchanged(c, corrected);
	free(judged);
	free(corrected);
	classifier_message_free(&m);
	classifier_close(&c);
}

static void test_corrections(void **state)
{
	static const char *const modes[] = {"TEFT", "TOE", "TUM", "NOTRAIN"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		correction_round(modes[i]);
		site_teardown(NULL);
		setup(NULL);
	}
}

static void test_unlearn(void **state)
{
	struct classifier *c = user_open(ALICE);
	struct classifier_message *m = mail_make(3000, true);
	char *error = NULL;

	(void)state;
	user_train(c, 0, 40);
	struct snapshot *before = snapshot_take(c);
	assert_int_equal(user_correct(c, CLASSIFIER_TRAIN, STORE_SPAM, NULL, m),
			 CLASSIFIER_LEARNED);
	struct snapshot *after = snapshot_take(c);
	assert_int_equal(dictionary_merge(c->store, false, &error),
			 STORE_OK); /* across a snapshot, too */
	assert_unchanged(c, after);
	assert_int_equal(user_correct(c, CLASSIFIER_UNLEARN, STORE_NONE, NULL, m),
			 CLASSIFIER_TAKEN_BACK);
	assert_unchanged(c, before);
	assert_int_equal(user_correct(c, CLASSIFIER_UNLEARN, STORE_NONE, NULL, m),
			 CLASSIFIER_ALREADY);
	assert_int_equal(user_correct(c, CLASSIFIER_TRAIN, STORE_SPAM, NULL, m),
			 CLASSIFIER_LEARNED);
	assert_unchanged(c, after);
	free(before);
	free(after);
	classifier_message_free(&m);
	classifier_close(&c);
}

static void test_walls(void **state)
{
	struct classifier *c = user_open(ALICE);
	struct classifier_message *m = mail_make(1, true);
	struct classifier_verdict v = user_process(c, m);

	(void)state;
	classifier_close(&c);
	c = user_open(BOB);
	assert_int_equal(user_correct(c, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_UNKNOWN);
	struct classifier_stats stats;
	char *error = NULL;
	assert_int_equal(classifier_stats(c, &stats, &error), CLASSIFIER_OK);
	assert_int_equal(stats.history, 0);
	assert_int_equal(user_correct(c, CLASSIFIER_CORRECT, STORE_SPAM, "../../etc/passwd", NULL),
			 CLASSIFIER_UNKNOWN);
	classifier_close(&c);
	classifier_message_free(&m);
	assert_int_equal(classifier_open(site, "no address", true, &c, &error), CLASSIFIER_INVALID);
	assert_non_null(error);
	free(error);
	assert_null(store_user_directory("/users", "../../x@.."));
	assert_null(store_user_directory("/users", "x@../y"));
	char *path = store_user_directory("/users", "..%2f@x.test");
	assert_string_equal(path, "/users/x.test/%2E.%252f");
	free(path);
}

static int64_t lessons_of(struct classifier *c)
{
	char *error = NULL;

	assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
	return dictionary_sums(c->store)->spam + dictionary_sums(c->store)->innocent;
}

/*
 * After 100 of each class: TEFT learns what it is sure of, TUM and TOE do not, NOTRAIN never does.
 */
static void test_modes(void **state)
{
	static const struct {
		const char *mode;
		int64_t learned;
	} cases[] = {{"TEFT", 1}, {"TUM", 0}, {"TOE", 0}, {"NOTRAIN", 0}};
	struct classifier *c = user_open(ALICE);

	(void)state;
	user_train(c, 0, 1000);
	for (unsigned i = 0; i < 4; i++) {
		struct classifier_message *m = mail_make(5000 + i, true);
		user_prefers(c, "trainingMode", cases[i].mode);
		int64_t before = lessons_of(c);
		struct classifier_verdict v = user_process(c, m);
		assert_int_equal(v.result, CLASSIFIER_SPAM);
		assert_int_equal(lessons_of(c) - before, cases[i].learned);
		assert_int_equal(
			user_correct(c, CLASSIFIER_CORRECT, STORE_INNOCENT, v.signature, NULL),
			CLASSIFIER_LEARNED);
		assert_int_equal(lessons_of(c) - before, 1);
		user_correct(c, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL);
		assert_int_equal(lessons_of(c) - before, cases[i].learned);
		classifier_message_free(&m);
	}
	classifier_close(&c);
}

/* Many lessons, many snapshots; a second process sees the same counts. */
static void test_merges(void **state)
{
	struct classifier *c = user_open(ALICE);
	struct classifier_stats stats;
	char *error = NULL;

	(void)state;
	user_prefers(c, "trainingMode", "TOE"); /* whose tokens are not purged */
	user_train(c, 0, 1200);
	struct snapshot *s = snapshot_take(c);
	assert_int_equal(s->sums.spam + s->sums.innocent, 1200);
	classifier_close(&c);
	classifier_site_free(&site);
	site = site_make_hasty();
	c = user_open(ALICE);
	assert_unchanged(c, s);
	char *stray = xasprintf("%s/tokens.99.0", store_directory(c->store));
	assert_int_equal(close(creat(stray, 0600)), 0);
	assert_int_equal(classifier_purge(c, time(NULL) + 1000L * 86400, &error), CLASSIFIER_OK);
	assert_int_equal(access(stray, F_OK), -1);
	free(stray);
	assert_unchanged(c, s);
	assert_int_equal(classifier_stats(c, &stats, &error), CLASSIFIER_OK);
	assert_int_equal(stats.history, 0);
	assert_int_equal(stats.signatures, 0);
	free(s);
	classifier_close(&c);
}

static void child_run(int out)
{
	struct classifier_site *own = site_make_hasty();
	struct classifier *c = NULL;
	char *error = NULL;

	for (unsigned i = 0;; i++) {
		struct classifier_message *m = mail_make(i, i % 2);
		struct classifier_verdict v;
		if (classifier_open(own, ALICE, true, &c, &error) != CLASSIFIER_OK ||
		    classifier_process(c, m, NULL, &v, &error) != CLASSIFIER_OK)
			_exit(1);
		classifier_close(&c);
		if (write(out, v.signature, STORE_SIGNATURE_SIZE) != STORE_SIGNATURE_SIZE)
			_exit(1);
		classifier_verdict_free(&v);
		classifier_message_free(&m);
	}
}

/* Every signature that was acknowledged before the kill is there, and the store works. */
static void test_kill(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 5; round++) {
		int fds[2], status;
		char signature[STORE_SIGNATURE_SIZE];
		assert_int_equal(pipe(fds), 0);
		pid_t pid = fork();
		if (pid == 0)
			child_run(fds[1]);
		close(fds[1]);
		usleep(150000 + round * 70000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		struct classifier *c = user_open(ALICE);
		while (read(fds[0], signature, sizeof(signature)) == sizeof(signature)) {
			struct store_message row;
			char *error = NULL;
			assert_int_equal(
				store_message_by_signature(c->store, signature, &row, &error),
				STORE_OK);
			store_message_free(&row);
		}
		close(fds[0]);
		struct classifier_message *m = mail_make(900000 + round, true);
		user_process(c, m);
		classifier_message_free(&m);
		classifier_close(&c);
	}
}

static void test_preferences(void **state)
{
	struct classifier *c = user_open(ALICE);
	char *error = NULL;

	(void)state;
	assert_int_equal(classifier_preference_set(c, "SPAMACTION", "tag", &error), CLASSIFIER_OK);
	assert_int_equal(classifier_preferences(c)->spam_action, SPAM_ACTION_TAG);
	assert_int_equal(classifier_preference_set(c, "spamAction", NULL, &error), CLASSIFIER_OK);
	assert_int_equal(classifier_preferences(c)->spam_action, SPAM_ACTION_DELIVER);
	assert_int_equal(classifier_preference_set(c, "statisticalSedation", "11", &error),
			 CLASSIFIER_INVALID);
	assert_non_null(strstr(error, "0 to 10"));
	free(error);
	error = NULL;
	assert_int_equal(classifier_preference_set(c, "spamSubject", "a\r\nBcc: x", &error),
			 CLASSIFIER_INVALID);
	free(error);
	error = NULL;
	assert_int_equal(classifier_preference_set(c, "nonsense", "1", &error), CLASSIFIER_INVALID);
	assert_non_null(strstr(error, "trainingMode"));
	free(error);
	classifier_close(&c);
}

/* A store that another thread does not give back holds up nobody else, and him not for ever. */
static void test_busy(void **state)
{
	struct classifier *alice = user_open(ALICE), *again = NULL, *bob;
	char *error = NULL;

	(void)state;
	assert_int_equal(classifier_open(site, ALICE, true, &again, &error), CLASSIFIER_DEFER);
	assert_null(again);
	assert_non_null(strstr(error, "busy"));
	free(error);
	bob = user_open(BOB);
	classifier_close(&bob);
	classifier_close(&alice);
	alice = user_open(ALICE);
	classifier_close(&alice);
}

/* Who holds mail is not forgotten; who is, may come again. */
static void test_forget(void **state)
{
	struct store_quarantined row = {
		.signature = "0123456789abcdef01234567", .file = (char[]){"x"}, .added = 1};
	struct classifier *c = user_open(ALICE);
	char *replaced, *error = NULL;

	(void)state;
	assert_int_equal(store_quarantine_add(c->store, &row, &replaced, &error), STORE_OK);
	classifier_close(&c);
	assert_int_equal(classifier_forget_user(site, ALICE, &error), CLASSIFIER_INVALID);
	free(error);
	c = user_open(ALICE);
	assert_int_equal(store_quarantine_delete(c->store, &row, STORE_OUTCOME_DELETED, &error),
			 STORE_OK);
	classifier_close(&c);
	assert_int_equal(classifier_forget_user(site, ALICE, &error), CLASSIFIER_OK);
	assert_int_equal(classifier_open(site, ALICE, false, &c, &error), CLASSIFIER_OK);
	assert_null(c);
	assert_int_equal(classifier_forget_user(site, ALICE, &error), CLASSIFIER_INVALID);
	free(error);
	c = user_open(ALICE);
	classifier_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_account, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_learns, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_redelivery, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_corrections, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_unlearn, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_walls, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_merges, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_kill, setup, site_teardown),
		cmocka_unit_test_setup_teardown(test_preferences, setup, site_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
