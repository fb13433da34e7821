#include "web/po.h"

#include "lib/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEADER                                                                                     \
	"msgid \"\"\nmsgstr \"\"\n\"Language: fr\\n\"\n"                                           \
	"\"Plural-Forms: nplurals=2; plural=(n > 1);\\n\"\n\n"

static void entries_are_read(void **state)
{
	struct po po;
	char *error = NULL, *value;

	(void)state;
	assert_int_equal(
		po_read(&po,
			SPAN_LITERAL(HEADER "# a note\n#, c-format\nmsgid \"z %s\"\nmsgstr \"\"\n"
					    "\"zed \"\n\"%s\\n\"\n\n#, fuzzy\nmsgid \"old\"\n"
					    "msgstr \"vieux\"\n\n#~ msgid \"gone\"\n"
					    "#~ msgstr \"parti\"\nmsgid \"a\"\n"
					    "msgid_plural \"%lu as\"\nmsgstr[0] \"un a\"\n"
					    "msgstr[1] \"%lu as\"\n"),
			&error),
		0);
	assert_int_equal(po.count, 2);
	assert_string_equal(po.entries[0].message, "a");
	assert_string_equal(po.entries[0].plural, "%lu as");
	assert_string_equal(po.entries[0].translated[0], "un a");
	assert_string_equal(po.entries[0].translated[1], "%lu as");
	assert_string_equal(po.entries[1].translated[0], "zed %s\n");
	assert_null(po.entries[1].translated[1]);
	value = po_header(&po, "Language");
	assert_string_equal(value, "fr");
	free(value);
	assert_null(po_header(&po, "Lang"));
	value = po_plural_expression(&po);
	assert_string_equal(value, "(n > 1)");
	free(value);
	po_free(&po);
}

static void mistakes_are_found(void **state)
{
	static const char *const bad[] = {
		"msgid \"a\"\nmsgstr \"a\nb\"\n",
		"msgid \"a\"\nmsgstr \"\\q\"\n",
		"msgid \"a\"\nmsgstr a\n",
		"msgctxt \"menu\"\nmsgid \"a\"\n",
		"\"a\"\n",
		"msgid \"a\"\nmsgid_plural \"b\"\nmsgstr[7] \"c\"\n",
		"msgid \"a %s\"\nmsgstr \"b\"\n",
		"msgid \"a %s %d\"\nmsgstr \"%d %s\"\n",
		"msgid \"a\"\nmsgstr \"100 %\"\n\nmsgid \"a\"\nmsgstr \"b\"\n",
	};
	struct po po;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *error = NULL;

		assert_int_equal(po_read(&po, span_of(bad[i]), &error), -1);
		assert_non_null(error);
		free(error);
		po_free(&po);
	}
}

static void plural_forms_are_only_arithmetic(void **state)
{
	struct po po;
	char *error = NULL;

	(void)state;
	assert_int_equal(po_read(&po,
				 SPAN_LITERAL("msgid \"\"\nmsgstr \"Plural-Forms: nplurals=2; "
					      "plural=system(1);\\n\"\n"),
				 &error),
			 0);
	assert_null(po_plural_expression(&po));
	po_free(&po);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read),
		cmocka_unit_test(mistakes_are_found),
		cmocka_unit_test(plural_forms_are_only_arithmetic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
