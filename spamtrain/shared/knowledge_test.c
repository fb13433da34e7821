/* What the members of a group share, and what stays each one's own. */
#include "spamtrain/shared/knowledge_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

static const char *const family[] = {"family:", ALICE, BOB, NULL};

/* What alice teaches, bob's filter knows; eve's does not. */
static void test_group_shares(void **state)
{
	struct classifier_message *spam = mail_make(1000, true), *ham = mail_make(1000, false);

	(void)state;
	site_open(family, false);
	train_some(ALICE, 0, 60);
	assert_int_equal(score(BOB, spam).result, CLASSIFIER_SPAM);
	assert_int_equal(score(BOB, ham).result, CLASSIFIER_INNOCENT);
	assert_int_equal(score(EVE, spam).result, CLASSIFIER_INNOCENT);
	assert_same(snapshot_take(ALICE), snapshot_take(BOB));
	classifier_message_free(&spam);
	classifier_message_free(&ham);
}

/* Each copy of a message is a lesson of who got it, once, and is taken back alone. */
static void test_group_same_message(void **state)
{
	struct classifier_message *m = mail_make(1, true);
	char *error = NULL;

	(void)state;
	site_open(family, false);
	train_some(ALICE, 100, 110);
	struct snapshot *before = snapshot_take(BOB), *once;
	train(ALICE, STORE_SPAM, m);
	once = snapshot_take(BOB);
	assert_int_equal(once->sums.spam, before->sums.spam + 1);
	assert_int_equal(correct(ALICE, CLASSIFIER_TRAIN, STORE_SPAM, NULL, m), CLASSIFIER_ALREADY);
	assert_same(once, snapshot_take(ALICE));
	once = snapshot_take(BOB);
	train(BOB, STORE_SPAM, m);
	struct snapshot *twice = snapshot_take(ALICE);
	assert_int_equal(twice->sums.spam, before->sums.spam + 2);
	free(twice);
	assert_int_equal(correct(BOB, CLASSIFIER_UNLEARN, STORE_NONE, NULL, m),
			 CLASSIFIER_TAKEN_BACK);
	assert_same(once, snapshot_take(ALICE));
	struct classifier *c = user_open(ALICE);
	assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
	assert_int_equal(dictionary_merge(c->store, false, &error),
			 STORE_OK); /* and across a snapshot */
	classifier_close(&c);
	assert_int_equal(correct(ALICE, CLASSIFIER_UNLEARN, STORE_NONE, NULL, m),
			 CLASSIFIER_TAKEN_BACK);
	assert_same(before, snapshot_take(BOB));
	classifier_message_free(&m);
}

