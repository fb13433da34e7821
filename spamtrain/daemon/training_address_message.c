#include "training_address_message.h"

#include "lib/header.h"
#include "lib/html.h"
#include "lib/mime.h"
#include "lib/submitter.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <stdlib.h>

#define SIGNATURE_LENGTH     (TRAINING_SIGNATURE_SIZE - 1)
#define QUOTE_GAP_MAX	     24 /* bytes between the field's name and the signature */
#define ADDRESS_TEXT_MAX     4096
#define DECODED_ORIGINAL_MAX (4 * 1024 * 1024)

static bool name_is(struct span name, const char *expected)
{
	return span_equal_nocase(name, span_of(expected));
}

static bool name_starts(struct span name, const char *prefix)
{
	return span_starts_nocase(name, span_of(prefix));
}

/* The first word of a value: up to white space or one of ";,(" . */
static struct span first_word(struct span value)
{
	size_t size = 0;

	value = span_trim(value);
	while (size < value.size && strchr(" \t\r\n;,(", value.data[size]) == NULL)
		size++;
	return span_first(value, size);
}

/* ---- the header ---- */

static void take_language(struct training_message *message, struct span value)
{
	struct span word = first_word(value);

	if (span_starts_nocase(word, SPAN_LITERAL("fr")))
		message->language = TRAINING_FRENCH;
	else if (span_starts_nocase(word, SPAN_LITERAL("en")))
		message->language = TRAINING_ENGLISH;
}

static bool is_automatic(const struct header_field *field)
{
	struct span word = first_word(field->body);

	if (name_is(field->name, "Auto-Submitted"))
		return !name_is(word, "no");
	if (name_is(field->name, "Precedence"))
		return name_is(word, "bulk") || name_is(word, "list") || name_is(word, "junk");
	if (name_is(field->name, "Content-Type"))
		return name_is(word, "multipart/report");
	return name_is(field->name, "List-Id");
}

/* Copies the last <...> of a value. Returns how many there are. */
static size_t last_id(struct span value, char id[TRAINING_ID_MAX + 1])
{
	size_t count = 0;

	for (;;) {
		const char *start = value.size > 0 ? memchr(value.data, '<', value.size) : NULL;
		struct span rest;
		const char *end;

		if (start == NULL)
			return count;
		rest = span_from(value, (size_t)(start - value.data));
		end = memchr(rest.data, '>', rest.size);
		if (end == NULL)
			return count;
		rest.size = (size_t)(end - rest.data) + 1;
		value = span_from(value, (size_t)(end - value.data) + 1);
		if (rest.size <= TRAINING_ID_MAX && memchr(rest.data, '\0', rest.size) == NULL) {
			memcpy(id, rest.data, rest.size);
			id[rest.size] = '\0';
			count++;
		}
	}
}

/*
 * In-Reply-To names the parent, and so does the last one of References. If they differ, or an
 * answer has several parents, nothing is certain.
 */
static void take_parent(struct training_message *message, struct span in_reply_to,
			struct span references)
{
	char parent[TRAINING_ID_MAX + 1] = "", last[TRAINING_ID_MAX + 1] = "";
	size_t parents = last_id(in_reply_to, parent);
	size_t ancestors = last_id(references, last);

	if (parents > 1 || (parents == 1 && ancestors > 0 && strcmp(parent, last) != 0))
		return;
	strcpy(message->parent, parents == 1 ? parent : last);
}

/* What mail programs put before the subject of what is forwarded or answered, by language. */
static size_t prefix_size(struct span subject)
{
	static const char *const prefixes[] = {"Fwd", "FW", "Re", "TR",	    "WG", "AW",
					       "RV",  "I",  "VS", "Doorst", "ENC"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t size = strlen(prefixes[i]);

		if (!name_starts(subject, prefixes[i]))
			continue;
		while (size < subject.size && subject.data[size] == ' ')
			size++; /* French programs write "TR :" */
		if (size < subject.size && subject.data[size] == ':')
			return size + 1;
	}
	return 0;
}

