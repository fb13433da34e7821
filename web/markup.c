#include "web/markup.h"

#include "lib/msg.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

#define NUMBER_SIZE 64 /* bytes of a converted number */

/* Size of the valid UTF-8 character at the start of s, 0 if there is none (RFC 3629, 4). */
static size_t character_size(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.data;
	size_t size = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (size == 0 || p[0] > 0xf4 || size > s.size)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return size;
}

static const char *entity(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return c == 0x7f || (c < ' ' && c != '\t' && c != '\n') ? "\xef\xbf\xbd" : NULL;
	}
}

void html_span(struct html *h, struct span foreign)
{
	while (foreign.size > 0) {
		size_t size = character_size(foreign);
		const char *instead =
			size == 0 ? "\xef\xbf\xbd" : entity((unsigned char)foreign.data[0]);

		if (instead != NULL)
			strbuf_append_text(&h->out, instead);
		else
			strbuf_append(&h->out, foreign.data, size);
		foreign = span_from(foreign, size > 0 ? size : 1);
	}
}

/* One conversion of a format: "%s", "%.1f", "%lld". */
struct conversion {
	char text[8]; /* as snprintf() wants it */
	char kind;
	int longs; /* 0 int, 1 long, 2 long long, 3 size_t */
};

/* format points behind '%'; returns what follows the conversion. */
static const char *read_conversion(const char *format, struct conversion *conversion)
{
	size_t size = 1;

	*conversion = (struct conversion){.text = "%"};
	while (size < sizeof(conversion->text) - 1 && strchr(".0123456789lz", *format) != NULL) {
		if (*format == 'l')
			conversion->longs++;
		if (*format == 'z')
			conversion->longs = 3;
		conversion->text[size++] = *format++;
	}
	conversion->kind = conversion->text[size] = *format;
	return format + 1;
}

static void append_signed(struct html *h, const struct conversion *conversion, va_list *args)
{
	switch (conversion->longs) {
	case 0:
		strbuf_printf(&h->out, "%d", va_arg(*args, int));
		break;
	case 1:
		strbuf_printf(&h->out, "%ld", va_arg(*args, long));
		break;
	default:
		strbuf_printf(&h->out, "%lld", va_arg(*args, long long));
	}
}

static void append_unsigned(struct html *h, const struct conversion *conversion, va_list *args)
{
	switch (conversion->longs) {
	case 0:
		strbuf_printf(&h->out, "%u", va_arg(*args, unsigned));
		break;
	case 1:
		strbuf_printf(&h->out, "%lu", va_arg(*args, unsigned long));
		break;
	case 2:
		strbuf_printf(&h->out, "%llu", va_arg(*args, unsigned long long));
		break;
	default:
		strbuf_printf(&h->out, "%zu", va_arg(*args, size_t));
	}
}

static void append_argument(struct html *h, const struct conversion *conversion, va_list *args)
{
	char character;

	switch (conversion->kind) {
	case '%':
		strbuf_append_char(&h->out, '%');
		break;
	case 's':
		html_span(h, span_of(va_arg(*args, const char *)));
		break;
	case 'c':
		character = (char)va_arg(*args, int);
		html_span(h, (struct span){&character, 1});
		break;
	case 'd':
		append_signed(h, conversion, args);
		break;
	case 'u':
		append_unsigned(h, conversion, args);
		break;
	case 'f':
		strbuf_printf(&h->out, "%.*f", atoi(conversion->text + 2), va_arg(*args, double));
		break;
	default:
		msg_panic("markup: conversion \"%s\" is not known", conversion->text);
	}
}

/* What stands between the conversions is literal: markup, or text to be escaped. */
static void append_format(struct html *h, bool is_markup, const char *format, va_list *args)
{
	while (*format != '\0') {
		struct span literal = {format, strcspn(format, "%")};
		struct conversion conversion;

		if (is_markup)
			strbuf_append_span(&h->out, literal);
		else
			html_span(h, literal);
		format += literal.size;
		if (*format == '%') {
			format = read_conversion(format + 1, &conversion);
			append_argument(h, &conversion, args);
		}
	}
}

void html_markup(struct html *h, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append_format(h, true, format, &args);
	va_end(args);
}

void text(struct html *h, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append_format(h, false, format, &args);
	va_end(args);
}

const char *tr(const struct html *h, const char *message)
{
	return catalogue_text(h->catalogue, message, 1);
}

const char *trn(const struct html *h, const char *one, const char *many, unsigned long n)
{
	const char *found = catalogue_text(h->catalogue, one, n);

	if (found == one && catalogue_form(h->catalogue, n) != 0)
		return many;
	return found;
}

void text_counted(struct html *h, const char *one, const char *many, unsigned long n)
{
	const char *message = trn(h, one, many, n), *number = strstr(message, "%lu");

	if (number == NULL) {
		html_span(h, span_of(message));
		return;
	}
	html_span(h, (struct span){message, (size_t)(number - message)});
	strbuf_printf(&h->out, "%lu", n);
	html_span(h, span_of(number + 3));
}

void url_component(struct strbuf *out, const char *component)
{
	for (; *component != '\0'; component++) {
		unsigned char c = (unsigned char)*component;

		if (c < 0x80 && (isalnum(c) || strchr("-_.~", c) != NULL))
			strbuf_append_char(out, (char)c);
		else
			strbuf_printf(out, "%%%02X", c);
	}
}
