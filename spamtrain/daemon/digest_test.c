#include "spamtrain/daemon/digest.h"

#include "lib/action_link.h"
#include "lib/header.h"
#include "lib/mime.h"
#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW 1763800000

static char *no_addresses[] = {NULL};
static char *addresses[] = {(char *)(uintptr_t) "ham@other.test",
			    (char *)(uintptr_t) "dc-ham@example.test", NULL};

static struct spamtraind service = {
	.hostname = (char *)(uintptr_t) "mx.test",
	.answer_from = (char *)(uintptr_t) "",
	.web_url = (char *)(uintptr_t) "",
	.innocent_addresses = no_addresses,
	.link_secret = {16, "0123456789abcdef"},
	.link_seconds = 3600,
	.quarantine_max = 10 << 20,
};

static void set_up(const char *url, char **training)
{
	service.web_url = (char *)(uintptr_t)url;
	service.innocent_addresses = training;
}

static struct digest *one(const char *from, const char *subject, enum training_language language)
{
	struct digest *digest = xcalloc(1, sizeof(*digest));

	digest->user = "alice@example.test";
	digest->language = language;
	digest->count = 1;
	digest->news = digest->messages = 1;
	digest->bytes = 5000;
	digest->items[0] = (struct digest_item){
		.from = xstrdup(from),
		.subject = xstrdup(subject),
		.signature = "0123456789abcdef01234567",
		.received = NOW,
		.expires = NOW + 86400,
		.size = 5000,
	};
	return digest;
}

/* The text of the part of that type. Frees the digest. */
static char *part(struct digest *digest, const char *type)
{
	struct strbuf mail = STRBUF_INIT;
	struct mime_parts *parts = xmalloc(sizeof(*parts));
	char *text = NULL;

	digest_format(&mail, &service, digest, NOW);
	mime_parse_shallow(parts, strbuf_span(&mail));
	for (size_t i = 0; i < parts->count; i++) {
		if (mime_type_is(&parts->part[i], type))
			text = xstrndup(parts->part[i].body.data, parts->part[i].body.size);
	}
	assert_non_null(text);
	free(parts);
	strbuf_free(&mail);
	digest_items_free(digest);
	free(digest);
	return text;
}

static void assert_has(const char *text, const char *wanted)
{
	if (strstr(text, wanted) == NULL)
		fail_msg("\"%s\" is not in:\n%s", wanted, text);
}

static void assert_has_not(const char *text, const char *unwanted)
{
	if (strstr(text, unwanted) != NULL)
		fail_msg("\"%s\" is in:\n%s", unwanted, text);
}

static void what_strangers_wrote_is_text(void **state)
{
	char *text;

	(void)state;
	set_up("", addresses);
	text = part(one("\"<img src=x>\" <a@b.test>", "</bdi><script>alert(1)</script> & co",
			TRAINING_ENGLISH),
		    "text/html");
	assert_has(text, "<bdi>&lt;/bdi&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; co</bdi>");
	assert_has(text, "&quot;&lt;img src=x&gt;&quot;");
	assert_has_not(text, "<script");
	assert_has_not(text, "<img");
	free(text);
}

static void long_text_is_cut_between_characters(void **state)
{
	struct strbuf subject = STRBUF_INIT;
	char *text;

	(void)state;
	for (int i = 0; i < 400; i++)
		strbuf_append_text(&subject, "\xe2\x82\xac");
	set_up("", addresses);
	text = part(one("f", strbuf_text(&subject), TRAINING_ENGLISH), "text/plain");
	assert_has(text, "\xe2\x82\xac...\r\n");
	assert_has_not(text, "\xe2\x82...");
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") < 998);
	free(text);
	strbuf_free(&subject);
}

static char *token_behind(const char *text, const char *label)
{
	const char *at = strstr(text, label);

	assert_non_null(at);
	at = strstr(at, "/link?t=");
	assert_non_null(at);
	at += strlen("/link?t=");
	return xstrndup(at, strcspn(at, "\r\n\""));
}

