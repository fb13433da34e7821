#include "spamtrain/formats/bogofilter.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "spamtrain/engine/features.h"

#include <inttypes.h>
#include <stdlib.h>

#define COUNT_MAX  (1 << 28) /* messages */
#define NUMBER_MAX 10	     /* digits */
#define TOKEN_MAX  256	     /* bytes; bogofilter's own limit is smaller */
#define TOKENS_MAX ((size_t)1 << 25)

/*
 * How a token stands in a message: that message is made, and read as every message is, so that a
 * token always becomes the feature that this program looks up.
 */
static const struct place {
	const char *prefix; /* "" is last: it fits every token */
	const char *before, *after;
	unsigned families;
} places[] = {
	{"subj:", "Subject: ", "\n\n", FEATURE_HEADER_WORD | FEATURE_LOWER},
	{"from:", "From: ", "\n\n", FEATURE_HEADER_WORD},
	{"to:", "To: ", "\n\n", FEATURE_HEADER_WORD},
	{"rtrn:", "Return-Path: ", "\n\n", FEATURE_HEADER_WORD},
	{"rcvd:", "Received: ", "\n\n", FEATURE_RECEIVED},
	{"url:", "\nhttp://", "/\n", FEATURE_LINK},
	{"head:", NULL, NULL, 0},
	{"mime:", NULL, NULL, 0},
	{"", "Content-Type: text/plain; charset=utf-8\n\n", "\n", FEATURE_WORD | FEATURE_LOWER},
};
static const struct place link_place = {"", "\nhttp://", "/\n", FEATURE_LINK};

struct parser {
	struct token *tokens;
	size_t count, capacity;
	struct bogofilter *result;
	uint16_t today;
	bool counted; /* .MSG_COUNT was there */
};

struct entry {
	struct span token;
	int64_t spam, innocent;
};

/* Takes the last field off the line. */
static bool number_take(struct span *line, int64_t *number_r)
{
	size_t size = 0;

	*number_r = 0;
	while (size < line->size && line->data[line->size - size - 1] != ' ')
		size++;
	if (size == 0 || size > NUMBER_MAX || size == line->size)
		return false;
	for (size_t i = line->size - size; i < line->size; i++) {
		if (line->data[i] < '0' || line->data[i] > '9')
			return false;
		*number_r = *number_r * 10 + (line->data[i] - '0');
	}
	line->size -= size + 1;
	return true;
}

static bool entry_read(struct span line, struct entry *entry_r)
{
	int64_t date;

	if (!number_take(&line, &date) || !number_take(&line, &entry_r->innocent) ||
	    !number_take(&line, &entry_r->spam))
		return false;
	entry_r->token = line;
	return line.size > 0 && entry_r->spam <= COUNT_MAX && entry_r->innocent <= COUNT_MAX;
}

static void token_append(struct parser *p, uint32_t hash, const struct entry *entry)
{
	if (p->count == p->capacity) {
		p->capacity = p->capacity * 2 + 4096;
		p->tokens = xrealloc(p->tokens, p->capacity * sizeof(*p->tokens));
	}
	p->tokens[p->count++] = (struct token){.hash = hash,
					       .spam = (int32_t)entry->spam,
					       .innocent = (int32_t)entry->innocent,
					       .day = p->today,
					       .born = p->today};
}

/* The features that are the whole token: not its pieces, nor pairs. */
static bool features_append(struct parser *p, const struct place *place, struct span token,
			    const struct entry *entry)
{
	struct strbuf message = STRBUF_INIT;
	struct features features;
	size_t before = p->count;

	strbuf_append_text(&message, place->before);
	strbuf_append_span(&message, token);
	strbuf_append_text(&message, place->after);
	features_extract(&features, strbuf_span(&message), message.size, place->families);
	for (size_t i = 0; i < features.count; i++) {
		const struct feature *f = &features.list[i];
		if ((place->families & 1U << f->family) != 0 && f->first_size == token.size &&
		    f->second_size == 0 &&
		    strncasecmp(features.text.data + f->first, token.data, token.size) == 0)
			token_append(p, f->hash, entry);
	}
	features_free(&features);
	strbuf_free(&message);
	return p->count > before;
}

static const struct place *place_find(struct span token)
{
	const struct place *place = places;

	while (!span_starts_nocase(token, span_of(place->prefix)))
		place++;
	return place;
}

static void entry_take(struct parser *p, const struct entry *entry)
{
	const struct place *place = place_find(entry->token);
	struct span word = span_from(entry->token, strlen(place->prefix));
	bool known = false;

	if (place->before != NULL && word.size > 0 && word.size <= TOKEN_MAX) {
		known = features_append(p, place, word, entry);
		if (place->prefix[0] == '\0' && memchr(word.data, '.', word.size) != NULL)
			known |= features_append(p, &link_place, word, entry);
	}
	if (known)
		p->result->taken++;
	else
		p->result->left_out++;
}

static bool line_take(struct parser *p, struct span line)
{
	struct entry entry;

	if (!entry_read(line, &entry))
		return false;
	if (span_equal(entry.token, SPAN_LITERAL(".MSG_COUNT"))) {
		p->counted = true;
		p->result->counts.spam = entry.spam;
		p->result->counts.innocent = entry.innocent;
	} else if (entry.token.data[0] != '.') {
		entry_take(p, &entry);
	}
	return p->count < TOKENS_MAX;
}

static int compare_hash(const void *a, const void *b)
{
	uint32_t x = ((const struct token *)a)->hash, y = ((const struct token *)b)->hash;

	return x < y ? -1 : x > y;
}

static int32_t bounded_sum(int32_t a, int32_t b, int64_t max)
{
	int64_t sum = (int64_t)a + b;

	return (int32_t)(sum < max ? sum : max);
}

/* Sorts, and adds up what became the same feature ("Free" and "free"); none in more messages than
 * there were. */
static void tokens_finish(struct parser *p)
{
	struct store_counts *counts = &p->result->counts;
	size_t kept = 0;

	if (p->count > 0)
		qsort(p->tokens, p->count, sizeof(*p->tokens), compare_hash);
	for (size_t i = 0; i < p->count; i++) {
		struct token t = p->tokens[i];
		if (kept == 0 || p->tokens[kept - 1].hash != t.hash)
			p->tokens[kept++] =
				(struct token){.hash = t.hash, .day = t.day, .born = t.born};
		struct token *to = &p->tokens[kept - 1];
		to->spam = bounded_sum(to->spam, t.spam, counts->spam);
		to->innocent = bounded_sum(to->innocent, t.innocent, counts->innocent);
	}
	counts->tokens = p->tokens;
	counts->count = kept;
}

int bogofilter_read(struct bogofilter *result, struct span dump, uint16_t today, char **error_r)
{
	struct parser p = {.result = result, .today = today};
	uint64_t number = 0;
	bool valid = true;

	memset(result, 0, sizeof(*result));
	while (valid && dump.size > 0) {
		const char *end = memchr(dump.data, '\n', dump.size);
		size_t size = end == NULL ? dump.size : (size_t)(end - dump.data);
		number++;
		valid = end != NULL && line_take(&p, span_first(dump, size));
		dump = span_from(dump, size + 1);
	}
	if (valid && p.counted) {
		tokens_finish(&p);
		return 0;
	}
	if (!valid)
		*error_r = xasprintf("line %" PRIu64 ": not whole, or not \"token count count "
				     "date\" of bogoutil -d",
				     number);
	else
		*error_r = xstrdup("no line .MSG_COUNT: this is not all of a bogofilter dump");
	free(p.tokens);
	memset(result, 0, sizeof(*result));
	return -1;
}
