#include "web/cookie.h"

#include "lib/xalloc.h"

struct span cookie_find(struct span header)
{
	struct span found = {NULL, 0}, name = SPAN_LITERAL(COOKIE_NAME "=");

	while (header.size > 0) {
		const char *semicolon = memchr(header.data, ';', header.size);
		size_t size = semicolon != NULL ? (size_t)(semicolon - header.data) : header.size;
		struct span pair = span_trim(span_first(header, size));

		header = span_from(header, size + 1);
		if (pair.size < name.size || memcmp(pair.data, name.data, name.size) != 0)
			continue;
		if (found.data != NULL)
			return (struct span){NULL, 0};
		found = (struct span){pair.data + name.size, pair.size - name.size};
	}
	return found;
}

/* Lax, not Strict: the links of the digest come from elsewhere, and must not sign out. */
char *cookie_header(const char *value)
{
	return xasprintf(COOKIE_NAME "=%s; Path=/; Secure; HttpOnly; SameSite=Lax", value);
}
