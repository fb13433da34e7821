/*
 * What Dovecot says of folders and messages, and which of them are taught.
 */
#include "spamtrain/folders/folder_choice.h"
#include "spamtrain/folders/learn_folders.h"

#include "spamtrain/classifier/classifier_fixture.h"

#define DAY 86400
#define NOW ((time_t)1800000000)

/* ---- folders ---- */

static enum folder_use use_of(const char *list)
{
	static const char *const junk[] = {"Junk", "Spam", NULL}, *const trash[] = {"Trash", NULL};
	static const char *const spam[] = {"Boîte", NULL}, *const skip[] = {"Alarms", NULL};
	struct strbuf foreign[] = {STRBUF_INIT};
	struct folder_names names = {junk, trash, spam, skip, foreign, 1};
	struct folder_listed listed = {.name = STRBUF_INIT};

	strbuf_append_text(&foreign[0], "shared/");
	assert_true(folder_list_read(span_of(list), &listed));
	enum folder_use use = folder_use(&names, &listed);
	strbuf_free(&listed.name);
	strbuf_free(&foreign[0]);
	return use;
}

static void test_folders(void **state)
{
	(void)state;
	assert_int_equal(use_of("(\\HasNoChildren) \"/\" INBOX"), FOLDER_USE_INNOCENT);
	assert_int_equal(use_of("(\\HasNoChildren \\Junk) \"/\" \"Unwanted mail\""),
			 FOLDER_USE_SPAM);
	assert_int_equal(use_of("(\\junk) NIL x"), FOLDER_USE_SPAM);
	assert_int_equal(use_of("() \".\" INBOX.spam"), FOLDER_USE_SPAM);
	assert_int_equal(use_of("() \"/\" Junk/2019"), FOLDER_USE_SPAM);
	assert_int_equal(use_of("() \"/\" Trash/Junk"), FOLDER_USE_NONE);
	assert_int_equal(use_of("(\\Trash) \"/\" Old"), FOLDER_USE_NONE);
	assert_int_equal(use_of("(\\Drafts) \"/\" Written"), FOLDER_USE_NONE);
	assert_int_equal(use_of("() \"/\" Templates"), FOLDER_USE_NONE);
	assert_int_equal(use_of("(\\All) \"/\" \"All Mail\""), FOLDER_USE_NONE);
	assert_int_equal(use_of("(\\Flagged) \"/\" Starred"), FOLDER_USE_NONE);
	assert_int_equal(use_of("(\\Archive) \"/\" Spam"), FOLDER_USE_INNOCENT);
	assert_int_equal(use_of("(\\Sent) \"/\" Out"), FOLDER_USE_SENT);
	assert_int_equal(use_of("() \"/\" {10}\r\nSent Items"), FOLDER_USE_SENT);
	assert_int_equal(use_of("(\\Noselect) \"/\" Lists"), FOLDER_USE_NONE);
	assert_int_equal(use_of("() \"/\" shared/bob/Lists"), FOLDER_USE_NONE);
	assert_int_equal(use_of("() \"/\" Lists/alpha"), FOLDER_USE_INNOCENT);
	assert_int_equal(use_of("() \"/\" \"Bo&AO4-te\""), FOLDER_USE_SPAM);
	assert_int_equal(use_of("() \"/\" Alarms"), FOLDER_USE_NONE);
	assert_int_equal(use_of("() \"/\" \"&AMk-l&AOk-ments envoy&AOk-s\""), FOLDER_USE_SENT);
}

static void test_lists_that_are_none(void **state)
{
	static const char *const wrong[] = {"",
					    "INBOX",
					    "(\\Junk",
					    "(\\Junk) \"/\"",
					    "() \"//\" x",
					    "() \"/ x",
					    "() \"/\" {9}\r\nabc"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct folder_listed listed = {.name = STRBUF_INIT};
		assert_false(folder_list_read(span_of(wrong[i]), &listed));
		strbuf_free(&listed.name);
	}
}

static void gather(void *context, struct span prefix)
{
	struct strbuf *out = context;

	strbuf_printf(out, "<%.*s>", SPAN_ARG(prefix));
}

