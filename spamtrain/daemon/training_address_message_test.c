#include "training_address_message.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define SIGNATURE "0123456789abcdef01234567"
#define OTHER	  "fedcba9876543210fedcba98"

static struct training_message *read_text(const char *text)
{
	return training_message_read(span_of(text));
}

static void assert_quoted(const char *text, const char *expected)
{
	struct training_message *message = read_text(text);

	assert_string_equal(message->quoted, expected);
	training_message_free(&message);
}

static void assert_parent(const char *text, const char *expected)
{
	struct training_message *message = read_text(text);

	assert_string_equal(message->parent, expected);
	training_message_free(&message);
}

static void header_says_what_it_is(void **state)
{
	struct training_message *message = read_text("X-Shoveler-Submitter: v1; user=alice\r\n"
						     "Resent-From: alice@example.test\r\n"
						     "From: Spam Inc <spam@bad.test>\r\n"
						     "Content-Language: fr-CH, en\r\n\r\nbuy\r\n");

	(void)state;
	assert_true(message->resent);
	assert_false(message->automatic);
	assert_int_equal(message->language, TRAINING_FRENCH);
	assert_true(span_equal(message->submitter, span_of(" v1; user=alice")));
	training_message_free(&message);
}

static void from_names_an_address(void **state)
{
	struct span from = span_of("Spam Inc <spam@bad.test>");

	(void)state;
	assert_true(training_from_is(from, "SPAM@bad.test"));
	assert_false(training_from_is(from, "pam@bad.test"));
	assert_false(training_from_is(from, "spam@bad.tes"));
	assert_false(training_from_is(from, "alice@example.test"));
	assert_false(training_from_is(from, ""));
	assert_false(training_from_is((struct span){NULL, 0}, "a@b"));
}

static void a_subject_is_compared_without_its_prefixes(void **state)
{
	struct training_message *message = read_text("Subject: TR : Re: Your invoice\n\n");

	(void)state;
	assert_true(training_message_has_subject(message, "Your invoice"));
	assert_true(training_message_has_subject(message, "RE : Your invoice "));
	assert_false(training_message_has_subject(message, "Your invoices"));
	assert_false(training_message_has_subject(message, "Return: Your invoice"));
	assert_false(training_message_has_subject(message, ""));
	training_message_free(&message);
}

