/*
 * dspam_sql.c - dumps of DSPAM's tables: INSERT statements, and COPY of PostgreSQL.
 */
#include "spamtrain/formats/dspam_preferences.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define COLUMNS_MAX 8 /* of a table; DSPAM's have fewer */

enum token { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_SIGN, TOKEN_BROKEN };

struct sql {
	struct dspam_preferences *preferences;
	const char *path;
	struct span rest;
	unsigned line;
	bool backslash; /* escapes in strings, as MySQL has them */
	enum token token;
	struct strbuf text; /* of a word or string */
	char sign;
};

static char take(struct sql *s)
{
	char c = s->rest.data[0];

	s->line += c == '\n';
	s->rest = span_from(s->rest, 1);
	return c;
}

static bool starts(const struct sql *s, const char *text)
{
	size_t size = strlen(text);

	return s->rest.size >= size && memcmp(s->rest.data, text, size) == 0;
}

static void skip_to(struct sql *s, const char *end)
{
	while (s->rest.size > 0 && !starts(s, end))
		take(s);
	for (const char *c = end; *c != '\0' && s->rest.size > 0; c++)
		take(s);
}

/* Blanks and comments. */
static void skip_blanks(struct sql *s)
{
	for (;;) {
		if (s->rest.size > 0 && span_is_blank(s->rest.data[0]))
			take(s);
		else if (starts(s, "--"))
			skip_to(s, "\n");
		else if (starts(s, "/*"))
			skip_to(s, "*/");
		else
			return;
	}
}

/* As MySQL writes them. */
static char unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'Z':
		return 26;
	case '0':
		return '\0';
	default:
		return c;
	}
}

/* The quote stands doubled for itself. False: it does not end. */
static bool take_quoted(struct sql *s, char quote)
{
	take(s);
	while (s->rest.size > 0) {
		char c = take(s);
		if (c == quote && (s->rest.size == 0 || s->rest.data[0] != quote))
			return true;
		if (c == quote || (c == '\\' && s->backslash && quote == '\'')) {
			if (s->rest.size == 0)
				return false;
			char next = take(s);
			c = c == quote ? next : unescape(next);
		}
		if (s->text.size <= DSPAM_FIELD_MAX)
			strbuf_append_char(&s->text, c);
	}
	return false;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (unsigned char)c >= 0x80 || strchr("_.+-$", c) != NULL;
}

static enum token next(struct sql *s)
{
	skip_blanks(s);
	strbuf_reset(&s->text);
	s->sign = '\0';
	if (s->rest.size == 0)
		return s->token = TOKEN_END;
	char c = s->rest.data[0];
	if (c == '\'')
		return s->token = take_quoted(s, c) ? TOKEN_STRING : TOKEN_BROKEN;
	if (c == '"' || c == '`')
		return s->token = take_quoted(s, c) ? TOKEN_WORD : TOKEN_BROKEN;
	if (c == '\0' || !is_word(c)) {
		s->sign = take(s);
		return s->token = TOKEN_SIGN;
	}
	while (s->rest.size > 0 && s->rest.data[0] != '\0' && is_word(s->rest.data[0])) {
		c = take(s);
		if (s->text.size <= DSPAM_FIELD_MAX)
			strbuf_append_char(&s->text, c);
	}
	return s->token = TOKEN_WORD;
}

static bool is(const struct sql *s, const char *word)
{
	return s->token == TOKEN_WORD && span_equal_nocase(strbuf_span(&s->text), span_of(word));
}

static bool is_sign(const struct sql *s, char sign)
{
	return s->token == TOKEN_SIGN && s->sign == sign;
}

static void skip_statement(struct sql *s)
{
	while (s->token != TOKEN_END && s->token != TOKEN_BROKEN && !is_sign(s, ';'))
		next(s);
}

/* ---- tables ---- */

struct table {
	bool preferences;	 /* else the uids */
	int column[COLUMNS_MAX]; /* what each is: 0 uid, 1 preference or username, 2 value; -1 */
	int columns;
};

/* public.dspam_preferences, and `dspam`.`dspam_preferences` by quotes. False: another one. */
static bool take_table(struct sql *s, struct table *table_r)
{
	bool known = false;

	do {
		struct span name = strbuf_span(&s->text);
		const char *dot = name.size == 0 ? NULL : memrchr(name.data, '.', name.size);
		if (dot != NULL)
			name = span_from(name, (size_t)(dot - name.data) + 1);
		table_r->preferences = span_equal_nocase(name, SPAN_LITERAL("dspam_preferences"));
		known = table_r->preferences ||
			span_equal_nocase(name, SPAN_LITERAL("dspam_virtual_uids"));
		next(s);
	} while (s->token == TOKEN_WORD && !is(s, "VALUES") && !is(s, "FROM"));
	*table_r = (struct table){
		.preferences = table_r->preferences, .column = {0, 1, 2}, .columns = 3};
	if (!table_r->preferences)
		table_r->columns = 2;
	return known;
}

/* "(uid, value, preference)", if it is there. */
static bool take_columns(struct sql *s, struct table *table)
{
	if (!is_sign(s, '('))
		return true;
	table->columns = 0;
	while (!is_sign(s, ')')) {
		if (next(s) != TOKEN_WORD || table->columns == COLUMNS_MAX)
			return false;
		int *column = &table->column[table->columns++];
		*column = is(s, "uid")				     ? 0
			  : is(s, "preference") || is(s, "username") ? 1
			  : is(s, "value")			     ? 2
								     : -1;
		next(s);
		if (!is_sign(s, ',') && !is_sign(s, ')'))
			return false;
	}
	next(s);
	return true;
}

