/*
 * features_header.c - features of the header: words of each field, and pairs of them.
 */
#include "spamtrain/engine/features_internal.h"

#include "lib/header.h"
#include "spamtrain/engine/words.h"

#include <ctype.h>

#define PAIR_WINDOW 2  /* a word is paired with so many before it */
#define KEY_MIN	    60 /* bytes; so long a word is a key or a digest: never seen again */

/*
 * Fields that are not part of the message as its sender and the net made it: ours (but the score),
 * other filters' verdicts (they would be learned instead of the message), and what mailboxes write
 * into it.
 */
static const char *const ignored_prefixes[] = {"X-DSPAM-",
					       "X-Shoveler-",
					       "X-Spam",
					       "X-Bogosity",
					       "X-MailScanner",
					       "X-CRM114",
					       "X-Rspamd",
					       "X-Virus",
					       "X-SpamCop",
					       "X-Mozilla-",
					       "X-IMAP",
					       "X-Evolution",
					       "X-Microsoft-Antispam",
					       "X-MS-Exchange-AntiSpam",
					       "X-MS-Exchange-CrossTenant",
					       "X-Forefront-Antispam",
					       "X-Proofpoint-",
					       "X-Barracuda-",
					       "X-IronPort-",
					       "X-Mimecast-",
					       "X-Amavis-",
					       "X-GMX-Anti",
					       "X-UI-Filterresults",
					       "X-Google-DKIM-",
					       "X-Gm-Message-State",
					       "X-Google-Smtp-Source",
					       NULL};
static const char *const ignored_names[] = {"X-Keywords",
					    "X-Status",
					    "Status",
					    "X-UID",
					    "X-UIDL",
					    "Content-Length",
					    "Lines",
					    "X-Original-To",
					    "Delivered-To",
					    "Return-Path-Hint",
					    "X-Gmail-Labels",
					    "ARC-Seal",
					    "ARC-Message-Signature",
					    NULL};

bool feature_field_is_ignored(struct span name)
{
	for (const char *const *prefix = ignored_prefixes; *prefix != NULL; prefix++)
		if (span_starts_nocase(name, span_of(*prefix)))
			return true;
	for (const char *const *ignored = ignored_names; *ignored != NULL; ignored++)
		if (span_equal_nocase(name, span_of(*ignored)))
			return true;
	return false;
}

struct header_word {
	struct span text;
	uint64_t hash;
};

static bool is_field_separator(char c)
{
	return (unsigned char)c <= ' ' || strchr("<>()[]{}\",;:=/\\?&|*", c) != NULL;
}

static bool field_word_next(struct span *rest, struct span *word_r)
{
	while (rest->size > 0) {
		size_t i = 0;
		while (i < rest->size && is_field_separator(rest->data[i]))
			i++;
		size_t size = 0;
		while (i + size < rest->size && !is_field_separator(rest->data[i + size]))
			size++;
		*word_r = span_first(span_from(*rest, i), size);
		*rest = span_from(*rest, i + size);
		while (word_r->size > 1 && strchr(".-'", word_r->data[word_r->size - 1]) != NULL)
			word_r->size--;
		if (word_r->size > 0)
			return true;
	}
	return false;
}

/* "local@example.biz" and "mail.example.biz" are also their pieces. */
static void add_pieces(struct extractor *ex, unsigned bit, struct span word)
{
	const char *at = memchr(word.data, '@', word.size);

	if (at != NULL && at > word.data) {
		size_t local = (size_t)(at - word.data);
		feature_add_word(ex, bit, span_first(word, local));
		word = span_from(word, local + 1);
		feature_add_word(ex, bit, word);
	}
	if (word.size > 3 && memchr(word.data, '.', word.size) != NULL)
		feature_add_host(ex, bit, word);
}

/* Words of a field's value, with pairs if wanted. text lies in features->text. */
static void add_field_words(struct extractor *ex, unsigned bit, struct span text, bool pairs)
{
	struct header_word before[PAIR_WINDOW];
	size_t count = 0;
	struct span word;

	while (field_word_next(&text, &word)) {
		if (word.size >= KEY_MIN)
			continue;
		uint64_t hash = word_hash(word);
		feature_add(ex, bit, hash, word, (struct span){NULL, 0});
		add_pieces(ex, bit, word);
		size_t window = count < PAIR_WINDOW ? count : PAIR_WINDOW;
		for (size_t i = 1; pairs && i <= window; i++) {
			struct header_word *other = &before[(count - i) % PAIR_WINDOW];
			feature_add(ex, FEATURE_BIT_HEADER_PAIR, pair_hash(other->hash, hash),
				    other->text, word);
		}
		before[count++ % PAIR_WINDOW] = (struct header_word){word, hash};
	}
}

