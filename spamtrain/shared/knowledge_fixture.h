/*
 * knowledge_fixture.h - users who teach and are judged, for the tests of what users share.
 */
#ifndef SHOVELER_KNOWLEDGE_FIXTURE_H
#define SHOVELER_KNOWLEDGE_FIXTURE_H

#include "spamtrain/classifier/site_fixture.h"

#define EVE "eve@example.test"

static char *file;
static bool others_take_part = true; /* in the site dictionary, if they did not say so */

/* words: of dictionary_groups; from_site: new users start from the site dictionary. */
static inline void site_open(const char *const *words, bool from_site)
{
	struct classifier_settings settings = site_settings();
	char *error = NULL;

	settings.preferences.site_dictionary = others_take_part;
	settings.preferences.sedation = 1; /* messages of two dozen words are no strong cases */
	settings.wait_seconds = 20;
	settings.site_file = from_site ? file : NULL;
	if (words != NULL)
		assert_int_equal(groups_parse(&settings.groups, words, &error), 0);
	classifier_site_free(&site);
	site = classifier_site_create(&settings);
}

static inline int setup(void **state)
{
	(void)state;
	folder_make();
	file = xasprintf("%s/.site/dictionary", folder);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	folder_remove();
	free(file);
	return 0;
}

static inline struct classifier_verdict process(const char *user,
						const struct classifier_message *m)
{
	struct classifier *c = user_open(user);
	struct classifier_verdict verdict = user_process(c, m);

	classifier_close(&c);
	return verdict;
}

static inline struct classifier_verdict score(const char *user, const struct classifier_message *m)
{
	struct classifier *c = user_open(user);
	struct classifier_verdict verdict;
	char *error = NULL;

	assert_int_equal(classifier_score(c, m, &verdict, &error), CLASSIFIER_OK);
	classifier_verdict_free(&verdict);
	classifier_close(&c);
	return verdict;
}

static inline enum classifier_corrected correct(const char *user, enum classifier_teaching teaching,
						enum store_class class, const char *signature,
						const struct classifier_message *m)
{
	struct classifier *c = user_open(user);
	enum classifier_corrected corrected = user_correct(c, teaching, class, signature, m);

	classifier_close(&c);
	return corrected;
}

static inline void train(const char *user, enum store_class class,
			 const struct classifier_message *m)
{
	assert_int_equal(correct(user, CLASSIFIER_TRAIN, class, NULL, m), CLASSIFIER_LEARNED);
}

static inline void train_some(const char *user, unsigned from, unsigned to)
{
	struct classifier *c = user_open(user);

	user_train(c, from, to);
	classifier_close(&c);
}

/* What a verdict of the user about some messages depends on. */
struct snapshot {
	struct dictionary_sums sums;
	struct token_counts counts[12][400];
};

static inline struct snapshot *snapshot_take(const char *user)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));
	struct classifier *c = user_open(user);
	char *error = NULL;

	assert_int_equal(knowledge_refresh(c, &error), STORE_OK);
	s->sums = *knowledge_sums(c);
	for (unsigned i = 0; i < 12; i++) {
		struct classifier_message *m = mail_make(i / 2, i % 2);
		assert_true(m->count <= 400);
		knowledge_counts(c, m->hashes, m->count, s->counts[i]);
		classifier_message_free(&m);
	}
	classifier_close(&c);
	return s;
}

static inline void assert_same(struct snapshot *a, struct snapshot *b)
{
	assert_memory_equal(a, b, sizeof(*a));
	free(a);
	free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
