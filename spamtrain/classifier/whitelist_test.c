/* Senders whose mail is not judged: known by what they sent, never by what somebody forged. */
#include "spamtrain/classifier/classifier_fixture.h"

/* A message from that line, handed over by that host; number makes it another one. */
static struct classifier_verdict from_line(const char *from, const char *host, unsigned number)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_printf(&text,
		      "Received: from localhost (localhost [127.0.0.1])\n\tby mx1.example.test; x\n"
		      "Received: from [198.51.100.9] (helo%u [%s])\n\tby mx1.example.test; x\n"
		      "From: %s\nMessage-ID: <w%u@example.org>\n\nhello again %u\n",
		      number, host, from, number, number);
	struct classifier_message *m = message_of(strbuf_span(&text));
	struct classifier_verdict v = process(m);
	classifier_message_free(&m);
	strbuf_free(&text);
	return v;
}

#define FRIEND "\"A. Friend\" <friend@example.org>"

static void test_whitelist(void **state)
{
	struct classifier_verdict v;
	unsigned n = 0;

	(void)state;
	preference_set("whitelistThreshold", "3");
	user_train(c, 0, 60);
	for (; n < 3; n++)
		assert_int_equal(from_line(FRIEND, "192.0.2.1", n).result, CLASSIFIER_INNOCENT);
	assert_int_equal(from_line(FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
	/* letter case and white space do not matter, nor which host of the network it was */
	v = from_line("\"a. friend\"\n   <Friend@Example.ORG>", "192.0.2.77", n++);
	assert_int_equal(v.result, CLASSIFIER_WHITELISTED);
	/* another name is another line; and who forges the line comes from elsewhere */
	v = from_line("\"A. Fiend\" <friend@example.org>", "192.0.2.1", n++);
	assert_int_not_equal(v.result, CLASSIFIER_WHITELISTED);
	v = from_line(FRIEND, "203.0.113.66", n++);
	assert_int_not_equal(v.result, CLASSIFIER_WHITELISTED);
	/* the forgery is reported: that tells nothing of the friend, whose mail passes on */
	correct(CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL);
	assert_int_equal(from_line(FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
	for (unsigned i = 0; i < 5; i++)
		v = from_line(FRIEND, "203.0.113.66", n++);
	assert_int_not_equal(v.result, CLASSIFIER_WHITELISTED);
	/* reported once from the friend's own host: not trusted any more, until it is taken back */
	v = from_line(FRIEND, "192.0.2.1", n++);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_SPAM, v.signature, NULL),
			 CLASSIFIER_LEARNED);
	assert_int_not_equal(from_line(FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
	assert_int_equal(correct(CLASSIFIER_CORRECT, STORE_INNOCENT, v.signature, NULL),
			 CLASSIFIER_TAKEN_BACK);
	assert_int_equal(from_line(FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
	preference_set("enableWhitelist", "off");
	assert_int_not_equal(from_line(FRIEND, "192.0.2.1", n++).result, CLASSIFIER_WHITELISTED);
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
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		user_train(c, 0, 60);
		preference_set("trainingMode", cases[i].mode);
		preference_set("whitelistThreshold", "3");
		for (unsigned j = 0; j < 3; j++)
			from_line(FRIEND, "192.0.2.1", n++);
		assert_int_equal(from_line(FRIEND, "192.0.2.1", n++).result, cases[i].result);
		teardown(NULL);
		setup(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whitelist, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whitelist_modes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
