/*
 * mime.c - header fields and the tree of parts (the contents: mime_text.c).
 */
#include "mime.h"

#include "header.h"

#include <ctype.h>

/* The line at the start of s, its "\n" included. */
static struct span line_of(struct span s)
{
	const char *end = s.size == 0 ? NULL : memchr(s.data, '\n', s.size);

	return end == NULL ? s : span_first(s, (size_t)(end - s.data) + 1);
}

struct span mime_skip_mbox_line(struct span message)
{
	if (message.size < 5 || memcmp(message.data, "From ", 5) != 0)
		return message;
	return span_from(message, line_of(message).size);
}

/* Reads a token or quoted string at the start of s into out (may be NULL); returns what is left. */
static struct span parameter_value(struct span s, struct strbuf *out)
{
	size_t i = 0;

	if (s.size > 0 && s.data[0] == '"') {
		for (i = 1; i < s.size && s.data[i] != '"'; i++) {
			if (s.data[i] == '\\' && i + 1 < s.size)
				i++;
			if (out != NULL && s.data[i] != '\r' && s.data[i] != '\n')
				strbuf_append_char(out, s.data[i]);
		}
		return span_from(s, i + 1);
	}
	while (i < s.size && s.data[i] != ';' && s.data[i] != '\0' && !span_is_blank(s.data[i]))
		i++;
	if (out != NULL)
		strbuf_append(out, s.data, i);
	return span_from(s, i);
}

bool mime_parameter(struct span value, const char *name, struct strbuf *out)
{
	value = span_first(value, MIME_FIELD_MAX);
	const char *semicolon = value.size == 0 ? NULL : memchr(value.data, ';', value.size);

	while (semicolon != NULL) {
		value = span_trim(span_from(value, (size_t)(semicolon - value.data) + 1));
		size_t n = 0;
		while (n < value.size &&
		       (isalnum((unsigned char)value.data[n]) || value.data[n] == '-'))
			n++;
		struct span found = span_first(value, n);
		value = span_from(value, n);
		if (value.size > 0 &&
		    value.data[0] == '*') /* RFC 2231: name*=charset'language'text */
			value = span_from(value, 1);
		value = span_trim(value);
		if (value.size > 0 && value.data[0] == '=') {
			bool wanted = span_equal_nocase(found, span_of(name));
			value = parameter_value(span_trim(span_from(value, 1)),
						wanted ? out : NULL);
			if (wanted)
				return true;
		}
		semicolon = value.size == 0 ? NULL : memchr(value.data, ';', value.size);
	}
	return false;
}

bool mime_type_is(const struct mime_part *part, const char *type)
{
	struct span wanted = span_of(type);

	if (wanted.size > 0 && wanted.data[wanted.size - 1] == '/')
		return span_starts_nocase(part->type, wanted);
	return span_equal_nocase(part->type, wanted);
}

static enum mime_encoding encoding_of(struct span value)
{
	if (span_starts_nocase(value, SPAN_LITERAL("base64")))
		return MIME_BASE64;
	if (span_starts_nocase(value, SPAN_LITERAL("quoted-printable")))
		return MIME_QUOTED_PRINTABLE;
	return MIME_IDENTITY;
}

static struct span type_of(struct span content_type)
{
	size_t n = 0;

	while (n < content_type.size && n < 80 && strchr("; \t\r\n", content_type.data[n]) == NULL)
		n++;
	if (n == 0)
		return SPAN_LITERAL("text/plain");
	return span_first(content_type, n);
}

static void part_field(struct mime_part *part, const struct header_field *field)
{
	if (!span_starts_nocase(field->name, SPAN_LITERAL("Content-")))
		return;
	struct span name = span_from(field->name, strlen("Content-"));
	struct span body = span_trim(field->body);
	if (span_equal_nocase(name, SPAN_LITERAL("Type")) && part->content_type.size == 0)
		part->content_type = body;
	else if (span_equal_nocase(name, SPAN_LITERAL("Disposition")))
		part->disposition = body;
	else if (span_equal_nocase(name, SPAN_LITERAL("Transfer-Encoding")))
		part->encoding = encoding_of(body);
}

