/*
 * classifier_fixture.h - what tests of the classifier's policy share: a site in a folder of its own,
 * one open user, generated mail. Included once by a test program.
 */
#ifndef SHOVELER_CLASSIFIER_FIXTURE_H
#define SHOVELER_CLASSIFIER_FIXTURE_H

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

static char folder[] = "/tmp/classifier.XXXXXX";
static struct classifier_site *site;
static struct classifier *c;

static void open_user(const char *user)
{
	char *error = NULL;

	classifier_close(&c);
	assert_int_equal(classifier_open(site, user, true, &c, &error), CLASSIFIER_OK);
}

static void site_open(void)
{
	struct classifier_settings settings;

	classifier_settings_init(&settings);
	settings.users_directory = folder;
	settings.open_stores_max = 2;
	settings.quick = true;
	site = classifier_site_create(&settings);
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	site_open();
	open_user(ALICE);
	return 0;
}

static int teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	classifier_close(&c);
	classifier_site_free(&site);
	assert_int_equal(system(command), 0);
	free(command);
	return 0;
}

static void preference_set(const char *name, const char *value)
{
	char *error = NULL;

	assert_int_equal(classifier_preference_set(c, name, value, &error), CLASSIFIER_OK);
}

static struct classifier_message *message_read_text(const char *text)
{
	return classifier_message_read(span_of(text), strlen(text));
}

static enum classifier_corrected correct(enum classifier_teaching teaching, enum store_class class,
					 const char *signature, const struct classifier_message *m)
{
	struct classifier_correction correction = {.teaching = teaching,
						   .class = class,
						   .signature = signature,
						   .message = m,
						   .source = "test"};
	enum classifier_corrected corrected;
	char *error = NULL;

	assert_int_equal(classifier_correct(c, &correction, &corrected, &error), CLASSIFIER_OK);
	return corrected;
}

static struct classifier_verdict process(const struct classifier_message *m)
{
	struct classifier_verdict verdict;
	char *error = NULL;

	assert_int_equal(classifier_process(c, m, NULL, &verdict, &error), CLASSIFIER_OK);
	classifier_verdict_free(&verdict);
	return verdict;
}

#endif
