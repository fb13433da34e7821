#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keywords.h"

#define NOTHING -1

static enum keyword_mark mark(const char *a, const char *b)
{
	const char *const keywords[] = {a, b, NULL};

	return keyword_mark(keywords);
}

static void test_marks(void **state)
{
	(void)state;
	assert_int_equal(mark(NULL, NULL), KEYWORD_NONE);
	assert_int_equal(mark("$Forwarded", NULL), KEYWORD_NONE);
	assert_int_equal(mark("x", "$junk"), KEYWORD_JUNK);
	assert_int_equal(mark("Junk", NULL), KEYWORD_JUNK);
	assert_int_equal(mark("$NotJunk", NULL), KEYWORD_NOT_JUNK);
	assert_int_equal(mark("NonJunk", "x"), KEYWORD_NOT_JUNK);
	assert_int_equal(mark("$Junk", "$NotJunk"), KEYWORD_NONE);
}

static int lesson(enum keyword_mark before, enum keyword_mark after, enum folder_kind folder)
{
	enum retrain_class class;

	return keyword_lesson(before, after, folder, &class) ? (int)class : NOTHING;
}

static void test_lessons(void **state)
{
	(void)state;
	assert_int_equal(lesson(KEYWORD_NONE, KEYWORD_JUNK, FOLDER_ORDINARY), RETRAIN_SPAM);
	assert_int_equal(lesson(KEYWORD_NOT_JUNK, KEYWORD_JUNK, FOLDER_ORDINARY), RETRAIN_SPAM);
	assert_int_equal(lesson(KEYWORD_JUNK, KEYWORD_JUNK, FOLDER_ORDINARY), NOTHING);
	assert_int_equal(lesson(KEYWORD_NONE, KEYWORD_NOT_JUNK, FOLDER_ORDINARY), NOTHING);
	assert_int_equal(lesson(KEYWORD_JUNK, KEYWORD_NOT_JUNK, FOLDER_ORDINARY), RETRAIN_INNOCENT);
	assert_int_equal(lesson(KEYWORD_JUNK, KEYWORD_NONE, FOLDER_ORDINARY), RETRAIN_INNOCENT);
	assert_int_equal(lesson(KEYWORD_NONE, KEYWORD_JUNK, FOLDER_JUNK), NOTHING);
	assert_int_equal(lesson(KEYWORD_JUNK, KEYWORD_NONE, FOLDER_JUNK), NOTHING);
	assert_int_equal(lesson(KEYWORD_NONE, KEYWORD_NOT_JUNK, FOLDER_JUNK), RETRAIN_INNOCENT);
	assert_int_equal(lesson(KEYWORD_NONE, KEYWORD_JUNK, FOLDER_TRASH), NOTHING);
	assert_int_equal(lesson(KEYWORD_JUNK, KEYWORD_NOT_JUNK, FOLDER_FOREIGN), NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_lessons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
