#include "spamtrain/formats/spamassassin.h"

#include "lib/header.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define SHA1_HEX_SIZE 41

/* ---- the backup ---- */

static int compare_spans(struct span a, struct span b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size == 0 ? 0 : memcmp(a.data, b.data, size);

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_ids(const void *a, const void *b)
{
	return compare_spans(((const struct spamassassin_message *)a)->id,
			     ((const struct spamassassin_message *)b)->id);
}

static void message_append(struct spamassassin *result, struct span line)
{
	if ((result->count & (result->count + 1)) == 0)
		result->list =
			xrealloc(result->list, 2 * (result->count + 1) * sizeof(*result->list));
	result->list[result->count++] = (struct spamassassin_message){
		span_from(line, 4), line.data[2] == 's' ? STORE_SPAM : STORE_INNOCENT};
}

static bool line_take(struct spamassassin *result, struct span line)
{
	if (line.size < 3 || line.data[1] != '\t' || strchr("vts", line.data[0]) == NULL)
		return false;
	if (line.data[0] != 's')
		return true;
	if (line.size < 5 || line.data[3] != '\t' || (line.data[2] != 's' && line.data[2] != 'h'))
		return false;
	message_append(result, line);
	return true;
}

int spamassassin_read(struct spamassassin *result, struct span backup, char **error_r)
{
	uint64_t number = 0;
	bool valid = span_starts_nocase(backup, SPAN_LITERAL("v\t3\tdb_version"));

	memset(result, 0, sizeof(*result));
	if (!valid) {
		*error_r = xstrdup("this is not what sa-learn --backup writes (db_version 3)");
		return -1;
	}
	while (valid && backup.size > 0) {
		const char *end = memchr(backup.data, '\n', backup.size);
		size_t size = end == NULL ? backup.size : (size_t)(end - backup.data);
		number++;
		valid = end != NULL && line_take(result, span_first(backup, size));
		backup = span_from(backup, size + 1);
	}
	if (!valid) {
		*error_r = xasprintf("line %" PRIu64 ": damaged or cut short", number);
		spamassassin_free(result);
		return -1;
	}
	if (result->count > 0)
		qsort(result->list, result->count, sizeof(*result->list), compare_ids);
	return 0;
}

void spamassassin_free(struct spamassassin *spamassassin)
{
	free(spamassassin->list);
	memset(spamassassin, 0, sizeof(*spamassassin));
}

/* ---- a message ---- */

static void sha1_hex(char *hex, struct span bytes)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (EVP_Digest(bytes.size == 0 ? "" : bytes.data, bytes.size, digest, &size, EVP_sha1(),
		       NULL) != 1)
		xalloc_failed();
	for (unsigned i = 0; i < 20; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

/* The last field of that name, unfolded, and a line feed; nothing if there is none. */
static void field_append(struct strbuf *out, struct span message, const char *name)
{
	struct header_field field;
	struct span value = {NULL, 0};

	while (header_next(&message, &field))
		if (span_equal_nocase(field.name, span_of(name)))
			value = field.body;
	if (value.data == NULL)
		return;
	while (value.size > 0 && strchr(" \t", value.data[0]) != NULL)
		value = span_from(value, 1);
	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] != '\n' && value.data[i] != '\r') {
			strbuf_append_char(out, value.data[i]);
			continue;
		}
		while (i + 1 < value.size && strchr(" \t\r\n", value.data[i + 1]) != NULL)
			i++;
		strbuf_append_char(out, ' ');
	}
	strbuf_append_char(out, '\n');
}

static void body_append(struct strbuf *out, struct span message)
{
	struct header_field field;

	while (header_next(&message, &field))
		continue;
	for (size_t i = 0; i < message.size; i++) {
		bool crlf = message.data[i] == '\r' && i + 1 < message.size &&
			    message.data[i + 1] == '\n';
		if (!crlf)
			strbuf_append_char(out, message.data[i]);
	}
}

static enum store_class look_up(const struct spamassassin *spamassassin, struct span id)
{
	struct spamassassin_message key = {id, STORE_NONE}, *found = NULL;

	if (spamassassin->count > 0)
		found = bsearch(&key, spamassassin->list, spamassassin->count,
				sizeof(*spamassassin->list), compare_ids);
	return found == NULL ? STORE_NONE : found->class;
}

static enum store_class class_by_digest(const struct spamassassin *spamassassin,
					struct span message, struct span body)
{
	struct strbuf text = STRBUF_INIT;
	char hex[SHA1_HEX_SIZE];

	field_append(&text, message, "To");
	strbuf_append_char(&text, '\0');
	field_append(&text, message, "Date");
	strbuf_append_char(&text, '\0');
	sha1_hex(hex, body);
	strbuf_append_text(&text, hex);
	sha1_hex(hex, strbuf_span(&text));
	strbuf_reset(&text);
	strbuf_printf(&text, "%s@sa_generated", hex);
	enum store_class class = look_up(spamassassin, strbuf_span(&text));
	strbuf_free(&text);
	return class;
}

static enum store_class class_by_message_id(const struct spamassassin *spamassassin,
					    struct span message)
{
	struct header_field field;

	if (!header_find(message, "Message-ID", &field))
		return STORE_NONE;
	struct span id = span_trim(field.body);
	if (id.size > 2 && id.data[0] == '<' && id.data[id.size - 1] == '>')
		id = span_first(span_from(id, 1), id.size - 2);
	return look_up(spamassassin, id);
}

enum store_class spamassassin_class(const struct spamassassin *spamassassin, struct span message)
{
	struct strbuf text = STRBUF_INIT;

	if (message.size > 5 && memcmp(message.data, "From ", 5) == 0) {
		const char *end = memchr(message.data, '\n', message.size);
		message = span_from(message,
				    end == NULL ? message.size : (size_t)(end - message.data) + 1);
	}
	body_append(&text, message);
	size_t size = text.size;
	strbuf_append_char(&text, '\n');
	struct span body = strbuf_span(&text);
	enum store_class class = class_by_digest(spamassassin, message, span_first(body, size));
	/* The empty line behind a message in an mbox was taken for a part of it, or is by us. */
	if (class == STORE_NONE)
		class = class_by_digest(spamassassin, message, body);
	if (class == STORE_NONE && size > 0 && body.data[size - 1] == '\n')
		class = class_by_digest(spamassassin, message, span_first(body, size - 1));
	if (class == STORE_NONE)
		class = class_by_message_id(spamassassin, message);
	strbuf_free(&text);
	return class;
}