static struct span without_prefixes(struct span subject)
{
	size_t size;

	subject = span_trim(subject);
	while ((size = prefix_size(subject)) > 0)
		subject = span_trim(span_from(subject, size));
	return subject;
}

static void take_subject(struct training_message *message, struct span value)
{
	struct charsets charsets = CHARSETS_INIT;
	struct strbuf decoded = STRBUF_INIT;

	mime_field_decode(&decoded, &charsets, value, TRAINING_SUBJECT_MAX);
	charsets_free(&charsets);
	strbuf_reset(&message->subject);
	strbuf_append_span(&message->subject, without_prefixes(strbuf_span(&decoded)));
	strbuf_free(&decoded);
}

static void read_header(struct training_message *message, struct span rest)
{
	struct span in_reply_to = {NULL, 0}, references = {NULL, 0}, accepted = {NULL, 0};
	struct span subject = {NULL, 0};
	struct header_field field;
	unsigned submitters = 0;
	bool outer = true;

	while (header_next(&rest, &field)) {
		if (name_is(field.name, SUBMITTER_FIELD)) {
			message->submitter = field.body;
			submitters++;
		} else if (name_is(field.name, "Subject")) {
			subject = field.body;
		} else if (name_starts(field.name, "Resent-")) {
			message->resent = true;
		} else if (name_is(field.name, "In-Reply-To")) {
			in_reply_to = field.body;
		} else if (name_is(field.name, "References")) {
			references = field.body;
		} else if (name_is(field.name, "Content-Language")) {
			take_language(message, field.body);
		} else if (name_is(field.name, "Accept-Language")) {
			accepted = field.body;
		}
		message->automatic |= is_automatic(&field);
		outer = outer && !name_starts(field.name, "Resent-") &&
			!name_starts(field.name, "X-DSPAM-");
		if (outer && name_is(field.name, "Auto-Submitted"))
			message->sent_by_machine |= is_automatic(&field);
	}
	if (submitters != 1)
		message->submitter = (struct span){NULL, 0};
	if (message->language == TRAINING_LANGUAGE_UNKNOWN)
		take_language(message, accepted);
	take_parent(message, in_reply_to, references);
	take_subject(message, subject);
}

/* ---- attached messages ---- */

static bool is_eml_name(struct span value, const char *parameter)
{
	struct strbuf name = STRBUF_INIT;
	bool is_eml = mime_parameter(value, parameter, &name) && name.size > 4 &&
		      strcasecmp(name.data + name.size - 4, ".eml") == 0;

	strbuf_free(&name);
	return is_eml;
}

static bool is_original(const struct mime_part *part)
{
	return mime_type_is(part, "message/rfc822") || mime_type_is(part, "message/global") ||
	       is_eml_name(part->disposition, "filename") ||
	       is_eml_name(part->content_type, "name");
}

/* decoded must not grow after spans into it were taken: it has its room from the start. */
static struct span decode_original(struct training_message *message, const struct mime_part *part)
{
	size_t start = message->decoded.size;

	if (part->encoding == MIME_IDENTITY)
		return part->body;
	if (part->body.size > DECODED_ORIGINAL_MAX ||
	    start + part->body.size + 4 > TRAINING_DECODED_MAX) {
		message->truncated = true;
		return (struct span){NULL, 0};
	}
	strbuf_reserve(&message->decoded, TRAINING_DECODED_MAX + 1 - start);
	mime_body_decode(&message->decoded, part, part->body.size + 3);
	return span_from(strbuf_span(&message->decoded), start);
}

static void take_original(struct training_message *message, const struct mime_part *part)
{
	struct span original;

	if (message->count == TRAINING_ORIGINALS_MAX) {
		message->truncated = true;
		return;
	}
	original = decode_original(message, part);
	original = original.size > 0 ? mime_skip_mbox_line(original) : original;
	if (header_size(original) > 0)
		message->originals[message->count++] = original;
}

