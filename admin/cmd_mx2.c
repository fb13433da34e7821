#include "cmd_mx2.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#define MX2_NAMES                                                                                  \
	"  primary=mx|HOST[:PORT]  where mail goes (mx: the domain's MX records; the default)\n"   \
	"  retention=14d           how long it is kept while the primary is down\n"                \
	"  until=DATE|none         keep it at least until the end of that day (2026-12-31)\n"      \
	"  tls=LEVEL               none may encrypt verify secure dane dane-only fingerprint\n"    \
	"  match=NAMES             certificate names (a:b) or fingerprints, for verify, secure,\n" \
	"                          fingerprint\n"                                                  \
	"  cafile=PATH             the primary's own CA, for verify and secure\n"                  \
	"  recipients=WHICH        all, list (`mx2 allow`), learned (asked from the primary)\n"    \
	"  key=KEY                 the primary signs its list by this key (its `mx2 key`)\n"       \
	"  url=HTTPS-ADDRESS       and publishes it there; else it sends it (`mx2 push`)\n"        \
	"  contact=ADDRESS         who is told when something is wrong\n"                          \
	"  refused=WHAT            what the primary refuses: hold, drop, bounce\n"

/* Takes "name=value" arguments over into mx2. */
static int take_values(struct policy_mx2 *mx2, char **argv)
{
	for (; *argv != NULL; argv++) {
		char *equals = strchr(*argv, '='), *name, *error = NULL;
		int ret;

		if (equals == NULL) {
			complain("\"%s\" is not of the form name=value", *argv);
			return EX_USAGE;
		}
		name = xstrndup(*argv, (size_t)(equals - *argv));
		ret = policy_mx2_set(mx2, name, equals + 1, &error);
		free(name);
		if (ret < 0)
			return policy_result(POLICY_INVALID, &error);
	}
	return EX_OK;
}

static int mx2_add(struct admin *admin, int argc, char **argv)
{
	struct policy *policy = NULL;
	struct policy_mx2 mx2;
	char *error = NULL;
	int ret = EX_OK;

	(void)argc;
	policy_mx2_init(&mx2);
	if (policy_mx2_set(&mx2, "domain", argv[0], &error) < 0)
		ret = policy_result(POLICY_INVALID, &error);
	if (ret == EX_OK)
		ret = take_values(&mx2, argv + 1);
	if (ret == EX_OK)
		ret = open_policy(admin, POLICY_CREATE, &policy);
	if (ret == EX_OK)
		ret = policy_result(policy_mx2_add(policy, &mx2, &error), &error);
	policy_close(&policy);
	return ret;
}

int open_domain(struct admin *admin, const char *domain, struct policy **policy_r,
		struct policy_mx2 *mx2_r)
{
	char *error = NULL;
	int ret = open_policy(admin, POLICY_CREATE, policy_r);

	if (ret == EX_OK)
		ret = policy_result(policy_mx2_get(*policy_r, domain, mx2_r, &error), &error);
	return ret;
}

static int mx2_set(struct admin *admin, int argc, char **argv)
{
	struct policy *policy;
	struct policy_mx2 mx2;
	char *error = NULL;
	int ret = open_domain(admin, argv[0], &policy, &mx2);

	(void)argc;
	if (ret == EX_OK)
		ret = take_values(&mx2, argv + 1);
	if (ret == EX_OK)
		ret = policy_result(policy_mx2_update(policy, &mx2, &error), &error);
	policy_close(&policy);
	return ret;
}

static int mx2_remove(struct admin *admin, int argc, char **argv)
{
	struct policy *policy;
	char *error = NULL;
	int ret = open_policy(admin, POLICY_CREATE, &policy);

	(void)argc;
	if (ret == EX_OK)
		ret = policy_result(policy_mx2_remove(policy, argv[0], &error), &error);
	policy_close(&policy);
	return ret;
}

static int change_recipients(struct admin *admin, char **argv, bool add)
{
	struct policy *policy;
	char *error = NULL;
	int ret = open_policy(admin, POLICY_CREATE, &policy);

	for (char **address = argv + 1; ret == EX_OK && *address != NULL; address++)
		ret = policy_result(policy_mx2_recipient(policy, argv[0], *address, add, &error),
				    &error);
	policy_close(&policy);
	return ret;
}

static int mx2_allow(struct admin *admin, int argc, char **argv)
{
	(void)argc;
	return change_recipients(admin, argv, true);
}

static int mx2_deny(struct admin *admin, int argc, char **argv)
{
	(void)argc;
	return change_recipients(admin, argv, false);
}

