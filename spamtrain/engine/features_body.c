/*
 * features_body.c - features of the text, its links, and of the message's shape.
 */
#include "spamtrain/engine/features_internal.h"

#include "lib/html.h"
#include "spamtrain/engine/words.h"

#include <ctype.h>

#define LINKS_MAX	   200 /* of one part */
#define LINK_MAX	   500 /* bytes */
#define SPACED_LETTERS_MIN 4   /* "v i a g r a": so many make a word */

struct speller { /* joins words of one letter each */
	char text[WORD_MAX];
	size_t size;
};

static void speller_end(struct extractor *ex, struct speller *speller)
{
	if (speller->size >= SPACED_LETTERS_MIN)
		feature_add_word(ex, FEATURE_BIT_FOLDED,
				 (struct span){speller->text, speller->size});
	speller->size = 0;
}

static void speller_word(struct extractor *ex, struct speller *speller, struct span word)
{
	if (word.size == 1 && isalpha((unsigned char)word.data[0])) {
		if (speller->size < sizeof(speller->text))
			speller->text[speller->size++] = (char)tolower((unsigned char)word.data[0]);
	} else if (speller->size > 0) {
		speller_end(ex, speller);
	}
}

/* Returns the hash of the word in lower case: pairs are made of these. */
static uint64_t add_variants(struct extractor *ex, struct span word)
{
	char lower[WORD_MAX], plain[WORD_MAX];

	if (word_lower(lower, word))
		feature_add_word(ex, FEATURE_BIT_LOWER, (struct span){lower, word.size});
	size_t size = word_unmask(plain, word);
	if (size > 0)
		feature_add_word(ex, FEATURE_BIT_FOLDED, (struct span){plain, size});
	return word_hash((struct span){lower, word.size});
}

static void add_words(struct extractor *ex, struct span text)
{
	struct speller speller = {.size = 0};
	struct span word, before = {NULL, 0};
	uint64_t before_hash = 0;

	while (ex->features->count < FEATURES_MAX && word_next(&text, &word)) {
		if (word.size > WORD_MAX) {
			feature_add_shape(ex, "long word %zu",
					  word.size < 100 ? word.size / 20 : 5);
			before.size = 0;
			continue;
		}
		feature_add_word(ex, FEATURE_BIT_WORD, word);
		uint64_t hash = add_variants(ex, word);
		speller_word(ex, &speller, word);
		if (before.size > 0)
			feature_add(ex, FEATURE_BIT_PAIR, pair_hash(before_hash, hash), before,
				    word);
		before = word;
		before_hash = hash;
	}
	speller_end(ex, &speller);
}

/* Links that stand in the text as such. */
static void add_text_links(struct extractor *ex, struct span text)
{
	for (unsigned i = 0; i < LINKS_MAX && text.size > 0; i++) {
		const char *found = memmem(text.data, text.size, "://", 3);
		if (found == NULL)
			return;
		struct span url = span_from(text, (size_t)(found - text.data));
		size_t size = 3;
		while (size < url.size && size < LINK_MAX && (unsigned char)url.data[size] > ' ' &&
		       strchr("<>\"')]", url.data[size]) == NULL)
			size++;
		feature_add_link(ex, span_first(span_from(url, 1), size - 1));
		text = span_from(url, size);
	}
}

static struct span keep_text(struct extractor *ex, struct span text)
{
	struct strbuf *to = &ex->features->text;
	size_t start = to->size;
	size_t room = extractor_room(ex);

	size_t removed = text_normalize(to, span_first(text, room));
	ex->facts.hides |= removed > 20;
	if (removed > 2)
		feature_add_shape(ex, "invisible characters %d", removed > 20);
	return (struct span){to->data + start, to->size - start};
}

static bool line_next(struct span *rest, struct span *line_r)
{
	if (rest->size == 0)
		return false;
	const char *end = memchr(rest->data, '\n', rest->size);
	size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
	*line_r = span_first(*rest, size);
	*rest = span_from(*rest, size + 1);
	return true;
}

