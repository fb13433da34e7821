/* What users are promised: idempotent, reversible, exact, walls between users, nothing lost by kill -9. */
#include "spamtrain/classifier_internal.h"

#include "lib/xalloc.h"

#include <fcntl.h>
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

static char folder[] = "/tmp/classifier_test.XXXXXX";
static struct classifier_site *site;

static struct classifier_site *site_make(void)
{
	struct classifier_settings settings;

	classifier_settings_init(&settings);
	settings.users_directory = folder;
	settings.open_stores_max = 2;
	settings.quick = true;
	settings.wait_seconds = 1;
	return classifier_site_create(&settings);
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	site = site_make();
	return 0;
}

static int teardown(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);

	(void)state;
	classifier_site_free(&site);
	assert_int_equal(system(command), 0);
	free(command);
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

static struct classifier_verdict process(struct classifier *c, const struct classifier_message *m)
{
	struct classifier_verdict verdict;
	char *error = NULL;

	assert_int_equal(classifier_process(c, m, NULL, &verdict, &error), CLASSIFIER_OK);
	classifier_verdict_free(&verdict);
	return verdict;
}

static enum classifier_corrected correct(struct classifier *c, enum classifier_teaching teaching,
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

	assert_int_equal(classifier_correct(c, &correction, &corrected, &error), CLASSIFIER_OK);
	return corrected;
}

static void mode_set(struct classifier *c, const char *mode)
{
	char *error = NULL;

	assert_int_equal(classifier_preference_set(c, "trainingMode", mode, &error), CLASSIFIER_OK);
}

/* Everything that a verdict depends on, for the features of the first messages. */
struct snapshot {
	struct dictionary_sums sums;
	struct token_counts counts[20][400];
};

static struct snapshot *snapshot_take(struct classifier *c)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));
	char *error = NULL;

	assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
	s->sums = *dictionary_sums(c->store);
	for (unsigned i = 0; i < 20; i++) {
		struct classifier_message *m = message_make(i / 2, i % 2);
		assert_true(m->count <= 400);
		dictionary_counts(c->store, m->hashes, m->count, s->counts[i]);
		classifier_message_free(&m);
	}
	return s;
}

static void assert_unchanged(struct classifier *c, struct snapshot *before)
{
	struct snapshot *now = snapshot_take(c);

	assert_memory_equal(before, now, sizeof(*now));
	free(now);
}

static void train_some(struct classifier *c, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct classifier_message *m = message_make(i / 2, i % 2);
		correct(c, CLASSIFIER_TRAIN, i % 2 ? STORE_SPAM : STORE_INNOCENT, NULL, m);
		classifier_message_free(&m);
	}
}

static void test_new_account(void **state)
{
	struct classifier *c = open_user(ALICE);

	(void)state;
	for (unsigned i = 0; i < 30;
	     i++) { /* one class only, and no other: still nothing blocked */
		struct classifier_message *m = message_make(i, true);
		struct classifier_verdict v = process(c, m);
		assert_int_equal(v.result, CLASSIFIER_INNOCENT);
		correct(c, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL);
		classifier_message_free(&m);
	}
	struct classifier_message *ham = message_make(1, false);
	assert_int_equal(process(c, ham).result, CLASSIFIER_INNOCENT);
	classifier_message_free(&ham);
	classifier_close(&c);
}

static void test_learns(void **state)
{
	struct classifier *c = open_user(ALICE), *bob;

	(void)state;
	train_some(c, 0, 60);
	struct classifier_message *spam = message_make(1000, true),
				  *ham = message_make(1000, false);
	assert_int_equal(process(c, spam).result, CLASSIFIER_SPAM);
	assert_int_equal(process(c, ham).result, CLASSIFIER_INNOCENT);
	classifier_close(&c);
	bob = open_user(BOB);
	assert_int_equal(process(bob, spam).result, CLASSIFIER_INNOCENT);
	classifier_close(&bob);
	classifier_message_free(&spam);
	classifier_message_free(&ham);
}

