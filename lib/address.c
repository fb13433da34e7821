#include "address.h"

#include <limits.h>

bool address_split(struct span address, struct span *local_r, struct span *domain_r)
{
	const char *at = address.size > 0 ? memrchr(address.data, '@', address.size) : NULL;

	if (at == NULL)
		return false;
	*local_r = span_first(address, (size_t)(at - address.data));
	*domain_r = span_from(address, local_r->size + 1);
	return local_r->size > 0 && domain_r->size > 0;
}

static bool is_quoted(struct span local)
{
	return local.size >= 2 && local.data[0] == '"' && local.data[local.size - 1] == '"';
}

static bool is_local_byte(unsigned char c)
{
	return c > ' ' && c != 0x7f && c != '@' && c != '/' && !(c >= 'A' && c <= 'Z');
}

static bool is_domain_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.' || c > 0x7f;
}

static bool all_bytes(struct span s, bool (*test)(unsigned char c))
{
	for (size_t i = 0; i < s.size; i++) {
		if (!test((unsigned char)s.data[i]))
			return false;
	}
	return true;
}

static bool is_plain(unsigned char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-_=+", c) != NULL) || (c == '.' && !first);
}

/* Whether it fits into one element of a path. */
static bool fits_element(struct span text)
{
	size_t size = 0;

	for (size_t i = 0; i < text.size; i++)
		size += is_plain((unsigned char)text.data[i], i == 0) ? 1 : 3;
	return size <= NAME_MAX;
}

bool address_is_user(struct span user)
{
	struct span local, domain;

	return address_split(user, &local, &domain) && !is_quoted(local) &&
	       local.size <= ADDRESS_LOCAL_MAX && domain.size <= ADDRESS_DOMAIN_MAX &&
	       all_bytes(local, is_local_byte) && all_bytes(domain, is_domain_byte) &&
	       domain.data[0] != '.' && domain.data[domain.size - 1] != '.' &&
	       fits_element(local) && fits_element(domain);
}

static void append_unquoted(struct strbuf *out, struct span local)
{
	if (!is_quoted(local)) {
		strbuf_append_span(out, local);
		return;
	}
	for (size_t i = 1; i + 1 < local.size; i++) {
		if (local.data[i] == '\\' && i + 2 < local.size)
			i++;
		strbuf_append_char(out, local.data[i]);
	}
}

/* The size of the part before the detail. */
static size_t base_size(struct span local, const char *delimiters)
{
	for (size_t i = 0; i < local.size; i++) {
		if (local.data[i] != '\0' && strchr(delimiters, local.data[i]) != NULL)
			return i > 0 ? i : local.size;
	}
	return local.size;
}

static void lower(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
	}
}

bool address_user(struct span address, const char *delimiters, struct strbuf *out)
{
	struct strbuf user = STRBUF_INIT;
	struct span local, domain;
	bool good = false;

	if (address_split(address, &local, &domain)) {
		append_unquoted(&user, local);
		user.size = base_size(strbuf_span(&user), delimiters);
		strbuf_append_char(&user, '@');
		strbuf_append_span(&user, domain);
		lower(user.data, user.size);
		good = address_is_user(strbuf_span(&user));
	}
	if (good)
		strbuf_append_span(out, strbuf_span(&user));
	strbuf_free(&user);
	return good;
}

/* item is whole, or "@domain". */
static bool is_item(const char *item, struct span local, struct span domain, const char *delimiters)
{
	struct span item_local, item_domain;

	if (item[0] == '@')
		return span_equal_nocase(span_of(item + 1), domain);
	if (!address_split(span_of(item), &item_local, &item_domain) ||
	    !span_equal_nocase(item_domain, domain))
		return false;
	return span_equal_nocase(item_local, local) ||
	       span_equal_nocase(item_local, span_first(local, base_size(local, delimiters)));
}

bool address_is_listed(const char *const *list, const char *address, const char *delimiters)
{
	struct span local, domain;

	if (!address_split(span_of(address), &local, &domain))
		return false;
	for (; *list != NULL; list++)
		if (is_item(*list, local, domain, delimiters))
			return true;
	return false;
}

void address_escape(struct strbuf *out, struct span text)
{
	if (text.size == 0)
		strbuf_append_char(out, '%');
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (is_plain(c, i == 0))
			strbuf_append_char(out, (char)c);
		else
			strbuf_printf(out, "%%%02X", c);
	}
}
