#include "lookups.h"

#include "lib/clock.h"
#include "lib/metrics.h"
#include "lib/xalloc.h"
#include "helo.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NAMES	 5 /* PTR names and MX hosts that are looked at */
#define MAX_LIST_QUERIES (DNS_LISTS_MAX * 3)

enum subject { ABOUT_CLIENT, ABOUT_HELO, ABOUT_SENDER };

struct list_query {
	enum subject subject;
	size_t list;
	struct dns_query *query;
	bool reported;
};

/* Addresses of some names. */
struct addresses {
	bool started;
	size_t count;
	struct dns_query *queries[MAX_NAMES * 2];
};

struct lookups {
	const struct lookup_settings *settings;
	struct ip client, server;
	bool has_server;
	char *helo;
	char *sender_domain; /* NULL: a bounce, or none */
	bool is_bounce;
	int64_t waited_ms;
	struct dns_query *ptr, *helo_mx, *sender_mx;
	struct addresses ptr_addresses, helo_addresses, sender_addresses, mx_addresses;
	size_t list_query_count;
	struct list_query list_queries[MAX_LIST_QUERIES];
};

static void release_addresses(struct addresses *addresses)
{
	for (size_t i = 0; i < addresses->count; i++)
		dns_release(&addresses->queries[i]);
	*addresses = (struct addresses){0};
}

static void add_name(struct lookups *lookups, struct addresses *addresses, const char *name)
{
	addresses->started = true;
	if (addresses->count + 2 > MAX_NAMES * 2)
		return;
	addresses->queries[addresses->count++] = dns_start(lookups->settings->dns, name, DNS_A);
	addresses->queries[addresses->count++] = dns_start(lookups->settings->dns, name, DNS_AAAA);
}

/* Asks all usable lists of that kind: about the client (name NULL), or about a name. */
static void ask_lists(struct lookups *lookups, enum subject subject, const char *name)
{
	const struct lookup_settings *settings = lookups->settings;

	for (size_t i = 0; i < dns_lists_count(settings->lists); i++) {
		const struct dns_list *list = dns_lists_get(settings->lists, i);
		char *query_name;

		if (list->of_names != (name != NULL) || !dns_lists_usable(settings->lists, i) ||
		    lookups->list_query_count == MAX_LIST_QUERIES)
			continue;
		query_name = name != NULL ? xasprintf("%s.%s", name, list->domain)
					  : dnsbl_query_name(list->domain, &lookups->client);
		lookups->list_queries[lookups->list_query_count++] = (struct list_query){
			subject, i, dns_start(settings->dns, query_name, DNS_A), false};
		free(query_name);
	}
}

static void forget_lists(struct lookups *lookups, enum subject subject)
{
	size_t kept = 0;

	for (size_t i = 0; i < lookups->list_query_count; i++) {
		if (lookups->list_queries[i].subject == subject)
			dns_release(&lookups->list_queries[i].query);
		else
			lookups->list_queries[kept++] = lookups->list_queries[i];
	}
	lookups->list_query_count = kept;
}

struct lookups *lookups_new(const struct lookup_settings *settings, const struct ip *client,
			    const struct ip *server)
{
	struct lookups *lookups = xcalloc(1, sizeof(*lookups));
	char *reverse;

	lookups->settings = settings;
	lookups->client = *client;
	lookups->has_server = server != NULL;
	if (server != NULL)
		lookups->server = *server;
	reverse = dnsbl_query_name(ip_is_v4(client) ? "in-addr.arpa" : "ip6.arpa", client);
	lookups->ptr = dns_start(settings->dns, reverse, DNS_PTR);
	free(reverse);
	dns_lists_test(settings->lists, settings->dns);
	ask_lists(lookups, ABOUT_CLIENT, NULL);
	return lookups;
}

void lookups_free(struct lookups **lookups_p)
{
	struct lookups *lookups = *lookups_p;

	if (lookups == NULL)
		return;
	*lookups_p = NULL;
	dns_release(&lookups->ptr);
	dns_release(&lookups->helo_mx);
	dns_release(&lookups->sender_mx);
	release_addresses(&lookups->ptr_addresses);
	release_addresses(&lookups->helo_addresses);
	release_addresses(&lookups->sender_addresses);
	release_addresses(&lookups->mx_addresses);
	for (size_t i = 0; i < lookups->list_query_count; i++)
		dns_release(&lookups->list_queries[i].query);
	free(lookups->helo);
	free(lookups->sender_domain);
	free(lookups);
}

/*
 * The answer, within what is left of the budget; NULL: it is not there, and a failure is as good.
 */