static void test_redelivery(void **state)
{
	struct classifier *c = open_user(ALICE);
	struct classifier_message *m = message_make(3, false);

	(void)state;
	mode_set(c, "TEFT");
	struct classifier_verdict first = process(c, m);
	assert_false(first.again);
	struct snapshot *before = snapshot_take(c);
	struct classifier_verdict second = process(c, m);
	assert_true(second.again);
	assert_string_equal(first.signature, second.signature);
	assert_int_equal(first.result, second.result);
	assert_unchanged(c, before);
	free(before);
	classifier_message_free(&m);
	classifier_close(&c);
}

static void correction_round(const char *mode)
{
	struct classifier *c = open_user(ALICE);
	struct classifier_message *m = message_make(5, true);

	mode_set(c, mode);
	train_some(c, 100, 130);
	struct classifier_verdict v = process(c, m);
	enum store_class right = v.result == CLASSIFIER_SPAM ? STORE_SPAM : STORE_INNOCENT;
	enum store_class wrong = right == STORE_SPAM ? STORE_INNOCENT : STORE_SPAM;
	struct snapshot *judged = snapshot_take(c);

	assert_int_equal(correct(c, CLASSIFIER_CORRECT, right, v.signature, NULL),
			 CLASSIFIER_ALREADY);
	assert_unchanged(c, judged);
	assert_int_equal(correct(c, CLASSIFIER_CORRECT, wrong, v.signature, NULL),
			 CLASSIFIER_LEARNED);
	struct snapshot *corrected = snapshot_take(c);
	assert_memory_not_equal(judged, corrected, sizeof(*judged));
	assert_int_equal(correct(c, CLASSIFIER_CORRECT, wrong, NULL, m), CLASSIFIER_ALREADY);
	assert_unchanged(c, corrected);
	assert_int_equal(correct(c, CLASSIFIER_CORRECT, right, NULL, m), CLASSIFIER_TAKEN_BACK);
	assert_unchanged(c, judged);
	assert_int_equal(correct(c, CLASSIFIER_CORRECT, wrong, v.signature, m), CLASSIFIER_LEARNED);
	assert_unchanged(c, corrected);
	free(judged);
	free(corrected);
	classifier_message_free(&m);
	classifier_close(&c);
}

static void test_corrections(void **state)
{
	static const char *const modes[] = {"TEFT", "TOE", "TUM", "NOTRAIN"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		correction_round(modes[i]);
		teardown(NULL);
		setup(NULL);
	}
}

static void test_unlearn(void **state)
{
	struct classifier *c = open_user(ALICE);
	struct classifier_message *m = message_make(3000, true);
	char *error = NULL;

	(void)state;
	train_some(c, 0, 40);
	struct snapshot *before = snapshot_take(c);
	assert_int_equal(correct(c, CLASSIFIER_TRAIN, STORE_SPAM, NULL, m), CLASSIFIER_LEARNED);
	struct snapshot *after = snapshot_take(c);
	assert_int_equal(dictionary_merge(c->store, false, &error),
			 STORE_OK); /* across a snapshot, too */
	assert_unchanged(c, after);
	assert_int_equal(correct(c, CLASSIFIER_UNLEARN, STORE_NONE, NULL, m),
			 CLASSIFIER_TAKEN_BACK);
	assert_unchanged(c, before);
	assert_int_equal(correct(c, CLASSIFIER_UNLEARN, STORE_NONE, NULL, m), CLASSIFIER_ALREADY);
	assert_int_equal(correct(c, CLASSIFIER_TRAIN, STORE_SPAM, NULL, m), CLASSIFIER_LEARNED);
	assert_unchanged(c, after);
	free(before);
	free(after);
	classifier_message_free(&m);
	classifier_close(&c);
}

