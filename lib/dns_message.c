#include "dns_message.h"

#include "xalloc.h"

#include <ares.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE	12
#define RECORD_SIZE	10 /* of a record behind its name: type, class, TTL, length */
#define QUESTION_SIZE	4
#define SOA_NUMBERS	20 /* bytes behind the two names of an SOA */
#define TYPE_SOA	6
#define CLASS_IN	1
#define RCODE_NXDOMAIN	3
#define MAX_SECTION	256 /* records of a section that are looked at */
#define MAX_SCAN_RECORD 65535

struct reader {
	const unsigned char *message;
	size_t size;
	size_t offset;
};

struct raw_record {
	unsigned type, class;
	uint32_t ttl;
	size_t data;   /* offset */
	size_t length; /* bytes of data */
};

static unsigned get16(const unsigned char *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static uint32_t get32(const unsigned char *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

/* The name at offset, freed by the caller; *end_r: what follows it. NULL: malformed. */
static char *read_name(const struct reader *reader, size_t offset, size_t *end_r)
{
	char *expanded = NULL, *name = NULL;
	long used = 0;

	if (offset < reader->size &&
	    ares_expand_name(reader->message + offset, reader->message, (int)reader->size,
			     &expanded, &used) == ARES_SUCCESS) {
		name = xstrdup(expanded);
		*end_r = offset + (size_t)used;
	}
	ares_free_string(expanded);
	return name;
}

static bool skip_name(struct reader *reader)
{
	char *name = read_name(reader, reader->offset, &reader->offset);

	free(name);
	return name != NULL;
}

static bool next_record(struct reader *reader, struct raw_record *record_r)
{
	const unsigned char *fixed;

	if (!skip_name(reader) || reader->size - reader->offset < RECORD_SIZE)
		return false;
	fixed = reader->message + reader->offset;
	record_r->type = get16(fixed);
	record_r->class = get16(fixed + 2);
	record_r->ttl = get32(fixed + 4);
	record_r->length = get16(fixed + 8);
	record_r->data = reader->offset + RECORD_SIZE;
	if (reader->size - record_r->data < record_r->length)
		return false;
	reader->offset = record_r->data + record_r->length;
	return true;
}

/* The character-strings of a TXT, one behind the other (RFC 7208 section 3.3). */
static char *read_text(const struct reader *reader, const struct raw_record *raw)
{
	char *text = xmalloc(raw->length + 1);
	size_t used = 0, at = 0;

	while (at < raw->length) {
		size_t part = reader->message[raw->data + at];

		if (part > raw->length - at - 1)
			part = raw->length - at - 1;
		memcpy(text + used, reader->message + raw->data + at + 1, part);
		used += part;
		at += part + 1;
	}
	text[used] = '\0';
	return text;
}

static bool read_data(const struct reader *reader, const struct raw_record *raw, enum dns_type type,
		      struct dns_record *record_r)
{
	size_t ignored, wanted = type == DNS_A ? 4 : 16;

	*record_r = (struct dns_record){0};
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		if (raw->length != wanted)
			return false;
		memcpy(record_r->data, reader->message + raw->data, wanted);
		record_r->size = wanted;
		return true;
	case DNS_MX:
		if (raw->length < 3)
			return false;
		record_r->preference = get16(reader->message + raw->data);
		record_r->text = read_name(reader, raw->data + 2, &ignored);
		break;
	case DNS_PTR:
		record_r->text = read_name(reader, raw->data, &ignored);
		break;
	case DNS_TXT:
		record_r->text = read_text(reader, raw);
		break;
	}
	record_r->size = record_r->text == NULL ? 0 : strlen(record_r->text);
	return record_r->text != NULL;
}

static void add_record(struct dns_answer *answer, const struct dns_record *record)
{
	answer->records = xrealloc(answer->records, (answer->count + 1) * sizeof(*answer->records));
	answer->records[answer->count++] = *record;
}

/* Returns false if the message is malformed. */
static bool read_answers(struct reader *reader, unsigned count, enum dns_type type,
			 struct dns_answer *answer)
{
	struct raw_record raw;
	struct dns_record record;

	for (unsigned i = 0; i < count && i < MAX_SECTION; i++) {
		if (!next_record(reader, &raw))
			return false;
		if (raw.class != CLASS_IN)
			continue;
		if (raw.ttl < answer->ttl)
			answer->ttl = raw.ttl;
		if (raw.type != (unsigned)type || answer->count == DNS_MAX_RECORDS)
			continue;
		if (!read_data(reader, &raw, type, &record))
			return false;
		add_record(answer, &record);
	}
	return true;
}

/* How long "there is none" holds: the SOA's TTL or minimum, whichever is less. */
static uint32_t negative_ttl(struct reader *reader, unsigned count)
{
	struct raw_record raw;
	uint32_t ttl = 0;

	for (unsigned i = 0; i < count && i < MAX_SECTION && next_record(reader, &raw); i++) {
		if (raw.type != TYPE_SOA || raw.length < SOA_NUMBERS)
			continue;
		ttl = get32(reader->message + raw.data + raw.length - 4);
		ttl = raw.ttl < ttl ? raw.ttl : ttl;
	}
	return ttl < DNS_MAX_NEGATIVE ? ttl : DNS_MAX_NEGATIVE;
}

static bool read_message(struct reader *reader, enum dns_type type, struct dns_answer *answer)
{
	const unsigned char *header = reader->message;
	unsigned rcode, questions;

	if (reader->size < HEADER_SIZE || reader->size > MAX_SCAN_RECORD)
		return false;
	rcode = header[3] & 0x0f;
	questions = get16(header + 4);
	if ((rcode != 0 && rcode != RCODE_NXDOMAIN) || questions > 1)
		return false;
	reader->offset = HEADER_SIZE;
	if (questions == 1) {
		if (!skip_name(reader) || reader->size - reader->offset < QUESTION_SIZE)
			return false;
		reader->offset += QUESTION_SIZE;
	}
	if (!read_answers(reader, get16(header + 6), type, answer))
		return false;
	if (answer->count == 0) {
		answer->status = DNS_NONE;
		answer->ttl = negative_ttl(reader, get16(header + 8));
	}
	return true;
}

void dns_message_read(const unsigned char *message, size_t size, enum dns_type type,
		      struct dns_answer *answer_r)
{
	struct reader reader = {message, size, 0};

	*answer_r = (struct dns_answer){.status = DNS_FOUND, .ttl = DNS_MAX_TTL};
	if (read_message(&reader, type, answer_r))
		return;
	dns_answer_free(answer_r);
	answer_r->status = DNS_FAILED;
	answer_r->ttl = DNS_FAILURE_TTL;
}

void dns_answer_free(struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++)
		free(answer->records[i].text);
	free(answer->records);
	*answer = (struct dns_answer){0};
}