static void test_namespaces(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_true(folder_namespaces_read(
		span_of("((\"\" \"/\")(\"mine/\" \"/\" \"X\" (\"a\" \"b\"))) ((\"shared/\" \"/\")) "
			"((\"public/\" \"/\")(\"#news.\" \".\"))"),
		gather, &out));
	assert_string_equal(strbuf_text(&out), "<shared/><public/><#news.>");
	strbuf_reset(&out);
	assert_true(folder_namespaces_read(span_of("((\"\" \"/\")) NIL NIL"), gather, &out));
	assert_int_equal(out.size, 0);
	assert_false(folder_namespaces_read(span_of("((\"\" \"/\") NIL NIL"), gather, &out));
	assert_false(folder_namespaces_read(span_of("NIL NIL x"), gather, &out));
	strbuf_free(&out);
}

/* ---- messages ---- */

static void test_fetched(void **state)
{
	struct folder_fetched f = {0};

	(void)state;
	assert_true(folder_fetch_read(
		span_of("FETCH (UID 7 FLAGS (\\Seen $NotJunk other) INTERNALDATE \" 1-Feb-2026 "
			"02:03:04 +0130\" X-GUID abc X-NEW (a (b \"c\") NIL) RFC822.SIZE 99 "
			"BODY[]<0> {4}\r\na)\r\n)\r\n"),
		&f));
	assert_int_equal(f.uid, 7);
	assert_int_equal(f.flags, FOLDER_SEEN | FOLDER_MARKED_NOT_JUNK);
	assert_int_equal(f.date, 1769905984);
	assert_int_not_equal(f.guid, 0);
	assert_int_equal(f.size, 99);
	assert_string_equal(strbuf_text(&f.body), "a)\r\n");
	assert_true(folder_fetch_read(
		span_of("FETCH (UID 8 ENVELOPE (\"date\" \"subject\" ((\"A\" NIL \"a\" \"x\")) NIL NIL "
			"((\"B\" NIL \"bob\" \"example.test\")(NIL NIL \"friends\" NIL)(NIL NIL NIL "
			"NIL)) NIL ((NIL NIL \"carol\" \"example.test\")) \"<r@x>\" \"<id@x>\"))"),
		&f));
	assert_int_equal(f.date, 0);
	assert_int_equal(f.body.size, 0);
	assert_string_equal(strbuf_text(&f.envelope), "bob@example.test carol@example.test");
	folder_fetched_free(&f);
}

static void test_fetches_that_are_none(void **state)
{
	static const char *const wrong[] = {
		"",
		"EXISTS",
		"FETCH",
		"FETCH (UID)",
		"FETCH (UID 4294967296)",
		"FETCH (UID 1",
		"FETCH (UID -1)",
		"FETCH (FLAGS \\Seen)",
		"FETCH (INTERNALDATE \"32 Jan 2026\")",
		"FETCH (INTERNALDATE \"01-Foo-2026 00:00:00 +0000\")",
		"FETCH (INTERNALDATE \"0x-Jan-2026 00:00:00 +0000\")",
		"FETCH (ENVELOPE (NIL NIL NIL NIL NIL (x) NIL NIL NIL NIL))",
		"FETCH (BODY[] {5}\r\nabc)"};
	struct folder_fetched f = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(folder_fetch_read(span_of(wrong[i]), &f));
	folder_fetched_free(&f);
	assert_int_equal(folder_uidvalidity(span_of("[UIDVALIDITY 12] UIDs valid")), 12);
	assert_int_equal(folder_uidvalidity(span_of("[UIDVALIDITY x] UIDs valid")), 0);
	assert_int_equal(folder_uidvalidity(span_of("[UIDVALIDITY 12")), 0);
	assert_int_equal(folder_uidvalidity(span_of("[UIDNEXT 12]")), 0);
}

static enum folder_verdict verdict(enum folder_use use, unsigned flags, int days)
{
	struct folder_rules rules = {.now = NOW, .settled = 3 * DAY, .oldest = 365 * DAY};
	struct folder_fetched message = {.flags = flags, .date = NOW - days * DAY};

