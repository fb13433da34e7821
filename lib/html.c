/*
 * html.c - the stripper: a tokenizer with a small stack of elements that hide their content.
 */
#include "html.h"

#include <ctype.h>
#include <stdint.h>

#define NAME_MAX_SIZE	 16   /* bytes of tag and attribute names that matter */
#define ATTRIBUTES_MAX	 32   /* of one tag */
#define VALUE_MAX	 2048 /* bytes of an attribute's value */
#define HIDDEN_DEPTH_MAX 200  /* nested elements inside an invisible one */

struct name {
	char text[NAME_MAX_SIZE];
	size_t size;
};

struct stripper {
	struct html_text *out;
	size_t max;
	struct name hiding;    /* the element that hides; size 0: none */
	unsigned depth;	       /* of elements of that name inside it */
	bool coloured;	       /* a background that is not white was set somewhere */
	bool no_more_comments; /* no "-->" follows: do not search for it again (linear time) */
};

static const char *const block_tags[] = {
	"address", "article", "blockquote", "body",   "br",    "center", "dd",	"div",
	"dl",	   "dt",      "footer",	    "form",   "h1",    "h2",	 "h3",	"h4",
	"h5",	   "h6",      "head",	    "header", "hr",    "html",	 "img", "li",
	"ol",	   "option",  "p",	    "pre",    "table", "tbody",	 "td",	"tfoot",
	"th",	   "thead",   "title",	    "tr",     "ul",    NULL};

static const char *const void_tags[] = {"area",	 "base", "br",	 "col",	  "embed",  "hr",  "img",
					"input", "link", "meta", "param", "source", "wbr", NULL};

static bool name_is(const struct name *name, const char *text)
{
	return strcmp(name->text, text) == 0;
}

static bool name_in(const struct name *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (name_is(name, *list))
			return true;
	return false;
}

/* The name at the start of s, lower case, cut to NAME_MAX_SIZE - 1; returns its whole size. */
static size_t name_read(struct name *name, struct span s)
{
	size_t i = 0;

	name->size = 0;
	while (i < s.size && strchr(" \t\r\n/>=<\"'", s.data[i]) == NULL) {
		if (name->size < NAME_MAX_SIZE - 1)
			name->text[name->size++] = (char)tolower((unsigned char)s.data[i]);
		i++;
	}
	name->text[name->size] = '\0';
	return i;
}

/* ---- character references ---- */

#define ENTITY_MAX 8 /* bytes of a name */

struct entity {
	char name[ENTITY_MAX]; /* padded with NULs, so that it is compared as one number */
	uint16_t code;
};

/* Those that mail uses; others stay as they are written. */
static const struct entity entities[] = {
	{"amp", '&'},	   {"lt", '<'},	      {"gt", '>'},	 {"quot", '"'},
	{"apos", '\''},	   {"nbsp", ' '},     {"copy", 0xa9},	 {"reg", 0xae},
	{"trade", 0x2122}, {"bull", 0x2022},  {"middot", 0xb7},	 {"hellip", 0x2026},
	{"mdash", 0x2014}, {"ndash", 0x2013}, {"euro", 0x20ac},	 {"pound", 0xa3},
	{"yen", 0xa5},	   {"cent", 0xa2},    {"laquo", 0xab},	 {"raquo", 0xbb},
	{"lsquo", 0x2018}, {"rsquo", 0x2019}, {"ldquo", 0x201c}, {"rdquo", 0x201d},
	{"agrave", 0xe0},  {"aacute", 0xe1},  {"acirc", 0xe2},	 {"atilde", 0xe3},
	{"auml", 0xe4},	   {"aring", 0xe5},   {"aelig", 0xe6},	 {"ccedil", 0xe7},
	{"egrave", 0xe8},  {"eacute", 0xe9},  {"ecirc", 0xea},	 {"euml", 0xeb},
	{"igrave", 0xec},  {"iacute", 0xed},  {"icirc", 0xee},	 {"iuml", 0xef},
	{"ntilde", 0xf1},  {"ograve", 0xf2},  {"oacute", 0xf3},	 {"ocirc", 0xf4},
	{"otilde", 0xf5},  {"ouml", 0xf6},    {"oslash", 0xf8},	 {"ugrave", 0xf9},
	{"uacute", 0xfa},  {"ucirc", 0xfb},   {"uuml", 0xfc},	 {"szlig", 0xdf},
	{"Agrave", 0xc0},  {"Aacute", 0xc1},  {"Auml", 0xc4},	 {"Ccedil", 0xc7},
	{"Eacute", 0xc9},  {"Ouml", 0xd6},    {"Uuml", 0xdc},	 {"Oslash", 0xd8},
	{"zwnj", 0x200c},  {"zwj", 0x200d},   {"shy", 0xad}};