static struct span keep_decoded(struct extractor *ex, struct span value)
{
	struct strbuf decoded = STRBUF_INIT;
	size_t room = extractor_room(ex);
	size_t max = room < FEATURES_FIELD_TEXT_MAX ? room : FEATURES_FIELD_TEXT_MAX;
	struct strbuf *text = &ex->features->text;
	size_t start = text->size;

	if (max == 0)
		return (struct span){NULL, 0};
	mime_field_decode(&decoded, &ex->charsets, value, max);
	text_normalize(text, span_first(strbuf_span(&decoded), max));
	strbuf_free(&decoded);
	return (struct span){text->data + start, text->size - start};
}

/* Words of the subject as the text's words are, too: case and disguise undone. */
static void add_subject(struct extractor *ex, struct span text)
{
	char buf[WORD_MAX];
	struct span word;

	while (word_next(&text, &word)) {
		if (word.size > WORD_MAX)
			continue;
		word_lower(buf, word);
		feature_add_word(ex, FEATURE_BIT_LOWER, (struct span){buf, word.size});
		size_t size = word_unmask(buf, word);
		if (size > 0)
			feature_add_word(ex, FEATURE_BIT_FOLDED, (struct span){buf, size});
	}
}

static void add_field(struct extractor *ex, const struct header_field *field, const char *prefix,
		      bool pairs)
{
	bool received = span_equal_nocase(field->name, SPAN_LITERAL("Received"));

	extractor_name(ex, prefix, field->name);
	struct span text = keep_decoded(ex, span_trim(field->body));
	if (text.size == 0)
		return;
	add_field_words(ex, received ? FEATURE_BIT_RECEIVED : FEATURE_BIT_HEADER_WORD, text, pairs);
	if (span_equal_nocase(field->name, SPAN_LITERAL("Subject")))
		add_subject(ex, text);
}

/* Of a signature only the domain says something: the rest differs in every message. */
static void add_signature(struct extractor *ex, const struct header_field *field)
{
	struct strbuf domain = STRBUF_INIT;

	extractor_name(ex, "", field->name);
	if (mime_parameter(field->body, "d", &domain)) {
		struct span kept = extractor_keep(ex, span_first(strbuf_span(&domain), 128));
		feature_add_host(ex, FEATURE_BIT_HEADER_WORD, kept);
	}
	strbuf_free(&domain);
}

static void add_part_header(struct extractor *ex, const struct mime_part *part)
{
	struct span rest = part->header;
	struct header_field field;

	for (unsigned i = 0; i < 8 && header_next(&rest, &field); i++)
		add_field(ex, &field, "part ", false);
}

/*
 * What the milter found out about the client: "8 (no_ptr +3, dnsbl.test +5)". The sum and the names
 * of the checks; the weights are the same each time. Strangers' fields of that name are gone: the
 * milter removes them.
 */
static void add_score(struct extractor *ex, const struct header_field *field)
{
	struct span text, word;

	extractor_name(ex, "", field->name);
	text = extractor_keep(ex, span_first(span_trim(field->body), FEATURES_FIELD_TEXT_MAX));
	while (field_word_next(&text, &word)) {
		if (word.size < KEY_MIN && word.data[0] != '+' && word.data[0] != '-')
			feature_add_word(ex, FEATURE_BIT_HEADER_WORD, word);
	}
}

static bool is_score(struct span name)
{
	return span_equal_nocase(name, SPAN_LITERAL("X-Shoveler-Score"));
}

void features_header(struct extractor *ex)
{
	struct span rest = ex->parts->part[0].header;
	struct header_field field;
	unsigned count = 0, looked = 0;

	while (header_next(&rest, &field) && count < FEATURES_FIELDS_MAX &&
	       looked++ < FEATURES_FIELDS_LOOKED) {
		if (feature_field_is_ignored(field.name) && !is_score(field.name))
			continue;
		count++;
		if (is_score(field.name))
			add_score(ex, &field);
		else if (span_equal_nocase(field.name, SPAN_LITERAL("DKIM-Signature")))
			add_signature(ex, &field);
		else
			add_field(ex, &field, "", true);
	}
	for (size_t i = 1; i < ex->parts->count && i < 24; i++)
		add_part_header(ex, &ex->parts->part[i]);
	extractor_name(ex, "", (struct span){NULL, 0});
}
