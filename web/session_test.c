#include "web/limiter.h"
#include "web/session.h"

#include "lib/xalloc.h"
#include "lib/test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

#define IDLE	 600
#define LIFETIME 3600
#define NOW	 1800000000

static char folder[] = "/tmp/session_test.XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	test_folder_remove(folder);
	return 0;
}

static struct session_keeper *open_keeper(void)
{
	struct session_keeper *keeper = NULL;
	char *error = NULL;

	assert_int_equal(session_keeper_open(folder, IDLE, LIFETIME, &keeper, &error), 0);
	return keeper;
}

static struct strbuf issue(const struct session_keeper *keeper, struct session *session, time_t now)
{
	struct strbuf token = STRBUF_INIT;

	session_issue(keeper, session, now, &token);
	return token;
}

static void signed_in_until_it_is_over(void **state)
{
	struct session_keeper *keeper = open_keeper();
	struct session session, read;
	struct strbuf token;

	(void)state;
	session_begin(keeper, "alice+x@example.test", true, NOW, &session);
	snprintf(session.language, sizeof(session.language), "fr");
	token = issue(keeper, &session, NOW);
	assert_true(session_read(keeper, strbuf_span(&token), NOW + IDLE - 1, &read));
	assert_string_equal(read.user, "alice+x@example.test");
	assert_string_equal(read.language, "fr");
	assert_string_equal(read.id, session.id);
	assert_true(read.by_proxy);
	assert_false(session_is_stale(keeper, &read, NOW + 1));
	assert_true(session_is_stale(keeper, &read, NOW + IDLE / 2));
	assert_false(session_read(keeper, strbuf_span(&token), NOW + IDLE, &read));
	strbuf_free(&token);
	/* Issued again and again it still ends. */
	token = issue(keeper, &session, NOW + LIFETIME - 1);
	assert_true(session_read(keeper, strbuf_span(&token), NOW + LIFETIME - 1, &read));
	assert_false(session_read(keeper, strbuf_span(&token), NOW + LIFETIME, &read));
	strbuf_free(&token);
	session_keeper_close(&keeper);
	/* Another process with the same key, after a restart. */
	keeper = open_keeper();
	token = issue(keeper, &session, NOW);
	session_keeper_close(&keeper);
	keeper = open_keeper();
	assert_true(session_read(keeper, strbuf_span(&token), NOW, &read));
	strbuf_free(&token);
	session_keeper_close(&keeper);
}

static void what_was_changed_is_worth_nothing(void **state)
{
	struct session_keeper *keeper = open_keeper();
	struct session session, read;
	struct strbuf token;

	(void)state;
	session_begin(keeper, "bob@example.test", false, NOW, &session);
	token = issue(keeper, &session, NOW);
	for (size_t i = 0; i < token.size; i++) {
		token.data[i] ^= 1;
		assert_false(session_read(keeper, strbuf_span(&token), NOW, &read));
		token.data[i] ^= 1;
	}
	for (size_t i = 0; i < token.size; i++)
		assert_false(session_read(keeper, span_first(strbuf_span(&token), i), NOW, &read));
	strbuf_append_char(&token, '0');
	assert_false(session_read(keeper, strbuf_span(&token), NOW, &read));
	assert_false(session_read(keeper, SPAN_LITERAL("1:::::::"), NOW, &read));
	strbuf_free(&token);
	session_keeper_close(&keeper);
}

static void signed_out_is_signed_out(void **state)
{
	struct session_keeper *keeper = open_keeper();
	struct session one, two, other, read;
	struct strbuf first, second, third;
	char *error = NULL;

	(void)state;
	session_begin(keeper, "carol@example.test", false, NOW, &one);
	session_begin(keeper, "carol@example.test", false, NOW, &two);
	session_begin(keeper, "dave@example.test", false, NOW, &other);
	assert_string_not_equal(one.id, two.id);
	first = issue(keeper, &one, NOW);
	second = issue(keeper, &two, NOW);
	third = issue(keeper, &other, NOW);
	assert_int_equal(session_end(keeper, &one, &error), 0);
	assert_false(session_read(keeper, strbuf_span(&first), NOW, &read));
	assert_true(session_read(keeper, strbuf_span(&second), NOW, &read));
	assert_int_equal(session_end_all(keeper, "carol@example.test", &error), 0);
	assert_false(session_read(keeper, strbuf_span(&second), NOW, &read));
	assert_true(session_read(keeper, strbuf_span(&third), NOW, &read));
	session_begin(keeper, "carol@example.test", false, NOW, &two);
	strbuf_free(&second);
	second = issue(keeper, &two, NOW);
	assert_true(session_read(keeper, strbuf_span(&second), NOW, &read));
	strbuf_free(&first);
	strbuf_free(&second);
	strbuf_free(&third);
	session_keeper_close(&keeper);
}