/* ---- a signature quoted in the text ---- */

static size_t hex_run(struct span text)
{
	size_t size = 0;

	while (size < text.size && isxdigit((unsigned char)text.data[size]))
		size++;
	return size;
}

/* What mail programs put between a field's name and its value when they quote it. */
static bool skip_gap(struct span *text)
{
	bool colon = false;
	size_t size = 0;

	while (size < text->size && size < QUOTE_GAP_MAX && text->data[size] != '\0' &&
	       strchr(" \t\r\n:>*|", text->data[size]) != NULL)
		colon |= text->data[size++] == ':';
	*text = span_from(*text, size);
	return colon;
}

/* Returns false once two different ones were seen: then none is certain. */
static bool take_quoted(struct training_message *message, struct span text)
{
	char signature[TRAINING_SIGNATURE_SIZE];

	if (!skip_gap(&text) || hex_run(text) != SIGNATURE_LENGTH)
		return true;
	for (size_t i = 0; i < SIGNATURE_LENGTH; i++)
		signature[i] = (char)tolower((unsigned char)text.data[i]);
	signature[SIGNATURE_LENGTH] = '\0';
	if (message->quoted[0] != '\0' && strcmp(message->quoted, signature) != 0)
		return false;
	strcpy(message->quoted, signature);
	return true;
}

static bool find_quoted(struct training_message *message, struct span text)
{
	static const struct span name = {"X-DSPAM-Signature", sizeof("X-DSPAM-Signature") - 1};

	for (size_t i = 0; i + name.size < text.size; i++) {
		if ((text.data[i] | 0x20) == 'x' && span_starts_nocase(span_from(text, i), name) &&
		    !take_quoted(message, span_from(text, i + name.size)))
			return false;
	}
	return true;
}

static bool search_text(struct training_message *message, struct span text)
{
	size_t room = TRAINING_QUOTED_MAX - message->text.size;

	strbuf_append_span(&message->text, span_first(text, room));
	return find_quoted(message, text);
}

static bool search_part(struct training_message *message, const struct mime_part *part,
			size_t *searched)
{
	struct strbuf raw = STRBUF_INIT, charset = STRBUF_INIT, text = STRBUF_INIT;
	struct html_text html = HTML_TEXT_INIT;
	struct charsets charsets = CHARSETS_INIT;
	size_t max = TRAINING_TEXT_MAX - *searched;
	bool certain;

	mime_body_decode(&raw, part, max);
	mime_parameter(part->content_type, "charset", &charset);
	charset_to_utf8(&charsets, &text, strbuf_span(&raw), strbuf_span(&charset), max);
	charsets_free(&charsets);
	*searched += raw.size;
	if (mime_type_is(part, "text/html")) {
		html_strip(&html, strbuf_span(&text), max);
		certain = search_text(message, strbuf_span(&html.text));
	} else {
		certain = search_text(message, strbuf_span(&text));
	}
	html_text_free(&html);
	strbuf_free(&raw);
	strbuf_free(&charset);
	strbuf_free(&text);
	return certain;
}

/* ---- the whole ---- */

static void read_parts(struct training_message *message, const struct mime_parts *parts)
{
	bool certain = true;
	size_t searched = 0;

	message->truncated = parts->truncated;
	for (size_t i = 0; i < parts->count; i++) {
		const struct mime_part *part = &parts->part[i];

		if (is_original(part))
			take_original(message, part);
		else if (mime_type_is(part, "text/") && certain && searched < TRAINING_TEXT_MAX)
			certain = search_part(message, part, &searched);
	}
	if (!certain)
		message->quoted[0] = '\0';
}

struct training_message *training_message_read(struct span bytes)
{
	struct training_message *message = xcalloc(1, sizeof(*message));
	struct mime_parts *parts = xmalloc(sizeof(*parts));

	read_header(message, bytes);
	mime_parse_shallow(parts, bytes);
	read_parts(message, parts);
	free(parts);
	return message;
}

