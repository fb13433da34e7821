#include "dns_lists.h"

#include "lib/clock.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEST_INTERVAL_MS  3600000
#define RETRY_INTERVAL_MS 60000

METRIC_GAUGE(muted_lists, "shoveler_milter_dns_lists_muted", "DNS lists that do not score now");

struct dns_lists {
	pthread_mutex_t lock;
	size_t count;
	struct dns_list lists[DNS_LISTS_MAX];
};

struct dns_lists *dns_lists_new(void)
{
	struct dns_lists *lists = xcalloc(1, sizeof(*lists));

	pthread_mutex_init(&lists->lock, NULL);
	return lists;
}

void dns_lists_free(struct dns_lists **lists_p)
{
	struct dns_lists *lists = *lists_p;

	if (lists == NULL)
		return;
	*lists_p = NULL;
	for (size_t i = 0; i < lists->count; i++) {
		struct dns_list *list = &lists->lists[i];

		if (list->counted && !list->good)
			atomic_fetch_sub(&muted_lists.value, 1);
		dns_release(&list->listed);
		dns_release(&list->unlisted);
		for (size_t j = 0; j < list->site_count; j++)
			dnsbl_free(&list->sites[j]);
		free(list->sites);
		free(list->domain);
	}
	pthread_mutex_destroy(&lists->lock);
	free(lists);
}

/* Specs of one domain share its queries. */
static struct dns_list *list_of(struct dns_lists *lists, const char *domain, bool of_names)
{
	struct dns_list *list;

	for (size_t i = 0; i < lists->count; i++) {
		list = &lists->lists[i];
		if (list->of_names == of_names && strcasecmp(list->domain, domain) == 0)
			return list;
	}
	if (lists->count == DNS_LISTS_MAX)
		return NULL;
	list = &lists->lists[lists->count++];
	list->domain = xstrdup(domain);
	list->of_names = of_names;
	return list;
}

int dns_lists_add(struct dns_lists *lists, const char *spec, bool of_names, char **error_r)
{
	struct dnsbl_site site;
	struct dns_list *list;

	if (dnsbl_parse(spec, &site, error_r) < 0)
		return -1;
	list = list_of(lists, site.domain, of_names);
	if (list == NULL) {
		*error_r = xasprintf("more than %d DNS lists", DNS_LISTS_MAX);
		dnsbl_free(&site);
		return -1;
	}
	list->sites = xrealloc(list->sites, (list->site_count + 1) * sizeof(*list->sites));
	list->sites[list->site_count++] = site;
	return 0;
}

static struct dns_query *start_test(struct dns *dns, const struct dns_list *list, const char *ip,
				    const char *name)
{
	char *query_name = xasprintf("%s.%s", list->of_names ? name : ip, list->domain);
	struct dns_query *query = dns_start(dns, query_name, DNS_A);

	free(query_name);
	return query;
}

bool dns_lists_is_refusal(const struct dns_answer *answer)
{
	static const unsigned char refusal[] = {127, 255, 255};

	for (size_t i = 0; answer->status == DNS_FOUND && i < answer->count; i++) {
		if (memcmp(answer->records[i].data, refusal, sizeof(refusal)) == 0)
			return true;
	}
	return false;
}

/* An RHSBL need not have a test entry. */
const char *dns_lists_judge(const struct dns_list *list, const struct dns_answer *listed,
			    const struct dns_answer *unlisted)
{
	if (listed->status == DNS_FAILED || unlisted->status == DNS_FAILED)
		return "does not answer";
	if (dns_lists_is_refusal(listed) || dns_lists_is_refusal(unlisted))
		return "answers 127.255.255.x, so it refuses this host or its resolver";
	if (unlisted->status == DNS_FOUND)
		return list->of_names ? "lists INVALID, so everything"
				      : "lists 127.0.0.1, so everything";
	if (listed->status == DNS_NONE && !list->of_names)
		return "does not list its own test entry 127.0.0.2";
	return NULL;
}

static void set_state(struct dns_list *list, const char *problem)
{
	bool good = problem == NULL;

	if (good != list->good)
		atomic_fetch_add(&muted_lists.value, good ? -1 : 1);
	if (good && !list->good && list->test_at_ms != 0)
		msg_info("DNS list %s: action=use", list->domain);
	else if (!good && (list->good || list->test_at_ms == 0))
		msg_warn("DNS list %s: action=mute, reason=%s", list->domain, problem);
	list->good = good;
	list->silent = 0;
	list->test_at_ms = clock_ms() + (good ? TEST_INTERVAL_MS : RETRY_INTERVAL_MS);
}

static void finish_test(struct dns_list *list, int64_t deadline_ms)
{
	const struct dns_answer *listed = dns_wait(list->listed, deadline_ms);
	const struct dns_answer *unlisted =
		listed == NULL ? NULL : dns_wait(list->unlisted, deadline_ms);

	if (unlisted == NULL)
		return;
	set_state(list, dns_lists_judge(list, listed, unlisted));
	dns_release(&list->listed);
	dns_release(&list->unlisted);
}

void dns_lists_start_test(const struct dns_list *list, struct dns *dns, struct dns_query **listed_r,
			  struct dns_query **unlisted_r)
{
	*listed_r = start_test(dns, list, "2.0.0.127", "test");
	*unlisted_r = start_test(dns, list, "1.0.0.127", "invalid");
}

void dns_lists_test(struct dns_lists *lists, struct dns *dns)
{
	int64_t now = clock_ms();

	/* Somebody else is at it: that is enough. */
	if (pthread_mutex_trylock(&lists->lock) != 0)
		return;
	for (size_t i = 0; i < lists->count; i++) {
		struct dns_list *list = &lists->lists[i];

		if (list->listed != NULL)
			finish_test(list, 0);
		else if (now >= list->test_at_ms)
			dns_lists_start_test(list, dns, &list->listed, &list->unlisted);
	}
	pthread_mutex_unlock(&lists->lock);
}

void dns_lists_test_now(struct dns_lists *lists, struct dns *dns, int wait_ms)
{
	int64_t deadline = clock_ms() + wait_ms;

	pthread_mutex_lock(&lists->lock);
	for (size_t i = 0; i < lists->count; i++) {
		/* Until it has shown that it is good it is muted. */
		lists->lists[i].counted = true;
		atomic_fetch_add(&muted_lists.value, 1);
		dns_lists_start_test(&lists->lists[i], dns, &lists->lists[i].listed,
				     &lists->lists[i].unlisted);
	}
	for (size_t i = 0; i < lists->count; i++)
		finish_test(&lists->lists[i], deadline);
	pthread_mutex_unlock(&lists->lock);
}

size_t dns_lists_count(const struct dns_lists *lists)
{
	return lists->count;
}

const struct dns_list *dns_lists_get(const struct dns_lists *lists, size_t i)
{
	return &lists->lists[i];
}

bool dns_lists_usable(struct dns_lists *lists, size_t i)
{
	bool usable;

	pthread_mutex_lock(&lists->lock);
	usable = lists->lists[i].good;
	pthread_mutex_unlock(&lists->lock);
	return usable;
}

void dns_lists_report(struct dns_lists *lists, size_t i, bool answered)
{
	struct dns_list *list = &lists->lists[i];

	pthread_mutex_lock(&lists->lock);
	if (answered)
		list->silent = 0;
	else if (list->good && ++list->silent >= DNS_LISTS_MAX_SILENT)
		set_state(list, "does not answer");
	pthread_mutex_unlock(&lists->lock);
}