/* Signatures, history, preferences and trusted senders stay each member's own. */
static void test_group_walls(void **state)
{
	struct classifier_message *m = mail_make(5, true);
	struct classifier_stats stats;
	char *error = NULL;

	(void)state;
	site_open(family, false);
	struct classifier_verdict v = process(ALICE, m);
	assert_int_equal(correct(BOB, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_UNKNOWN);
	struct classifier *c = user_open(BOB);
	assert_int_equal(classifier_stats(c, &stats, &error), CLASSIFIER_OK);
	assert_int_equal(stats.history, 0);
	assert_int_equal(stats.innocent_learned, 0);
	assert_int_equal(classifier_outcome(c, v.signature, STORE_OUTCOME_RELEASED, &error),
			 CLASSIFIER_INVALID);
	free(error);
	error = NULL;
	assert_int_equal(classifier_preference_set(c, "trainingMode", "NOTRAIN", &error),
			 CLASSIFIER_OK);
	classifier_close(&c);
	c = user_open(ALICE);
	assert_int_equal(classifier_preferences(c)->training_mode, TRAINING_TUM);
	classifier_close(&c);
	for (unsigned i = 0; i < 12; i++) { /* a sender whom alice knows well */
		struct classifier_message *ham = mail_make(i * 7, false);
		train(ALICE, STORE_INNOCENT, ham);
		classifier_message_free(&ham);
	}
	train_some(ALICE, 300, 320);
	struct classifier_message *known = mail_make(70000, false);
	assert_int_equal(score(ALICE, known).result, CLASSIFIER_WHITELISTED);
	assert_int_equal(score(BOB, known).result, CLASSIFIER_INNOCENT);
	classifier_message_free(&known);
	classifier_message_free(&m);
}

/* Who joins brings his lessons, who leaves takes them along and has his own filter back. */
static void test_group_joins_and_leaves(void **state)
{
	struct classifier_message *spam = mail_make(1000, true);

	(void)state;
	site_open(NULL, false);
	train_some(ALICE, 0, 60);
	train_some(BOB, 200, 210);
	struct snapshot *alice = snapshot_take(ALICE), *bob = snapshot_take(BOB), *both;
	site_open(family, false);
	both = snapshot_take(BOB);
	assert_int_equal(both->sums.spam, alice->sums.spam + bob->sums.spam);
	free(both);
	struct classifier_verdict v = process(BOB, spam); /* while he is in the group */
	assert_int_equal(v.result, CLASSIFIER_SPAM);
	site_open(NULL, false);
	assert_same(alice, snapshot_take(ALICE));
	/* What he got as a member is corrected, and taken back, afterwards as well. */
	struct snapshot *left = snapshot_take(BOB);
	assert_int_equal(left->sums.spam, bob->sums.spam + 1);
	assert_int_equal(correct(BOB, CLASSIFIER_CORRECT, STORE_INNOCENT, v.signature, NULL),
			 CLASSIFIER_LEARNED);
	assert_int_equal(correct(BOB, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_TAKEN_BACK);
	assert_same(left, snapshot_take(BOB));
	assert_int_equal(correct(BOB, CLASSIFIER_UNLEARN, STORE_NONE, v.signature, NULL),
			 CLASSIFIER_TAKEN_BACK);
	left = snapshot_take(BOB);
	assert_memory_equal(left->counts, bob->counts, sizeof(bob->counts));
	free(left);
	free(bob);
	classifier_message_free(&spam);
}

/* A member who is forgotten, or whose store is damaged, takes nobody else's filter away. */
static void test_group_without_a_member(void **state)
{
	struct classifier_message *spam = mail_make(1000, true);
	char *path = xasprintf("%s/example.test/alice/store.sqlite", folder), *error = NULL;

	(void)state;
	site_open(family, false);
	train_some(BOB, 0, 60);
	struct snapshot *alone = snapshot_take(BOB);
	train_some(ALICE, 100, 130);
	assert_int_equal(score(BOB, spam).result, CLASSIFIER_SPAM);
	assert_int_equal(classifier_forget_user(site, ALICE, &error), CLASSIFIER_OK);
	assert_same(alone, snapshot_take(BOB));
	alone = snapshot_take(BOB);
	train_some(ALICE, 100, 110);
	site_open(family, false);
	char *log = xasprintf("%s-wal", path);
	assert_int_equal(unlink(log), 0);
	free(log);
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "damaged, and no database at all", 31), 31);
	close(fd);
	assert_int_equal(score(BOB, spam).result, CLASSIFIER_SPAM);
	assert_same(alone, snapshot_take(BOB));
	free(path);
	classifier_message_free(&spam);
}

static void *hammer(void *user)
{
	for (unsigned i = 0; i < 40; i++) {
		struct classifier_message *m = mail_make(i + (user != NULL ? 500 : 0), i % 2);
		process(user != NULL ? ALICE : BOB, m);
		classifier_message_free(&m);
	}
	return NULL;
}

/* Members at the same time, in threads and processes: nobody waits for ever, nothing is lost. */
static void test_group_at_once(void **state)
{
	pthread_t threads[2];

	(void)state;
	site_open(family, false);
	train_some(ALICE, 0, 20);
	train_some(BOB, 20, 40);
	pid_t child = fork();
	if (child == 0) {
		site_open(family, false);
		for (unsigned i = 0; i < 30; i++) {
			struct classifier_message *m = mail_make(i + 2000, i % 2);
			process(i % 3 ? ALICE : BOB, m);
			classifier_message_free(&m);
		}
		_exit(0);
	}
	assert_int_equal(pthread_create(&threads[0], NULL, hammer, NULL), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, hammer, folder), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	struct classifier *c = user_open(ALICE);
	struct classifier_stats stats;
	char *error = NULL;
	assert_int_equal(classifier_stats(c, &stats, &error), CLASSIFIER_OK);
	assert_int_equal(stats.history, 20 + 40 + 20);
	classifier_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_group_shares),
		TEST(test_group_same_message),
		TEST(test_group_walls),
		TEST(test_group_joins_and_leaves),
		TEST(test_group_without_a_member),
		TEST(test_group_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