void training_message_free(struct training_message **message)
{
	if (*message == NULL)
		return;
	strbuf_free(&(*message)->decoded);
	strbuf_free(&(*message)->subject);
	strbuf_free(&(*message)->text);
	free(*message);
	*message = NULL;
}

static bool is_address_byte(char c)
{
	return c != '\0' && (isalnum((unsigned char)c) || strchr("!#$%&'*+-/=?^_`{|}~.@", c));
}

bool training_from_is(struct span from, const char *address)
{
	struct span wanted = span_of(address);
	struct strbuf text = STRBUF_INIT;
	struct charsets charsets = CHARSETS_INIT;
	bool found = false;

	mime_field_decode(&text, &charsets, from, ADDRESS_TEXT_MAX);
	charsets_free(&charsets);
	for (size_t i = 0; i + wanted.size <= text.size && wanted.size > 0 && !found; i++) {
		size_t end = i + wanted.size;

		found = span_equal_nocase((struct span){text.data + i, wanted.size}, wanted) &&
			(i == 0 || !is_address_byte(text.data[i - 1])) &&
			(end == text.size || !is_address_byte(text.data[end]));
	}
	strbuf_free(&text);
	return found;
}

static bool contains_nocase(struct span text, struct span wanted)
{
	for (size_t i = 0; wanted.size > 0 && i + wanted.size <= text.size; i++) {
		if (span_equal_nocase((struct span){text.data + i, wanted.size}, wanted))
			return true;
	}
	return false;
}

/* "Name <address>": the address; empty when there is none. */
static struct span address_in(const char *from)
{
	const char *start = strrchr(from, '<'), *end;
	struct span address = span_trim(span_of(start != NULL ? start + 1 : from));

	end = address.size > 0 ? memchr(address.data, '>', address.size) : NULL;
	if (end != NULL)
		address.size = (size_t)(end - address.data);
	if (address.size == 0 || memchr(address.data, '@', address.size) == NULL)
		return (struct span){NULL, 0};
	return address;
}

bool training_message_has_subject(const struct training_message *message, const char *subject)
{
	return span_equal(without_prefixes(span_of(subject)), strbuf_span(&message->subject));
}

bool training_message_quotes(const struct training_message *message, const char *from,
			     const char *subject)
{
	struct span text = strbuf_span(&message->text);
	struct span original = without_prefixes(span_of(subject));

	return original.size > 0 && training_message_has_subject(message, subject) &&
	       contains_nocase(text, original) && contains_nocase(text, address_in(from));
}

static bool is_ours(struct span name)
{
	return name_starts(name, "X-DSPAM-") || name_starts(name, "X-Shoveler-") ||
	       name_starts(name, "Resent-");
}

static bool is_trace(struct span name)
{
	return name_is(name, "Received") || name_is(name, "Return-Path") ||
	       name_is(name, "Delivered-To") || name_is(name, "X-Original-To");
}

/* Where the last Resent-* field starts. */
static size_t last_resent(struct span message)
{
	struct span rest = message;
	struct header_field field;
	size_t at = 0;

	while (header_next(&rest, &field)) {
		if (name_starts(field.name, "Resent-"))
			at = (size_t)(field.raw.data - message.data);
	}
	return at;
}

void training_message_restore(struct strbuf *out, struct span message)
{
	const char *limit = message.data + last_resent(message);
	struct header_field field;
	struct span rest = message;
	size_t start = out->size;

	while (header_next(&rest, &field)) {
		if (!is_ours(field.name) && !(field.raw.data < limit && is_trace(field.name)))
			strbuf_append_span(out, field.raw);
	}
	if (out->size > start && out->data[out->size - 1] != '\n')
		strbuf_append_text(out, "\r\n");
	/* header_next() took the empty line; a body that began without one keeps its first line. */
	strbuf_append_text(out, "\r\n");
	strbuf_append_span(out, rest);
}
