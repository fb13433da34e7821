#include "web/markdown.h"

#include "lib/xalloc.h"

#include <ctype.h>
#include <stdlib.h>

#define MAX_LISTS 2

/*
 * Text of a block is collected until the block ends, and then written with what is in it. Lists are
 * a stack; an item stays open for what follows it.
 */
struct writer {
	const struct markdown_host *host;
	struct strbuf *html;
	struct strbuf contents; /* the list of sections */
	struct strbuf text;	/* of the block that is open */
	bool in_paragraph, in_section, in_table;
	char lists[MAX_LISTS]; /* 'u' or 'o' */
	unsigned depth;
	const char *problem;
};

static void put_escaped(struct strbuf *out, struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] == '&')
			strbuf_append_text(out, "&amp;");
		else if (s.data[i] == '<')
			strbuf_append_text(out, "&lt;");
		else if (s.data[i] == '>')
			strbuf_append_text(out, "&gt;");
		else if (s.data[i] == '"')
			strbuf_append_text(out, "&quot;");
		else
			strbuf_append_char(out, s.data[i]);
	}
}

static bool starts(struct span s, const char *prefix)
{
	return s.size >= strlen(prefix) && memcmp(s.data, prefix, strlen(prefix)) == 0;
}

/* Where end stands in s, from offset on; s.size: nowhere. */
static size_t find(struct span s, size_t offset, const char *end)
{
	for (; offset < s.size; offset++) {
		if (starts(span_from(s, offset), end))
			return offset;
	}
	return s.size;
}

/* ---- within a line ---- */

static void put_text(struct writer *w, struct span s);

/* What stands between two marks, as an element. How much of s it was; 0: the second is missing. */
static size_t put_marked(struct writer *w, struct span s, const char *mark, const char *element)
{
	size_t begin = strlen(mark), end = find(s, begin, mark);
	struct span inside;

	if (end == s.size) {
		w->problem = "a mark without its end";
		return s.size;
	}
	inside = span_first(span_from(s, begin), end - begin);
	strbuf_printf(w->html, "<%s>", element);
	if (mark[0] == '`')
		put_escaped(w->html, inside);
	else
		put_text(w, inside);
	strbuf_printf(w->html, "</%s>", element);
	return end + begin;
}

static size_t put_link(struct writer *w, struct span s)
{
	size_t middle = find(s, 1, "]("), end = find(s, middle, ")");
	char *address;

	if (end == s.size) {
		w->problem = "a link without its end";
		return s.size;
	}
	address = w->host->link(w->host->context,
				span_first(span_from(s, middle + 2), end - middle - 2));
	if (address != NULL) {
		strbuf_append_text(w->html, "<a href=\"");
		put_escaped(w->html, span_of(address));
		strbuf_append_text(w->html, "\">");
	}
	put_text(w, span_first(span_from(s, 1), middle - 1));
	if (address != NULL)
		strbuf_append_text(w->html, "</a>");
	free(address);
	return end + 1;
}

static void put_text(struct writer *w, struct span s)
{
	while (s.size > 0) {
		size_t taken = 1;

		if (s.data[0] == '`')
			taken = put_marked(w, s, "`", "code");
		else if (starts(s, "**"))
			taken = put_marked(w, s, "**", "strong");
		else if (s.data[0] == '*')
			taken = put_marked(w, s, "*", "em");
		else if (s.data[0] == '[')
			taken = put_link(w, s);
		else
			put_escaped(w->html, span_first(s, 1));
		s = span_from(s, taken);
	}
}

/* ---- blocks ---- */

static void end_block(struct writer *w)
{
	put_text(w, strbuf_span(&w->text));
	strbuf_reset(&w->text);
	if (w->in_paragraph)
		strbuf_append_text(w->html, "</p>\n");
	if (w->in_table)
		strbuf_append_text(w->html, "</tbody></table>\n");
	w->in_paragraph = w->in_table = false;
}

static void end_lists(struct writer *w, unsigned depth)
{
	end_block(w);
	for (; w->depth > depth; w->depth--)
		strbuf_printf(w->html, "</li></%cl>\n", w->lists[w->depth - 1]);
}

/* "When it's lost" is "when-its-lost", as GitHub has it. */
static void put_id(struct strbuf *out, struct span title)
{
	for (size_t i = 0; i < title.size; i++) {
		unsigned char c = (unsigned char)title.data[i];

		if (isalnum(c) || c >= 0x80 || c == '-' || c == '_')
			strbuf_append_char(out, (char)tolower(c));
		else if (c == ' ')
			strbuf_append_char(out, '-');
	}
}

static void put_heading(struct writer *w, struct span title, unsigned level)
{
	end_lists(w, 0);
	if (level == 1)
		return;
	if (level == 2) {
		strbuf_append_text(w->html, w->in_section ? "</section>\n" : "");
		strbuf_append_text(w->html, "<section class=\"card help\">");
		strbuf_append_text(&w->contents, "<li><a href=\"#");
		put_id(&w->contents, title);
		strbuf_append_text(&w->contents, "\">");
		put_escaped(&w->contents, title);
		strbuf_append_text(&w->contents, "</a></li>\n");
		w->in_section = true;
	}
	strbuf_printf(w->html, "<h%u id=\"", level);
	put_id(w->html, title);
	strbuf_append_text(w->html, "\">");
	put_text(w, title);
	strbuf_printf(w->html, "</h%u>\n", level);
}

