/*
 * classifier_fixture.h - for tests of the classifier's policy: one user's classifier is open.
 */
#ifndef SHOVELER_CLASSIFIER_FIXTURE_H
#define SHOVELER_CLASSIFIER_FIXTURE_H

#include "spamtrain/classifier/site_fixture.h"

static struct classifier *c;

static inline void open_user(const char *user)
{
	classifier_close(&c);
	c = user_open(user);
}

static inline int setup(void **state)
{
	(void)state;
	folder_make();
	site = site_make();
	open_user(ALICE);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	classifier_close(&c);
	folder_remove();
	return 0;
}

static inline void preference_set(const char *name, const char *value)
{
	user_prefers(c, name, value);
}

static inline struct classifier_message *message_read_text(const char *text)
{
	return message_of(span_of(text));
}

static inline enum classifier_corrected correct(enum classifier_teaching teaching,
						enum store_class class, const char *signature,
						const struct classifier_message *m)
{
	return user_correct(c, teaching, class, signature, m);
}

static inline struct classifier_verdict process(const struct classifier_message *m)
{
	return user_process(c, m);
}

#endif
