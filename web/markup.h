/*
 * markup.h - writes a page. Whatever is not a literal in our own source is escaped: there is no way
 * to write text raw.
 *
 *	html(h, "<a href=\"message?id=%s\">%s</a>", signature, row->subject);
 *	text(h, tr(h, "%d messages"), count);
 *
 * html(): the format must be a string literal (anything else does not compile); it is markup.
 * text(): the format is text, translated as a rule; it is escaped itself. In both, what %s stands
 * for is escaped for text and for attribute values in double quotes; invalid UTF-8 and control
 * characters become U+FFFD. Conversions: %s %d %u %ld %lu %lld %llu %zu %c(ASCII) %.Nf %%, checked
 * by the compiler.
 */
#ifndef SHOVELER_WEB_MARKUP_H
#define SHOVELER_WEB_MARKUP_H

#include "web/catalogue.h"

#include "lib/strbuf.h"

struct html {
	struct strbuf out;
	const struct catalogue *catalogue; /* the language of tr() and trn() */
};

#define html(h, ...) html_markup((h), "" __VA_ARGS__)

void html_markup(struct html *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text(struct html *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * One of both, translated, with its one "%lu" replaced by n: for texts in tables, whose format the
 * compiler does not see.
 */
void text_counted(struct html *h, const char *one, const char *many, unsigned long n);

/* Foreign text, escaped; as text(h, "%s", ...) for what is not NUL-terminated. */
void html_span(struct html *h, struct span foreign);

/* The text in the page's language; itself where there is no translation. */
const char *tr(const struct html *h, const char *message) __attribute__((format_arg(2)));
/* The same with a number: which of both depends on n and the language. */
const char *trn(const struct html *h, const char *one, const char *many, unsigned long n)
	__attribute__((format_arg(2), format_arg(3)));
/* For texts in tables, which tr() gets later: only marks them for xgettext. */
#define N_(message)    message
#define NN_(one, many) one, many

/* Appends text as a component of an URL: all but letters, digits, "-", "_", "." and "~" as %XX. */
void url_component(struct strbuf *out, const char *component);

#endif
