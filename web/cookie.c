#include "web/cookie.h"

#include "lib/xalloc.h"

struct span cookie_find(struct span header, const char *name)
{
	struct span found = {NULL, 0};
	size_t name_size = strlen(name);

	while (header.size > 0) {
		const char *semicolon = memchr(header.data, ';', header.size);
		size_t size = semicolon != NULL ? (size_t)(semicolon - header.data) : header.size;
		struct span pair = span_trim(span_first(header, size));

		header = span_from(header, size + 1);
		if (pair.size <= name_size || memcmp(pair.data, name, name_size) != 0 ||
		    pair.data[name_size] != '=')
			continue;
		if (found.data != NULL)
			return (struct span){NULL, 0};
		found = (struct span){pair.data + name_size + 1, pair.size - name_size - 1};
	}
	return found;
}

/* Lax, not Strict: the links of the digest come from elsewhere, and must not sign out. */
char *cookie_header(const char *name, const char *value)
{
	return xasprintf("%s=%s; Path=/; Secure; HttpOnly; SameSite=Lax%s", name, value,
			 value[0] == '\0' ? "; Max-Age=0" : "");
}