static void part_read(struct mime_part *part, struct span entity, unsigned depth)
{
	struct header_field field;
	struct span rest = entity;

	memset(part, 0, sizeof(*part));
	part->depth = depth;
	while (header_next(&rest, &field))
		part_field(part, &field);
	part->header = span_first(entity, entity.size - rest.size);
	part->body = rest;
	part->type = type_of(part->content_type);
}

/*
 * The next line in body, from *at on, that is the delimiter: "--boundary", closing if "--" follows.
 * *at becomes the offset behind the line, *start_r that of the line break before it.
 */
static bool delimiter_next(struct span body, struct span boundary, size_t *at, size_t *start_r,
			   bool *closing_r)
{
	size_t pos = *at;

	while (pos < body.size) {
		const char *p = body.data + pos;
		if (pos == 0 || p[-1] == '\n') {
			struct span here = span_from(body, pos);
			if (here.size >= boundary.size + 2 && here.data[0] == '-' &&
			    here.data[1] == '-' &&
			    memcmp(here.data + 2, boundary.data, boundary.size) == 0) {
				struct span line = line_of(here);
				struct span tail = span_from(line, boundary.size + 2);
				*closing_r = tail.size >= 2 && memcmp(tail.data, "--", 2) == 0;
				*start_r = pos;
				*at = pos + line.size;
				return true;
			}
		}
		p = memmem(p, body.size - pos, "\n--", 3);
		if (p == NULL)
			return false;
		pos = (size_t)(p - body.data) + 1;
	}
	return false;
}

static void entity_parse(struct mime_parts *parts, struct span entity, unsigned depth);

static void multipart_parse(struct mime_parts *parts, struct span body, struct span boundary,
			    unsigned depth)
{
	size_t at = 0, start = 0, part = 0;
	bool closing = false, inside = false;

	while (!closing && delimiter_next(body, boundary, &at, &start, &closing)) {
		if (inside)
			entity_parse(parts, span_first(span_from(body, part), start - part), depth);
		part = at;
		inside = true;
	}
	if (inside && !closing) /* cut off: the rest is the last part */
		entity_parse(parts, span_from(body, part), depth);
	if (!inside) { /* no delimiter at all: read the body as text rather than lose it */
		entity_parse(parts, body, depth);
	}
}

static void entity_parse(struct mime_parts *parts, struct span entity, unsigned depth)
{
	if (parts->count == MIME_PARTS_MAX) {
		parts->truncated = true;
		return;
	}
	struct mime_part *part = &parts->part[parts->count++];
	part_read(part, entity, depth);
	bool multipart = mime_type_is(part, "multipart/");
	bool message = mime_type_is(part, "message/rfc822") && part->encoding == MIME_IDENTITY &&
		       !parts->shallow;
	if (!multipart && !message)
		return;
	if (depth + 1 >= MIME_DEPTH_MAX) {
		parts->truncated = true;
		part->type = SPAN_LITERAL("text/plain");
		return;
	}
	if (message) {
		entity_parse(parts, part->body, depth + 1);
		return;
	}
	struct strbuf boundary = STRBUF_INIT;
	if (mime_parameter(part->content_type, "boundary", &boundary) && boundary.size > 0)
		multipart_parse(parts, part->body, strbuf_span(&boundary), depth + 1);
	else
		part->type = SPAN_LITERAL("text/plain");
	strbuf_free(&boundary);
}

static void parse(struct mime_parts *parts, struct span message, bool shallow)
{
	parts->count = 0;
	parts->truncated = false;
	parts->shallow = shallow;
	entity_parse(parts, mime_skip_mbox_line(message), 0);
}

void mime_parse(struct mime_parts *parts_r, struct span message)
{
	parse(parts_r, message, false);
}

void mime_parse_shallow(struct mime_parts *parts_r, struct span message)
{
	parse(parts_r, message, true);
}