static const struct dns_answer *wait_for(struct lookups *lookups, struct dns_query *query)
{
	int64_t start = clock_ms();
	int64_t left = lookups->settings->budget_ms - lookups->waited_ms;
	const struct dns_answer *answer = dns_wait(query, start + (left > 0 ? left : 0));

	lookups->waited_ms += clock_ms() - start;
	return answer != NULL && answer->status != DNS_FAILED ? answer : NULL;
}

/* What can only be asked once another answer is there. */
static void follow_up(struct lookups *lookups, struct dns_query *query, struct addresses *addresses,
		      int64_t deadline_ms)
{
	const struct dns_answer *answer;

	if (query == NULL || addresses->started)
		return;
	answer = dns_wait(query, deadline_ms);
	if (answer == NULL)
		return;
	addresses->started = true;
	for (size_t i = 0; i < answer->count && i < MAX_NAMES; i++)
		add_name(lookups, addresses, answer->records[i].text);
}

void lookups_helo(struct lookups *lookups, const char *helo)
{
	free(lookups->helo);
	lookups->helo = xstrdup(helo);
	dns_release(&lookups->helo_mx);
	release_addresses(&lookups->helo_addresses);
	forget_lists(lookups, ABOUT_HELO);
	follow_up(lookups, lookups->ptr, &lookups->ptr_addresses, 0);
	if (helo_kind_find(helo, &lookups->client, lookups->settings->own_names, NULL) != HELO_NAME)
		return;
	add_name(lookups, &lookups->helo_addresses, helo);
	lookups->helo_mx = dns_start(lookups->settings->dns, helo, DNS_MX);
	ask_lists(lookups, ABOUT_HELO, helo);
}

void lookups_sender(struct lookups *lookups, const char *sender)
{
	const char *at = strrchr(sender, '@');

	free(lookups->sender_domain);
	lookups->sender_domain = NULL;
	dns_release(&lookups->sender_mx);
	release_addresses(&lookups->sender_addresses);
	release_addresses(&lookups->mx_addresses);
	forget_lists(lookups, ABOUT_SENDER);
	follow_up(lookups, lookups->ptr, &lookups->ptr_addresses, 0);
	lookups->is_bounce = sender[0] == '\0';
	if (at == NULL || at[1] == '[' || at[1] == '\0')
		return;
	lookups->sender_domain = xstrdup(at + 1);
	lookups->sender_mx = dns_start(lookups->settings->dns, at + 1, DNS_MX);
	add_name(lookups, &lookups->sender_addresses, at + 1);
	ask_lists(lookups, ABOUT_SENDER, at + 1);
}

enum found { FOUND_UNKNOWN, FOUND_NONE, FOUND_OTHER, FOUND_CLIENT };

static bool has_client(const struct lookups *lookups, const struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		struct ip ip = ip_from_bytes(answer->records[i].data, answer->records[i].size);

		if (memcmp(&ip, &lookups->client, sizeof(ip)) == 0)
			return true;
	}
	return false;
}

static enum found find_client(struct lookups *lookups, const struct addresses *addresses)
{
	bool unknown = false, other = false;

	for (size_t i = 0; i < addresses->count; i++) {
		const struct dns_answer *answer = wait_for(lookups, addresses->queries[i]);

		if (answer == NULL)
			unknown = true;
		else if (has_client(lookups, answer))
			return FOUND_CLIENT;
		else if (answer->status == DNS_FOUND)
			other = true;
	}
	if (unknown)
		return FOUND_UNKNOWN;
	return other ? FOUND_OTHER : FOUND_NONE;
}

static void add(struct lookups *lookups, struct score *score, enum score_check check)
{
	score_add(score, &lookups->settings->weights, check);
}

static void score_ptr(struct lookups *lookups, struct score *score)
{
	const struct dns_answer *answer = wait_for(lookups, lookups->ptr);
	enum found found;

	if (answer == NULL)
		return;
	if (answer->status == DNS_NONE) {
		add(lookups, score, CHECK_NO_PTR);
		return;
	}
	follow_up(lookups, lookups->ptr, &lookups->ptr_addresses, 0);
	found = find_client(lookups, &lookups->ptr_addresses);
	if (found == FOUND_NONE || found == FOUND_OTHER)
		add(lookups, score, CHECK_PTR_UNCONFIRMED);
	for (size_t i = 0; i < answer->count; i++) {
		if (helo_is_generic(answer->records[i].text, &lookups->client)) {
			add(lookups, score, CHECK_PTR_GENERIC);
			break;
		}
	}
}