static void put_item(struct writer *w, struct span text, unsigned level, char kind)
{
	end_lists(w, level + 1);
	if (w->depth < level || level >= MAX_LISTS) {
		w->problem = "an item that is too far in";
	} else if (w->depth == level) {
		w->lists[w->depth++] = kind;
		strbuf_printf(w->html, "<%cl>\n<li>", kind);
	} else if (w->lists[level] != kind) {
		w->problem = "two kinds of item in one list";
	} else {
		strbuf_append_text(w->html, "</li>\n<li>");
	}
	strbuf_append_span(&w->text, text);
}

static void put_row(struct writer *w, struct span row)
{
	const char *cell = w->in_table ? "td" : "th";

	if (starts(row, "|--"))
		return;
	if (!w->in_table) {
		end_lists(w, 0);
		strbuf_append_text(w->html, "<table><thead>");
	}
	strbuf_append_text(w->html, "<tr>");
	for (size_t end; (end = find(row, 1, "|")) < row.size; row = span_from(row, end)) {
		struct span text = span_first(span_from(row, 1), end - 1);

		while (text.size > 0 && text.data[0] == ' ')
			text = span_from(text, 1);
		while (text.size > 0 && text.data[text.size - 1] == ' ')
			text.size--;
		strbuf_printf(w->html, "<%s>", cell);
		put_text(w, text);
		strbuf_printf(w->html, "</%s>", cell);
	}
	strbuf_append_text(w->html, w->in_table ? "</tr>\n" : "</tr></thead>\n<tbody>");
	w->in_table = true;
}

static void put_picture(struct writer *w, struct span line)
{
	size_t middle = find(line, 2, "]("), end = find(line, middle, ")");
	struct markdown_picture picture = {0};

	end_lists(w, 0);
	if (end == line.size ||
	    !w->host->picture(w->host->context,
			      span_first(span_from(line, middle + 2), end - middle - 2),
			      &picture)) {
		w->problem = "there is no such picture";
		return;
	}
	strbuf_append_text(w->html, "<p><img src=\"");
	put_escaped(w->html, span_of(picture.address));
	strbuf_printf(w->html, "\" width=\"%u\" height=\"%u\" loading=\"lazy\" alt=\"",
		      picture.width, picture.height);
	put_escaped(w->html, span_first(span_from(line, 2), middle - 2));
	strbuf_append_text(w->html, "\"></p>\n");
	free(picture.address);
}

/* A paragraph, or more of what is open. */
static void put_line(struct writer *w, struct span line, bool is_indented)
{
	if (w->text.size == 0) {
		if (is_indented) {
			w->problem = "an indented line that continues nothing";
			return;
		}
		end_lists(w, 0);
		strbuf_append_text(w->html, "<p>");
		w->in_paragraph = true;
	} else {
		strbuf_append_char(&w->text, ' ');
	}
	strbuf_append_span(&w->text, line);
}

static void take_line(struct writer *w, struct span line)
{
	unsigned indent = 0, level, digits = 0;

	for (; line.size > 0 && line.data[0] == ' '; line = span_from(line, 1))
		indent++;
	for (level = 0; level < line.size && line.data[level] == '#'; level++)
		;
	while (digits < line.size && isdigit((unsigned char)line.data[digits]))
		digits++;
	if (line.size == 0)
		end_block(w);
	else if (level > 0 && level < line.size && line.data[level] == ' ' && indent == 0)
		put_heading(w, span_from(line, level + 1), level);
	else if (starts(line, "- "))
		put_item(w, span_from(line, 2), indent > 0, 'u');
	else if (digits > 0 && starts(span_from(line, digits), ". "))
		put_item(w, span_from(line, digits + 2), indent > 0, 'o');
	else if (line.data[0] == '|')
		put_row(w, line);
	else if (starts(line, "!["))
		put_picture(w, line);
	else if (starts(line, "```") || line.data[0] == '>' || line.data[0] == '<')
		w->problem = "this is not known here";
	else
		put_line(w, line, indent > 0);
}

int markdown_to_html(struct span text, const struct markdown_host *host, struct strbuf *html,
		     char **error_r)
{
	struct strbuf body = STRBUF_INIT;
	struct writer w = {.host = host, .html = &body};
	unsigned number = 0;

	while (text.size > 0 && w.problem == NULL) {
		size_t end = find(text, 0, "\n");

		number++;
		take_line(&w, span_first(text, end));
		text = span_from(text, end + 1);
	}
	end_lists(&w, 0);
	if (w.in_section)
		strbuf_append_text(&body, "</section>\n");
	if (w.problem != NULL) {
		*error_r = xasprintf("line %u: %s", number, w.problem);
	} else {
		strbuf_append_text(html, "<ul class=\"contents\">\n");
		strbuf_append_span(html, strbuf_span(&w.contents));
		strbuf_append_text(html, "</ul>\n");
		strbuf_append_span(html, strbuf_span(&body));
	}
	strbuf_free(&w.contents);
	strbuf_free(&w.text);
	strbuf_free(&body);
	return w.problem == NULL ? 0 : -1;
}