static void test_walls(void **state)
{
	struct classifier *c = open_user(ALICE);
	struct classifier_message *m = message_make(1, true);
	struct classifier_verdict v = process(c, m);

	(void)state;
	classifier_close(&c);
	c = open_user(BOB);
	assert_int_equal(correct(c, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_UNKNOWN);
	struct classifier_stats stats;
	char *error = NULL;
	assert_int_equal(classifier_stats(c, &stats, &error), CLASSIFIER_OK);
	assert_int_equal(stats.history, 0);
	assert_int_equal(correct(c, CLASSIFIER_CORRECT, STORE_SPAM, "../../etc/passwd", NULL),
			 CLASSIFIER_UNKNOWN);
	classifier_close(&c);
	classifier_message_free(&m);
	assert_int_equal(classifier_open(site, "no address", true, &c, &error), CLASSIFIER_INVALID);
	assert_non_null(error);
	free(error);
	assert_null(store_user_directory("/users", "../../x@.."));
	assert_null(store_user_directory("/users", "x@../y"));
	char *path = store_user_directory("/users", "..%2f@x.test");
	assert_string_equal(path, "/users/x.test/%2E.%252f");
	free(path);
}

static int64_t lessons_of(struct classifier *c)
{
	char *error = NULL;

	assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
	return dictionary_sums(c->store)->spam + dictionary_sums(c->store)->innocent;
}

/* After 100 of each class: TEFT learns what it is sure of, TUM and TOE do not, NOTRAIN never does. */
static void test_modes(void **state)
{
	static const struct {
		const char *mode;
		int64_t learned;
	} cases[] = {{"TEFT", 1}, {"TUM", 0}, {"TOE", 0}, {"NOTRAIN", 0}};
	struct classifier *c = open_user(ALICE);

	(void)state;
	train_some(c, 0, 1000);
	for (unsigned i = 0; i < 4; i++) {
		struct classifier_message *m = message_make(5000 + i, true);
		mode_set(c, cases[i].mode);
		int64_t before = lessons_of(c);
		struct classifier_verdict v = process(c, m);
		assert_int_equal(v.result, CLASSIFIER_SPAM);
		assert_int_equal(lessons_of(c) - before, cases[i].learned);
		assert_int_equal(correct(c, CLASSIFIER_CORRECT, STORE_INNOCENT, v.signature, NULL),
				 CLASSIFIER_LEARNED);
		assert_int_equal(lessons_of(c) - before, 1);
		correct(c, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL);
		assert_int_equal(lessons_of(c) - before, cases[i].learned);
		classifier_message_free(&m);
	}
	classifier_close(&c);
}

/* Many lessons, many snapshots; a second process sees the same counts. */
static void test_merges(void **state)
{
	struct classifier *c = open_user(ALICE);
	struct classifier_stats stats;
	char *error = NULL;

	(void)state;
	mode_set(c, "TOE"); /* whose tokens are not purged */
	train_some(c, 0, 1200);
	struct snapshot *s = snapshot_take(c);
	assert_int_equal(s->sums.spam + s->sums.innocent, 1200);
	classifier_close(&c);
	classifier_site_free(&site);
	site = site_make();
	c = open_user(ALICE);
	assert_unchanged(c, s);
	char *stray = xasprintf("%s/tokens.99.0", store_directory(c->store));
	assert_int_equal(close(creat(stray, 0600)), 0);
	assert_int_equal(classifier_purge(c, time(NULL) + 1000L * 86400, &error), CLASSIFIER_OK);
	assert_int_equal(access(stray, F_OK), -1);
	free(stray);
	assert_unchanged(c, s);
	assert_int_equal(classifier_stats(c, &stats, &error), CLASSIFIER_OK);
	assert_int_equal(stats.history, 0);
	assert_int_equal(stats.signatures, 0);
	free(s);
	classifier_close(&c);
}

/* A message from that line, handed over by that host; number makes it another one. */
static struct classifier_verdict from_line(struct classifier *c, const char *from, const char *host,
					   unsigned number)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_printf(&text,
		      "Received: from localhost (localhost [127.0.0.1])\n\tby mx1.example.test; x\n"
		      "Received: from [198.51.100.9] (helo%u [%s])\n\tby mx1.example.test; x\n"
		      "From: %s\nMessage-ID: <w%u@example.org>\n\nhello again %u\n",
		      number, host, from, number, number);
	struct classifier_message *m = classifier_message_read(strbuf_span(&text), text.size);
	struct classifier_verdict v = process(c, m);
	classifier_message_free(&m);
	strbuf_free(&text);
	return v;
}

