#include "web/mail_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct session alice = {.id = "0123456789abcdef0123456789abcdef",
				     .user = "alice@example.test"};

static struct strbuf seal(const struct mail_key *key, const char *password)
{
	struct strbuf token = STRBUF_INIT;

	assert_true(mail_key_seal(key, &alice, "alice", password, &token));
	return token;
}

static void what_was_sealed_comes_back(void **state)
{
	struct mail_key *key = mail_key_new();
	struct strbuf token = seal(key, "p\303\244ss \" wort");
	struct credentials credentials;

	(void)state;
	assert_null(strstr(strbuf_text(&token), "alice"));
	assert_true(mail_key_unseal(key, &alice, strbuf_span(&token), &credentials));
	assert_string_equal(credentials.login, "alice");
	assert_string_equal(credentials.password, "p\303\244ss \" wort");
	credentials_wipe(&credentials);
	assert_string_equal(credentials.password, "");
	strbuf_free(&token);
	mail_key_free(&key);
}

static void it_is_one_sessions_only(void **state)
{
	struct mail_key *key = mail_key_new(), *other = mail_key_new();
	struct strbuf token = seal(key, "secret");
	struct session session = alice;
	struct credentials credentials;

	(void)state;
	assert_false(mail_key_unseal(other, &alice, strbuf_span(&token), &credentials));
	session.id[0] = 'f';
	assert_false(mail_key_unseal(key, &session, strbuf_span(&token), &credentials));
	session = alice;
	snprintf(session.user, sizeof(session.user), "bob@example.test");
	assert_false(mail_key_unseal(key, &session, strbuf_span(&token), &credentials));
	session.user[0] = '\0';
	assert_false(mail_key_unseal(key, &session, strbuf_span(&token), &credentials));
	strbuf_free(&token);
	mail_key_free(&key);
	mail_key_free(&other);
}

static void what_was_changed_is_worth_nothing(void **state)
{
	struct mail_key *key = mail_key_new();
	struct strbuf token = seal(key, "secret");
	struct credentials credentials;

	(void)state;
	for (size_t i = 0; i < token.size; i++) {
		char old = token.data[i];

		token.data[i] = old == 'A' ? 'B' : 'A';
		/* But for bits of the last letter that stand for nothing. */
		if (i + 3 < token.size)
			assert_false(
				mail_key_unseal(key, &alice, strbuf_span(&token), &credentials));
		token.data[i] = old;
		assert_false(mail_key_unseal(key, &alice, span_first(strbuf_span(&token), i),
					     &credentials));
	}
	assert_false(mail_key_unseal(key, &alice, SPAN_LITERAL("===="), &credentials));
	assert_false(mail_key_unseal(key, &alice, SPAN_LITERAL("    "), &credentials));
	strbuf_free(&token);
	mail_key_free(&key);
}

static void lengths(void **state)
{
	struct mail_key *key = mail_key_new();
	char password[DOVECOT_AUTH_PASSWORD_MAX + 2];
	struct strbuf shorter = seal(key, "a"), longer = seal(key, "abcdefghijklmnopqrst"), token;
	struct credentials credentials;

	(void)state;
	assert_int_equal(shorter.size, longer.size);
	memset(password, 'x', sizeof(password));
	password[DOVECOT_AUTH_PASSWORD_MAX] = '\0';
	token = seal(key, password);
	assert_true(token.size <= MAIL_TOKEN_MAX);
	assert_true(mail_key_unseal(key, &alice, strbuf_span(&token), &credentials));
	assert_string_equal(credentials.password, password);
	strbuf_reset(&token);
	password[DOVECOT_AUTH_PASSWORD_MAX] = 'x';
	password[DOVECOT_AUTH_PASSWORD_MAX + 1] = '\0';
	assert_false(mail_key_seal(key, &alice, "alice", password, &token));
	assert_int_equal(token.size, 0);
	strbuf_free(&shorter);
	strbuf_free(&longer);
	strbuf_free(&token);
	mail_key_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_comes_back),
		cmocka_unit_test(it_is_one_sessions_only),
		cmocka_unit_test(what_was_changed_is_worth_nothing),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
