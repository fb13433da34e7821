/*
 * What users share: a group's dictionary, the site's; what they do not; and that nobody's lesson
 * reaches others unless several users have taught it.
 */
#include "spamtrain/classifier_internal.h"
#include "spamtrain/site_build.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ALICE "alice@example.test"
#define BOB   "bob@example.test"
#define EVE   "eve@example.test"

static char folder[] = "/tmp/knowledge_test.XXXXXX";
static char *file;
static struct classifier_site *site;
static bool others_take_part = true; /* in the site dictionary, if they did not say so */

/* words: of dictionary_groups; from_site: new users start from the site dictionary. */
static void site_open(const char *const *words, bool from_site)
{
	struct classifier_settings settings;
	char *error = NULL;

	classifier_settings_init(&settings);
	settings.users_directory = folder;
	settings.open_stores_max = 2;
	settings.quick = true;
	settings.preferences.site_dictionary = others_take_part;
	settings.preferences.sedation = 1; /* messages of two dozen words are no strong cases */
	settings.wait_seconds = 20;
	settings.site_file = from_site ? file : NULL;
	if (words != NULL)
		assert_int_equal(groups_parse(&settings.groups, words, &error), 0);
	classifier_site_free(&site);
	site = classifier_site_create(&settings);
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	file = xasprintf("%s/.site/dictionary", folder);
	return 0;
}

static int teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	classifier_site_free(&site);
	assert_int_equal(system(command), 0);
	free(command);
	free(file);
	return 0;
}

static struct classifier *open_user(const char *user)
{
	struct classifier *c = NULL;
	char *error = NULL;

	assert_int_equal(classifier_open(site, user, true, &c, &error), CLASSIFIER_OK);
	return c;
}

/* A message of its own by number; spam and ham share half of their words. */
static struct classifier_message *message_make(unsigned number, bool spam)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_printf(&text,
		      "From: %s%u@example.%s\nSubject: %s %u\nMessage-ID: <%u.%d@example.test>\n\n",
		      spam ? "seller" : "friend", number % 7, spam ? "biz" : "org",
		      spam ? "cheap pills" : "our meeting", number, number, spam);
	for (unsigned i = 0; i < 120; i++)
		strbuf_printf(&text, "%s%u ",
			      i % 2 == 0 ? "common"
			      : spam	 ? "pill"
					 : "paper",
			      (number * 7 + i * i) % (i % 3 == 0 ? 4000 : 90));
	strbuf_append_text(&text, "\n");
	struct classifier_message *m = classifier_message_read(strbuf_span(&text), text.size);
	strbuf_free(&text);
	return m;
}

static struct classifier_message *message_of(const char *text)
{
	return classifier_message_read(span_of(text), strlen(text));
}

static struct classifier_verdict process(const char *user, const struct classifier_message *m)
{
	struct classifier *c = open_user(user);
	struct classifier_verdict verdict;
	char *error = NULL;

	assert_int_equal(classifier_process(c, m, NULL, &verdict, &error), CLASSIFIER_OK);
	classifier_verdict_free(&verdict);
	classifier_close(&c);
	return verdict;
}

static struct classifier_verdict score(const char *user, const struct classifier_message *m)
{
	struct classifier *c = open_user(user);
	struct classifier_verdict verdict;
	char *error = NULL;

	assert_int_equal(classifier_score(c, m, &verdict, &error), CLASSIFIER_OK);
	classifier_verdict_free(&verdict);
	classifier_close(&c);
	return verdict;
}

static enum classifier_corrected correct(const char *user, enum classifier_teaching teaching,
					 enum store_class class, const char *signature,
					 const struct classifier_message *m)
{
	struct classifier *c = open_user(user);
	struct classifier_correction correction = {.teaching = teaching,
						   .class = class,
						   .signature = signature,
						   .message = m,
						   .source = "test"};
	enum classifier_corrected corrected;
	char *error = NULL;

	assert_int_equal(classifier_correct(c, &correction, &corrected, &error), CLASSIFIER_OK);
	classifier_close(&c);
	return corrected;
}

static void train(const char *user, enum store_class class, const struct classifier_message *m)
{
	assert_int_equal(correct(user, CLASSIFIER_TRAIN, class, NULL, m), CLASSIFIER_LEARNED);
}

/* Spam and ham by turns. */
static void train_some(const char *user, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct classifier_message *m = message_make(i / 2, i % 2);
		train(user, i % 2 ? STORE_SPAM : STORE_INNOCENT, m);
		classifier_message_free(&m);
	}
}

