#include "domains.h"

#include "lib/xalloc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static bool append_domain(void *context, const struct policy_mx2 *mx2)
{
	struct mx2_domains *domains = context;

	domains->list = xrealloc(domains->list, (domains->count + 1) * sizeof(*domains->list));
	domains->list[domains->count++] = (struct mx2_domain){.mx2 = *mx2};
	return true;
}

enum policy_status mx2_domains_load(struct policy *policy, struct mx2_domains *domains_r,
				    char **error_r)
{
	enum policy_status status = POLICY_OK;

	*domains_r = (struct mx2_domains){NULL, 0, 0};
	if (policy != NULL)
		status = policy_mx2_list(policy, append_domain, domains_r, error_r);
	if (status != POLICY_OK)
		mx2_domains_free(domains_r);
	return status;
}

void mx2_domains_free(struct mx2_domains *domains)
{
	free(domains->list);
	*domains = (struct mx2_domains){NULL, 0, 0};
}

static int compare_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct mx2_domain *)element)->mx2.domain);
}

struct mx2_domain *mx2_domains_find(const struct mx2_domains *domains, struct span domain)
{
	char name[POLICY_NAME_MAX + 1];

	if (domain.size >= sizeof(name) || domains->count == 0)
		return NULL;
	for (size_t i = 0; i < domain.size; i++)
		name[i] = (char)tolower((unsigned char)domain.data[i]);
	name[domain.size] = '\0';
	return bsearch(name, domains->list, domains->count, sizeof(*domains->list), compare_name);
}

static struct mx2_domain *domain_of(const struct mx2_domains *domains, const char *address)
{
	const char *at = strrchr(address, '@');

	return at == NULL ? NULL : mx2_domains_find(domains, span_of(at + 1));
}

/* When a message that came then, for that domain, is too old. */
static int64_t mx2_deadline(const struct policy_mx2 *mx2, int64_t arrival)
{
	int64_t end = arrival + mx2->retention;

	return end > mx2->retention_until ? end : mx2->retention_until;
}

bool mx2_is_refusal(const char *reason)
{
	const char *said = strstr(reason, " said: 5");

	return said != NULL && isdigit((unsigned char)said[8]) && isdigit((unsigned char)said[9]);
}

/* The texts of Postfix's smtp_connect.c and smtp_trouble.c. */
bool mx2_is_unreachable(const char *reason)
{
	static const char *const signs[] = {"connect to ",
					    "lost connection with ",
					    "conversation with ",
					    "Host or domain name",
					    "refused to talk to me",
					    "Network is unreachable",
					    "delivery temporarily suspended"};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (strstr(reason, signs[i]) != NULL)
			return true;
	}
	return false;
}

static void count_recipient(struct mx2_waiting *waiting, const struct queued *message,
			    const char *reason)
{
	if (mx2_is_refusal(reason))
		waiting->refused++;
	if (mx2_is_unreachable(reason))
		waiting->unreachable = true;
	if (reason[0] != '\0' && message->arrival >= waiting->reason_arrival) {
		snprintf(waiting->reason, sizeof(waiting->reason), "%s", reason);
		waiting->reason_arrival = message->arrival;
	}
}

static void count_message(struct mx2_domain *domain, const struct queued *message)
{
	struct mx2_waiting *waiting = &domain->waiting;
	int64_t deadline = mx2_deadline(&domain->mx2, message->arrival);

	waiting->messages++;
	waiting->bytes += message->size;
	waiting->held += strcmp(message->queue, "hold") == 0;
	if (waiting->oldest == 0 || message->arrival < waiting->oldest)
		waiting->oldest = message->arrival;
	if (waiting->expires == 0 || deadline < waiting->expires)
		waiting->expires = deadline;
}

void mx2_domains_count(struct mx2_domains *domains, const struct queued *message)
{
	domains->messages++;
	for (size_t i = 0; i < message->count; i++) {
		struct mx2_domain *domain = domain_of(domains, message->recipients[i].address);

		if (domain == NULL)
			continue;
		if (domain->counted != domains->messages)
			count_message(domain, message);
		domain->counted = domains->messages;
		count_recipient(&domain->waiting, message, message->recipients[i].reason);
	}
}

struct judgement {
	int64_t deadline;
	bool refused; /* all of them, by primaries whose mail is not bounced */
	bool to_hold; /* at least one of these domains holds */
};

static struct judgement look_at(const struct mx2_domains *domains, const struct queued *message,
				int64_t other_lifetime)
{
	struct judgement judgement = {0, message->count > 0, false};

	for (size_t i = 0; i < message->count; i++) {
		const struct queued_recipient *recipient = &message->recipients[i];
		const struct mx2_domain *domain = domain_of(domains, recipient->address);
		int64_t deadline = domain != NULL ? mx2_deadline(&domain->mx2, message->arrival)
						  : message->arrival + other_lifetime;

		if (deadline > judgement.deadline)
			judgement.deadline = deadline;
		if (domain == NULL || strcmp(domain->mx2.refused, "bounce") == 0 ||
		    !mx2_is_refusal(recipient->reason))
			judgement.refused = false;
		else if (strcmp(domain->mx2.refused, "hold") == 0)
			judgement.to_hold = true;
	}
	return judgement;
}

enum queue_action mx2_judge(const struct mx2_domains *domains, const struct queued *message,
			    int64_t other_lifetime, int64_t now)
{
	struct judgement judgement = look_at(domains, message, other_lifetime);
	bool held = strcmp(message->queue, "hold") == 0;
	bool old = message->count > 0 && now > judgement.deadline;

	if (judgement.refused && (old || !judgement.to_hold))
		return QUEUE_DISCARD;
	if (judgement.refused && !held)
		return QUEUE_HOLD;
	/* What somebody else holds is his; what expires already needs no second push. */
	if (old && !held && !message->expiring)
		return QUEUE_EXPIRE;
	return QUEUE_ACTIONS;
}
