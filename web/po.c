#include "web/po.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <stdlib.h>

struct reader {
	struct po *po;
	struct strbuf *target; /* what a line with only a string is added to */
	struct strbuf message, plural, translated[CATALOGUE_FORMS];
	bool has_entry, has_plural, fuzzy;
	unsigned line;
};

static bool take_word(struct span *rest, const char *word)
{
	size_t size = strlen(word);

	if (rest->size < size || memcmp(rest->data, word, size) != 0)
		return false;
	*rest = span_trim(span_from(*rest, size));
	return true;
}

/* "text" with C's escapes. */
static bool append_string(struct strbuf *out, struct span quoted)
{
	if (quoted.size < 2 || quoted.data[0] != '"' || quoted.data[quoted.size - 1] != '"')
		return false;
	for (size_t i = 1; i < quoted.size - 1; i++) {
		char c = quoted.data[i];

		if (c == '"')
			return false;
		if (c == '\\') {
			if (++i == quoted.size - 1)
				return false;
			c = quoted.data[i];
			if (c == 'n')
				c = '\n';
			else if (c == 't')
				c = '\t';
			else if (c != '"' && c != '\\')
				return false;
		}
		strbuf_append_char(out, c);
	}
	return true;
}

/* The conversions of a format one after the other: "%s%lu". */
static void conversions(struct strbuf *out, const char *format)
{
	while ((format = strchr(format, '%')) != NULL) {
		size_t size = strspn(format + 1, ".0123456789lz") + 2;

		if (format[1] == '\0')
			return;
		if (format[1] != '%')
			strbuf_append(out, format, size);
		format += size;
	}
}

static bool same_conversions(const char *a, const char *b)
{
	struct strbuf of_a = STRBUF_INIT, of_b = STRBUF_INIT;
	bool same;

	conversions(&of_a, a);
	conversions(&of_b, b);
	same = span_equal(strbuf_span(&of_a), strbuf_span(&of_b));
	strbuf_free(&of_a);
	strbuf_free(&of_b);
	return same;
}

static void add_entry(struct reader *reader)
{
	struct po *po = reader->po;
	struct po_entry *entry;

	po->entries = xrealloc(po->entries, (po->count + 1) * sizeof(*po->entries));
	entry = &po->entries[po->count++];
	*entry = (struct po_entry){.message = xstrdup(strbuf_text(&reader->message))};
	if (reader->has_plural)
		entry->plural = xstrdup(strbuf_text(&reader->plural));
	for (unsigned i = 0; i < CATALOGUE_FORMS; i++) {
		if (reader->translated[i].size > 0)
			entry->translated[i] = xstrdup(strbuf_text(&reader->translated[i]));
	}
}

/* What was read up to here is one entry. Returns what is wrong with it, or NULL. */
static const char *finish_entry(struct reader *reader)
{
	const char *message = strbuf_text(&reader->message);

	if (reader->has_entry && reader->message.size == 0) {
		free(reader->po->header);
		reader->po->header = xstrdup(strbuf_text(&reader->translated[0]));
	} else if (reader->has_entry && !reader->fuzzy) {
		for (unsigned i = 0; i < CATALOGUE_FORMS; i++) {
			const char *translated = strbuf_text(&reader->translated[i]);

			/* The singular may leave the number out. */
			if (translated[0] != '\0' && !same_conversions(message, translated) &&
			    !(reader->has_plural &&
			      same_conversions(strbuf_text(&reader->plural), translated)))
				return "the conversions (%s) are not those of the message above";
		}
		add_entry(reader);
	}
	strbuf_reset(&reader->message);
	strbuf_reset(&reader->plural);
	for (unsigned i = 0; i < CATALOGUE_FORMS; i++)
		strbuf_reset(&reader->translated[i]);
	reader->has_entry = reader->has_plural = reader->fuzzy = false;
	reader->target = NULL;
	return NULL;
}

