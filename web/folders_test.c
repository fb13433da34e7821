#include "web/folders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* All that the server says, at once. Returns what became of the signing in. */
static enum imap_result begin(const char *said, struct imap **imap_r, char **error_r)
{
	int ends[2];
	enum imap_result result;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[1], said, strlen(said)), (ssize_t)strlen(said));
	shutdown(ends[1], SHUT_WR);
	result = imap_begin(ends[0], "alice@example.test", "secret", imap_r, error_r);
	/* ends[1] stays open, or writing to ends[0] would fail. */
	return result;
}

static void signing_in(void **state)
{
	struct imap *imap;
	char *error = NULL;

	(void)state;
	assert_int_equal(begin("* OK hello\r\nT0 OK in\r\n", &imap, &error), IMAP_OPEN);
	imap_close(&imap);
	assert_int_equal(begin("* OK hello\r\nT0 NO [AUTHENTICATIONFAILED] no\r\n", &imap, &error),
			 IMAP_DENIED);
	assert_null(error);
	assert_int_equal(begin("* OK hello\r\nT0 NO [UNAVAILABLE] later\r\n", &imap, &error),
			 IMAP_TROUBLE);
	free(error);
	assert_int_equal(begin("* BYE too many\r\n", &imap, &error), IMAP_TROUBLE);
	free(error);
	assert_int_equal(begin("* OK hello\r\n", &imap, &error), IMAP_TROUBLE);
	free(error);
}

static void folders_and_rights(void **state)
{
	static const char said[] =
		"* OK hello\r\nT0 OK in\r\n"
		"* NAMESPACE ((\"\" \"/\")) ((\"#Shared/\" \"/\")) ((\"#Pond/\" \"/\"))\r\nT1 OK x\r\n"
		"* LIST (\\Subscribed) \"/\" \"#Shared/bob@example.test/P\"\r\n"
		"* LIST (\\Noselect) \"/\" \"#Pond\"\r\n"
		"* LIST () \"/\" {5}\r\na\"b\r\n\r\n"
		"* LIST (\\HasChildren) \"/\" INBOX\r\nT2 OK x\r\n"
		/* In the order in which they are asked for: INBOX, #Shared..., a"b */
		"* MYRIGHTS INBOX lrswipkxtea\r\nT3 OK x\r\n"
		"* ACL INBOX alice@example.test lrswipkxtea $sales lr -bob@example.test w\r\nT4 OK x\r\n"
		"* MYRIGHTS \"#Shared/bob@example.test/P\" lrs\r\nT5 OK x\r\nT6 NO [NOPERM] no\r\n"
		"* MYRIGHTS x lr<script>\r\nT7 OK x\r\n* ACL x owner lr\r\nT8 OK x\r\n";
	struct folders folders;
	struct imap *imap;
	char *error = NULL;

	(void)state;
	assert_int_equal(begin(said, &imap, &error), IMAP_OPEN);
	assert_true(folders_load(imap, "alice@example.test", &folders, &error));
	assert_int_equal(folders.count, 3);
	assert_string_equal(folders.list[0].name, "INBOX");
	assert_int_equal(folders.list[0].kind, FOLDER_OWN);
	assert_true(folder_may(&folders.list[0], 'a'));
	assert_int_equal(folders.list[0].grant_count, 2);
	assert_string_equal(folders.list[0].grants[0].who, "$sales");
	assert_string_equal(folders.list[0].grants[1].who, "-bob@example.test");
	assert_int_equal(folders.list[1].kind, FOLDER_SHARED);
	assert_true(folders.list[1].subscribed);
	assert_string_equal(folders.list[1].rights, "lrs");
	assert_string_equal(folders.list[2].name, "a\"b\r\n");
	/* Letters only, and his own entry is not one of others. */
	assert_string_equal(folders.list[2].rights, "lrscript");
	assert_int_equal(folders.list[2].grant_count, 0);
	folders_free(&folders);
	imap_close(&imap);
}

static void a_server_that_lies(void **state)
{
	struct folders folders;
	struct imap *imap;
	char *error = NULL;

	(void)state;
	assert_int_equal(begin("* OK hello\r\nT0 OK in\r\nT9 OK not yours\r\n", &imap, &error),
			 IMAP_OPEN);
	assert_false(folders_load(imap, "alice@example.test", &folders, &error));
	assert_non_null(strstr(error, "nothing we asked"));
	free(error);
	folders_free(&folders);
	imap_close(&imap);
}

static void levels(void **state)
{
	(void)state;
	assert_int_equal(folder_level(""), LEVEL_NONE);
	assert_int_equal(folder_level("srl"), LEVEL_READ);
	assert_int_equal(folder_level("lrswipte"), LEVEL_WRITE);
	assert_int_equal(folder_level("lrswipkxteacd"), LEVEL_MANAGE);
	assert_int_equal(folder_level("lr"), LEVEL_OTHER);
	assert_true(folder_rights_valid("lrs"));
	assert_false(folder_rights_valid(""));
	assert_false(folder_rights_valid("lrs\r\nT9 NOOP"));
	assert_false(folder_rights_valid("+lrs"));
	assert_false(folder_rights_valid("lrslrslrslrslrslrslrslrslrslrslrslrs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signing_in),
		cmocka_unit_test(folders_and_rights),
		cmocka_unit_test(a_server_that_lies),
		cmocka_unit_test(levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
