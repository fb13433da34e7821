#include "helo.h"

#include "lib/span.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_NAME 255

static bool has_name_syntax(const char *name)
{
	size_t size = strlen(name);

	if (size > MAX_NAME || name[0] == '.' || name[0] == '-')
		return false;
	/* The underscore is no part of a host name, but too many decent hosts have it. */
	for (size_t i = 0; i < size; i++) {
		if (!isalnum((unsigned char)name[i]) && strchr("-._", name[i]) == NULL)
			return false;
	}
	return strstr(name, "..") == NULL;
}

static bool is_ours(const char *name, const char *const *ours)
{
	for (; *ours != NULL; ours++) {
		if (strcasecmp(name, *ours) == 0)
			return true;
	}
	return false;
}

static bool is_fqdn(const char *name)
{
	const char *last = strrchr(name, '.');

	if (last != NULL && last[1] == '\0' && last > name) {
		/* One dot at the end is the root. */
		while (--last > name && *last != '.')
			;
		return *last == '.';
	}
	return last != NULL && !isdigit((unsigned char)last[1]) &&
	       strcasecmp(name, "localhost.localdomain") != 0 && strcasecmp(last, ".local") != 0 &&
	       strcasecmp(last, ".lan") != 0;
}

enum helo_kind helo_kind_find(const char *helo, const struct ip *client, const char *const *ours,
			      const struct ip *our_address)
{
	struct ip address;

	if (helo == NULL || helo[0] == '\0')
		return HELO_MISSING;
	if (ip_parse(helo, &address) == 0) {
		if (our_address != NULL && memcmp(&address, our_address, sizeof(address)) == 0)
			return HELO_OURS;
		if (helo[0] != '[')
			return HELO_BARE_ADDRESS;
		return memcmp(&address, client, sizeof(address)) == 0 ? HELO_LITERAL
								      : HELO_LITERAL_MISMATCH;
	}
	if (!has_name_syntax(helo))
		return HELO_SYNTAX;
	if (is_ours(helo, ours))
		return HELO_OURS;
	return is_fqdn(helo) ? HELO_NAME : HELO_NOT_FQDN;
}

/* Finds number in name where no digit stands before or behind it. */
static bool has_number(const char *name, unsigned number)
{
	char text[8];
	size_t size = (size_t)snprintf(text, sizeof(text), "%u", number);
	const char *found = name;

	while ((found = strstr(found, text)) != NULL) {
		const char *before = found, *behind = found + size;

		/* 7 is also written 007. */
		while (before > name && before[-1] == '0')
			before--;
		if ((before == name || !isdigit((unsigned char)before[-1])) &&
		    !isdigit((unsigned char)*behind))
			return true;
		found++;
	}
	return false;
}

static bool spells_address(const char *name, const struct ip *client)
{
	const unsigned char *octets = client->bytes + 12;
	char hex[9], run[16];
	int found = 0;

	if (!ip_is_v4(client))
		return false;
	snprintf(hex, sizeof(hex), "%02x%02x%02x%02x", octets[0], octets[1], octets[2], octets[3]);
	snprintf(run, sizeof(run), "%03u%03u%03u%03u", octets[0], octets[1], octets[2], octets[3]);
	if (strcasestr(name, hex) != NULL || strstr(name, run) != NULL)
		return true;
	for (int i = 0; i < 4; i++)
		found += has_number(name, octets[i]);
	return found >= 3 && has_number(name, octets[3]);
}

/* A word of the name, at its beginning or behind a dot, hyphen or digit. */
static bool has_word(const char *name, const char *word)
{
	const char *found = name;
	size_t size = strlen(word);

	while ((found = strcasestr(found, word)) != NULL) {
		bool starts = found == name || !isalpha((unsigned char)found[-1]);

		if (starts && !isalpha((unsigned char)found[size]))
			return true;
		found++;
	}
	return false;
}

bool helo_is_generic(const char *name, const struct ip *client)
{
	static const char *const words[] = {"adsl",   "vdsl",  "dsl",	    "dyn",	 "dynamic",
					    "dhcp",   "ppp",   "pool",	    "pools",	 "dialup",
					    "dialin", "dip",   "cable",	    "customer",	 "cust",
					    "catv",   "pppoe", "broadband", "unassigned"};
	size_t host = strcspn(name, ".");

	if (spells_address(name, client))
		return true;
	/* "pool.ntp.test" is a service; "pool-17.isp.test" is not. */
	if (strcspn(name, "0123456789") >= strlen(name))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && host > 0; i++) {
		if (has_word(name, words[i]))
			return true;
	}
	return false;
}