static void utf8_append(struct strbuf *out, uint32_t c)
{
	if (c < 0x80) {
		strbuf_append_char(out, (char)c);
		return;
	}
	if (c >= 0x10000)
		strbuf_append_char(out, (char)(0xf0 | c >> 18));
	if (c >= 0x800)
		strbuf_append_char(out,
				   (char)(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3f) : 0xe0 | c >> 12));
	strbuf_append_char(out, (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6));
	strbuf_append_char(out, (char)(0x80 | (c & 0x3f)));
}

static uint32_t number_read(struct span s, size_t *size_r)
{
	bool hex = s.size > 0 && (s.data[0] == 'x' || s.data[0] == 'X');
	size_t i = hex ? 1 : 0;
	uint32_t code = 0;

	for (; i < s.size && i < 10; i++) {
		unsigned char c = (unsigned char)s.data[i];
		if (!(hex ? isxdigit(c) : isdigit(c)))
			break;
		uint32_t digit = (uint32_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
		if (code <= 0x110000)
			code = code * (hex ? 16 : 10) + digit;
	}
	*size_r = i;
	return code;
}

static uint32_t entity_code(const char *name)
{
	for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++)
		if (memcmp(entities[i].name, name, ENTITY_MAX) == 0)
			return entities[i].code;
	return 0;
}

/* s starts with "&": appends what it stands for, returns the bytes it took. */
static size_t reference_read(struct strbuf *out, struct span s)
{
	size_t size = 0;
	uint32_t code = 0;

	if (s.size > 2 && s.data[1] == '#') {
		code = number_read(span_from(s, 2), &size);
		size += 2;
	} else {
		char name[ENTITY_MAX] = "";
		while (size < ENTITY_MAX && size + 1 < s.size &&
		       isalnum((unsigned char)s.data[size + 1])) {
			name[size] = s.data[size + 1];
			size++;
		}
		code = size > 0 ? entity_code(name) : 0;
		size += 1;
	}
	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
		strbuf_append_char(out, '&');
		return 1;
	}
	utf8_append(out, code < ' ' || code == 0xa0 ? ' ' : code);
	return size < s.size && s.data[size] == ';' ? size + 1 : size;
}

/* At most size bytes, and no part of a character. */
static struct span first_characters(struct span text, size_t size)
{
	while (size > 0 && size < text.size && ((unsigned char)text.data[size] & 0xc0) == 0x80)
		size--;
	return span_first(text, size);
}

static void text_append(struct strbuf *out, struct span text, size_t max)
{
	while (text.size > 0 && out->size + 8 < max) {
		const char *reference = memchr(text.data, '&', text.size);
		size_t plain = reference == NULL ? text.size : (size_t)(reference - text.data);
		strbuf_append_span(out, first_characters(span_first(text, plain), max - out->size));
		text = span_from(text, plain);
		if (text.size > 0)
			text = span_from(text, reference_read(out, text));
	}
}

/* ---- tags ---- */

static bool contains_nocase(struct span s, const char *text)
{
	struct span wanted = span_of(text);

	for (size_t i = 0; i + wanted.size <= s.size; i++)
		if (strncasecmp(s.data + i, text, wanted.size) == 0)
			return true;
	return false;
}

static bool is_pale(struct span pair)
{
	return pair.size == 2 && strchr("fF", pair.data[0]) != NULL &&
	       isxdigit((unsigned char)pair.data[1]);
}

/* "white", "#fff", "#fefefe": what nobody can tell from white. */
static bool is_white(struct span colour)
{
	if (colour.size > 0 && colour.data[0] == '#')
		colour = span_from(colour, 1);
	if (colour.size == 3)
		return span_equal_nocase(colour, SPAN_LITERAL("fff"));
	return span_equal_nocase(colour, SPAN_LITERAL("white")) ||
	       (colour.size == 6 && is_pale(span_first(colour, 2)) &&
		is_pale(span_first(span_from(colour, 2), 2)) && is_pale(span_from(colour, 4)));
}

/* The value of a property in a style without blanks, which begins with ";"; empty if missing. */
static struct span style_value(struct span style, const char *property)
{
	struct span name = span_of(property);

