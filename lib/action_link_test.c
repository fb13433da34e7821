#include "action_link.h"
#include "strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW 1763800000

static const struct submitter_secret secret = {16, "0123456789abcdef"};
static const struct submitter_secret other = {16, "0123456789abcdeF"};

static struct action_link release_link(void)
{
	struct action_link link = {.action = ACTION_LINK_RELEASE, .expires = NOW + 100};

	strcpy(link.user, "alice@example.test");
	strcpy(link.signature, "0123456789abcdef01234567");
	return link;
}

static void make(struct strbuf *token, const struct action_link *link)
{
	assert_int_equal(action_link_make(token, &secret, link), 0);
}

static void comes_back_as_it_was(void **state)
{
	struct action_link link = release_link(), found;
	struct strbuf token = STRBUF_INIT;

	(void)state;
	make(&token, &link);
	assert_int_equal(action_link_check(&found, &secret, strbuf_span(&token), NOW),
			 ACTION_LINK_OK);
	assert_int_equal(found.action, ACTION_LINK_RELEASE);
	assert_string_equal(found.user, link.user);
	assert_string_equal(found.signature, link.signature);
	assert_int_equal(found.expires, NOW + 100);
	assert_int_equal(strlen(found.mac), 64);
	strbuf_reset(&token);
	link = (struct action_link){
		.action = ACTION_LINK_DELETE_ALL, .expires = NOW, .until = NOW - 5};
	strcpy(link.user, "a@b.test");
	make(&token, &link);
	assert_int_equal(action_link_check(&found, &secret, strbuf_span(&token), NOW),
			 ACTION_LINK_OK);
	assert_int_equal(found.until, NOW - 5);
	assert_string_equal(found.signature, "");
	strbuf_free(&token);
}

static void expires(void **state)
{
	struct action_link link = release_link(), found;
	struct strbuf token = STRBUF_INIT;

	(void)state;
	make(&token, &link);
	assert_int_equal(action_link_check(&found, &secret, strbuf_span(&token), NOW + 100),
			 ACTION_LINK_OK);
	assert_int_equal(action_link_check(&found, &secret, strbuf_span(&token), NOW + 101),
			 ACTION_LINK_EXPIRED);
	strbuf_free(&token);
}

static void any_change_is_found(void **state)
{
	struct action_link link = release_link(), found;
	struct strbuf token = STRBUF_INIT;

	(void)state;
	make(&token, &link);
	assert_int_equal(action_link_check(&found, &other, strbuf_span(&token), NOW),
			 ACTION_LINK_INVALID);
	for (size_t i = 0; i < token.size; i++) {
		char before = token.data[i];

		token.data[i] = before == '1' ? '2' : '1';
		assert_int_equal(action_link_check(&found, &secret, strbuf_span(&token), NOW),
				 ACTION_LINK_INVALID);
		token.data[i] = '.';
		if (before != '.')
			assert_int_equal(
				action_link_check(&found, &secret, strbuf_span(&token), NOW),
				ACTION_LINK_INVALID);
		token.data[i] = before;
		assert_int_equal(
			action_link_check(&found, &secret, span_first(strbuf_span(&token), i), NOW),
			ACTION_LINK_INVALID);
	}
	assert_int_equal(action_link_check(&found, &secret, strbuf_span(&token), NOW),
			 ACTION_LINK_OK);
	strbuf_append_char(&token, '0');
	assert_int_equal(action_link_check(&found, &secret, strbuf_span(&token), NOW),
			 ACTION_LINK_INVALID);
	strbuf_free(&token);
}

static void what_is_not_valid_is_not_made(void **state)
{
	struct action_link link = release_link();
	struct strbuf token = STRBUF_INIT;

	(void)state;
	strcpy(link.signature, "short");
	assert_int_equal(action_link_make(&token, &secret, &link), -1);
	link = release_link();
	link.user[0] = '\0';
	assert_int_equal(action_link_make(&token, &secret, &link), -1);
	link = release_link();
	link.action = (enum action_link_action)'x';
	assert_int_equal(action_link_make(&token, &secret, &link), -1);
	assert_int_equal(token.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(expires),
		cmocka_unit_test(any_change_is_found),
		cmocka_unit_test(what_is_not_valid_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
