/*
 * features_link.c - pieces of links, host names and addresses.
 */
#include "spamtrain/engine/features_internal.h"

#include <ctype.h>

#define LINK_PIECES_MAX 12 /* path and query pieces of one link */
#define HOST_LABELS_MAX 6

static bool is_address(struct span host)
{
	for (size_t i = 0; i < host.size; i++)
		if (!isdigit((unsigned char)host.data[i]) && host.data[i] != '.')
			return false;
	return host.size > 6;
}

static void add_networks(struct extractor *ex, unsigned bit, struct span address)
{
	for (unsigned dots = 0; address.size > 0 && dots < 2; dots++) {
		while (address.size > 0 && address.data[address.size - 1] != '.')
			address.size--;
		feature_add_word(ex, bit, address);
		if (address.size > 0)
			address.size--;
	}
}

void feature_add_host(struct extractor *ex, unsigned bit, struct span host)
{
	feature_add_word(ex, bit, host);
	if (is_address(host)) {
		add_networks(ex, bit, host);
		return;
	}
	for (unsigned i = 0; i < HOST_LABELS_MAX; i++) {
		const char *dot = host.size == 0 ? NULL : memchr(host.data, '.', host.size);
		if (dot == NULL)
			return;
		host = span_from(host, (size_t)(dot - host.data) + 1);
		feature_add_word(ex, bit, host);
	}
}

static size_t size_until(struct span s, const char *stops)
{
	size_t i = 0;

	while (i < s.size && s.data[i] != '\0' && strchr(stops, s.data[i]) == NULL)
		i++;
	return i;
}

static void add_pieces(struct extractor *ex, struct span path)
{
	for (unsigned i = 0; i < LINK_PIECES_MAX && path.size > 0; i++) {
		size_t size = size_until(path, "/?&=#.;-_,+%");
		if (size > 1 && size < 40)
			feature_add_word(ex, FEATURE_BIT_LINK, span_first(path, size));
		path = span_from(path, size + 1);
	}
}

static bool is_home(const struct extractor *ex, struct span host)
{
	struct span home = span_of(ex->facts.from);

	return home.size > 0 && host.size >= home.size &&
	       span_equal_nocase(span_from(host, host.size - home.size), home);
}

void feature_add_link(struct extractor *ex, struct span url)
{
	size_t scheme = size_until(url, ":/?#.");

	if (scheme < url.size && url.data[scheme] == ':') {
		if (!span_starts_nocase(url, SPAN_LITERAL("http")))
			feature_add_word(ex, FEATURE_BIT_LINK, span_first(url, scheme + 1));
		url = span_from(url, scheme + 1);
	}
	while (url.size > 0 && url.data[0] == '/')
		url = span_from(url, 1);
	size_t size = size_until(url, "/?#");
	struct span authority = span_first(url, size), path = span_from(url, size);
	const char *at = authority.size == 0 ? NULL : memchr(authority.data, '@', authority.size);
	if (at != NULL) {
		feature_add_shape(ex, "link with user");
		ex->facts.odd_link = true;
		authority = span_from(authority, (size_t)(at - authority.data) + 1);
	}
	struct span host = span_first(authority, size_until(authority, ":"));
	if (host.size < authority.size)
		feature_add_shape(ex, "link with port");
	if (is_address(host)) {
		feature_add_shape(ex, "link to address");
		ex->facts.odd_link = true;
	}
	ex->facts.links += host.size > 0;
	ex->facts.home_links += is_home(ex, host);
	if (memchr(authority.data == NULL ? "" : authority.data, '%', authority.size) != NULL)
		feature_add_shape(ex, "link with escaped host");
	feature_add_host(ex, FEATURE_BIT_LINK, host);
	add_pieces(ex, path);
}
