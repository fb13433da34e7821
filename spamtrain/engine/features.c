/*
 * features.c - the set of features: adding, sorting, describing. What is added is decided in
 * features_header.c (fields) and features_body.c (text, links, parts).
 */
#include "spamtrain/engine/features_internal.h"

#include "lib/xalloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOT_BITS 14 /* four times as many slots as FEATURES_MAX */
#define SLOTS	  (1U << SLOT_BITS)

struct feature_set {
	uint64_t key; /* random and odd: nobody can write words that all want the same slot */
	uint16_t slot[SLOTS]; /* index + 1 */
};

static struct feature_set *feature_set_new(void)
{
	struct feature_set *set = xcalloc(1, sizeof(*set));

	if (getrandom(&set->key, sizeof(set->key), 0) != sizeof(set->key))
		set->key = (uintptr_t)set;
	set->key |= 1;
	return set;
}

static const char *const family_names[] = {
#define FEATURES_NAME(id, name) name,
	FEATURES_FAMILIES(FEATURES_NAME)
#undef FEATURES_NAME
};

const char *features_family_name(unsigned bit)
{
	return bit < FEATURE_FAMILIES ? family_names[bit] : NULL;
}

uint64_t word_hash(struct span word)
{
	return XXH3_64bits(word.data, word.size);
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static enum feature_view field_view(const struct extractor *ex, unsigned bit)
{
	static const char *const sender[] = {"from",	    "reply-to",	 "sender",
					     "return-path", "errors-to", "dkim-signature"};
	const char *name = ex->features->names.data + ex->name;

	if (bit == FEATURE_BIT_LOWER || bit == FEATURE_BIT_FOLDED)
		return VIEW_SUBJECT_COPY;
	for (size_t i = 0; i < sizeof(sender) / sizeof(*sender); i++)
		if (strcmp(name, sender[i]) == 0)
			return VIEW_SENDER;
	if (strcmp(name, "subject") == 0)
		return VIEW_SUBJECT;
	return bit == FEATURE_BIT_HEADER_PAIR ? VIEW_FIELD_PAIR : VIEW_FIELD_WORD;
}

static enum feature_view view_of(const struct extractor *ex, unsigned bit)
{
	switch (bit) {
	case FEATURE_BIT_RECEIVED:
		return VIEW_ROUTE;
	case FEATURE_BIT_WORD:
		return VIEW_WORD;
	case FEATURE_BIT_PAIR:
		return VIEW_PAIR;
	case FEATURE_BIT_OPINION:
		return VIEW_OPINION;
	case FEATURE_BIT_FACT:
		return VIEW_FACT;
	case FEATURE_BIT_HEADER_WORD:
	case FEATURE_BIT_HEADER_PAIR:
		return field_view(ex, bit);
	case FEATURE_BIT_LOWER:
	case FEATURE_BIT_FOLDED:
		return ex->name != 0 ? field_view(ex, bit) : VIEW_WORD;
	default:
		return VIEW_LINK;
	}
}

/* The same bytes in the text, copied there if they lie elsewhere; empty if there is no room. */
static struct span own(struct extractor *ex, struct span s)
{
	const struct strbuf *text = &ex->features->text;
	uintptr_t start = (uintptr_t)text->data, at = (uintptr_t)s.data;

	if (s.size == 0 || (at >= start && at < start + text->size))
		return s;
	return extractor_keep(ex, s);
}

static uint32_t text_offset(const struct extractor *ex, struct span s)
{
	return s.size == 0 ? 0 : (uint32_t)(s.data - ex->features->text.data);
}

static uint16_t short_size(struct span s)
{
	return (uint16_t)(s.size < UINT16_MAX ? s.size : UINT16_MAX);
}

/* Words and their copies are the same features: what is undone counts as what it was made of. */
static unsigned kind_of(const struct extractor *ex, unsigned bit)
{
	if (bit == FEATURE_BIT_FOLDED)
		bit = FEATURE_BIT_LOWER;
	return bit == FEATURE_BIT_LOWER && ex->name == 0 ? FEATURE_BIT_WORD : bit;
}

static uint32_t hash_of(const struct extractor *ex, unsigned bit, uint64_t h)
{
	if (bit == FEATURE_BIT_OPINION)
		return (uint32_t)h;
	h = mix(h ^ ex->seed ^ (uint64_t)(kind_of(ex, bit) + 1) << 56) >> 16;
	return ((uint32_t)h & ~15U) | (unsigned)view_of(ex, bit);
}

/* The slot that holds the hash, or the empty one where it belongs. */
static uint16_t *slot_of(const struct extractor *ex, uint32_t hash)
{
	size_t slot = hash * ex->set->key >> (64 - SLOT_BITS);

	while (ex->set->slot[slot] != 0 && ex->features->list[ex->set->slot[slot] - 1].hash != hash)
		slot = (slot + 1) % SLOTS;
	return &ex->set->slot[slot];
}

bool feature_has(const struct extractor *ex, unsigned bit, uint64_t h)
{
	return *slot_of(ex, hash_of(ex, bit, h)) != 0;
}

void feature_add(struct extractor *ex, unsigned bit, uint64_t h, struct span first,
		 struct span second)
{
	struct features *f = ex->features;
	bool few = bit == FEATURE_BIT_FACT || bit == FEATURE_BIT_OPINION;

	if ((ex->families & 1U << bit) == 0 ||
	    f->count >= (few ? FEATURES_MAX + FEATURES_FACTS_MAX : FEATURES_MAX))
		return;
	uint32_t hash = hash_of(ex, bit, h);
	uint16_t *slot = slot_of(ex, hash);
	if (*slot != 0)
		return;
	first = own(ex, first);
	second = own(ex, second);
	f->list[f->count++] = (struct feature){
		.hash = hash,
		.first = text_offset(ex, first),
		.first_size = short_size(first),
		.second = text_offset(ex, second),
		.second_size = short_size(second),
		.name = ex->name,
		.family = (uint16_t)bit,
	};
	*slot = (uint16_t)f->count;
}

void feature_add_word(struct extractor *ex, unsigned bit, struct span word)
{
	if (word.size > 0)
		feature_add(ex, bit, word_hash(word), word, (struct span){NULL, 0});
}

void feature_add_shape(struct extractor *ex, const char *format, ...)
{
	char text[120];
	va_list args;

	va_start(args, format);
	int size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size <= 0)
		return;
	struct span s = {text, (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1};
	feature_add_word(ex, FEATURE_BIT_SHAPE, s);
}

struct span extractor_keep(struct extractor *ex, struct span s)
{
	struct strbuf *text = &ex->features->text;

	if (text->capacity - text->size <= s.size + 1)
		return (struct span){NULL, 0};
	strbuf_append_span(text, s);
	return (struct span){text->data + text->size - s.size, s.size};
}

size_t extractor_room(const struct extractor *ex)
{
	const struct strbuf *text = &ex->features->text;
	size_t used = text->size + EXTRACTOR_RESERVE;

	return used < text->capacity ? text->capacity - used : 0;
}

void extractor_name(struct extractor *ex, const char *prefix, struct span name)
{
	struct strbuf *names = &ex->features->names;
	char lower[64];
	size_t size = 0;

	for (; size < name.size && size < sizeof(lower) - 1; size++)
		lower[size] = (char)tolower((unsigned char)name.data[size]);
	lower[size] = '\0';
	if (size == 0 || names->size + size + 16 > UINT16_MAX) {
		ex->name = 0;
		ex->seed = 0;
		return;
	}
	ex->name = (uint16_t)names->size;
	strbuf_append_text(names, prefix);
	strbuf_append(names, lower, size + 1);
	const char *text = names->data + ex->name;
	ex->seed = word_hash((struct span){text, strlen(text)});
}

/* ---- sorting ---- */

static void radix_pass(const uint64_t *from, uint64_t *to, size_t count, unsigned shift)
{
	uint32_t at[2048] = {0};
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i++)
		at[from[i] >> shift & 2047]++;
	for (size_t i = 0; i < 2048; i++) {
		uint32_t n = at[i];
		at[i] = sum;
		sum += n;
	}
	for (size_t i = 0; i < count; i++)
		to[at[from[i] >> shift & 2047]++] = from[i];
}