static void score_helo_name(struct lookups *lookups, struct score *score)
{
	enum found found = find_client(lookups, &lookups->helo_addresses);

	if (helo_is_generic(lookups->helo, &lookups->client))
		add(lookups, score, CHECK_HELO_GENERIC);
	if (found == FOUND_OTHER) {
		add(lookups, score, CHECK_HELO_MISMATCH);
	} else if (found == FOUND_NONE) {
		const struct dns_answer *mx = wait_for(lookups, lookups->helo_mx);

		if (mx != NULL && mx->status == DNS_NONE)
			add(lookups, score, CHECK_HELO_UNKNOWN);
	}
}

static void score_helo(struct lookups *lookups, struct score *score)
{
	static const enum score_check checks[] = {
		[HELO_MISSING] = CHECK_HELO_MISSING,
		[HELO_SYNTAX] = CHECK_HELO_SYNTAX,
		[HELO_BARE_ADDRESS] = CHECK_HELO_BARE_ADDRESS,
		[HELO_LITERAL] = CHECK_HELO_LITERAL,
		[HELO_LITERAL_MISMATCH] = CHECK_HELO_LITERAL_MISMATCH,
		[HELO_NOT_FQDN] = CHECK_HELO_NOT_FQDN,
		[HELO_OURS] = CHECK_HELO_OURS,
	};
	enum helo_kind kind =
		helo_kind_find(lookups->helo, &lookups->client, lookups->settings->own_names,
			       lookups->has_server ? &lookups->server : NULL);

	if (kind == HELO_NAME)
		score_helo_name(lookups, score);
	else
		add(lookups, score, checks[kind]);
}

/* All addresses of all MX hosts are known, and none of them is on the internet. */
static bool mx_is_bogus(struct lookups *lookups)
{
	bool any = false;

	follow_up(lookups, lookups->sender_mx, &lookups->mx_addresses, 0);
	for (size_t i = 0; i < lookups->mx_addresses.count; i++) {
		const struct dns_answer *answer =
			wait_for(lookups, lookups->mx_addresses.queries[i]);

		if (answer == NULL)
			return false;
		for (size_t j = 0; j < answer->count; j++) {
			struct ip ip =
				ip_from_bytes(answer->records[j].data, answer->records[j].size);

			if (!ip_is_bogus(&ip))
				return false;
			any = true;
		}
	}
	return any;
}

static void score_sender(struct lookups *lookups, size_t recipients, struct score *score)
{
	const struct dns_answer *mx;

	if (lookups->is_bounce && recipients > 1)
		add(lookups, score, CHECK_BOUNCE_TO_MANY);
	if (lookups->sender_domain == NULL)
		return;
	mx = wait_for(lookups, lookups->sender_mx);
	if (mx == NULL)
		return;
	if (mx->status == DNS_NONE) {
		if (find_client(lookups, &lookups->sender_addresses) == FOUND_NONE)
			add(lookups, score, CHECK_SENDER_UNKNOWN);
	} else if (mx->count == 1 && mx->records[0].text[0] == '\0') {
		/* RFC 7505 */
		add(lookups, score, CHECK_SENDER_NULL_MX);
	} else if (mx_is_bogus(lookups)) {
		add(lookups, score, CHECK_SENDER_BOGUS_MX);
	}
}

static void score_list(const struct dns_list *list, const struct dns_answer *answer,
		       struct score *score)
{
	for (size_t i = 0; i < list->site_count; i++) {
		for (size_t j = 0; j < answer->count; j++) {
			if (!dnsbl_matches(&list->sites[i], answer->records[j].data))
				continue;
			score_add_list(score, list->domain, list->sites[i].weight);
			metric_count("shoveler_milter_dns_list_hits_total",
				     "Clients and names that a DNS list has", "list", list->domain);
			break;
		}
	}
}

static void score_lists(struct lookups *lookups, struct score *score)
{
	for (size_t i = 0; i < lookups->list_query_count; i++) {
		struct list_query *each = &lookups->list_queries[i];
		const struct dns_answer *answer = wait_for(lookups, each->query);

		if (!each->reported)
			dns_lists_report(lookups->settings->lists, each->list, answer != NULL);
		each->reported = true;
		if (answer != NULL)
			score_list(dns_lists_get(lookups->settings->lists, each->list), answer,
				   score);
	}
}

void lookups_score(struct lookups *lookups, size_t recipients, struct score *score_r)
{
	*score_r = (struct score){0};
	follow_up(lookups, lookups->sender_mx, &lookups->mx_addresses, 0);
	score_helo(lookups, score_r);
	score_ptr(lookups, score_r);
	score_sender(lookups, recipients, score_r);
	score_lists(lookups, score_r);
}
