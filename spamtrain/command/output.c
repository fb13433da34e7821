/*
 * output.c - what commands print alike.
 */
#include "spamtrain/command/command.h"

#include "lib/charset.h"

#include <stdio.h>
#include <stdlib.h>

void json_print(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

json_t *json_text(const char *text)
{
	struct charsets charsets = CHARSETS_INIT;
	struct strbuf valid = STRBUF_INIT;
	struct span all = span_of(text);

	charset_to_utf8(&charsets, &valid, all, SPAN_LITERAL("utf-8"), 4 * all.size + 4);
	json_t *json = json_string(strbuf_text(&valid));
	charsets_free(&charsets);
	strbuf_free(&valid);
	return json;
}

/* Also the control characters above ASCII: a terminal takes orders from them. */
static bool is_control(const char *text)
{
	return (unsigned char)text[0] < ' ' || text[0] == 127 ||
	       ((unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0);
}

void text_print(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		putc(is_control(text) ? '?' : *text, out);
}

void outcome_print(const struct session *session, const char *outcome)
{
	if (session->json)
		json_print(json_pack("{s:s}", "outcome", outcome));
	else
		puts(outcome);
}
