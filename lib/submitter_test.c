#include "submitter.h"

#include "strbuf.h"
#include "xalloc.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define NOW 1700000000

static struct submitter_secret secret_of(const char *text)
{
	struct submitter_secret secret = {.size = strlen(text)};

	memcpy(secret.bytes, text, secret.size);
	return secret;
}

static struct strbuf written(const char *login, const char *queue_id)
{
	struct submitter_secret secret = secret_of("0123456789abcdef");
	struct strbuf out = STRBUF_INIT;

	assert_int_equal(submitter_write(&out, &secret, login, queue_id, NOW), 0);
	return out;
}

static const char *verify(const char *text, time_t now, struct submitter *submitter_r)
{
	struct submitter_secret secret = secret_of("0123456789abcdef");

	return submitter_verify(&secret, span_of(text), now, submitter_r);
}

static void the_format_is_the_agreed_one(void **state)
{
	struct strbuf out = written("alice@example.test", "4XyZ");

	(void)state;
	/* printf 'v1;alice@example.test;4XyZ;1700000000' |
	 * openssl dgst -sha256 -hmac 0123456789abcdef */
	assert_string_equal(out.data,
			    "v1; user=alice@example.test; id=4XyZ; time=1700000000; mac="
			    "4f21249e8df480cdcc38726e6623539a62476052fd8c0fabdac76ee28fc861e3");
	strbuf_free(&out);
}

static void what_was_written_is_believed(void **state)
{
	static const char *const logins[] = {"alice@example.test", "al;ice=% x", "zo\xc3\xab",
					     "a\r\nb"};

	(void)state;
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		struct strbuf out = written(logins[i], "4XyZ");
		struct submitter submitter;

		assert_null(strpbrk(out.data, "\r\n"));
		assert_null(verify(out.data, NOW + 60, &submitter));
		assert_string_equal(submitter.login, logins[i]);
		assert_string_equal(submitter.queue_id, "4XyZ");
		assert_int_equal(submitter.time, NOW);
		strbuf_free(&out);
	}
}

static void a_folded_field_is_believed(void **state)
{
	struct strbuf out = written("a", "q");
	struct submitter submitter;
	char *mac = strstr(out.data, " mac=");
	char *folded = xasprintf(" %.*s\r\n\t%s\r\n", (int)(mac - out.data), out.data, mac + 1);

	(void)state;
	assert_null(verify(folded, NOW, &submitter));
	free(folded);
	strbuf_free(&out);
}

static void any_changed_byte_is_refused(void **state)
{
	struct strbuf out = written("alice@example.test", "4XyZ");

	(void)state;
	for (size_t i = 0; i < out.size; i++) {
		struct submitter submitter;
		char kept = out.data[i];

		if (kept == ' ')
			continue;
		out.data[i] = kept == 'b' ? 'c' : 'b';
		assert_non_null(verify(out.data, NOW, &submitter));
		out.data[i] = kept;
	}
	for (size_t size = 0; size < out.size; size++) {
		struct submitter_secret secret = secret_of("0123456789abcdef");
		struct submitter submitter;

		assert_non_null(submitter_verify(&secret, span_first(strbuf_span(&out), size), NOW,
						 &submitter));
	}
	strbuf_free(&out);
}

static void another_secret_and_another_time_are_refused(void **state)
{
	struct submitter_secret other = secret_of("0123456789abcdeF");
	struct strbuf out = written("a", "q");
	struct submitter submitter;

	(void)state;
	assert_string_equal(submitter_verify(&other, strbuf_span(&out), NOW, &submitter),
			    "not signed by this host");
	assert_null(verify(out.data, NOW + SUBMITTER_MAX_AGE, &submitter));
	assert_string_equal(verify(out.data, NOW + SUBMITTER_MAX_AGE + 1, &submitter), "too old");
	assert_null(verify(out.data, NOW - SUBMITTER_MAX_FUTURE, &submitter));
	assert_string_equal(verify(out.data, NOW - SUBMITTER_MAX_FUTURE - 1, &submitter),
			    "from the future");
	strbuf_free(&out);
}

static void absurd_logins_are_not_vouched_for(void **state)
{
	struct submitter_secret secret = secret_of("0123456789abcdef");
	char longest[SUBMITTER_MAX_LOGIN + 2];
	struct strbuf out = STRBUF_INIT;
	struct submitter submitter;

	(void)state;
	memset(longest, '\x01', sizeof(longest));
	longest[SUBMITTER_MAX_LOGIN + 1] = '\0';
	assert_int_equal(submitter_write(&out, &secret, "", "q", NOW), -1);
	assert_int_equal(submitter_write(&out, &secret, "a", "", NOW), -1);
	assert_int_equal(submitter_write(&out, &secret, longest, "q", NOW), -1);
	longest[SUBMITTER_MAX_LOGIN] = '\0';
	assert_int_equal(out.size, 0);
	assert_int_equal(submitter_write(&out, &secret, longest, "q", NOW), 0);
	assert_null(verify(out.data, NOW, &submitter));
	assert_string_equal(submitter.login, longest);
	strbuf_free(&out);
}

static char *secret_file(const char *text, mode_t mode)
{
	char *path = xstrdup("/tmp/submitter_test.XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static void assert_secret_refused(const char *text, mode_t mode, const char *expected)
{
	char *path = secret_file(text, mode), *error = NULL;
	struct submitter_secret secret;

	assert_int_equal(submitter_secret_read("the_setting", path, &secret, &error), -1);
	assert_non_null(strstr(error, expected));
	free(error);
	unlink(path);
	free(path);
}

static void the_secret_file_is_checked(void **state)
{
	char *path = secret_file("0123456789abcdef\n", 0640), *error = NULL;
	struct submitter_secret secret;

	(void)state;
	assert_int_equal(submitter_secret_read("the_setting", path, &secret, &error), 0);
	assert_int_equal(secret.size, 16);
	assert_memory_equal(secret.bytes, "0123456789abcdef", 16);
	unlink(path);
	assert_int_equal(submitter_secret_read("the_setting", path, &secret, &error), -1);
	assert_non_null(strstr(error, "the_setting: cannot open "));
	free(error);
	free(path);
	assert_secret_refused("0123456789abcde\n", 0600, "must hold 16 to 1024 bytes");
	assert_secret_refused("0123456789abcdef\n", 0644, "others may read it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_is_the_agreed_one),
		cmocka_unit_test(what_was_written_is_believed),
		cmocka_unit_test(a_folded_field_is_believed),
		cmocka_unit_test(any_changed_byte_is_refused),
		cmocka_unit_test(another_secret_and_another_time_are_refused),
		cmocka_unit_test(absurd_logins_are_not_vouched_for),
		cmocka_unit_test(the_secret_file_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
