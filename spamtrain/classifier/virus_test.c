#include "spamtrain/classifier/classifier_fixture.h"
#include "spamtrain/classifier/virus.h"

static const char mail[] =
	"From: S <s@client.test>\nSubject: A present\nMessage-ID: <v@client.test>\n"
	"\nbody\n";

static char signature[STORE_SIGNATURE_SIZE];

static bool note(const char *id, bool in_mailbox, const char *message)
{
	const struct classifier_virus virus = {
		.name = "Lab.Eicar",
		.sender = "s@client.test",
		.id = id,
		.in_mailbox = in_mailbox,
		.found = 1700000000,
		.message = span_of(message),
		.size = 4711,
	};
	char *error = NULL;
	bool again;

	assert_int_equal(classifier_virus(c, &virus, signature, &again, &error), CLASSIFIER_OK);
	return again;
}

static struct store_message row_of(const char *wanted)
{
	struct store_message row;
	char *error = NULL;

	assert_int_equal(store_message_by_signature(c->store, wanted, &row, &error), STORE_OK);
	return row;
}

static void a_find_is_one_row(void **state)
{
	char first[STORE_SIGNATURE_SIZE];
	struct store_message row;

	(void)state;
	assert_false(note("4ABC", false, mail));
	memcpy(first, signature, sizeof(first));
	assert_true(note("4ABC", false, mail));
	assert_string_equal(signature, first);
	row = row_of(first);
	assert_int_equal(row.outcome, STORE_OUTCOME_VIRUS);
	assert_int_equal(row.result, -1);
	assert_int_equal(row.taught, STORE_NONE);
	assert_string_equal(row.virus, "Lab.Eicar");
	assert_string_equal(row.sender, "s@client.test");
	assert_string_equal(row.queue_id, "4ABC");
	assert_string_equal(row.subject, "A present");
	assert_int_equal(row.size, 4711);
	store_message_free(&row);
	assert_false(note("4DEF", false, mail));
	assert_string_not_equal(signature, first);
}

/* The admin releases it: it is judged as any other mail, and corrected by its Message-ID. */
static void released_mail_is_another_row(void **state)
{
	struct classifier_message *m = message_read_text(mail);
	struct classifier_verdict verdict;

	(void)state;
	verdict = process(m);
	assert_false(verdict.again);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, verdict.signature, m),
			 CLASSIFIER_LEARNED);
	assert_string_not_equal(verdict.signature, signature);
	classifier_message_free(&m);
}

static void the_rescan_marks_the_row(void **state)
{
	struct classifier_message *m = message_read_text("Subject: old\n\nbody\n");
	struct classifier_verdict verdict = process(m);
	char *marked =
		xasprintf("X-DSPAM-Signature: %s\nSubject: old\n\nbody\n", verdict.signature);
	struct store_message row;

	(void)state;
	/* What came by mail has not been delivered: a signature in it is forged. */
	assert_false(note("4FORGED", false, marked));
	assert_string_not_equal(signature, verdict.signature);
	assert_false(note("INBOX/7", true, marked));
	assert_string_equal(signature, verdict.signature);
	assert_true(note("INBOX/7", true, marked));
	row = row_of(verdict.signature);
	assert_int_equal(row.outcome, STORE_OUTCOME_VIRUS);
	assert_string_equal(row.virus, "Lab.Eicar");
	assert_int_equal(row.result, (int)verdict.result);
	store_message_free(&row);
	free(marked);
	classifier_message_free(&m);
}

static void a_row_teaches_nothing_in_any_mode(void **state)
{
	static const char *const modes[] = {"TEFT", "TUM", "TOE", "NOTRAIN"};
	struct classifier_stats before, after;
	char *error = NULL;

	(void)state;
	assert_int_equal(classifier_stats(c, &before, &error), CLASSIFIER_OK);
	for (size_t i = 0; i < 4; i++) {
		preference_set("trainingMode", modes[i]);
		assert_false(note(modes[i], false, mail));
	}
	assert_int_equal(classifier_stats(c, &after, &error), CLASSIFIER_OK);
	assert_int_equal(after.history, before.history + 4);
	assert_int_equal(after.spam_learned, before.spam_learned);
	assert_int_equal(after.innocent_learned, before.innocent_learned);
	assert_int_equal(after.signatures, before.signatures);
}

static void a_row_cannot_be_taught(void **state)
{
	(void)state;
	assert_false(note("4XYZ", false, mail));
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, signature, NULL),
			 CLASSIFIER_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_find_is_one_row),
		cmocka_unit_test(released_mail_is_another_row),
		cmocka_unit_test(the_rescan_marks_the_row),
		cmocka_unit_test(a_row_teaches_nothing_in_any_mode),
		cmocka_unit_test(a_row_cannot_be_taught),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