static void add_html_links(struct extractor *ex, const struct html_text *html)
{
	struct span rest = strbuf_span(&html->links), line;

	for (unsigned i = 0; i < LINKS_MAX && line_next(&rest, &line); i++) {
		line = extractor_keep(ex, span_first(line, LINK_MAX));
		if (line.size > 0)
			feature_add_link(ex, line);
	}
}

static void add_html(struct extractor *ex, struct span text)
{
	struct html_text html = HTML_TEXT_INIT;

	html_strip(&html, text, FEATURES_TEXT_MAX / 2);
	struct span visible = keep_text(ex, strbuf_span(&html.text));
	add_words(ex, visible);
	add_text_links(ex, visible);
	add_html_links(ex, &html);
	size_t hidden = html.hidden.size * 10 / (html.hidden.size + html.text.size + 1);
	ex->facts.hides |= hidden > 2;
	if (hidden > 0)
		feature_add_shape(ex, "hidden text %zu/10", hidden);
	html_text_free(&html);
}

static bool looks_like_html(struct span text)
{
	text = span_trim(span_first(text, 200));
	return span_starts_nocase(text, SPAN_LITERAL("<html")) ||
	       span_starts_nocase(text, SPAN_LITERAL("<!doctype html"));
}

static void add_text_part(struct extractor *ex, const struct mime_part *part)
{
	struct strbuf raw = STRBUF_INIT, charset = STRBUF_INIT, text = STRBUF_INIT;

	mime_body_decode(&raw, part, FEATURES_TEXT_MAX);
	mime_parameter(part->content_type, "charset", &charset);
	charset_to_utf8(&ex->charsets, &text, strbuf_span(&raw), strbuf_span(&charset),
			FEATURES_TEXT_MAX);
	if (mime_type_is(part, "text/html") || looks_like_html(strbuf_span(&text))) {
		add_html(ex, strbuf_span(&text));
	} else {
		struct span kept = keep_text(ex, strbuf_span(&text));
		add_words(ex, kept);
		add_text_links(ex, kept);
	}
	strbuf_free(&raw);
	strbuf_free(&charset);
	strbuf_free(&text);
}

static void add_file_name(struct extractor *ex, const struct mime_part *part)
{
	struct strbuf name = STRBUF_INIT;

	if (mime_parameter(part->disposition, "filename", &name) ||
	    mime_parameter(part->content_type, "name", &name)) {
		const char *dot = strrchr(strbuf_text(&name), '.');
		feature_add_shape(ex, "file %.10s", dot == NULL ? "" : dot);
	}
	strbuf_free(&name);
}

static unsigned magnitude(uint64_t n)
{
	unsigned bits = 0;

	while (n > 0) {
		n >>= 1;
		bits++;
	}
	return bits;
}

static void add_shape(struct extractor *ex, size_t texts, size_t others)
{
	feature_add_shape(ex, "size 2^%u", magnitude(ex->full_size));
	feature_add_shape(ex, "texts %zu others %zu", texts < 4 ? texts : 4,
			  others < 4 ? others : 4);
	if (ex->parts->truncated)
		feature_add_shape(ex, "too many parts");
}

void features_body(struct extractor *ex)
{
	size_t texts = 0, others = 0;

	for (size_t i = 0; i < ex->parts->count; i++) {
		const struct mime_part *part = &ex->parts->part[i];
		if (mime_type_is(part, "multipart/") || mime_type_is(part, "message/rfc822"))
			continue;
		add_file_name(ex, part);
		if (mime_type_is(part, "text/") || part->content_type.size == 0) {
			texts++;
			if (extractor_room(ex) > 0)
				add_text_part(ex, part);
		} else {
			others++;
		}
	}
	add_shape(ex, texts, others);
}