static void the_machine_that_sent_it_is_not_the_originals(void **state)
{
	static const struct {
		const char *text;
		bool machine;
	} mails[] = {
		{"Auto-Submitted: auto-replied\nResent-From: a@b.test\nFrom: x\n\n", true},
		{"Auto-Submitted: auto-replied\nX-DSPAM-Signature: " SIGNATURE "\n\n", true},
		{"Auto-Submitted: no\nResent-From: a@b.test\n\n", false},
		{"Resent-From: a@b.test\nAuto-Submitted: auto-generated\n\n", false},
		{"X-DSPAM-Result: Spam\nAuto-Submitted: auto-generated\n\n", false},
		{"List-Id: <l.test>\nPrecedence: bulk\nResent-From: a@b.test\n\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		struct training_message *message = read_text(mails[i].text);

		assert_int_equal(message->sent_by_machine, mails[i].machine);
		training_message_free(&message);
	}
}

static void two_submitters_are_none(void **state)
{
	struct training_message *message = read_text("X-Shoveler-Submitter: v1; user=alice\n"
						     "x-shoveler-submitter: v1; user=bob\n\nx\n");

	(void)state;
	assert_int_equal(message->submitter.size, 0);
	training_message_free(&message);
}

static void automatic_mail_is_known(void **state)
{
	static const char *const automatic[] = {"Auto-Submitted: auto-replied (vacation)\n\n",
						"Precedence: bulk\n\n", "List-Id: <x.test>\n\n",
						"Content-Type: multipart/report; boundary=x\n\n"};
	static const char *const personal[] = {"Auto-Submitted: no\n\n", "Precedence: first\n\n",
					       "Subject: x\n\nList-Id: x\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(automatic) / sizeof(automatic[0]); i++) {
		struct training_message *message = read_text(automatic[i]);

		assert_true(message->automatic);
		training_message_free(&message);
	}
	for (size_t i = 0; i < sizeof(personal) / sizeof(personal[0]); i++) {
		struct training_message *message = read_text(personal[i]);

		assert_false(message->automatic);
		training_message_free(&message);
	}
}

static void attached_messages_are_found(void **state)
{
	struct training_message *message = read_text(
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\nsee attached, X-DSPAM-Signature: " SIGNATURE "\r\n"
		"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: one\r\n\r\n1\r\n"
		"--b\r\nContent-Type: application/octet-stream; name=\"two.EML\"\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogdHdvCgoyCg==\r\n"
		"--b\r\nContent-Type: message/rfc822\r\n\r\n\r\nno header\r\n"
		"--b\r\nContent-Type: message/rfc822\r\n\r\n"
		"Content-Type: multipart/mixed; boundary=c\r\n\r\n"
		"--c\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\n--c--\r\n"
		"--b--\r\n");

	(void)state;
	assert_int_equal(message->count, 3);
	assert_true(span_equal(message->originals[0], span_of("Subject: one\r\n\r\n1\r\n")));
	assert_true(span_equal(message->originals[1], span_of("Subject: two\n\n2\n")));
	assert_true(span_starts_nocase(message->originals[2], span_of("Content-Type")));
	assert_string_equal(message->quoted, SIGNATURE);
	assert_false(message->truncated);
	training_message_free(&message);
}

static void too_many_attached_messages_are_told(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct training_message *message;

	(void)state;
	strbuf_append_text(&text, "Content-Type: multipart/digest; boundary=b\n\n");
	for (unsigned i = 0; i <= TRAINING_ORIGINALS_MAX; i++)
		strbuf_printf(&text, "--b\nContent-Type: message/rfc822\n\nSubject: %u\n\nx\n", i);
	message = training_message_read(strbuf_span(&text));
	assert_int_equal(message->count, TRAINING_ORIGINALS_MAX);
	assert_true(message->truncated);
	training_message_free(&message);
	strbuf_free(&text);
}

static void one_quoted_signature_is_certain(void **state)
{
	(void)state;
	assert_quoted("\n> X-DSPAM-Signature: " SIGNATURE "\n", SIGNATURE);
	assert_quoted("\n*X-Dspam-Signature:* 0123456789ABCDEF01234567\n", SIGNATURE);
	assert_quoted("\n> X-DSPAM-Signature:\n> " SIGNATURE "\n", SIGNATURE);
	assert_quoted("Content-Type: text/html\n\n<tr><th>X-DSPAM-Signature: </th><td>" SIGNATURE
		      "</td></tr>",
		      SIGNATURE);
	assert_quoted("Content-Transfer-Encoding: quoted-printable\n\nX-DSPAM-Signature:=20=\n"
		      "0123456789ab=\ncdef01234567\n",
		      SIGNATURE);
	assert_quoted("\nX-DSPAM-Signature: " SIGNATURE "\nX-DSPAM-Signature: " SIGNATURE "\n",
		      SIGNATURE);
	/* no certainty */
	assert_quoted("\nX-DSPAM-Signature: " SIGNATURE "\nX-DSPAM-Signature: " OTHER "\n", "");
	assert_quoted("\nX-DSPAM-Signature: " SIGNATURE "0\n", "");
	assert_quoted("\nX-DSPAM-Signature " SIGNATURE "\n", "");
	assert_quoted("\nX-DSPAM-Signature: 0123\n", "");
	assert_quoted("\nX-DSPAM-Signature:", "");
	assert_quoted("X-DSPAM-Signature: " SIGNATURE "\n\nin the header only\n", "");
}

static void the_parent_is_certain_or_none(void **state)
{
	(void)state;
	assert_parent("In-Reply-To: <a@b>\n\n", "<a@b>");
	assert_parent("References: <x@y>\n\t<a@b>\n\n", "<a@b>");
	assert_parent("In-Reply-To: <a@b>\nReferences: <x@y> <a@b>\n\n", "<a@b>");
	assert_parent("In-Reply-To: <a@b>\nReferences: <a@b> <x@y>\n\n", "");
	assert_parent("In-Reply-To: <a@b> <c@d>\n\n", "");
	assert_parent("In-Reply-To: your mail\n\n", "");
	assert_parent("References: <a@b\n\n", "");
	assert_parent("Subject: x\n\n", "");
}

static void a_resent_message_is_restored(void **state)
{
	static const char text[] = "X-Shoveler-Submitter: v1\r\n"
				   "Received: from alice's laptop\r\n"
				   "Resent-From: alice@example.test\r\n"
				   "Resent-To: dc-spam@example.test\r\n"
				   "X-DSPAM-Result: Innocent\r\n"
				   "Received: from bad.test\r\n"
				   "From: spam@bad.test\r\n"
				   "Subject: buy\r\n"
				   "\tnow\r\n"
				   "\r\n"
				   "Resent-From: body\r\n";
	struct strbuf out = STRBUF_INIT;

	(void)state;
	training_message_restore(&out, span_of(text));
	assert_string_equal(strbuf_text(&out), "Received: from bad.test\r\n"
					       "From: spam@bad.test\r\n"
					       "Subject: buy\r\n"
					       "\tnow\r\n"
					       "\r\n"
					       "Resent-From: body\r\n");
	strbuf_free(&out);
	training_message_restore(&out, (struct span){NULL, 0});
	assert_string_equal(strbuf_text(&out), "\r\n");
	strbuf_free(&out);
}

static void odd_messages_are_read(void **state)
{
	static const char *const odd[] = {"",
					  "\n",
					  "no header",
					  "Content-Type: message/rfc822\n\n",
					  "Content-Type: multipart/mixed; boundary=b\n\n--b",
					  "From: \nX-DSPAM-Signature:"};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct training_message *message = read_text(odd[i]);

		assert_int_equal(message->count, 0);
		training_message_free(&message);
		assert_null(message);
	}
}

