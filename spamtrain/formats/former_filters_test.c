/* What other filters learned: bogofilter's words, SpamAssassin's labels. */
#include "spamtrain/formats/bogofilter.h"
#include "spamtrain/formats/spamassassin.h"

#include "spamtrain/classifier/site_fixture.h"

#define DUMP                                                                                       \
	".ENCODING 2 0 20261122\n.MSG_COUNT 40 60 20261122\nPills 30 1 20261122\n"                 \
	"pills 20 0 20261122\nsubj:meeting 0 50 20261122\nwww.example.biz 7 0 20261122\n"          \
	"head:x-mailer 3 3 20261122\n"

static const struct token *token_of(const struct bogofilter *dump, const char *message,
				    unsigned family, const char *text)
{
	struct features features;
	const struct token *found = NULL;

	features_extract(&features, span_of(message), strlen(message), FEATURES_ALL);
	for (size_t i = 0; i < features.count; i++) {
		const struct feature *f = &features.list[i];
		struct span word = {features.text.data + f->first, f->first_size};
		if (f->family != family || f->second_size != 0 || !span_equal(word, span_of(text)))
			continue;
		for (size_t t = 0; t < dump->counts.count; t++)
			if (dump->counts.tokens[t].hash == f->hash)
				found = &dump->counts.tokens[t];
	}
	features_free(&features);
	return found;
}

static void assert_counts(const struct token *token, int spam, int innocent)
{
	assert_non_null(token);
	assert_int_equal(token->spam, spam);
	assert_int_equal(token->innocent, innocent);
}

static void test_bogofilter(void **state)
{
	static const char message[] =
		"From: a@example.test\nSubject: meeting\n\nPills pills http://www.example.biz/\n";
	struct bogofilter dump;
	char *error = NULL;

	(void)state;
	assert_int_equal(bogofilter_read(&dump, span_of(DUMP), 20000, &error), 0);
	assert_int_equal(dump.taken, 4);
	assert_int_equal(dump.left_out, 1);
	assert_counts(token_of(&dump, message, FEATURE_BIT_WORD, "Pills"), 30, 1);
	assert_counts(token_of(&dump, message, FEATURE_BIT_LOWER, "pills"), 40, 1);
	assert_counts(token_of(&dump, message, FEATURE_BIT_HEADER_WORD, "meeting"), 0, 50);
	assert_counts(token_of(&dump, message, FEATURE_BIT_LINK, "www.example.biz"), 7, 0);
	char *directory = store_user_directory(folder, BOB);
	assert_int_equal(store_import_counts(directory, &dump.counts, false, &error), STORE_OK);
	free(directory);
	free((void *)(uintptr_t)dump.counts.tokens);
	struct classifier *c = user_open(BOB);
	assert_int_equal(user_stats(c).spam_learned, 40);
	assert_int_equal(user_stats(c).innocent_learned, 60);
	user_train(c, 1, 2);
	assert_int_equal(user_stats(c).spam_learned, 41);
	classifier_close(&c);
}

static void test_bogofilter_damage(void **state)
{
	static const char *const bad[] = {"",
					  "word 1 2 3\n",
					  ".MSG_COUNT 4 5 6",
					  ".MSG_COUNT 4 5 6\nword 1 2\n",
					  ".MSG_COUNT 4 5 6\nword -1 2 3\n",
					  ".MSG_COUNT 4 5 6\nword 99999999999 2 3\n",
					  ".MSG_COUNT 4 5 6\n 1 2 3\n",
					  ".MSG_COUNT 4 5 6\n\n"};
	struct bogofilter dump;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *error = NULL;
		assert_int_equal(bogofilter_read(&dump, span_of(bad[i]), 20000, &error), -1);
		assert_non_null(error);
		free(error);
	}
}

#define BACKUP                                                                                     \
	"v\t3\tdb_version # this must be the first line!!!\nv\t3\tnum_spam\nv\t1\tnum_nonspam\n"   \
	"t\t1\t0\t1030100087\t01c1f6ae4a\n"                                                        \
	"s\th\t37109811ee70d3ff1831d747b13ed6f0d8ef1b4a@sa_generated\n"                            \
	"s\ts\t47ff5b0940258d370bff1c7b59685677a0107d0b@sa_generated\n"                            \
	"s\ts\t7c82f2669bfdf5252a57331d581f818a1cdb8d59@sa_generated\n"                            \
	"s\th\told@example.test\n"
#define FIELDS                                                                                     \
	"From: a@example.test\nTo: Bob <bob@example.test>,\n\tcarol@example.test\n"                \
	"Date: Mon, 2 Nov 2026 10:00:00 +0100\nSubject: pills\nMessage-ID: <1@example.test>\n\n"

/* The ids are those that sa-learn of SpamAssassin 4.0.1 gave these messages. */
static void test_spamassassin(void **state)
{
	static const struct {
		const char *message;
		enum store_class class;
	} cases[] = {
		{FIELDS "Cheap pills, cheap words.\n", STORE_SPAM},
		{"From x Mon Nov  2 10:00:00 2026\n" FIELDS "Cheap pills, cheap words.\n\n",
		 STORE_SPAM},
		{FIELDS "Cheap pills, cheap words.\r\n", STORE_SPAM},
		{FIELDS "Cheap pillow, cheap words.\n", STORE_SPAM}, /* learned from an mbox */
		{FIELDS "Cheap pears.\n", STORE_NONE},
		{"From: c@example.test\nSubject: hello\n\nNo fields that count.\n", STORE_INNOCENT},
		{"Message-ID: <old@example.test>\n\nx\n", STORE_INNOCENT},
		{"", STORE_NONE},
	};
	struct spamassassin backup;
	char *error = NULL;

	(void)state;
	assert_int_equal(spamassassin_read(&backup, span_of(BACKUP), &error), 0);
	assert_int_equal(backup.count, 4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(spamassassin_class(&backup, span_of(cases[i].message)),
				 cases[i].class);
	spamassassin_free(&backup);
	assert_int_equal(
		spamassassin_read(&backup, span_of("v\t3\tdb_version x\ns\tx\tid\n"), &error), -1);
	free(error);
	assert_int_equal(spamassassin_read(&backup, span_of(DUMP), &error), -1);
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bogofilter, site_setup, site_teardown),
		cmocka_unit_test(test_bogofilter_damage),
		cmocka_unit_test(test_spamassassin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