/* What a verdict of the user about some messages depends on. */
struct snapshot {
	struct dictionary_sums sums;
	struct token_counts counts[12][400];
};

static struct snapshot *snapshot_take(const char *user)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));
	struct classifier *c = open_user(user);
	char *error = NULL;

	assert_int_equal(knowledge_refresh(c, &error), STORE_OK);
	s->sums = *knowledge_sums(c);
	for (unsigned i = 0; i < 12; i++) {
		struct classifier_message *m = message_make(i / 2, i % 2);
		assert_true(m->count <= 400);
		knowledge_counts(c, m->hashes, m->count, s->counts[i]);
		classifier_message_free(&m);
	}
	classifier_close(&c);
	return s;
}

static void assert_same(struct snapshot *a, struct snapshot *b)
{
	assert_memory_equal(a, b, sizeof(*a));
	free(a);
	free(b);
}

/* ---- groups ---- */

static const char *const family[] = {"family:", ALICE, BOB, NULL};

/* What alice teaches, bob's filter knows; eve's does not. */
static void test_group_shares(void **state)
{
	struct classifier_message *spam = message_make(1000, true),
				  *ham = message_make(1000, false);

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
	struct classifier_message *m = message_make(1, true);
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
	struct classifier *c = open_user(ALICE);
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
	struct classifier_message *m = message_make(5, true);
	struct classifier_stats stats;
	char *error = NULL;

	(void)state;
	site_open(family, false);
	struct classifier_verdict v = process(ALICE, m);
	assert_int_equal(correct(BOB, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_UNKNOWN);
	struct classifier *c = open_user(BOB);
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
	c = open_user(ALICE);
	assert_int_equal(classifier_preferences(c)->training_mode, TRAINING_TUM);
	classifier_close(&c);
	for (unsigned i = 0; i < 12; i++) { /* a sender whom alice knows well */
		struct classifier_message *ham = message_make(i * 7, false);
		train(ALICE, STORE_INNOCENT, ham);
		classifier_message_free(&ham);
	}
	train_some(ALICE, 300, 320);
	struct classifier_message *known = message_make(70000, false);
	assert_int_equal(score(ALICE, known).result, CLASSIFIER_WHITELISTED);
	assert_int_equal(score(BOB, known).result, CLASSIFIER_INNOCENT);
	classifier_message_free(&known);
	classifier_message_free(&m);
}

/* Who joins brings his lessons, who leaves takes them along and has his own filter back. */
static void test_group_joins_and_leaves(void **state)
{
	struct classifier_message *spam = message_make(1000, true);

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
	struct classifier_message *spam = message_make(1000, true);
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
		struct classifier_message *m = message_make(i + (user != NULL ? 500 : 0), i % 2);
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
			struct classifier_message *m = message_make(i + 2000, i % 2);
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
	struct classifier *c = open_user(ALICE);
	struct classifier_stats stats;
	char *error = NULL;
	assert_int_equal(classifier_stats(c, &stats, &error), CLASSIFIER_OK);
	assert_int_equal(stats.history, 20 + 40 + 20);
	classifier_close(&c);
}

/* ---- the site dictionary ---- */

static struct site_header build_with(unsigned quorum)
{
	const struct site_build build = {
		.users_directory = folder, .file = file, .quorum = quorum, .site = site};
	struct site_header header;
	char *error = NULL;

	if (site_build(&build, &header, &error) != 0)
		fail_msg("%s", error);
	return header;
}

static struct site_header build(void)
{
	return build_with(3);
}

/* The file, but for its header. */
static struct strbuf content(void)
{
	struct strbuf text = STRBUF_INIT;
	FILE *in = fopen(file, "r");
	char block[4096];
	size_t n;

	assert_non_null(in);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		strbuf_append(&text, block, n);
	fclose(in);
	return text;
}

static void assert_same_content(struct strbuf a, struct strbuf b)
{
	assert_int_equal(a.size, b.size);
	assert_memory_equal(a.data + sizeof(struct site_header),
			    b.data + sizeof(struct site_header),
			    a.size - sizeof(struct site_header));
	strbuf_free(&a);
	strbuf_free(&b);
}

/* So many users who each taught 40 of each class, of their own but alike. */
static void teachers(unsigned count)
{
	for (unsigned u = 0; u < count; u++) {
		char user[40];
		snprintf(user, sizeof(user), "teacher%u@example.test", u);
		train_some(user, 200 * u, 200 * u + 80);
	}
}

static void test_levels(void **state)
{
	(void)state;
	assert_int_equal(site_level(0, 100), 0);
	assert_int_equal(site_level(100, 100), SITE_LEVEL_MAX);
	assert_int_equal(site_level(50, 100), SITE_LEVEL_MAX - 2);
	assert_int_equal(site_level(1, 100000), 1);
	/* One message is not "all of his mail". */
	assert_int_equal(site_level(1, 1), site_level(1, 20));
	for (uint32_t n = 1; n < 100; n++)
		assert_true(site_level(n, 100) <= site_level(n + 1, 100));
	assert_int_equal(site_dictionary_weight(0, 0), SITE_WEIGHT);
	assert_int_equal(site_dictionary_weight(1000, 0), SITE_WEIGHT);
	assert_int_equal(site_dictionary_weight(SITE_FADED / 2, 1000), SITE_WEIGHT / 2);
	assert_int_equal(site_dictionary_weight(SITE_FADED, SITE_FADED), 0);
	assert_int_equal(site_dictionary_weight(-1, -1), SITE_WEIGHT);
}

/* A new user of a site that is solid is filtered from his first message on; others are not. */
static void test_site_seeds(void **state)
{
	struct classifier_message *spam = message_make(9000, true),
				  *ham = message_make(9000, false);

	(void)state;
	site_open(NULL, true);
	teachers(6);
	assert_int_equal(score(EVE, spam).result, CLASSIFIER_INNOCENT); /* not made yet */
	struct site_header header = build();
	assert_int_equal(header.users, 6);
	assert_int_equal(header.spam, 240);
	assert_true(site_header_is_solid(&header));
	site_open(NULL, true);
	assert_int_equal(score(EVE, spam).result, CLASSIFIER_SPAM);
	assert_int_equal(score(EVE, ham).result, CLASSIFIER_INNOCENT);
	site_open(NULL, false);
	assert_int_equal(score(EVE, spam).result, CLASSIFIER_INNOCENT);
	classifier_message_free(&spam);
	classifier_message_free(&ham);
}

/* Two users, whatever they taught, are no site. */
static void test_site_not_solid(void **state)
{
	struct classifier_message *spam = message_make(9000, true);

	(void)state;
	site_open(NULL, true);
	train_some("teacher0@example.test", 0, 300);
	train_some("teacher1@example.test", 300, 600);
	struct site_header header = build();
	assert_false(site_header_is_solid(&header));
	assert_int_equal(header.entries, 0);
	site_open(NULL, true);
	assert_int_equal(score(EVE, spam).result, CLASSIFIER_INNOCENT);
	header = build_with(2); /* an admin may ask for fewer; twice as many must be there */
	assert_true(header.entries > 0 && !site_header_is_solid(&header));
	classifier_message_free(&spam);
}

/* Of each feature of m: is it in the site dictionary as spam? */
static bool *known_as_spam(const struct classifier_message *m)
{
	bool *known = xcalloc(m->count, sizeof(*known));
	struct site_dictionary *d;
	char *error = NULL;

	assert_int_equal(site_dictionary_open(&d, file, FEATURES_VERSION, &error), 0);
	for (size_t i = 0; i < m->count; i++)
		known[i] = site_dictionary_find(d, m->hashes[i]).spam > 0;
	site_dictionary_unref(&d);
	return known;
}

static struct classifier_message *bank_mail(unsigned user, unsigned number)
{
	char *text = xasprintf("From: bank@bank.example\nSubject: statement balance ledger\n"
			       "Message-ID: <%u.%u@bank>\n\n"
			       "quarterly statement ledger balance interest mortgage\n",
			       user, number);
	struct classifier_message *m = message_of(text);

	free(text);
	return m;
}

static void poison(unsigned villain)
{
	char *user = xasprintf("villain%u@example.test", villain);

	for (unsigned i = 0; i < 60; i++) {
		struct classifier_message *m = bank_mail(villain, i);
		train(user, STORE_SPAM, m);
		classifier_message_free(&m);
	}
	free(user);
	build();
	site_open(NULL, true);
}

/* What fewer than three users taught is no lesson at all, however often they taught it. */
static void test_site_poison(void **state)
{
	struct classifier_message *target = bank_mail(99, 99);

	(void)state;
	site_open(NULL, true);
	teachers(6);
	build();
	site_open(NULL, true);
	bool *before = known_as_spam(target), *after;
	double sound = score(EVE, target).score;
	for (unsigned villain = 0; villain < 2; villain++) {
		poison(villain);
		after = known_as_spam(target);
		assert_memory_equal(before, after, target->count * sizeof(*before));
		free(after);
		assert_true(score(EVE, target).score < engine_threshold(5));
	}
	poison(2); /* a third one makes it a lesson */
	after = known_as_spam(target);
	assert_memory_not_equal(before, after, target->count * sizeof(*before));
	assert_true(score(EVE, target).score > sound);
	free(before);
	free(after);
	classifier_message_free(&target);
}

/* The user's own lessons win, from the first one on, and the site fades. */
static void test_site_own_wins(void **state)
{
	struct classifier_message *spam = message_make(9000, true),
				  *alike = message_make(9007, true);

	(void)state;
	site_open(NULL, true);
	teachers(6);
	build();
	site_open(NULL, true);
	struct classifier_verdict v = process(EVE, spam);
	assert_int_equal(v.result, CLASSIFIER_SPAM);
	double before = score(EVE, alike).score;
	assert_int_equal(correct(EVE, CLASSIFIER_CORRECT, STORE_INNOCENT, v.signature, NULL),
			 CLASSIFIER_LEARNED);
	assert_int_equal(score(EVE, spam).result, CLASSIFIER_INNOCENT);
	assert_true(score(EVE, alike).score < before);
	/* Of the message's own features none speaks for spam any more. */
	struct classifier *c = open_user(EVE);
	struct token_counts *counts = xmalloc(spam->count * sizeof(*counts));
	char *error = NULL;
	assert_int_equal(knowledge_refresh(c, &error), STORE_OK);
	knowledge_counts(c, spam->hashes, spam->count, counts);
	for (size_t i = 0; i < spam->count; i++)
		assert_int_equal(counts[i].spam, 0);
	classifier_close(&c);
	train_some(EVE, 5000, 5000 + 2 * SITE_FADED + 4);
	c = open_user(EVE);
	assert_int_equal(knowledge_refresh(c, &error), STORE_OK);
	assert_int_equal(c->site_weight, 0);
	struct token_counts *own = xmalloc(spam->count * sizeof(*own));
	knowledge_counts(c, spam->hashes, spam->count, counts);
	dictionary_counts(c->store, spam->hashes, spam->count, own);
	assert_memory_equal(own, counts, spam->count * sizeof(*own));
	assert_memory_equal(knowledge_sums(c), dictionary_sums(c->store),
			    sizeof(struct dictionary_sums));
	classifier_close(&c);
	free(own);
	free(counts);
	classifier_message_free(&spam);
	classifier_message_free(&alike);
}

/* Who leaves, or is forgotten, or takes back his lessons, is out of the next one. */
static void test_site_leaving(void **state)
{
	char *error = NULL;

	(void)state;
	site_open(NULL, true);
	teachers(3);
	build();
	struct strbuf three = content();
	train_some("teacher3@example.test", 4000, 4080);
	build();
	struct strbuf four = content();
	assert_true(four.size > three.size);
	assert_int_equal(classifier_forget_user(site, "teacher3@example.test", &error),
			 CLASSIFIER_OK);
	build();
	assert_same_content(three, content());
	three = content();
	train_some("teacher3@example.test", 4000, 4080);
	build();
	assert_same_content(four, content());
	struct classifier *c = open_user("teacher3@example.test");
	assert_int_equal(classifier_preference_set(c, "siteDictionary", "off", &error),
			 CLASSIFIER_OK);
	classifier_close(&c);
	build();
	assert_same_content(three, content());
	/* He is not judged by it either. */
	site_open(NULL, true);
	c = open_user("teacher3@example.test");
	assert_int_equal(knowledge_refresh(c, &error), STORE_OK);
	assert_int_equal(c->site_weight, 0);
	classifier_close(&c);
	/* On a site where nobody takes part who did not say so. */
	others_take_part = false;
	site_open(NULL, true);
	others_take_part = true;
	struct site_header header = build();
	assert_int_equal(header.users, 0);
}

/* Only what the user said himself counts, and innocent mail that he saw before he reported spam. */
static void test_site_confirmed(void **state)
{
	struct classifier_message *m;

	(void)state;
	site_open(NULL, true);
	for (unsigned i = 0; i < 20; i++) {
		m = message_make(i, false);
		process(ALICE, m);
		classifier_message_free(&m);
	}
	assert_int_equal(build().users, 0);
	m = message_make(100, true);
	struct classifier_verdict v = process(ALICE, m);
	classifier_message_free(&m);
	m = message_make(101, false);
	process(ALICE, m); /* after it: he may not have seen it yet */
	classifier_message_free(&m);
	assert_int_equal(correct(ALICE, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_LEARNED);
	struct site_header header = build();
	assert_int_equal(header.innocent, 20);
	assert_int_equal(header.spam, 1);
	assert_int_equal(header.users, 1);
}

/* A user's say is bounded: the newest so many messages of a class. */
static void test_site_bounded(void **state)
{
	(void)state;
	site_open(NULL, true);
	train_some(ALICE, 0, 2 * (SITE_USER_MESSAGES + 20));
	struct site_header header = build();
	assert_int_equal(header.spam, SITE_USER_MESSAGES);
	assert_int_equal(header.innocent, SITE_USER_MESSAGES);
}

/* A damaged file, another program's, none at all: users start from nothing, and mail goes on. */
static void test_site_damaged(void **state)
{
	struct classifier_message *spam = message_make(9000, true);
	struct site_dictionary *d = NULL;
	char *error = NULL;

	(void)state;
	assert_int_equal(site_dictionary_open(&d, file, FEATURES_VERSION, &error), -1);
	assert_int_equal(errno, ENOENT);
	free(error);
	error = NULL;
	site_open(NULL, true);
	teachers(6);
	struct site_header header = build();
	assert_true(header.entries > 0);
	assert_int_equal(site_dictionary_open(&d, file, FEATURES_VERSION + 1, &error), -1);
	assert_non_null(strstr(error, "another version"));
	free(error);
	error = NULL;
	struct strbuf text = content();
	for (size_t size = 0; size < text.size; size += text.size / 20) {
		assert_int_equal(truncate(file, (off_t)size), 0);
		assert_int_equal(site_dictionary_open(&d, file, FEATURES_VERSION, &error), -1);
		free(error);
		error = NULL;
		build();
	}
	assert_int_equal(truncate(file, 1000), 0);
	site_open(NULL, true);
	assert_int_equal(score(EVE, spam).result, CLASSIFIER_INNOCENT);
	/* Positions that lie outside. */
	build();
	int fd = open(file, O_RDWR);
	for (off_t at = sizeof(struct site_header); at < 300000; at += 4)
		if (pwrite(fd, "\xff\xff\xff\x7f", 4, at) != 4)
			fail();
	close(fd);
	assert_int_equal(truncate(file, (off_t)text.size), 0);
	if (site_dictionary_open(&d, file, FEATURES_VERSION, &error) == 0) {
		struct token_counts *counts = xcalloc(spam->count, sizeof(*counts));
		site_dictionary_add(d, SITE_WEIGHT, spam->hashes, spam->count, counts);
		free(counts);
		site_dictionary_unref(&d);
	}
	free(error);
	strbuf_free(&text);
	classifier_message_free(&spam);
}

static bool give_up(void *context)
{
	return ++*(int *)context < 2;
}

/* Given up, or no room: the one before stays. */
static void test_site_unfinished(void **state)
{
	int users = 0;
	struct site_build job = {.users_directory = folder, .file = file, .quorum = 3};
	struct site_header header;
	char *error = NULL;

	(void)state;
	site_open(NULL, true);
	teachers(3);
	build();
	struct strbuf before = content();
	job.site = site;
	job.next = give_up;
	job.context = &users;
	assert_int_equal(site_build(&job, &header, &error), -1);
	assert_non_null(strstr(error, "given up"));
	free(error);
	error = NULL;
	assert_same_content(before, content());
	job.next = NULL;
	job.file = "/proc/none/dictionary";
	assert_int_equal(site_build(&job, &header, &error), -1);
	assert_non_null(error);
	free(error);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_group_shares),
		TEST(test_group_same_message),
		TEST(test_group_walls),
		TEST(test_group_joins_and_leaves),
		TEST(test_group_without_a_member),
		TEST(test_group_at_once),
		TEST(test_levels),
		TEST(test_site_seeds),
		TEST(test_site_not_solid),
		TEST(test_site_poison),
		TEST(test_site_own_wins),
		TEST(test_site_leaving),
		TEST(test_site_confirmed),
		TEST(test_site_bounded),
		TEST(test_site_damaged),
		TEST(test_site_unfinished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