static void check_token(const char *text, const char *label, enum action_link_action action)
{
	char *token = token_behind(text, label);
	struct action_link link;

	assert_int_equal(action_link_check(&link, &service.link_secret, span_of(token), NOW),
			 ACTION_LINK_OK);
	assert_int_equal(link.action, action);
	assert_string_equal(link.user, "alice@example.test");
	assert_int_equal(link.expires, NOW + 3600);
	assert_string_equal(link.signature,
			    action == ACTION_LINK_DELETE_ALL ? "" : "0123456789abcdef01234567");
	free(token);
}

static void links_are_signed(void **state)
{
	char *text;

	(void)state;
	set_up("https://mail.test/filter", addresses);
	text = part(one("f", "s", TRAINING_ENGLISH), "text/plain");
	check_token(text, "Not spam: release", ACTION_LINK_RELEASE);
	check_token(text, "Spam: delete", ACTION_LINK_SPAM);
	check_token(text, "Delete all", ACTION_LINK_DELETE_ALL);
	assert_has(text, "https://mail.test/filter/link?t=");
	free(text);
}

static void without_web_page_the_mail_says_how(void **state)
{
	char *text;

	(void)state;
	set_up("", addresses);
	text = part(one("f", "s", TRAINING_ENGLISH), "text/plain");
	assert_has(text, "dc-ham@example.test");
	assert_has(text, "X-DSPAM-Signature: 0123456789abcdef01234567");
	assert_has_not(text, "link?t=");
	free(text);
	text = part(one("f", "s", TRAINING_ENGLISH), "text/html");
	assert_has(text,
		   "mailto:dc-ham@example.test?subject=0123456789abcdef01234567&amp;body=X-DSPAM-"
		   "Signature:%200123456789abcdef01234567");
	free(text);
	set_up("", no_addresses);
	text = part(one("f", "s", TRAINING_ENGLISH), "text/plain");
	assert_has(text, "ask your postmaster");
	free(text);
}

static void it_speaks_french(void **state)
{
	struct digest *digest = one("", "", TRAINING_FRENCH);
	char *text;

	(void)state;
	set_up("https://mail.test", addresses);
	digest->bytes = 10 << 20;
	digest->news = 3;
	text = part(digest, "text/plain");
	assert_has(text, "(sans objet)");
	assert_has(text, "(sans expéditeur)");
	assert_has(text, "novembre");
	assert_has(text, "presque pleine (10 MB sur 10 MB)");
	assert_has(text, "Et 2 de plus");
	free(text);
}

static void damaged_ones_are_not_released(void **state)
{
	struct digest *digest = one("f", "s", TRAINING_ENGLISH);
	char *text;

	(void)state;
	set_up("https://mail.test", addresses);
	digest->items[0].damaged = digest->items[0].alert = true;
	text = part(digest, "text/plain");
	assert_has(text, "the file is damaged");
	assert_has(text, "! matches one of your alerts");
	assert_has_not(text, "Not spam: release");
	check_token(text, "Spam: delete", ACTION_LINK_SPAM);
	free(text);
}

static void nobody_answers_it(void **state)
{
	struct digest *digest = one("f", "s", TRAINING_ENGLISH);
	struct strbuf mail = STRBUF_INIT;
	struct header_field field;

	(void)state;
	set_up("", addresses);
	digest_format(&mail, &service, digest, NOW);
	assert_true(header_find(strbuf_span(&mail), "Auto-Submitted", &field));
	assert_true(span_equal(span_trim(field.body), SPAN_LITERAL("auto-generated")));
	assert_true(header_find(strbuf_span(&mail), "Subject", &field));
	assert_true(span_equal(span_trim(field.body), SPAN_LITERAL("Your spam quarantine: 1 new")));
	strbuf_free(&mail);
	digest_items_free(digest);
	free(digest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_strangers_wrote_is_text),
		cmocka_unit_test(long_text_is_cut_between_characters),
		cmocka_unit_test(links_are_signed),
		cmocka_unit_test(without_web_page_the_mail_says_how),
		cmocka_unit_test(it_speaks_french),
		cmocka_unit_test(damaged_ones_are_not_released),
		cmocka_unit_test(nobody_answers_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