static void sort_by_hash(struct features *f)
{
	uint64_t *a = xmalloc(2 * (f->count + 1) * sizeof(*a));
	uint64_t *b = a + f->count;
	struct feature *sorted = xmalloc((f->count + 1) * sizeof(*sorted));

	for (size_t i = 0; i < f->count; i++)
		a[i] = (uint64_t)f->list[i].hash << 16 | i;
	radix_pass(a, b, f->count, 16);
	radix_pass(b, a, f->count, 27);
	radix_pass(a, b, f->count, 38);
	for (size_t i = 0; i < f->count; i++)
		sorted[i] = f->list[b[i] & 0xffff];
	free(f->list);
	free(a);
	f->list = sorted;
}

void features_extract(struct features *features, struct span message, uint64_t full_size,
		      unsigned families)
{
	struct extractor ex = {.features = features, .families = families, .full_size = full_size};

	memset(features, 0, sizeof(*features));
	features->list = xmalloc((FEATURES_MAX + FEATURES_FACTS_MAX) * sizeof(*features->list));
	/* Spans into the text are kept while it grows, so it must never move. */
	size_t capacity = message.size * 3 + 8192;
	strbuf_reserve(&features->text,
		       capacity < FEATURES_TEXT_MAX ? capacity : FEATURES_TEXT_MAX);
	strbuf_append_char(&features->names, '\0');
	ex.set = feature_set_new();
	ex.parts = xmalloc(sizeof(*ex.parts));
	mime_parse(ex.parts, message);
	features_header(&ex);
	features_header_facts(&ex);
	features_body(&ex);
	features_body_facts(&ex);
	features_opinion(&ex);
	free(ex.parts);
	charsets_free(&ex.charsets);
	free(ex.set);
	sort_by_hash(features);
}

void features_free(struct features *features)
{
	free(features->list);
	strbuf_free(&features->text);
	strbuf_free(&features->names);
	memset(features, 0, sizeof(*features));
}

static void append_word(struct strbuf *out, const struct features *f, uint32_t at, size_t size)
{
	for (size_t i = 0; i < size && i < 80; i++) {
		char c = f->text.data[at + i];
		strbuf_append_char(out, (unsigned char)c < ' ' || c == 127 ? ' ' : c);
	}
}

void features_describe(const struct features *features, const struct feature *feature,
		       struct strbuf *out)
{
	if (feature->name != 0)
		strbuf_printf(out, "%s: ", features->names.data + feature->name);
	else if (feature->family != FEATURE_BIT_WORD && feature->family != FEATURE_BIT_PAIR &&
		 feature->family != FEATURE_BIT_LOWER)
		strbuf_printf(out, "%s ", features_family_name(feature->family));
	append_word(out, features, feature->first, feature->first_size);
	if (feature->second_size > 0) {
		strbuf_append_char(out, ' ');
		append_word(out, features, feature->second, feature->second_size);
	}
}
