#include "spamtrain/classifier/sender.h"

#include "lib/header.h"
#include "lib/strbuf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define RECEIVED_MAX 20 /* fields that are looked at */

static void append_folded(struct strbuf *out, const char *from)
{
	bool gap = false;

	for (const char *c = from; *c != '\0'; c++) {
		if (isspace((unsigned char)*c)) {
			gap = out->size > 0;
			continue;
		}
		if (gap)
			strbuf_append_char(out, ' ');
		gap = false;
		strbuf_append_char(out, (char)tolower((unsigned char)*c));
	}
}

static int64_t hash_of(struct strbuf *text)
{
	int64_t hash = text->size == 0 ? 0 : (int64_t)XXH3_64bits(strbuf_text(text), text->size);

	strbuf_free(text);
	return hash;
}

int64_t sender_key(const char *from)
{
	struct strbuf text = STRBUF_INIT;

	append_folded(&text, from);
	return hash_of(&text);
}

/* Networks of hosts that anybody may have: RFC 1918, 1122, 3927, 6598. */
static bool is_public_v4(const unsigned char *a)
{
	return !(a[0] == 0 || a[0] == 10 || a[0] == 127 || (a[0] == 172 && (a[1] & 0xf0) == 16) ||
		 (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254) ||
		 (a[0] == 100 && (a[1] & 0xc0) == 64));
}

/* Loopback and unspecified, RFC 4193, link-local. */
static bool is_public_v6(const unsigned char *a)
{
	static const unsigned char zeros[15];

	return !(memcmp(a, zeros, sizeof(zeros)) == 0 || (a[0] & 0xfe) == 0xfc ||
		 (a[0] == 0xfe && (a[1] & 0xc0) == 0x80));
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]": the network's bytes. */
static size_t network_read(struct span literal, unsigned char *network_r)
{
	static const struct span tag = {"IPv6:", 5};
	unsigned char address[16];
	char text[INET6_ADDRSTRLEN];

	if (span_starts_nocase(literal, tag))
		literal = span_from(literal, tag.size);
	if (literal.size >= sizeof(text))
		return 0;
	memcpy(text, literal.data, literal.size);
	text[literal.size] = '\0';
	size_t size = 0;
	if (inet_pton(AF_INET, text, address) == 1)
		size = is_public_v4(address) ? 3 : 0;
	else if (inet_pton(AF_INET6, text, address) == 1)
		size = is_public_v6(address) ? 6 : 0;
	memcpy(network_r, address, size);
	return size;
}

static bool is_by(struct span s)
{
	return s.size > 3 && isspace((unsigned char)s.data[0]) && tolower(s.data[1]) == 'b' &&
	       tolower(s.data[2]) == 'y' && isspace((unsigned char)s.data[3]);
}

/*
 * Of the host behind "from": the last address before "by", which the writer of the field has seen
 * itself; one before it may be what the client called itself.
 */
static size_t received_network(struct span body, unsigned char *network_r)
{
	struct span literal = {NULL, 0};

	for (size_t i = 0; i < body.size && !is_by(span_from(body, i)); i++) {
		const char *end =
			body.data[i] == '[' ? memchr(body.data + i, ']', body.size - i) : NULL;
		if (end != NULL)
			literal =
				(struct span){body.data + i + 1, (size_t)(end - body.data) - i - 1};
	}
	return literal.data == NULL ? 0 : network_read(literal, network_r);
}

int64_t sender_route_key(const char *from, struct span message)
{
	struct strbuf text = STRBUF_INIT;
	struct header_field field;
	unsigned char network[16];
	size_t size = 0;

	append_folded(&text, from);
	if (text.size == 0)
		return hash_of(&text);
	for (int i = 0; i < RECEIVED_MAX && size == 0 && header_next(&message, &field);) {
		if (field.name.size != 8 || !span_starts_nocase(field.name, span_of("Received")))
			continue;
		i++;
		size = received_network(field.body, network);
	}
	strbuf_append_char(&text, '\n'); /* never in a folded line */
	strbuf_append(&text, (const char *)network, size);
	return hash_of(&text);
}
