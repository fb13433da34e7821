/*
 * site_fixture.h - what tests of the classifier share: a site in a folder of its own, its users,
 * generated mail. Included once by a test program.
 */
#ifndef SHOVELER_SITE_FIXTURE_H
#define SHOVELER_SITE_FIXTURE_H

#include "spamtrain/classifier/classifier_internal.h"

#include "lib/xalloc.h"
#include "lib/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ALICE "alice@example.test"
#define BOB   "bob@example.test"

static char folder[] = "/tmp/classifier.XXXXXX";
static struct classifier_site *site;

static inline void folder_make(void)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
}

static inline struct classifier_settings site_settings(void)
{
	struct classifier_settings settings;

	classifier_settings_init(&settings);
	settings.users_directory = folder;
	settings.open_stores_max = 2;
	settings.quick = true;
	return settings;
}

static inline struct classifier_site *site_make(void)
{
	struct classifier_settings settings = site_settings();

	return classifier_site_create(&settings);
}

/* The site goes with its folder. */
static inline void folder_remove(void)
{
	classifier_site_free(&site);
	test_folder_remove(folder);
}

/* For tests that need no other site. */
static inline int site_setup(void **state)
{
	(void)state;
	folder_make();
	site = site_make();
	return 0;
}

static inline int site_teardown(void **state)
{
	(void)state;
	folder_remove();
	return 0;
}

/* ---- users ---- */

static inline struct classifier *user_open_at(struct classifier_site *at, const char *user)
{
	struct classifier *classifier = NULL;
	char *error = NULL;

	assert_int_equal(classifier_open(at, user, true, &classifier, &error), CLASSIFIER_OK);
	return classifier;
}

static inline struct classifier *user_open(const char *user)
{
	return user_open_at(site, user);
}

static inline void user_prefers(struct classifier *classifier, const char *name, const char *value)
{
	char *error = NULL;

	assert_int_equal(classifier_preference_set(classifier, name, value, &error), CLASSIFIER_OK);
}

static inline struct classifier_verdict user_process(struct classifier *classifier,
						     const struct classifier_message *m)
{
	struct classifier_verdict verdict;
	char *error = NULL;

	assert_int_equal(classifier_process(classifier, m, NULL, &verdict, &error), CLASSIFIER_OK);
	classifier_verdict_free(&verdict);
	return verdict;
}

static inline enum classifier_corrected user_correct(struct classifier *classifier,
						     enum classifier_teaching teaching,
						     enum store_class class, const char *signature,
						     const struct classifier_message *m)
{
	struct classifier_correction correction = {.teaching = teaching,
						   .class = class,
						   .signature = signature,
						   .message = m,
						   .source = "test"};
	enum classifier_corrected corrected;
	char *error = NULL;

	assert_int_equal(classifier_correct(classifier, &correction, &corrected, &error),
			 CLASSIFIER_OK);
	return corrected;
}

static inline struct classifier_stats user_stats(struct classifier *classifier)
{
	struct classifier_stats stats = {0};
	char *error = NULL;

	assert_int_equal(classifier_stats(classifier, &stats, &error), CLASSIFIER_OK);
	return stats;
}

/* ---- mail ---- */

static inline struct classifier_message *message_of(struct span text)
{
	return classifier_message_read(text, text.size);
}

/* A message of its own by number; spam and ham share half of their words. */
static inline void mail_write(struct strbuf *text, unsigned number, bool spam)
{
	strbuf_printf(text,
		      "From: %s%u@example.%s\nSubject: %s %u\nMessage-ID: <%u.%d@example.test>\n\n",
		      spam ? "seller" : "friend", number % 7, spam ? "biz" : "org",
		      spam ? "cheap pills" : "our meeting", number, number, spam);
	for (unsigned i = 0; i < 120; i++)
		strbuf_printf(text, "%s%u ",
			      i % 2 == 0 ? "common"
			      : spam	 ? "pill"
					 : "paper",
			      (number * 7 + i * i) % (i % 3 == 0 ? 4000 : 90));
	strbuf_append_text(text, "\n");
}

static inline struct classifier_message *mail_make(unsigned number, bool spam)
{
	struct classifier_message *m;
	struct strbuf text = STRBUF_INIT;

	mail_write(&text, number, spam);
	m = message_of(strbuf_span(&text));
	strbuf_free(&text);
	return m;
}

/* Spam and ham by turns. */
static inline void user_train(struct classifier *classifier, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct classifier_message *m = mail_make(i / 2, i % 2);

		assert_int_equal(user_correct(classifier, CLASSIFIER_TRAIN,
					      i % 2 ? STORE_SPAM : STORE_INNOCENT, NULL, m),
				 CLASSIFIER_LEARNED);
		classifier_message_free(&m);
	}
}

#endif