/* One address a line; empty lines and comments are passed over. -1 after the complaint. */
static int read_addresses(FILE *file, const char *path, char ***list_r, size_t *count_r)
{
	char *line = NULL;
	size_t capacity = 0;

	*list_r = NULL;
	*count_r = 0;
	while (getline(&line, &capacity, file) > 0) {
		struct span address = span_trim(span_of(line));

		if (address.size == 0 || address.data[0] == '#')
			continue;
		*list_r = xrealloc(*list_r, (*count_r + 1) * sizeof(**list_r));
		(*list_r)[(*count_r)++] = xstrndup(address.data, address.size);
	}
	free(line);
	/* getline() marks no error where it has no memory. */
	if (*count_r > 0 && feof(file))
		return 0;
	complain("%s: %s", path,
		 !feof(file) ? "cannot be read"
			     : "no address in it; `shoveler mx2 set DOMAIN recipients=all` "
			       "takes them all");
	return -1;
}

static int mx2_recipients(struct admin *admin, int argc, char **argv)
{
	bool standard = strcmp(argv[1], "-") == 0;
	FILE *file = standard ? stdin : fopen(argv[1], "re");
	struct policy *policy = NULL;
	char *error = NULL, **addresses;
	size_t count;
	int ret = EX_OK;

	(void)argc;
	if (file == NULL) {
		complain("%s: %s", argv[1], strerror(errno));
		return EX_NOINPUT;
	}
	if (read_addresses(file, argv[1], &addresses, &count) < 0)
		ret = EX_DATAERR;
	if (ret == EX_OK)
		ret = open_policy(admin, POLICY_CREATE, &policy);
	if (ret == EX_OK)
		ret = policy_result(policy_mx2_recipient_replace(policy, argv[0],
								 (const char *const *)addresses,
								 count, &error),
				    &error);
	if (ret == EX_OK)
		printf("%zu recipients\n", count);
	policy_close(&policy);
	for (size_t i = 0; i < count; i++)
		free(addresses[i]);
	free(addresses);
	if (!standard)
		fclose(file);
	return ret;
}

/* In the form in which `mx2 set` takes it. */
static char *until_text(int64_t until)
{
	time_t when = (time_t)until;
	char text[32];
	struct tm tm;

	if (until == 0)
		return xstrdup("none");
	strftime(text, sizeof(text), "%Y-%m-%d", localtime_r(&when, &tm));
	return xstrdup(text);
}

static char *retention_text(int64_t seconds)
{
	return seconds % 86400 == 0 ? xasprintf("%lldd", (long long)seconds / 86400)
				    : xasprintf("%llds", (long long)seconds);
}

static json_t *mx2_to_json(const struct policy_mx2 *mx2)
{
	char *until = until_text(mx2->retention_until), *retention = retention_text(mx2->retention);
	json_t *domain;

	domain = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "domain",
			   mx2->domain, "primary", mx2->primary[0] != '\0' ? mx2->primary : "mx",
			   "retention", retention, "until", until, "tls", mx2->tls, "match",
			   mx2->tls_match, "cafile", mx2->tls_cafile, "recipients", mx2->recipients,
			   "contact", mx2->contact, "refused", mx2->refused, "key", mx2->list_key,
			   "url", mx2->list_url);
	free(until);
	free(retention);
	return domain;
}

static bool append_mx2(void *context, const struct policy_mx2 *mx2)
{
	json_array_append_new(context, mx2_to_json(mx2));
	return true;
}

static void print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(1));
	putchar('\n');
}

static int mx2_list(struct admin *admin, int argc, char **argv)
{
	json_t *domains = json_array(), *domain;
	struct policy *policy;
	char *error = NULL;
	size_t i;
	int ret = open_policy(admin, POLICY_READ, &policy);

	(void)argc;
	(void)argv;
	if (policy != NULL)
		ret = policy_result(policy_mx2_list(policy, append_mx2, domains, &error), &error);
	if (ret == EX_OK && admin->json)
		print_json(domains);
	json_array_foreach(domains, i, domain)
	{
		if (ret == EX_OK && !admin->json)
			printf("%s\tto %s, tls %s, kept %s, recipients %s\n",
			       json_string_value(json_object_get(domain, "domain")),
			       json_string_value(json_object_get(domain, "primary")),
			       json_string_value(json_object_get(domain, "tls")),
			       json_string_value(json_object_get(domain, "retention")),
			       json_string_value(json_object_get(domain, "recipients")));
	}
	json_decref(domains);
	policy_close(&policy);
	return ret;
}

static bool append_recipient(void *context, const char *address)
{
	json_array_append_new(context, json_string(address));
	return true;
}

static void print_domain(json_t *domain)
{
	const char *name;
	json_t *value, *address;
	size_t i;

	json_object_foreach(domain, name, value)
	{
		if (json_is_string(value))
			printf("%s=%s\n", name, json_string_value(value));
		json_array_foreach(value, i, address)
			printf("allowed %s\n", json_string_value(address));
	}
}

