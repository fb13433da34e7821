/* `shoveler mx2 queue`, `mx2 tend`: what waits in Postfix's queue, and what becomes of it. */
#include "cmd_mx2.h"

#include "lib/xalloc.h"
#include "mx2/notice.h"
#include "mx2/tend.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

int load_domains(struct admin *admin, struct mx2_domains *domains_r)
{
	struct policy *policy;
	char *error = NULL;
	int ret = open_policy(admin, POLICY_READ, &policy);

	*domains_r = (struct mx2_domains){NULL, 0, 0};
	if (ret == EX_OK)
		ret = policy_result(mx2_domains_load(policy, domains_r, &error), &error);
	policy_close(&policy);
	return ret;
}

/* Complains, frees the text. */
static int fail_temporarily(char **error)
{
	complain("%s", *error);
	free(*error);
	*error = NULL;
	return EX_TEMPFAIL;
}

static void count(void *context, const struct queued *message)
{
	mx2_domains_count(context, message);
}

static json_t *waiting_to_json(const struct mx2_domain *domain)
{
	const struct mx2_waiting *waiting = &domain->waiting;

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "domain", domain->mx2.domain,
			 "messages", (json_int_t)waiting->messages, "bytes",
			 (json_int_t)waiting->bytes, "held", (json_int_t)waiting->held, "refused",
			 (json_int_t)waiting->refused, "oldest", (json_int_t)waiting->oldest,
			 "expires", (json_int_t)waiting->expires, "last_error",
			 json_stringn_nocheck(waiting->reason, strlen(waiting->reason)));
}

static void print_waiting(const struct mx2_domain *domain, int64_t now)
{
	const struct mx2_waiting *waiting = &domain->waiting;
	char *size, *oldest, *expires, *left;

	if (waiting->messages == 0) {
		printf("%s: nothing waits\n", domain->mx2.domain);
		return;
	}
	size = notice_size(waiting->bytes);
	oldest = notice_date(waiting->oldest);
	expires = notice_date(waiting->expires);
	left = notice_span(waiting->expires - now);
	printf("%s: %" PRIu64 " messages, %s (%" PRIu64 " held, %" PRIu64
	       " refused by the primary)\n"
	       "  the oldest came %s; the first expires %s (in %s)\n",
	       domain->mx2.domain, waiting->messages, size, waiting->held, waiting->refused, oldest,
	       expires, left);
	if (waiting->reason[0] != '\0')
		printf("  last error: %s\n", waiting->reason);
	free(size);
	free(oldest);
	free(expires);
	free(left);
}

static int print_queue(struct admin *admin, const struct mx2_domains *domains, const char *only)
{
	json_t *all = json_array();
	bool found = only == NULL;

	for (size_t i = 0; i < domains->count; i++) {
		const struct mx2_domain *domain = &domains->list[i];

		if (only != NULL && strcasecmp(only, domain->mx2.domain) != 0)
			continue;
		found = true;
		json_array_append_new(all, waiting_to_json(domain));
		if (!admin->json)
			print_waiting(domain, time(NULL));
	}
	if (found && admin->json) {
		json_dumpf(all, stdout, JSON_INDENT(1));
		putchar('\n');
	}
	json_decref(all);
	if (!found)
		complain("this host is no fallback MX for \"%s\"", only);
	return found ? EX_OK : EX_DATAERR;
}

int mx2_queue(struct admin *admin, int argc, char **argv)
{
	struct mx2_domains domains;
	char *error = NULL;
	int ret = load_domains(admin, &domains);

	if (ret == EX_OK && queue_read(conf_text(admin->conf, P_POSTFIX_CONFIG_DIRECTORY), count,
				       &domains, &error) < 0)
		ret = fail_temporarily(&error);
	if (ret == EX_OK)
		ret = print_queue(admin, &domains, argc > 0 ? argv[0] : NULL);
	mx2_domains_free(&domains);
	return ret;
}

static int tend(struct admin *admin, struct mx2_domains *domains, bool dry_run)
{
	char *myhostname = conf_hostname(admin->conf), *error = NULL;
	char *state_file = xasprintf("%s/mx2.state", conf_text(admin->conf, P_STATE_DIRECTORY));
	struct tend tend = {
		.postfix_directory = conf_text(admin->conf, P_POSTFIX_CONFIG_DIRECTORY),
		.myhostname = myhostname,
		.state_file = state_file,
		.other_lifetime = conf_number(admin->conf, P_MX2_OTHER_LIFETIME),
		.tell_after = conf_number(admin->conf, P_MX2_TELL_AFTER),
		.list_max_age = conf_number(admin->conf, P_MX2_LIST_MAX_AGE),
		.now = time(NULL),
		.dry_run = dry_run,
		.log = stdout,
	};
	int ret = EX_OK;

	if (dns_open(conf_list(admin->conf, P_DNS_SERVERS), &tend.dns, &error) < 0 ||
	    tend_queue(&tend, domains, &error) < 0)
		ret = fail_temporarily(&error);
	if (tend.dns != NULL)
		dns_close(&tend.dns);
	free(state_file);
	free(myhostname);
	return ret;
}

int mx2_tend(struct admin *admin, int argc, char **argv)
{
	struct mx2_domains domains;
	bool dry_run = argc > 0;
	int ret;

	if (dry_run && strcmp(argv[0], "--dry-run") != 0) {
		complain("\"%s\" is no option of mx2 tend; it knows --dry-run", argv[0]);
		return EX_USAGE;
	}
	ret = load_domains(admin, &domains);
	if (ret == EX_OK && domains.count > 0 && !dry_run) {
		mx2_domains_free(&domains);
		ret = take_lists(admin);
		if (ret == EX_OK)
			ret = load_domains(admin, &domains);
	}
	/* No domains: Postfix's queue is none of our business. */
	if (ret == EX_OK && domains.count > 0)
		ret = tend(admin, &domains, dry_run);
	mx2_domains_free(&domains);
	return ret;
}