/* Else all that he ever ended would count again. */
static void what_cannot_be_read_is_not_ended_by_a_guess(void **state)
{
	struct session_keeper *keeper = open_keeper();
	char *path = xasprintf("%s/generation/erin", folder), *error = NULL;
	FILE *empty = fopen(path, "w");

	(void)state;
	assert_non_null(empty);
	fclose(empty);
	assert_int_equal(session_end_all(keeper, "erin", &error), -1);
	assert_non_null(strstr(error, "cannot read"));
	free(error);
	free(path);
	session_keeper_close(&keeper);
}

static void notes_are_swept_when_they_are_of_no_use(void **state)
{
	struct session_keeper *keeper = open_keeper();
	struct session session;
	char *error = NULL, *path;
	time_t now = time(NULL);
	struct utimbuf old = {now - LIFETIME, now - LIFETIME};

	(void)state;
	session_begin(keeper, "erin@example.test", false, now, &session);
	assert_int_equal(session_end(keeper, &session, &error), 0);
	path = xasprintf("%s/ended/%s", folder, session.id);
	session_sweep(keeper, now);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(utime(path, &old), 0);
	session_sweep(keeper, now);
	assert_int_not_equal(access(path, F_OK), 0);
	free(path);
	session_keeper_close(&keeper);
}

static void form_tokens_are_the_sessions_own(void **state)
{
	struct session_keeper *keeper = open_keeper();
	struct session nobody, alice, again;
	char one[MAC_HEX_SIZE], two[MAC_HEX_SIZE], three[MAC_HEX_SIZE];

	(void)state;
	session_begin(keeper, "", false, NOW, &nobody);
	session_begin(keeper, "alice@example.test", false, NOW, &alice);
	session_begin(keeper, "alice@example.test", false, NOW, &again);
	session_form_token(keeper, &nobody, one);
	session_form_token(keeper, &alice, two);
	session_form_token(keeper, &again, three);
	assert_string_not_equal(one, two);
	assert_string_not_equal(two, three);
	session_form_token(keeper, &nobody, two);
	assert_string_equal(one, two);
	assert_true(mac_equal(one, span_of(two)));
	assert_false(mac_equal(one, span_of("")));
	session_keeper_close(&keeper);
}

static void a_damaged_key_is_refused(void **state)
{
	struct session_keeper *keeper = NULL;
	char *path = xasprintf("%s/secret", folder), *error = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(truncate(path, 5), 0);
	assert_int_equal(session_keeper_open(folder, IDLE, LIFETIME, &keeper, &error), -1);
	assert_null(keeper);
	assert_non_null(strstr(error, "secret"));
	free(error);
	unlink(path);
	free(path);
}

static void attempts_are_limited(void **state)
{
	struct limiter *limiter = limiter_new();
	char key[64];

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(limiter_take(limiter, "a", 5, NOW), 0);
	assert_in_range(limiter_take(limiter, "a", 5, NOW), LIMITER_REFILL_S / 5,
			LIMITER_REFILL_S / 5 + 2);
	assert_int_equal(limiter_take(limiter, "b", 5, NOW), 0);
	/* One attempt came back, and no more. */
	assert_int_equal(limiter_take(limiter, "a", 5, NOW + LIMITER_REFILL_S / 5), 0);
	assert_int_not_equal(limiter_take(limiter, "a", 5, NOW + LIMITER_REFILL_S / 5), 0);
	limiter_forgive(limiter, "a");
	assert_int_equal(limiter_take(limiter, "a", 5, NOW), 0);
	/* Any number of others costs no memory. */
	for (int i = 0; i < 3 * LIMITER_PLACES; i++) {
		snprintf(key, sizeof(key), "address %d", i);
		assert_int_equal(limiter_take(limiter, key, 5, NOW + i), 0);
	}
	limiter_free(&limiter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signed_in_until_it_is_over),
		cmocka_unit_test(what_cannot_be_read_is_not_ended_by_a_guess),
		cmocka_unit_test(what_was_changed_is_worth_nothing),
		cmocka_unit_test(signed_out_is_signed_out),
		cmocka_unit_test(notes_are_swept_when_they_are_of_no_use),
		cmocka_unit_test(form_tokens_are_the_sessions_own),
		cmocka_unit_test(a_damaged_key_is_refused),
		cmocka_unit_test(attempts_are_limited),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