#define FRIEND "\"A. Friend\" <friend@example.org>"

static void test_whitelist(void **state)
{
	struct classifier *c = open_user(ALICE);
	struct classifier_verdict v;
	char *error = NULL;
	unsigned n = 0;

	(void)state;
	assert_int_equal(classifier_preference_set(c, "whitelistThreshold", "3", &error),
			 CLASSIFIER_OK);
	train_some(c, 0, 60);
	for (; n < 3; n++)
		assert_int_equal(from_line(c, FRIEND, "192.0.2.1", n).result, CLASSIFIER_INNOCENT);
	assert_int_equal(from_line(c, FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
	/* letter case and white space do not matter, nor which host of the network it was */
	v = from_line(c, "\"a. friend\"\n   <Friend@Example.ORG>", "192.0.2.77", n++);
	assert_int_equal(v.result, CLASSIFIER_WHITELISTED);
	/* another name is another line; and who forges the line comes from elsewhere */
	v = from_line(c, "\"A. Fiend\" <friend@example.org>", "192.0.2.1", n++);
	assert_int_not_equal(v.result, CLASSIFIER_WHITELISTED);
	v = from_line(c, FRIEND, "203.0.113.66", n++);
	assert_int_not_equal(v.result, CLASSIFIER_WHITELISTED);
	/* the forgery is reported: that tells nothing of the friend, whose mail passes on */
	correct(c, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL);
	assert_int_equal(from_line(c, FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
	for (unsigned i = 0; i < 5; i++)
		v = from_line(c, FRIEND, "203.0.113.66", n++);
	assert_int_not_equal(v.result, CLASSIFIER_WHITELISTED);
	/* reported once from the friend's own host: not trusted any more, until it is taken back */
	v = from_line(c, FRIEND, "192.0.2.1", n++);
	assert_int_equal(correct(c, CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_LEARNED);
	assert_int_not_equal(from_line(c, FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
	assert_int_equal(correct(c, CLASSIFIER_CORRECT, STORE_INNOCENT, v.signature, NULL),
			 CLASSIFIER_TAKEN_BACK);
	assert_int_equal(from_line(c, FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
	assert_int_equal(classifier_preference_set(c, "enableWhitelist", "off", &error),
			 CLASSIFIER_OK);
	assert_int_not_equal(from_line(c, FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
	classifier_close(&c);
}

/* Innocent mail makes a sender known in every mode but NOTRAIN. */
static void test_whitelist_modes(void **state)
{
	static const struct {
		const char *mode;
		enum classifier_result result;
	} cases[] = {{"TEFT", CLASSIFIER_WHITELISTED},
		     {"TUM", CLASSIFIER_WHITELISTED},
		     {"TOE", CLASSIFIER_WHITELISTED},
		     {"NOTRAIN", CLASSIFIER_INNOCENT}};
	char *error = NULL;
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct classifier *c = open_user(ALICE);
		train_some(c, 0, 60);
		mode_set(c, cases[i].mode);
		assert_int_equal(classifier_preference_set(c, "whitelistThreshold", "3", &error),
				 CLASSIFIER_OK);
		for (unsigned j = 0; j < 3; j++)
			from_line(c, FRIEND, "192.0.2.1", n++);
		assert_int_equal(from_line(c, FRIEND, "192.0.2.1", n++).result, cases[i].result);
		classifier_close(&c);
		teardown(NULL);
		setup(NULL);
	}
}

static void child_run(int out)
{
	struct classifier_site *own = site_make();
	struct classifier *c = NULL;
	char *error = NULL;

	for (unsigned i = 0;; i++) {
		struct classifier_message *m = message_make(i, i % 2);
		struct classifier_verdict v;
		if (classifier_open(own, ALICE, true, &c, &error) != CLASSIFIER_OK ||
		    classifier_process(c, m, NULL, &v, &error) != CLASSIFIER_OK)
			_exit(1);
		classifier_close(&c);
		if (write(out, v.signature, STORE_SIGNATURE_SIZE) != STORE_SIGNATURE_SIZE)
			_exit(1);
		classifier_verdict_free(&v);
		classifier_message_free(&m);
	}
}

/* Every signature that was acknowledged before the kill is there, and the store works. */
static void test_kill(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 5; round++) {
		int fds[2], status;
		char signature[STORE_SIGNATURE_SIZE];
		assert_int_equal(pipe(fds), 0);
		pid_t pid = fork();
		if (pid == 0)
			child_run(fds[1]);
		close(fds[1]);
		usleep(150000 + round * 70000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		struct classifier *c = open_user(ALICE);
		while (read(fds[0], signature, sizeof(signature)) == sizeof(signature)) {
			struct store_message row;
			char *error = NULL;
			assert_int_equal(
				store_message_by_signature(c->store, signature, &row, &error),
				STORE_OK);
			store_message_free(&row);
		}
		close(fds[0]);
		struct classifier_message *m = message_make(900000 + round, true);
		process(c, m);
		classifier_message_free(&m);
		classifier_close(&c);
	}
}

static void test_headers(void **state)
{
	struct classifier_verdict v = {.result = CLASSIFIER_SPAM,
				       .probability = 0.98765,
				       .confidence = 0.5,
				       .signature = "0123456789abcdef01234567",
				       .factors =
					       (char *)(uintptr_t) "a\r b, 0.9\nc\xc3\xa9, 0.1\n"};
	struct strbuf out = STRBUF_INIT;

	(void)state;
	dspam_headers_format(&out, &v, 0);
	assert_non_null(strstr(strbuf_text(&out), "X-DSPAM-Result: Spam\r\n"));
	assert_non_null(strstr(strbuf_text(&out),
			       "X-DSPAM-Confidence: 1.0000\r\nX-DSPAM-Probability: 1.0000\r\n"));
	assert_non_null(
		strstr(strbuf_text(&out), "X-DSPAM-Signature: 0123456789abcdef01234567\r\n"));
	assert_non_null(
		strstr(strbuf_text(&out), "X-DSPAM-Factors: 2,\r\n\ta? b, 0.9,\r\n\tc??, 0.1\r\n"));
	strbuf_free(&out);
	char line[2000]; /* whatever a message holds, no line of ours is too long */
	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\n", 2);
	v.factors = line;
	dspam_headers_format(&out, &v, 0);
	const char *factor = strstr(strbuf_text(&out), "\r\n\txxx");
	assert_non_null(factor);
	assert_true(strcspn(factor + 3, "\r") <= 100);
	strbuf_free(&out);
}

static void test_headers_are_coarse(void **state)
{
	static const struct {
		double probability;
		const char *fields;
	} cases[] = {
		{0, "X-DSPAM-Confidence: 1.0000\r\nX-DSPAM-Probability: 0.0000\r\n"},
		{0.0499, "X-DSPAM-Confidence: 1.0000\r\nX-DSPAM-Probability: 0.0000\r\n"},
		{0.06, "X-DSPAM-Confidence: 0.9000\r\nX-DSPAM-Probability: 0.0500\r\n"},
		{0.4999, "X-DSPAM-Confidence: 0.1000\r\nX-DSPAM-Probability: 0.4500\r\n"},
		{0.5, "X-DSPAM-Confidence: 0.0000\r\nX-DSPAM-Probability: 0.5000\r\n"},
		{0.5001, "X-DSPAM-Confidence: 0.1000\r\nX-DSPAM-Probability: 0.5500\r\n"},
		{0.9, "X-DSPAM-Confidence: 0.8000\r\nX-DSPAM-Probability: 0.9000\r\n"},
		{1, "X-DSPAM-Confidence: 1.0000\r\nX-DSPAM-Probability: 1.0000\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct classifier_verdict v = {.probability = cases[i].probability};
		struct strbuf out = STRBUF_INIT;

		dspam_headers_format(&out, &v, 0);
		assert_non_null(strstr(strbuf_text(&out), cases[i].fields));
		strbuf_free(&out);
	}
}

static void test_preferences(void **state)
{
	struct classifier *c = open_user(ALICE);
	char *error = NULL;

	(void)state;
	assert_int_equal(classifier_preference_set(c, "SPAMACTION", "tag", &error), CLASSIFIER_OK);
	assert_int_equal(classifier_preferences(c)->spam_action, SPAM_ACTION_TAG);
	assert_int_equal(classifier_preference_set(c, "spamAction", NULL, &error), CLASSIFIER_OK);
	assert_int_equal(classifier_preferences(c)->spam_action, SPAM_ACTION_DELIVER);
	assert_int_equal(classifier_preference_set(c, "statisticalSedation", "11", &error),
			 CLASSIFIER_INVALID);
	assert_non_null(strstr(error, "0 to 10"));
	free(error);
	error = NULL;
	assert_int_equal(classifier_preference_set(c, "spamSubject", "a\r\nBcc: x", &error),
			 CLASSIFIER_INVALID);
	free(error);
	error = NULL;
	assert_int_equal(classifier_preference_set(c, "nonsense", "1", &error), CLASSIFIER_INVALID);
	assert_non_null(strstr(error, "trainingMode"));
	free(error);
	classifier_close(&c);
}

/* A store that another thread does not give back holds up nobody else, and him not for ever. */
static void test_busy(void **state)
{
	struct classifier *alice = open_user(ALICE), *again = NULL, *bob;
	char *error = NULL;

	(void)state;
	assert_int_equal(classifier_open(site, ALICE, true, &again, &error), CLASSIFIER_DEFER);
	assert_null(again);
	assert_non_null(strstr(error, "busy"));
	free(error);
	bob = open_user(BOB);
	classifier_close(&bob);
	classifier_close(&alice);
	alice = open_user(ALICE);
	classifier_close(&alice);
}

/* Who holds mail is not forgotten; who is, may come again. */
static void test_forget(void **state)
{
	struct store_quarantined row = {
		.signature = "0123456789abcdef01234567", .file = (char[]){"x"}, .added = 1};
	struct classifier *c = open_user(ALICE);
	char *replaced, *error = NULL;

	(void)state;
	assert_int_equal(store_quarantine_add(c->store, &row, &replaced, &error), STORE_OK);
	classifier_close(&c);
	assert_int_equal(classifier_forget_user(site, ALICE, &error), CLASSIFIER_INVALID);
	free(error);
	c = open_user(ALICE);
	assert_int_equal(store_quarantine_delete(c->store, &row, STORE_OUTCOME_DELETED, &error),
			 STORE_OK);
	classifier_close(&c);
	assert_int_equal(classifier_forget_user(site, ALICE, &error), CLASSIFIER_OK);
	assert_int_equal(classifier_open(site, ALICE, false, &c, &error), CLASSIFIER_OK);
	assert_null(c);
	assert_int_equal(classifier_forget_user(site, ALICE, &error), CLASSIFIER_INVALID);
	free(error);
	c = open_user(ALICE);
	classifier_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_account, setup, teardown),
		cmocka_unit_test_setup_teardown(test_learns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redelivery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corrections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unlearn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_merges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whitelist, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whitelist_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_headers, setup, teardown),
		cmocka_unit_test(test_headers_are_coarse),
		cmocka_unit_test_setup_teardown(test_preferences, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