/* "msgstr" or "msgstr[1]" was read. */
static bool take_form(struct reader *reader, struct span *line)
{
	unsigned form = 0;

	if (line->size >= 3 && line->data[0] == '[' && line->data[2] == ']') {
		form = (unsigned)(line->data[1] - '0');
		*line = span_trim(span_from(*line, 3));
	}
	if (form >= CATALOGUE_FORMS)
		return false;
	reader->target = &reader->translated[form];
	return true;
}

static const char *read_line(struct reader *reader, struct span line)
{
	const char *problem = NULL;

	if (line.size == 0 || line.data[0] == '#') {
		if (reader->target != NULL)
			problem = finish_entry(reader);
		if (take_word(&line, "#,") && memmem(line.data, line.size, "fuzzy", 5) != NULL)
			reader->fuzzy = true;
		return problem;
	}
	if (take_word(&line, "msgid_plural")) {
		reader->target = &reader->plural;
		reader->has_plural = true;
	} else if (take_word(&line, "msgid")) {
		if (reader->target != NULL && (problem = finish_entry(reader)) != NULL)
			return problem;
		reader->target = &reader->message;
		reader->has_entry = true;
	} else if (take_word(&line, "msgstr")) {
		if (!take_form(reader, &line))
			return "too many plural forms";
	} else if (line.data[0] != '"') {
		return "not msgid, msgid_plural, msgstr or a string";
	}
	if (reader->target == NULL || !append_string(reader->target, line))
		return "not a string in double quotes";
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct po_entry *)a)->message, ((const struct po_entry *)b)->message);
}

static int sort_entries(struct po *po, char **error_r)
{
	if (po->count > 0)
		qsort(po->entries, po->count, sizeof(*po->entries), compare);
	for (size_t i = 1; i < po->count; i++) {
		if (compare(&po->entries[i - 1], &po->entries[i]) == 0) {
			*error_r = xasprintf("\"%s\" is there twice", po->entries[i].message);
			return -1;
		}
	}
	return 0;
}

int po_read(struct po *po_r, struct span file, char **error_r)
{
	struct reader reader = {.po = po_r};
	const char *problem = NULL;

	*po_r = (struct po){0};
	while (problem == NULL && file.size > 0) {
		const char *newline = memchr(file.data, '\n', file.size);
		size_t size = newline != NULL ? (size_t)(newline - file.data) : file.size;

		reader.line++;
		problem = read_line(&reader, span_trim(span_first(file, size)));
		file = span_from(file, size + 1);
	}
	if (problem == NULL)
		problem = finish_entry(&reader);
	strbuf_free(&reader.message);
	strbuf_free(&reader.plural);
	for (unsigned i = 0; i < CATALOGUE_FORMS; i++)
		strbuf_free(&reader.translated[i]);
	if (problem != NULL) {
		*error_r = xasprintf("line %u: %s", reader.line, problem);
		return -1;
	}
	return sort_entries(po_r, error_r);
}

void po_free(struct po *po)
{
	for (size_t i = 0; i < po->count; i++) {
		free(po->entries[i].message);
		free(po->entries[i].plural);
		for (unsigned form = 0; form < CATALOGUE_FORMS; form++)
			free(po->entries[i].translated[form]);
	}
	free(po->entries);
	free(po->header);
	*po = (struct po){0};
}

char *po_header(const struct po *po, const char *name)
{
	const char *line = po->header;
	size_t size = strlen(name);

	while (line != NULL && *line != '\0') {
		if (strncmp(line, name, size) == 0 && line[size] == ':') {
			struct span value = {line + size + 1, strcspn(line + size + 1, "\n")};

			value = span_trim(value);
			return xstrndup(value.data, value.size);
		}
		line += strcspn(line, "\n");
		line += strspn(line, "\n");
	}
	return NULL;
}

char *po_plural_expression(const struct po *po)
{
	char *forms = po_header(po, "Plural-Forms"), *result = NULL;
	const char *found = forms != NULL ? strstr(forms, "; plural=") : NULL;

	if (found != NULL) {
		size_t size = strcspn(found + 9, ";");

		if (size > 0 && strspn(found + 9, "n0123456789 ()!=<>&|?:%+-*") >= size)
			result = xstrndup(found + 9, size);
	}
	free(forms);
	return result;
}
