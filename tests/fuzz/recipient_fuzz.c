/*
 * libFuzzer: what strangers and an admin's maps can put before the milter. Input: the recipient,
 * the HELO name, a DNS list in postscreen's syntax, and what every map answers, separated by line
 * ends.
 */
#include "milter/dnsbl.h"
#include "milter/helo.h"
#include "milter/rcpt_class.h"

#include "lib/xalloc.h"

#include <stdint.h>
#include <stdlib.h>

#define MAX_LOOKUPS 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answers {
	const char *text;
	unsigned lookups;
};

/* Each key has an answer or none, by its length; in the end the maps fall silent. */
static int find(void *context, const char *map, const char *key, bool alias, char **value_r,
		char **error_r)
{
	struct answers *answers = context;

	(void)map, (void)alias;
	if (++answers->lookups > MAX_LOOKUPS) {
		*error_r = xstrdup("enough");
		return -1;
	}
	if (strlen(key) % 3 == 0 || answers->text[0] == '\0')
		return 0;
	*value_r = xstrdup(answers->text);
	return 1;
}

static void classify(const char *address, const char *text)
{
	struct answers answers = {text, 0};
	const struct rcpt_lookup lookup = {find, NULL, &answers};
	struct postfix_config *config = postfix_config_parse(
		"virtual_alias_maps = hash:/a, pcre:/b\nalias_maps = hash:/c\nmyorigin = o.test\n"
		"mydestination = local.test\nlocal_transport = local\nrecipient_delimiter = +-\n"
		"default_transport = smtp\nvirtual_mailbox_domains = hash:/d\n"
		"virtual_transport = lmtp:unix:x\npropagate_unmatched_extensions = virtual\n",
		"smtp unix - - y - - smtp\nlocal unix - n n - - local\nlmtp unix - - y - - lmtp\n");
	const struct rcpt_maps maps = {config, &lookup};
	const struct rcpt_question question = {.address = address};
	struct rcpt_class result;
	char *error = NULL;

	if (rcpt_class_find(&maps, &question, &result, &error) == 0) {
		if (result.classes == 0 ||
		    ((result.classes & CLASS_REDIRECT) != 0) != (result.target_count > 0))
			abort();
		rcpt_class_free(&result);
	} else if (error == NULL) {
		abort();
	}
	free(error);
	postfix_config_free(&config);
}

static void look_at_names(const char *helo, const char *spec)
{
	static const char *const ours[] = {"mx.example.test", NULL};
	struct dnsbl_site site;
	struct ip client, parsed;
	char *error = NULL;

	(void)ip_parse("203.0.113.66", &client);
	(void)helo_kind_find(helo, &client, ours, NULL);
	(void)helo_is_generic(helo, &client);
	if (ip_parse(helo, &parsed) == 0)
		(void)ip_is_bogus(&parsed);
	if (dnsbl_parse(spec, &site, &error) == 0) {
		static const unsigned char blocked[4] = {127, 255, 255, 254};

		if (dnsbl_matches(&site, blocked))
			abort();
		dnsbl_free(&site);
	}
	free(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size), *parts[4], *rest = text;

	for (int i = 0; i < 4; i++) {
		parts[i] = rest;
		rest += strcspn(rest, "\n");
		if (*rest == '\n')
			*rest++ = '\0';
	}
	look_at_names(parts[1], parts[2]);
	classify(parts[0], parts[3]);
	free(text);
	return 0;
}
