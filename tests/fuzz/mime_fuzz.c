/*
 * libFuzzer: the structure of a message. Parts and fields lie inside it, fields put together give
 * the header back, what is decoded is bounded and, if it is text, valid UTF-8.
 */
#include "lib/header.h"
#include "lib/mime.h"
#include "tests/fuzz/utf8.h"

#include <stdint.h>
#include <stdlib.h>

#define SOME 300 /* bytes of output */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_inside(struct span part, struct span whole)
{
	require(part.size == 0 ||
		(part.data >= whole.data && part.data + part.size <= whole.data + whole.size));
}

static void check_fields(struct span message)
{
	struct span rest = message;
	struct header_field field;
	size_t size = 0;

	while (header_next(&rest, &field)) {
		require(field.name.size > 0 && field.raw.data == message.data + size);
		require_inside(field.name, field.raw);
		require_inside(field.body, field.raw);
		size += field.raw.size;
	}
	require(header_size(message) == size);
}

static void check_field_text(struct span value)
{
	struct charsets charsets = CHARSETS_INIT;
	struct strbuf text = STRBUF_INIT;

	strbuf_append_text(&text, "before");
	mime_field_decode(&text, &charsets, value, SOME);
	require(text.size <= SOME + strlen("before") && memcmp(text.data, "before", 6) == 0);
	require(is_utf8(strbuf_span(&text)));
	for (size_t i = 0; i < text.size; i++)
		require((unsigned char)text.data[i] >= ' ' && text.data[i] != 127);
	require(charsets.count <= CHARSETS_MAX);
	charsets_free(&charsets);
	strbuf_free(&text);
}

static void check_part(const struct mime_part *part, struct span message)
{
	static const char *const names[] = {"boundary", "charset", "filename", "name"};
	struct strbuf out = STRBUF_INIT;

	require_inside(part->header, message);
	require_inside(part->body, message);
	require_inside(part->content_type, message);
	require_inside(part->disposition, message);
	require(part->depth < MIME_DEPTH_MAX);
	for (size_t i = 0; i < 4; i++) {
		mime_parameter(part->content_type, names[i], &out);
		require(out.size <= 4 * part->content_type.size);
	}
	strbuf_reset(&out);
	mime_body_decode(&out, part, SOME);
	require(out.size <= SOME && out.size <= part->body.size);
	strbuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = {(const char *)data, size};
	struct mime_parts *parts = malloc(sizeof(*parts));

	check_fields(message);
	check_field_text(message);
	require_inside(mime_skip_mbox_line(message), message);
	for (int shallow = 0; shallow < 2; shallow++) {
		(shallow ? mime_parse_shallow : mime_parse)(parts, message);
		require(parts->count >= 1 && parts->count <= MIME_PARTS_MAX);
		for (size_t i = 0; i < parts->count; i++)
			check_part(&parts->part[i], message);
	}
	free(parts);
	return 0;
}