	return folder_message_verdict(&rules, use, &message);
}

static void test_verdicts(void **state)
{
	enum folder_use spam = FOLDER_USE_SPAM, innocent = FOLDER_USE_INNOCENT;

	(void)state;
	assert_int_equal(verdict(innocent, 0, 10), FOLDER_NOT_READ);
	assert_int_equal(verdict(innocent, FOLDER_SEEN, 10), FOLDER_TAKEN);
	assert_int_equal(verdict(innocent, FOLDER_FLAGGED, 10), FOLDER_TAKEN);
	assert_int_equal(verdict(innocent, FOLDER_MARKED_NOT_JUNK, 10), FOLDER_TAKEN);
	assert_int_equal(verdict(innocent, FOLDER_SEEN, 2), FOLDER_TOO_NEW);
	assert_int_equal(verdict(innocent, FOLDER_SEEN, -2), FOLDER_TOO_NEW);
	assert_int_equal(verdict(innocent, FOLDER_SEEN, 366), FOLDER_TOO_OLD);
	assert_int_equal(verdict(innocent, FOLDER_SEEN | FOLDER_MARKED_JUNK, 10), FOLDER_DOUBTFUL);
	assert_int_equal(verdict(innocent, FOLDER_SEEN | FOLDER_DELETED, 10), FOLDER_DOUBTFUL);
	assert_int_equal(verdict(innocent, FOLDER_SEEN | FOLDER_DRAFT, 10), FOLDER_DOUBTFUL);
	assert_int_equal(verdict(spam, 0, 10), FOLDER_TAKEN);
	assert_int_equal(verdict(spam, FOLDER_SEEN | FOLDER_DELETED, 10), FOLDER_TAKEN);
	assert_int_equal(verdict(spam, 0, 2), FOLDER_TOO_NEW);
	assert_int_equal(verdict(spam, FOLDER_ANSWERED, 10), FOLDER_DOUBTFUL);
	assert_int_equal(verdict(spam, FOLDER_MARKED_NOT_JUNK, 10), FOLDER_DOUBTFUL);
	assert_int_equal(verdict(spam, FOLDER_MARKED_JUNK | FOLDER_MARKED_NOT_JUNK, 10),
			 FOLDER_DOUBTFUL);
}

/* ---- the choice ---- */

struct candidates {
	struct folder_choice choice;
	uint32_t uid;
};

static void add(struct candidates *all, enum store_class class, int days, uint64_t guid)
{
	all->choice.list =
		realloc(all->choice.list, (all->choice.count + 1) * sizeof(*all->choice.list));
	assert_non_null(all->choice.list);
	all->choice.list[all->choice.count++] = (struct folder_candidate){
		.uid = ++all->uid, .class = class, .date = NOW - days * DAY, .guid = guid};
}

static void test_newest_of_every_month(void **state)
{
	struct candidates all = {0};

	(void)state;
	for (int day = 10; day < 10 + 60; day++)
		add(&all, STORE_INNOCENT, day, 0);
	add(&all, STORE_INNOCENT, 200, 0);
	folder_choose(&all.choice, NOW, 7);
	assert_int_equal(all.choice.count, 7);
	assert_int_equal(all.choice.left_out[FOLDER_TOO_MANY], 54);
	/* Oldest first: one of seven months ago, two of each of the others, the newest of them. */
	static const int days[] = {200, 61, 60, 31, 30, 11, 10};
	for (size_t i = 0; i < 7; i++)
		assert_int_equal((NOW - all.choice.list[i].date) / DAY, days[i]);
	free(all.choice.list);
}