	for (size_t i = 0; i + name.size <= style.size; i++) {
		if (strncasecmp(style.data + i, property, name.size) != 0)
			continue;
		struct span value = span_from(style, i + name.size);
		const char *end = memchr(value.data, ';', value.size);
		return end == NULL ? value : span_first(value, (size_t)(end - value.data));
	}
	return (struct span){NULL, 0};
}

static void background_note(struct stripper *s, struct span colour)
{
	if (colour.size > 0 && !is_white(colour))
		s->coloured = true;
}

/* Does this style="" hide the text? Blanks inside are let be. */
static bool style_hides(struct stripper *stripper, struct span style)
{
	char compact[256] = ";";
	size_t size = 1;

	for (size_t i = 0; i < style.size && size < sizeof(compact) - 2; i++)
		if (strchr(" \t\r\n", style.data[i]) == NULL)
			compact[size++] = style.data[i];
	compact[size++] = ';';
	struct span s = {compact, size};
	background_note(stripper, style_value(s, ";background:"));
	background_note(stripper, style_value(s, ";background-color:"));
	return contains_nocase(s, "display:none") || contains_nocase(s, "visibility:hidden") ||
	       contains_nocase(s, "font-size:0") || contains_nocase(s, "font-size:1px") ||
	       contains_nocase(s, "mso-hide:all") || contains_nocase(s, ";opacity:0;") ||
	       (!stripper->coloured && is_white(style_value(s, ";color:")));
}

struct attribute {
	struct name name;
	struct span value;
};

/* Reads one attribute off *rest; false at the end of the tag (">" or the end of input is taken). */
static bool attribute_read(struct span *rest, struct attribute *attribute)
{
	struct span s = *rest;

	while (s.size > 0 && strchr(" \t\r\n/", s.data[0]) != NULL)
		s = span_from(s, 1);
	if (s.size == 0 || s.data[0] == '>') {
		*rest = span_from(s, 1);
		return false;
	}
	size_t size = name_read(&attribute->name, s);
	s = span_from(s, size == 0 ? 1 : size);
	attribute->value = (struct span){NULL, 0};
	struct span after = span_trim(span_first(s, 16));
	if (after.size > 0 && after.data[0] == '=') {
		s = span_from(s, (size_t)(after.data - s.data) + 1);
		while (s.size > 0 && strchr(" \t\r\n", s.data[0]) != NULL)
			s = span_from(s, 1);
		size = 0;
		if (s.size > 0 && (s.data[0] == '"' || s.data[0] == '\'')) {
			const char *end = memchr(s.data + 1, s.data[0], s.size - 1);
			size = end == NULL ? s.size - 1 : (size_t)(end - s.data) - 1;
			attribute->value = span_first(span_from(s, 1), size);
			size += 2;
		} else {
			while (size < s.size && strchr(" \t\r\n>", s.data[size]) == NULL)
				size++;
			attribute->value = span_first(s, size);
		}
		s = span_from(s, size);
	}
	attribute->value = first_characters(attribute->value, VALUE_MAX);
	*rest = s;
	return true;
}

static bool is_link(const struct name *name)
{
	return name_is(name, "href") || name_is(name, "src") || name_is(name, "action") ||
	       name_is(name, "background");
}

static void tag_note(struct stripper *s, const struct name *tag, const struct name *attribute)
{
	if (s->out->tags.size + 2 * NAME_MAX_SIZE + 2 > s->max)
		return;
	strbuf_append(&s->out->tags, tag->text, tag->size);
	if (attribute != NULL) {
		strbuf_append_char(&s->out->tags, ' ');
		strbuf_append(&s->out->tags, attribute->text, attribute->size);
	}
	strbuf_append_char(&s->out->tags, '\n');
}

static bool size_hides(struct span value)
{
	return value.size == 1 && (value.data[0] == '0');
}

/* Notes what an attribute says; true if it makes the element invisible. */
static bool attribute_use(struct stripper *s, const struct name *tag, const struct attribute *a)
{
	tag_note(s, tag, &a->name);
	if (is_link(&a->name) && s->out->links.size + a->value.size + 16 < s->max) {
		text_append(&s->out->links, a->value, s->max);
		strbuf_append_char(&s->out->links, '\n');
	}
	if ((name_is(&a->name, "alt") || name_is(&a->name, "title")) && s->hiding.size == 0) {
		text_append(&s->out->text, a->value, s->max);
		if (s->out->text.size < s->max)
			strbuf_append_char(&s->out->text, '\n');
	}
	if (name_is(&a->name, "style"))
		return style_hides(s, a->value);
	if (name_is(&a->name, "bgcolor") || name_is(&a->name, "background"))
		background_note(s, a->value);
	if (name_is(&a->name, "color") && name_is(tag, "font"))
		return !s->coloured && is_white(a->value);
	if (name_is(&a->name, "size") && name_is(tag, "font"))
		return size_hides(a->value);
	return name_is(&a->name, "hidden") && !name_is(tag, "input");
}