static bool quotes(const char *mail, const char *from, const char *subject)
{
	struct training_message *message = training_message_read(span_of(mail));
	bool found = training_message_quotes(message, from, subject);

	training_message_free(&message);
	return found;
}

static void an_inline_forward_quotes_sender_and_subject(void **state)
{
	static const char mail[] = "From: alice@example.test\r\n"
				   "Subject: =?utf-8?Q?WG:_Fwd:_R=C3=A9union?=\r\n"
				   "Content-Type: text/plain; charset=utf-8\r\n\r\n"
				   "From: Bob [Bob@Client.test]\r\n"
				   "Subject: R\xc3\xa9union\r\n\r\ntext\r\n";

	(void)state;
	assert_true(quotes(mail, "Bob <bob@client.test>", "R\xc3\xa9union"));
	assert_true(quotes(mail, "bob@client.test", "Re: R\xc3\xa9union"));
	assert_false(quotes(mail, "Eve <eve@client.test>", "R\xc3\xa9union"));
	assert_false(quotes(mail, "Bob", "R\xc3\xa9union"));
	assert_false(quotes(mail, "Bob <bob@client.test>", "R\xc3\xa9unions"));
	assert_false(quotes(mail, "Bob <bob@client.test>", ""));
	assert_false(quotes("Subject: Fwd: x\r\n\r\nbob@client.test\r\n", "bob@client.test",
			    "x"
			    "y"));
	assert_false(quotes("Subject: Fwd: long one\r\n\r\nbob@client.test\r\n", "bob@client.test",
			    "long one"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_inline_forward_quotes_sender_and_subject),
		cmocka_unit_test(header_says_what_it_is),
		cmocka_unit_test(from_names_an_address),
		cmocka_unit_test(a_subject_is_compared_without_its_prefixes),
		cmocka_unit_test(the_machine_that_sent_it_is_not_the_originals),
		cmocka_unit_test(two_submitters_are_none),
		cmocka_unit_test(automatic_mail_is_known),
		cmocka_unit_test(attached_messages_are_found),
		cmocka_unit_test(too_many_attached_messages_are_told),
		cmocka_unit_test(one_quoted_signature_is_certain),
		cmocka_unit_test(the_parent_is_certain_or_none),
		cmocka_unit_test(a_resent_message_is_restored),
		cmocka_unit_test(odd_messages_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
