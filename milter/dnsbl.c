#include "dnsbl.h"

#include "lib/span.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <stdint.h>
#include <stdlib.h>

static void allow(struct dnsbl_octet *octet, unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++)
		octet->allowed[i / 8] |= (unsigned char)(1u << i % 8);
}

static bool is_allowed(const struct dnsbl_octet *octet, unsigned value)
{
	return (octet->allowed[value / 8] & 1u << value % 8) != 0;
}

/* Takes a number of 0 to 255 off *text. */
static bool take_number(const char **text, unsigned *number_r)
{
	const char *start = *text;

	*number_r = 0;
	while (**text >= '0' && **text <= '9' && *text - start < 3)
		*number_r = *number_r * 10 + (unsigned)(*(*text)++ - '0');
	return *text > start && *number_r <= 255;
}

static bool take_char(const char **text, char wanted)
{
	if (**text != wanted)
		return false;
	(*text)++;
	return true;
}

/* "2..4;10" up to the closing bracket. */
static bool take_ranges(const char **text, struct dnsbl_octet *octet)
{
	do {
		unsigned from, to;

		if (!take_number(text, &from))
			return false;
		to = from;
		if (strncmp(*text, "..", 2) == 0) {
			*text += 2;
			if (!take_number(text, &to) || to < from)
				return false;
		}
		allow(octet, from, to);
	} while (take_char(text, ';'));
	return take_char(text, ']');
}

static bool parse_filter(const char *text, struct dnsbl_octet filter[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned number;

		if (i > 0 && !take_char(&text, '.'))
			return false;
		if (take_char(&text, '[')) {
			if (!take_ranges(&text, &filter[i]))
				return false;
		} else {
			if (!take_number(&text, &number))
				return false;
			allow(&filter[i], number, number);
		}
	}
	return *text == '\0';
}

static bool parse_weight(const char *text, int *weight_r)
{
	char *end;
	long weight = strtol(text, &end, 10);

	if (end == text || *end != '\0' || labs(weight) > DNSBL_MAX_WEIGHT)
		return false;
	*weight_r = (int)weight;
	return true;
}

static bool is_domain(const char *text)
{
	size_t size = strlen(text);

	return size > 0 && size <= 200 && text[0] != '.' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
		       size;
}

int dnsbl_parse(const char *spec, struct dnsbl_site *site_r, char **error_r)
{
	size_t domain_size = strcspn(spec, "=*");
	const char *star = strrchr(spec, '*'), *equals = strchr(spec, '=');
	size_t spec_size = star == NULL ? strlen(spec) : (size_t)(star - spec);
	const char *problem = NULL;

	*site_r = (struct dnsbl_site){.weight = 1};
	site_r->domain = xstrndup(spec, domain_size);
	if (!is_domain(site_r->domain))
		problem = "no domain";
	if (equals != NULL) {
		char *filter = xstrndup(equals + 1, spec_size - (size_t)(equals + 1 - spec));

		site_r->has_filter = true;
		if (!parse_filter(filter, site_r->filter))
			problem = "the reply filter is not like 127.0.0.[2..4;10]";
		free(filter);
	}
	if (star != NULL && !parse_weight(star + 1, &site_r->weight))
		problem = "the weight is no whole number";
	if (problem == NULL)
		return 0;
	*error_r = xasprintf("\"%s\": %s", spec, problem);
	dnsbl_free(site_r);
	return -1;
}

void dnsbl_free(struct dnsbl_site *site)
{
	free(site->domain);
	*site = (struct dnsbl_site){0};
}

bool dnsbl_matches(const struct dnsbl_site *site, const unsigned char *address)
{
	static const unsigned char blocked[3] = {127, 255, 255}, refused[4] = {127, 0, 0, 1};

	if (address[0] != 127 || memcmp(address, blocked, sizeof(blocked)) == 0 ||
	    memcmp(address, refused, sizeof(refused)) == 0)
		return false;
	for (int i = 0; i < 4 && site->has_filter; i++) {
		if (!is_allowed(&site->filter[i], address[i]))
			return false;
	}
	return true;
}

char *dnsbl_query_name(const char *domain, const struct ip *ip)
{
	struct strbuf name = STRBUF_INIT;

	if (ip_is_v4(ip))
		for (int i = 15; i >= 12; i--)
			strbuf_printf(&name, "%u.", ip->bytes[i]);
	else
		for (int i = 15; i >= 0; i--)
			strbuf_printf(&name, "%x.%x.", ip->bytes[i] & 15u, ip->bytes[i] >> 4u);
	strbuf_append_text(&name, domain);
	return strbuf_steal(&name);
}
