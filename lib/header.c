#include "header.h"

/* The first line with its end; the whole span if there is none. */
static struct span first_line(struct span text)
{
	const char *newline = text.size > 0 ? memchr(text.data, '\n', text.size) : NULL;

	return newline != NULL ? span_first(text, (size_t)(newline - text.data) + 1) : text;
}

static bool is_empty_line(struct span line)
{
	return (line.size == 1 && line.data[0] == '\n') ||
	       (line.size == 2 && line.data[0] == '\r' && line.data[1] == '\n');
}

static bool is_continuation(struct span line)
{
	return line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
}

/* RFC 5322 ftext: printable US-ASCII without colon; white space may stand before the colon. */
static bool field_name(struct span line, struct span *name_r, size_t *body_offset_r)
{
	size_t size = 0, colon;

	while (size < line.size && line.data[size] > ' ' && line.data[size] < 0x7f &&
	       line.data[size] != ':')
		size++;
	for (colon = size; colon < line.size; colon++) {
		if (line.data[colon] != ' ' && line.data[colon] != '\t')
			break;
	}
	if (size == 0 || colon == line.size || line.data[colon] != ':')
		return false;
	*name_r = span_first(line, size);
	*body_offset_r = colon + 1;
	return true;
}

static struct span without_line_end(struct span text)
{
	if (text.size > 0 && text.data[text.size - 1] == '\n')
		text.size--;
	if (text.size > 0 && text.data[text.size - 1] == '\r')
		text.size--;
	return text;
}

bool header_next(struct span *rest, struct header_field *field_r)
{
	struct span line = first_line(*rest), raw = line;
	size_t body_offset;

	if (is_empty_line(line)) {
		*rest = span_from(*rest, line.size);
		return false;
	}
	if (line.size == 0 || !field_name(line, &field_r->name, &body_offset))
		return false;
	for (;;) {
		line = first_line(span_from(*rest, raw.size));
		if (!is_continuation(line))
			break;
		raw.size += line.size;
	}
	field_r->raw = raw;
	field_r->body = without_line_end(span_from(raw, body_offset));
	*rest = span_from(*rest, raw.size);
	return true;
}

bool header_find(struct span message, const char *name, struct header_field *field_r)
{
	while (header_next(&message, field_r)) {
		if (span_equal_nocase(field_r->name, span_of(name)))
			return true;
	}
	return false;
}

size_t header_size(struct span message)
{
	struct span rest = message;
	struct header_field field;
	size_t size = 0;

	while (header_next(&rest, &field))
		size += field.raw.size;
	return size;
}