static void separator_append(struct stripper *s, const struct name *tag)
{
	struct strbuf *out = s->hiding.size > 0 ? &s->out->hidden : &s->out->text;

	if (name_in(tag, block_tags) && out->size < s->max)
		strbuf_append_char(out, '\n');
}

static void start_tag(struct stripper *s, const struct name *tag, bool invisible)
{
	separator_append(s, tag);
	if (name_in(tag, void_tags))
		return;
	if (s->hiding.size > 0) {
		if (strcmp(tag->text, s->hiding.text) == 0 && s->depth < HIDDEN_DEPTH_MAX)
			s->depth++;
	} else if (invisible) {
		s->hiding = *tag;
		s->depth = 1;
	}
}

static void end_tag(struct stripper *s, const struct name *tag)
{
	if (s->hiding.size > 0 && strcmp(tag->text, s->hiding.text) == 0 && --s->depth == 0)
		s->hiding.size = 0;
	separator_append(s, tag);
}

/* The text up to "</name", which stays in the rest. */
static struct span skip_raw_text(struct span rest, const struct name *name)
{
	while (rest.size > 0) {
		const char *p = memmem(rest.data, rest.size, "</", 2);
		if (p == NULL)
			return (struct span){NULL, 0};
		rest = span_from(rest, (size_t)(p - rest.data));
		if (span_starts_nocase(span_from(rest, 2), (struct span){name->text, name->size}))
			return rest;
		rest = span_from(rest, 2);
	}
	return rest;
}

static struct span markup_read(struct stripper *s, struct span rest)
{
	struct name tag;
	bool end = rest.size > 1 && rest.data[1] == '/';
	bool invisible = false;
	struct attribute attribute;

	rest = span_from(rest, end ? 2 : 1);
	rest = span_from(rest, name_read(&tag, rest));
	for (unsigned i = 0; attribute_read(&rest, &attribute); i++)
		if (!end && i < ATTRIBUTES_MAX && attribute_use(s, &tag, &attribute))
			invisible = true;
	if (end) {
		end_tag(s, &tag);
		return rest;
	}
	tag_note(s, &tag, NULL);
	start_tag(s, &tag, invisible);
	if (!name_is(&tag, "script") && !name_is(&tag, "style"))
		return rest;
	struct span after = skip_raw_text(rest, &tag);
	if (contains_nocase(span_first(rest, rest.size - after.size), "background"))
		s->coloured = true;
	return after;
}

/* "<!...": a comment or a declaration. */
static struct span declaration_skip(struct stripper *s, struct span rest)
{
	const char *end;

	if (!s->no_more_comments && rest.size >= 4 && memcmp(rest.data, "<!--", 4) == 0) {
		end = memmem(rest.data + 2, rest.size - 2, "-->", 3);
		if (end != NULL)
			return span_from(rest, (size_t)(end - rest.data) + 3);
		s->no_more_comments = true;
	}
	end = memchr(rest.data, '>', rest.size);
	return end == NULL ? (struct span){NULL, 0}
			   : span_from(rest, (size_t)(end - rest.data) + 1);
}

void html_strip(struct html_text *out, struct span html, size_t max)
{
	struct stripper s = {.out = out, .max = max};

	while (html.size > 0) {
		const char *open = memchr(html.data, '<', html.size);
		size_t plain = open == NULL ? html.size : (size_t)(open - html.data);
		text_append(s.hiding.size > 0 ? &out->hidden : &out->text, span_first(html, plain),
			    max);
		html = span_from(html, plain);
		if (html.size < 2)
			break;
		unsigned char next = (unsigned char)html.data[1];
		if (isalpha(next) || next == '/') {
			html = markup_read(&s, html);
		} else if (next == '!' || next == '?') {
			html = declaration_skip(&s, html);
		} else {
			text_append(&out->text, span_first(html, 1), max);
			html = span_from(html, 1);
		}
	}
}

void html_text_free(struct html_text *text)
{
	strbuf_free(&text->text);
	strbuf_free(&text->hidden);
	strbuf_free(&text->links);
	strbuf_free(&text->tags);
}