static int mx2_show(struct admin *admin, int argc, char **argv)
{
	json_t *domain = NULL, *addresses = json_array();
	struct policy *policy;
	struct policy_mx2 mx2;
	char *error = NULL;
	int ret = open_domain(admin, argv[0], &policy, &mx2);

	(void)argc;
	if (ret == EX_OK)
		ret = policy_result(policy_mx2_recipient_list(policy, argv[0], append_recipient,
							      addresses, &error),
				    &error);
	if (ret == EX_OK) {
		domain = mx2_to_json(&mx2);
		json_object_set(domain, "addresses", addresses);
		if (admin->json)
			print_json(domain);
		else
			print_domain(domain);
	}
	json_decref(domain);
	json_decref(addresses);
	policy_close(&policy);
	return ret;
}

const struct command mx2_actions[] = {
	{"add", "DOMAIN [NAME=VALUE...]", "Hold mail for a domain from now on", mx2_add, 1, -1,
	 MX2_NAMES, NULL, false},
	{"set", "DOMAIN NAME=VALUE...", "Change what is said of a domain", mx2_set, 2, -1,
	 MX2_NAMES, NULL, false},
	{"remove", "DOMAIN", "Take no more mail for a domain", mx2_remove, 1, 1,
	 "What is in the queue already stays there; Postfix then delivers it by the MX records.\n",
	 NULL, false},
	{"allow", "DOMAIN ADDRESS...", "Add known recipients (for recipients=list)", mx2_allow, 2,
	 -1, NULL, NULL, false},
	{"deny", "DOMAIN ADDRESS...", "Take known recipients away", mx2_deny, 2, -1, NULL, NULL,
	 false},
	{"recipients", "DOMAIN FILE|-",
	 "Replace the known recipients by those of a file, one a line", mx2_recipients, 2, 2,
	 "All or nothing: one address that is none of the domain's, and nothing is changed.\n",
	 NULL, false},
	{"list", "[--json]", "List the domains", mx2_list, 0, 0, NULL, NULL, false},
	{"show", "[--json] DOMAIN", "Show a domain with its known recipients", mx2_show, 1, 1, NULL,
	 NULL, false},
	{"queue", "[--json] [DOMAIN]", "What waits, since when, until when, and why", mx2_queue, 0,
	 1, NULL, NULL, false},
	{"check", "[--json] DOMAIN", "Is all ready for the day the primary goes down?", mx2_check,
	 1, 1,
	 "DNS, reachability, TLS as Postfix would see it, recipients, clock.\n"
	 "Exit code: 0 all is well, 1 warnings, 2 something does not work.\n",
	 NULL, false},
	{"tend", "[--dry-run]", "Expire, hold, flush and tell, as is due (a timer's work)",
	 mx2_tend, 0, 1,
	 "Each minute: what has become too old for its domain goes back to its sender; what the\n"
	 "primary refused is held or dropped; mail for a primary that answers again is tried;\n"
	 "contacts are told. --dry-run only says what would be done.\n",
	 NULL, false},
	{"key", "", "At a primary: the public key of its lists; made the first time", mx2_key, 0, 0,
	 "Its fallback gets it once: shoveler mx2 set DOMAIN recipients=list key=KEY.\n", NULL,
	 false},
	{"push", "DOMAIN HOST [FILE|-]", "At a primary: send the list of recipients to a fallback",
	 mx2_push, 2, 3,
	 "Signed, by mail to shoveler-recipients@HOST; what the fallback refuses comes back to\n"
	 "postmaster@DOMAIN. Without FILE (one address a line): Dovecot's users and Postfix's maps.\n",
	 NULL, false},
	{"sign", "DOMAIN [FILE|-]", "The same list on standard output, for a web server (url=)",
	 mx2_sign, 1, 2, NULL, NULL, false},
	{"accept", "[SENDER]", "Take a signed list from standard input (Postfix's work)",
	 mx2_accept, 0, 1,
	 "Checked, and left for `mx2 tend`. Exit code 65: refused, and SENDER may be told.\n", NULL,
	 false},
	{"fetch", "DOMAIN", "Ask a domain's url= for its list now", mx2_fetch, 1, 1, NULL, NULL,
	 false},
	{"primary", "DOMAIN", "What the primary's Postfix should know of this host", mx2_primary, 1,
	 1, NULL, NULL, false},
	{"export", "DOMAIN...", "What another Postfix needs to be a fallback MX for our domains",
	 mx2_export, 1, -1, NULL, NULL, false},
	{"postfix", "[--json] [DIR]", "Print what belongs into Postfix's configuration",
	 mx2_postfix, 0, 1,
	 "With DIR (/etc/postfix/shoveler) the sqlite maps are written there and what changed is said.\n"
	 "Then add each value to the setting of the same name; from then on no reload is needed.\n",
	 NULL, false},
	{NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, false},
};
