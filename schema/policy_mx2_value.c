/* What may be said of a domain of the fallback MX: each value's syntax, and what fits together. */
#include "policy.h"

#include "lib/span.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void policy_mx2_init(struct policy_mx2 *mx2)
{
	memset(mx2, 0, sizeof(*mx2));
	mx2->retention = POLICY_RETENTION_DEFAULT;
	strcpy(mx2->tls, "may");
	strcpy(mx2->recipients, "all");
	strcpy(mx2->refused, "hold");
}

static int copy_text(char *member, size_t size, const char *name, const char *value, char **error_r)
{
	if (strlen(value) >= size) {
		*error_r = xasprintf("%s: more than %zu bytes", name, size - 1);
		return -1;
	}
	strcpy(member, value);
	return 0;
}

static int set_choice(char *member, size_t size, const char *name, const char *value,
		      const char *words, char **error_r)
{
	for (const char *word = words; *word != '\0';) {
		size_t length = strcspn(word, " ");

		if (span_equal(span_of(value), (struct span){word, length}))
			return copy_text(member, size, name, value, error_r);
		word += length + (word[length] == ' ');
	}
	*error_r = xasprintf("%s: \"%s\" is not one of: %s", name, value, words);
	return -1;
}

static int set_domain(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	return policy_name_domain(value, mx2->domain, error_r);
}

static bool valid_address_literal(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789abcdefABCDEF.:")] == '\0';
}

/* "mx", "host", "host:port", "[host]", "[host]:port" (host may be an IP address). */
static int set_primary(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	bool bracket = value[0] == '[';
	const char *host = value + bracket, *end = host + strcspn(host, bracket ? "]" : ":");
	char *text = xstrndup(host, (size_t)(end - host)), folded[POLICY_NAME_MAX + 1];
	long port = 0;
	int ret = -1;

	*error_r = NULL;
	if (strcmp(value, "mx") == 0) {
		mx2->primary[0] = '\0';
		ret = 0;
		goto out;
	}
	if (bracket && *end == ']')
		end++;
	else if (bracket)
		goto out;
	if (*end == ':') {
		port = isdigit((unsigned char)end[1]) ? strtol(end + 1, (char **)&end, 10) : 0;
		if (port < 1 || port > 65535)
			goto out;
	}
	if (*end != '\0')
		goto out;
	if (valid_address_literal(text))
		strncpy(folded, text, POLICY_NAME_MAX);
	else if (policy_name_domain(text, folded, error_r) < 0)
		goto out;
	folded[POLICY_NAME_MAX] = '\0';
	if (port != 0)
		snprintf(mx2->primary, sizeof(mx2->primary), "[%s]:%ld", folded, port);
	else
		snprintf(mx2->primary, sizeof(mx2->primary), "[%s]", folded);
	ret = 0;
out:
	free(text);
	if (ret < 0) {
		free(*error_r);
		*error_r = xasprintf("primary: \"%s\" is neither \"mx\" nor host[:port]", value);
	}
	return ret;
}

static int set_retention(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	static const struct {
		char suffix;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
	char *end;
	long number = strtol(value, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == value || number < 1 || *end != units[i].suffix || end[1] != '\0' ||
		    number > POLICY_RETENTION_MAX / units[i].seconds)
			continue;
		mx2->retention = number * units[i].seconds;
		return 0;
	}
	/* A bare number would be seconds elsewhere, and is days in the mind of who writes it. */
	*error_r =
		xasprintf("retention: \"%s\" is no time from 1s to %dd, as 14d: a number with one "
			  "of s m h d w",
			  value, POLICY_RETENTION_MAX / 86400);
	return -1;
}

static int set_until(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	struct tm tm = {.tm_isdst = -1};
	const char *end = strptime(value, "%Y-%m-%d", &tm);

	if (strcmp(value, "none") == 0) {
		mx2->retention_until = 0;
		return 0;
	}
	tm.tm_mday++;
	if (end == NULL || *end != '\0') {
		*error_r = xasprintf("until: \"%s\" is neither \"none\" nor a date like 2026-12-31",
				     value);
		return -1;
	}
	if (mktime(&tm) - 1 < time(NULL)) {
		*error_r = xasprintf("until: %s is past", value);
		return -1;
	}
	mx2->retention_until = mktime(&tm) - 1;
	return 0;
}

static int set_tls(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	return set_choice(mx2->tls, sizeof(mx2->tls), "tls", value,
			  "none may encrypt verify secure dane dane-only fingerprint", error_r);
}

static int set_match(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	for (size_t i = 0; value[i] != '\0'; i++) {
		if (!isalnum((unsigned char)value[i]) && strchr(".-:|", value[i]) == NULL) {
			*error_r = xasprintf("match: \"%s\" is no list of names or fingerprints "
					     "(separated by ':' or '|')",
					     value);
			return -1;
		}
	}
	return copy_text(mx2->tls_match, sizeof(mx2->tls_match), "match", value, error_r);
}

static int set_cafile(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	if (value[0] != '\0' && (value[0] != '/' || value[strcspn(value, " \t\r\n;,=")] != '\0')) {
		*error_r = xasprintf("cafile: \"%s\" is no absolute path without spaces", value);
		return -1;
	}
	return copy_text(mx2->tls_cafile, sizeof(mx2->tls_cafile), "cafile", value, error_r);
}

static int set_recipients(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	return set_choice(mx2->recipients, sizeof(mx2->recipients), "recipients", value,
			  "all list learned", error_r);
}

