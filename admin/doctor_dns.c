/*
 * doctor_dns.c - asks each DNS list, by the resolver that the milter asks, for its test entries
 * (RFC 5782 section 5), and looks whether the resolver is one that lists refuse to answer.
 */
#include "doctor.h"
#include "probe.h"

#include "lib/clock.h"
#include "milter/dns_lists.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 10000

static const char *const resolver_advice =
	"run a resolver of this host's own (unbound) and name it in /etc/resolv.conf or "
	"dns_servers: lists do not answer public ones, and count per address";

/* ---- the resolver ---- */

static void judge_server(struct doctor *doctor, const char *address)
{
	/* Google, Cloudflare, Quad9, OpenDNS, Level 3, AdGuard; IPv6 by its beginning. */
	static const char *const publics[] = {
		"8.8.8.8",	   "8.8.4.4",	"1.1.1.1",	 "1.0.0.1",    "9.9.9.9",
		"149.112.112.",	   "208.67.22", "4.2.2.",	 "94.140.14.", "2001:4860:4860",
		"2606:4700:4700:", "2620:fe::", "2620:119:35::",
	};

	for (size_t i = 0; i < sizeof(publics) / sizeof(publics[0]); i++) {
		if (strncmp(address, publics[i], strlen(publics[i])) == 0)
			doctor_report(doctor, FINDING_WARNING, "resolver-public", resolver_advice,
				      "the name server %s is a public one", address);
	}
}

static void check_resolver(struct doctor *doctor, const struct conf *conf)
{
	const char *const *servers = conf_list(conf, P_DNS_SERVERS);
	char line[512], address[256];
	FILE *file;

	if (servers[0] != NULL) {
		for (; *servers != NULL; servers++)
			judge_server(doctor, *servers);
		return;
	}
	file = fopen("/etc/resolv.conf", "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, " nameserver %255s", address) == 1)
			judge_server(doctor, address);
	}
	if (file != NULL)
		fclose(file);
}

/* ---- the lists ---- */

struct test {
	const struct dns_list *list;
	struct dns_query *listed, *unlisted;
};

static void judge_list(struct doctor *doctor, const struct test *test,
		       const struct dns_answer *listed, const struct dns_answer *unlisted)
{
	const char *problem = dns_lists_judge(test->list, listed, unlisted);

	if (problem == NULL)
		doctor_ok(doctor, "%s answers as it should", test->list->domain);
	else if (dns_lists_is_refusal(listed) || dns_lists_is_refusal(unlisted))
		doctor_report(doctor, FINDING_ERROR, "list-refuses", resolver_advice, "%s %s",
			      test->list->domain, problem);
	else
		doctor_report(doctor, FINDING_ERROR, "list-broken",
			      "the milter has muted it: take it out of dnsbl_sites or rhsbl_sites "
			      "unless it comes back; if no list answers, and no name resolves "
			      "(getent hosts debian.org), it is the resolver that is down",
			      "%s %s", test->list->domain, problem);
}

static void judge_tests(struct doctor *doctor, struct test *tests, size_t count)
{
	static const struct dns_answer silence = {.status = DNS_FAILED};
	int64_t deadline = clock_ms() + ANSWER_MS;

	for (size_t i = 0; i < count; i++) {
		const struct dns_answer *listed = dns_wait(tests[i].listed, deadline);
		const struct dns_answer *unlisted = dns_wait(tests[i].unlisted, deadline);

		judge_list(doctor, &tests[i], listed != NULL ? listed : &silence,
			   unlisted != NULL ? unlisted : &silence);
		dns_release(&tests[i].listed);
		dns_release(&tests[i].unlisted);
	}
}

static void add_lists(struct doctor *doctor, const struct conf *conf, enum conf_param param,
		      struct dns_lists *lists)
{
	char *error = NULL;

	for (const char *const *spec = conf_list(conf, param); *spec != NULL; spec++) {
		if (dns_lists_add(lists, *spec, param == P_RHSBL_SITES, &error) < 0)
			doctor_report(doctor, FINDING_ERROR, "list-invalid", "mend it in main.cf",
				      "%s: %s", conf_name(param), error);
		free(error);
		error = NULL;
	}
}

static void check_lists(struct doctor *doctor, const struct dns_lists *lists, struct dns *dns)
{
	struct test tests[DNS_LISTS_MAX];
	size_t count = dns_lists_count(lists);

	for (size_t i = 0; i < count; i++) {
		tests[i].list = dns_lists_get(lists, i);
		dns_lists_start_test(tests[i].list, dns, &tests[i].listed, &tests[i].unlisted);
	}
	judge_tests(doctor, tests, count);
}

void doctor_check_dns(struct doctor *doctor, const struct conf *conf)
{
	struct dns_lists *lists;
	struct dns *dns = NULL;
	char *error = NULL;

	if (!service_wanted(conf, &services[0]))
		return;
	lists = dns_lists_new();
	add_lists(doctor, conf, P_DNSBL_SITES, lists);
	add_lists(doctor, conf, P_RHSBL_SITES, lists);
	if (dns_lists_count(lists) == 0) {
		doctor_ok(doctor, "no DNS lists are asked");
	} else if (dns_open(conf_list(conf, P_DNS_SERVERS), &dns, &error) < 0) {
		doctor_report(doctor, FINDING_ERROR, "resolver-missing", resolver_advice, "%s",
			      error);
	} else {
		check_resolver(doctor, conf);
		check_lists(doctor, lists, dns);
		dns_close(&dns);
	}
	free(error);
	dns_lists_free(&lists);
}