/* Takes the fields over. */
static int row_finish(struct sql *s, const struct table *table, char *fields[DSPAM_COLUMNS],
		      unsigned line)
{
	bool whole = fields[0] != NULL && fields[1] != NULL &&
		     (!table->preferences || fields[2] != NULL);
	int result = -1;

	if (whole && table->preferences)
		result = dspam_row_add(s->preferences, fields[0], fields[1], fields[2], s->path,
				       line);
	else if (whole)
		result = dspam_uid_add(s->preferences, fields[0], fields[1]);
	for (int i = 0; i < DSPAM_COLUMNS; i++) {
		if (!whole || (i == 2 && !table->preferences))
			free(fields[i]);
		fields[i] = NULL;
	}
	return result;
}

/* "(12, 'optIn', 'on')", of which "(" was taken. */
static bool take_values(struct sql *s, const struct table *table)
{
	char *fields[DSPAM_COLUMNS] = {NULL, NULL, NULL};
	unsigned line = s->line;
	bool valid = true;
	int column = 0;

	do {
		next(s);
		valid = s->token == TOKEN_STRING || s->token == TOKEN_WORD;
		valid = valid && column < table->columns;
		int at = valid ? table->column[column++] : -1;
		if (at >= 0 && fields[at] == NULL)
			fields[at] = xstrdup(strbuf_text(&s->text));
		next(s);
	} while (valid && is_sign(s, ','));
	valid = valid && is_sign(s, ')') && column == table->columns;
	if (!valid)
		for (int i = 0; i < DSPAM_COLUMNS; i++)
			free(fields[i]);
	next(s);
	return valid && row_finish(s, table, fields, line) == 0;
}

/* INSERT [OR REPLACE | IGNORE] INTO table [(columns)] VALUES (...), (...); */
static bool take_insert(struct sql *s)
{
	struct table table;

	while (s->token == TOKEN_WORD && !is(s, "INTO"))
		next(s);
	if (next(s) != TOKEN_WORD || !take_table(s, &table)) {
		skip_statement(s);
		return true;
	}
	if (!take_columns(s, &table) || !is(s, "VALUES"))
		return false;
	do {
		next(s);
		if (!is_sign(s, '(') || !take_values(s, &table))
			return false;
	} while (is_sign(s, ','));
	return is_sign(s, ';') || s->token == TOKEN_END;
}

/* ---- COPY ---- */

static struct span take_line(struct sql *s)
{
	const char *end = s->rest.size == 0 ? NULL : memchr(s->rest.data, '\n', s->rest.size);
	struct span line =
		span_first(s->rest, end == NULL ? s->rest.size : (size_t)(end - s->rest.data));

	s->rest = span_from(s->rest, line.size + 1);
	s->line++;
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	return line;
}

static bool take_copied(struct sql *s, const struct table *table, struct span line, unsigned number)
{
	char *found[DSPAM_COLUMNS], *fields[DSPAM_COLUMNS] = {NULL, NULL, NULL};
	int count = dspam_line_split(line, found);
	bool valid = count == table->columns && count <= DSPAM_COLUMNS;

	for (int i = 0; i < DSPAM_COLUMNS; i++) {
		int at = valid && i < count ? table->column[i] : -1;
		if (at >= 0 && fields[at] == NULL)
			fields[at] = found[i];
		else
			free(found[i]);
	}
	return valid && row_finish(s, table, fields, number) == 0;
}

/* COPY table (columns) FROM stdin; and lines up to "\." */
static bool take_copy(struct sql *s)
{
	struct table table;
	bool ours = next(s) == TOKEN_WORD && take_table(s, &table);

	if (ours && !take_columns(s, &table))
		return false;
	skip_statement(s);
	if (!is_sign(s, ';'))
		return false;
	take_line(s);
	while (s->rest.size > 0) {
		unsigned number = s->line;
		struct span line = take_line(s);
		if (span_equal(line, SPAN_LITERAL("\\.")))
			return true;
		if (ours && !take_copied(s, &table, line, number)) {
			s->line = number;
			return false;
		}
	}
	return false;
}

int dspam_sql_read(struct dspam_preferences *preferences, struct span file, const char *path,
		   unsigned *line_r, char **error_r)
{
	struct sql s = {.preferences = preferences, .path = path, .rest = file, .line = 1};
	bool valid = true;

	/* Only MySQL quotes names so, and only there a backslash in a string is one. */
	s.backslash = file.size > 0 && memchr(file.data, '`', file.size) != NULL;
	while (valid && next(&s) != TOKEN_END) {
		*line_r = s.line;
		if (is(&s, "INSERT") || is(&s, "REPLACE"))
			valid = take_insert(&s);
		else if (is(&s, "COPY"))
			valid = take_copy(&s);
		else
			skip_statement(&s);
		valid = valid && s.token != TOKEN_BROKEN;
	}
	*line_r = valid ? *line_r : s.line;
	strbuf_free(&s.text);
	if (!valid)
		*error_r =
			xstrdup("not a whole statement of a dump of dspam_preferences "
				"(uid, preference, value) or dspam_virtual_uids (uid, username)");
	return valid ? 0 : -1;
}