static void test_classes_are_mixed(void **state)
{
	struct candidates all = {0};
	size_t spam = 0;

	(void)state;
	for (int i = 0; i < 30; i++)
		add(&all, STORE_INNOCENT, 10 + i, 0);
	for (int i = 0; i < 10; i++)
		add(&all, STORE_SPAM, 300 + i, 0);
	folder_choose(&all.choice, NOW, 1000);
	assert_int_equal(all.choice.of_class[0], 10);
	assert_int_equal(all.choice.of_class[1], 30);
	for (size_t i = 0; i < 40; i++) {
		spam += all.choice.list[i].class == STORE_SPAM;
		assert_in_range(4 * spam, i >= 3 ? i - 3 : 0, i + 4);
	}
	assert_true(all.choice.list[39].date > all.choice.list[0].date);
	free(all.choice.list);
}

static void test_doubles(void **state)
{
	struct candidates all = {0};

	(void)state;
	add(&all, STORE_SPAM, 10, 1);
	add(&all, STORE_INNOCENT, 10, 1); /* seen through a virtual folder */
	add(&all, STORE_INNOCENT, 10, 2);
	add(&all, STORE_INNOCENT, 10, 2);
	add(&all, STORE_INNOCENT, 10, 0);
	add(&all, STORE_INNOCENT, 10, 0);
	folder_choose(&all.choice, NOW, 1000);
	assert_int_equal(all.choice.count, 3);
	assert_int_equal(all.choice.left_out[FOLDER_DOUBTFUL], 2);
	free(all.choice.list);
	all = (struct candidates){0};
	folder_choose(&all.choice, NOW, 1000);
	assert_int_equal(all.choice.count, 0);
}

static void test_other_filters(void **state)
{
	(void)state;
	assert_true(learn_other_says_spam(span_of("From: a\r\nX-Spam-Flag: YES\r\n\r\nx")));
	assert_true(learn_other_says_spam(span_of("X-Spam: Yes\n\n")));
	assert_true(learn_other_says_spam(span_of("X-Bogosity: Spam, tests=bogofilter\n\n")));
	assert_true(learn_other_says_spam(span_of("x-spam-status:  Yes, score=9\n\n")));
	assert_false(learn_other_says_spam(span_of("X-Spam-Status: No, score=-1\n\n")));
	assert_false(learn_other_says_spam(span_of("Subject: x\n\nX-Spam-Flag: YES\n")));
	assert_false(learn_other_says_spam(span_of("")));
	assert_true(learn_is_ours(span_of("Message-ID: <digest.1.2.3@mx>\n"
					  "X-Auto-Response-Suppress: All\n\n")));
	assert_false(learn_is_ours(span_of("Message-ID: <digest.1.2.3@mx>\n\n")));
	assert_false(
		learn_is_ours(span_of("Message-ID: <1@mx>\nX-Auto-Response-Suppress: All\n\n")));
}

/* ---- second thoughts ---- */

static bool doubted(unsigned number, bool spam)
{
	struct classifier_message *m = mail_make(number, spam);
	char signature[STORE_SIGNATURE_SIZE], *error = NULL;
	bool doubts = false;

	assert_int_equal(
		classifier_doubts(c, classifier_message_digest(m), &doubts, signature, &error),
		CLASSIFIER_OK);
	classifier_message_free(&m);
	return doubts;
}

/* Spam that was read and forgotten among other mail is found out by what was learned besides. */
static void test_doubts(void **state)
{
	struct classifier_message *m = mail_make(1000, true);

	(void)state;
	user_train(c, 0, 200);
	assert_int_equal(correct(CLASSIFIER_TRAIN, STORE_INNOCENT, NULL, m), CLASSIFIER_LEARNED);
	assert_true(doubted(1000, true));
	assert_true(doubted(1000, true)); /* it changed nothing */
	assert_false(doubted(20, false));
	assert_false(doubted(20, true));  /* taught as spam */
	assert_false(doubted(999, true)); /* not taught at all */
	assert_int_equal(correct(CLASSIFIER_UNLEARN, STORE_NONE, NULL, m), CLASSIFIER_TAKEN_BACK);
	assert_false(doubted(1000, true));
	classifier_message_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_lists_that_are_none),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_fetched),
		cmocka_unit_test(test_fetches_that_are_none),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_newest_of_every_month),
		cmocka_unit_test(test_classes_are_mixed),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_other_filters),
		cmocka_unit_test_setup_teardown(test_doubts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
