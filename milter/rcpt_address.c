#include "rcpt_address.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <stdlib.h>

static char *lower(const char *text, size_t size)
{
	char *copy = xstrndup(text, size);

	for (char *each = copy; *each != '\0'; each++)
		*each = (char)tolower((unsigned char)*each);
	return copy;
}

/* owner-list and list-request are names of their own (Postfix's split_addr(3)). */
static bool is_list_name(const char *local)
{
	size_t size = strlen(local);

	return strncmp(local, "owner-", 6) == 0 ||
	       (size > 8 && strcmp(local + size - 8, "-request") == 0);
}

void rcpt_parts_split(struct rcpt_parts *parts_r, const char *address, const char *delimiters)
{
	const char *at = strrchr(address, '@');
	size_t local_size = at == NULL ? strlen(address) : (size_t)(at - address), user_size;

	parts_r->local = lower(address, local_size);
	parts_r->domain = lower(at == NULL ? "" : at + 1, at == NULL ? 0 : strlen(at + 1));
	user_size = strcspn(parts_r->local, delimiters);
	if (user_size == 0 || (strchr(delimiters, '-') != NULL && is_list_name(parts_r->local)))
		user_size = local_size;
	parts_r->user = xstrndup(parts_r->local, user_size);
	parts_r->detail = xstrdup(parts_r->local + user_size);
}

void rcpt_parts_free(struct rcpt_parts *parts)
{
	free(parts->local);
	free(parts->user);
	free(parts->detail);
	free(parts->domain);
	*parts = (struct rcpt_parts){0};
}

static struct span without_brackets(struct span item)
{
	const char *open = item.size == 0 ? NULL : memchr(item.data, '<', item.size);
	size_t start = open == NULL ? 0 : (size_t)(open - item.data) + 1;
	struct span inner = span_from(item, start);
	const char *close = inner.size == 0 ? NULL : memchr(inner.data, '>', inner.size);

	return open != NULL && close != NULL ? span_first(inner, (size_t)(close - inner.data))
					     : item;
}

char *rcpt_address_complete(struct span item, const struct rcpt_parts *owner, const char *detail,
			    const char *origin)
{
	struct span address = without_brackets(item);
	const char *at = address.size == 0 ? NULL : memrchr(address.data, '@', address.size);
	size_t local_size = at == NULL ? address.size : (size_t)(at - address.data);
	struct strbuf text = STRBUF_INIT;
	char *result;

	if (local_size == 0) {
		strbuf_append_text(&text, owner->local);
	} else {
		strbuf_append_span(&text, span_first(address, local_size));
		strbuf_append_text(&text, detail);
	}
	if (at != NULL)
		strbuf_append_span(&text, span_from(address, local_size));
	else
		strbuf_printf(&text, "@%s", origin);
	result = lower(strbuf_text(&text), text.size);
	strbuf_free(&text);
	return result;
}

bool rcpt_map_is_pattern(const char *map)
{
	static const char *const types[] = {"pcre:", "regexp:", "cidr:"};

	if (strncmp(map, "proxy:", 6) == 0)
		map += 6;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strncmp(map, types[i], strlen(types[i])) == 0)
			return true;
	}
	return false;
}
