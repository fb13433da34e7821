/*
 * knowledge_fixture.h - users who teach and are judged, for the tests of what users share.
 */
#ifndef SHOVELER_KNOWLEDGE_FIXTURE_H
#define SHOVELER_KNOWLEDGE_FIXTURE_H

#include "spamtrain/classifier_internal.h"

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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
static inline void site_open(const char *const *words, bool from_site)
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

static inline int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	file = xasprintf("%s/.site/dictionary", folder);
	return 0;
}

static inline int teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	classifier_site_free(&site);
	assert_int_equal(system(command), 0);
	free(command);
	free(file);
	return 0;
}

static inline struct classifier *open_user(const char *user)
{
	struct classifier *c = NULL;
	char *error = NULL;

	assert_int_equal(classifier_open(site, user, true, &c, &error), CLASSIFIER_OK);
	return c;
}

/* A message of its own by number; spam and ham share half of their words. */
static inline struct classifier_message *message_make(unsigned number, bool spam)
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

static inline struct classifier_message *message_of(const char *text)
{
	return classifier_message_read(span_of(text), strlen(text));
}

static inline struct classifier_verdict process(const char *user,
						const struct classifier_message *m)
{
	struct classifier *c = open_user(user);
	struct classifier_verdict verdict;
	char *error = NULL;

	assert_int_equal(classifier_process(c, m, NULL, &verdict, &error), CLASSIFIER_OK);
	classifier_verdict_free(&verdict);
	classifier_close(&c);
	return verdict;
}

static inline struct classifier_verdict score(const char *user, const struct classifier_message *m)
{
	struct classifier *c = open_user(user);
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

static inline void train(const char *user, enum store_class class,
			 const struct classifier_message *m)
{
	assert_int_equal(correct(user, CLASSIFIER_TRAIN, class, NULL, m), CLASSIFIER_LEARNED);
}

/* Spam and ham by turns. */
static inline void train_some(const char *user, unsigned from, unsigned to)
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

static inline struct snapshot *snapshot_take(const char *user)
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

static inline void assert_same(struct snapshot *a, struct snapshot *b)
{
	assert_memory_equal(a, b, sizeof(*a));
	free(a);
	free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
