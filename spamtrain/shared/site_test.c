/*
 * The site dictionary: new users start from it, and nobody's lesson is in it unless several taught
 * it.
 */
#include "spamtrain/shared/knowledge_fixture.h"
#include "spamtrain/shared/site_build.h"

#include <errno.h>
#include <fcntl.h>

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
	struct classifier_message *spam = mail_make(9000, true), *ham = mail_make(9000, false);

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
	struct classifier_message *spam = mail_make(9000, true);

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
	struct classifier_message *m = message_of(span_of(text));

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
	struct classifier_message *spam = mail_make(9000, true), *alike = mail_make(9007, true);

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
	struct classifier *c = user_open(EVE);
	struct token_counts *counts = xmalloc(spam->count * sizeof(*counts));
	char *error = NULL;
	assert_int_equal(knowledge_refresh(c, &error), STORE_OK);
	knowledge_counts(c, spam->hashes, spam->count, counts);
	for (size_t i = 0; i < spam->count; i++)
		assert_int_equal(counts[i].spam, 0);
	classifier_close(&c);
	train_some(EVE, 5000, 5000 + 2 * SITE_FADED + 4);
	c = user_open(EVE);
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
	struct classifier *c = user_open("teacher3@example.test");
	assert_int_equal(classifier_preference_set(c, "siteDictionary", "off", &error),
			 CLASSIFIER_OK);
	classifier_close(&c);
	build();
	assert_same_content(three, content());
	/* He is not judged by it either. */
	site_open(NULL, true);
	c = user_open("teacher3@example.test");
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
		m = mail_make(i, false);
		process(ALICE, m);
		classifier_message_free(&m);
	}
	assert_int_equal(build().users, 0);
	m = mail_make(100, true);
	struct classifier_verdict v = process(ALICE, m);
	classifier_message_free(&m);
	m = mail_make(101, false);
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
	struct classifier_message *spam = mail_make(9000, true);
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
	const struct CMUnitTest tests[] = {
		TEST(test_levels),	    TEST(test_site_seeds),    TEST(test_site_not_solid),
		TEST(test_site_poison),	    TEST(test_site_own_wins), TEST(test_site_leaving),
		TEST(test_site_confirmed),  TEST(test_site_bounded),  TEST(test_site_damaged),
		TEST(test_site_unfinished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