static int set_contact(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	mx2->contact[0] = '\0';
	return value[0] == '\0' ? 0 : policy_name_user(value, mx2->contact, error_r);
}

static int set_refused(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	return set_choice(mx2->refused, sizeof(mx2->refused), "refused", value, "hold drop bounce",
			  error_r);
}

/* Base64 of 32 bytes: 43 characters and one '='. */
static int set_key(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	size_t digits = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/");

	if (value[0] != '\0' &&
	    (digits != POLICY_LIST_KEY - 1 || strcmp(value + digits, "=") != 0)) {
		*error_r = xasprintf("key: \"%s\" is no key that `shoveler mx2 key` prints at the "
				     "primary",
				     value);
		return -1;
	}
	return copy_text(mx2->list_key, sizeof(mx2->list_key), "key", value, error_r);
}

static int set_url(struct policy_mx2 *mx2, const char *value, char **error_r)
{
	bool printable = true;

	for (const char *c = value; *c != '\0'; c++)
		printable =
			printable && isgraph((unsigned char)*c) && strchr("\"\\{}[]", *c) == NULL;
	if (value[0] != '\0' && (strncmp(value, "https://", 8) != 0 || !printable)) {
		*error_r = xasprintf("url: \"%s\" is no https:// address", value);
		return -1;
	}
	return copy_text(mx2->list_url, sizeof(mx2->list_url), "url", value, error_r);
}

int policy_mx2_set(struct policy_mx2 *mx2, const char *name, const char *value, char **error_r)
{
	static const struct {
		const char *name;
		int (*set)(struct policy_mx2 *mx2, const char *value, char **error_r);
	} members[] = {{"domain", set_domain},
		       {"primary", set_primary},
		       {"retention", set_retention},
		       {"until", set_until},
		       {"tls", set_tls},
		       {"match", set_match},
		       {"cafile", set_cafile},
		       {"recipients", set_recipients},
		       {"contact", set_contact},
		       {"refused", set_refused},
		       {"key", set_key},
		       {"url", set_url}};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].name, name) == 0)
			return members[i].set(mx2, value, error_r);
	}
	*error_r = xasprintf("\"%s\" is nothing that a fallback MX domain has; `shoveler mx2 set "
			     "--help` lists what it has",
			     name);
	return -1;
}

static bool is_any_of(const char *value, const char *a, const char *b)
{
	return strcmp(value, a) == 0 || strcmp(value, b) == 0;
}

/* Pairs of hexadecimal digits separated by colons, as many as a digest has (MD5 to SHA-512). */
static bool is_fingerprint(const char *text, size_t size)
{
	size_t bytes = (size + 1) / 3;

	if (size != bytes * 3 - 1 ||
	    (bytes != 16 && bytes != 20 && bytes != 32 && bytes != 48 && bytes != 64))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

static bool are_fingerprints(const char *text)
{
	while (is_fingerprint(text, strcspn(text, "|"))) {
		text += strcspn(text, "|");
		if (*text == '\0')
			return true;
		text++;
	}
	return false;
}

int policy_mx2_check(const struct policy_mx2 *mx2, char **error_r)
{
	bool verifies = is_any_of(mx2->tls, "verify", "secure");
	bool pinned = strcmp(mx2->tls, "fingerprint") == 0;
	const char *problem = NULL;

	if (pinned && mx2->tls_match[0] == '\0')
		problem = "tls=fingerprint needs match= with at least one fingerprint";
	else if (pinned && !are_fingerprints(mx2->tls_match))
		problem =
			"match= is no fingerprint like AA:BB:CC..., as long as its digest (several: "
			"separated by '|')";
	else if (mx2->tls_match[0] != '\0' && !verifies && !pinned)
		problem = "match= has a meaning only with tls=verify, secure or fingerprint";
	else if (mx2->tls_cafile[0] != '\0' && !verifies)
		problem = "cafile= has a meaning only with tls=verify or secure";
	else if (strcmp(mx2->tls, "secure") == 0 && mx2->primary[0] == '\0' &&
		 mx2->tls_match[0] == '\0')
		problem = "tls=secure with primary=mx needs match= with the names of the MX hosts: "
			  "DNS alone must not say which certificate is right";
	else if (mx2->list_key[0] != '\0' && strcmp(mx2->recipients, "list") != 0)
		problem = "key= has a meaning only with recipients=list";
	else if (mx2->list_url[0] != '\0' && mx2->list_key[0] == '\0')
		problem = "url= needs key=: a list is believed by its signature";
	if (problem == NULL)
		return 0;
	*error_r = xasprintf("%s: %s", mx2->domain, problem);
	return -1;
}

bool policy_map(size_t i, struct policy_map *map_r)
{
	static const struct policy_map maps[] = {
		{"mx2-domains.cf", "mx2_postfix_domain", "relay_domains", NULL},
		{"mx2-transport.cf", "mx2_postfix_transport", "transport_maps", NULL},
		{"mx2-tls.cf", "mx2_postfix_tls", "smtp_tls_policy_maps", NULL},
		{"mx2-recipients.cf", "mx2_postfix_recipient", "relay_recipient_maps", NULL},
		{"mx2-alias.cf", "mx2_postfix_alias", "virtual_alias_maps", NULL},
		{"mx2-verify.cf", "mx2_postfix_verify", "smtpd_recipient_restrictions",
		 "check_recipient_access"}};

	if (i >= sizeof(maps) / sizeof(maps[0]))
		return false;
	*map_r = maps[i];
	return true;
}
