#include "strbuf.h"

#include "xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define STRBUF_MINIMUM 64

void strbuf_reserve(struct strbuf *buf, size_t size)
{
	size_t wanted = buf->size + size + 1;
	size_t capacity = buf->capacity > 0 ? buf->capacity : STRBUF_MINIMUM;

	if (wanted <= buf->capacity)
		return;
	while (capacity < wanted)
		capacity *= 2;
	buf->data = xrealloc(buf->data, capacity);
	buf->capacity = capacity;
	buf->data[buf->size] = '\0';
}

void strbuf_append(struct strbuf *buf, const void *data, size_t size)
{
	strbuf_reserve(buf, size);
	if (size > 0)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
}

void strbuf_append_text(struct strbuf *buf, const char *text)
{
	strbuf_append(buf, text, strlen(text));
}

void strbuf_append_span(struct strbuf *buf, struct span s)
{
	strbuf_append(buf, s.data, s.size);
}

void strbuf_append_char(struct strbuf *buf, char c)
{
	strbuf_append(buf, &c, 1);
}

void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
{
	va_list again;
	int size;

	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (size < 0)
		return;
	strbuf_reserve(buf, (size_t)size);
	vsnprintf(buf->data + buf->size, (size_t)size + 1, format, args);
	buf->size += (size_t)size;
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	strbuf_vprintf(buf, format, args);
	va_end(args);
}

void strbuf_reset(struct strbuf *buf)
{
	buf->size = 0;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

void strbuf_free(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf)STRBUF_INIT;
}

const char *strbuf_text(const struct strbuf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

struct span strbuf_span(const struct strbuf *buf)
{
	return (struct span){strbuf_text(buf), buf->size};
}

char *strbuf_steal(struct strbuf *buf)
{
	char *text;

	strbuf_reserve(buf, 0);
	text = buf->data;
	*buf = (struct strbuf)STRBUF_INIT;
	return text;
}
