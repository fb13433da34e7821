/*
 * domains.h - the domains this host is a fallback MX for, and what waits for each.
 *
 * Pure decisions; queue.h has the queue itself.
 */
#ifndef SHOVELER_MX2_DOMAINS_H
#define SHOVELER_MX2_DOMAINS_H

#include "queue.h"

#include "schema/policy.h"

#define MX2_REASON_SIZE 512

/* What waits for a domain. A message with recipients in two domains counts in both. */
struct mx2_waiting {
	uint64_t messages, bytes;
	uint64_t held;	  /* in Postfix's hold queue */
	uint64_t refused; /* by the primary, for good */
	int64_t oldest;	  /* arrival; 0: none */
	int64_t expires;  /* when the first of them expires; 0: none */
	/* The newest reason for which one could not be delivered, and when that message came. */
	char reason[MX2_REASON_SIZE];
	int64_t reason_arrival;
	bool unreachable; /* at least one waits since the primary could not be reached */
};

struct mx2_domain {
	struct policy_mx2 mx2;
	struct mx2_waiting waiting;
	uint64_t counted; /* the number of the last message that was counted here */
};

struct mx2_domains {
	struct mx2_domain *list; /* by name */
	size_t count;
	uint64_t messages; /* counted so far */
};

/* From the policy store; policy NULL (there is none): no domains. */
enum policy_status mx2_domains_load(struct policy *policy, struct mx2_domains *domains_r,
				    char **error_r);
void mx2_domains_free(struct mx2_domains *domains);

/* NULL: none of ours. */
struct mx2_domain *mx2_domains_find(const struct mx2_domains *domains, struct span domain);

/* "host ... said: 550 ...": the primary has refused it for good (seen through soft_bounce). */
bool mx2_is_refusal(const char *reason);
/* Did the host not answer at all? */
bool mx2_is_unreachable(const char *reason);

/* Adds the message to what waits for its domains. */
void mx2_domains_count(struct mx2_domains *domains, const struct queued *message);

/*
 * What is to be done with a message now; QUEUE_ACTIONS: nothing.
 * - Too old for the most patient of its recipients' domains: expire (back to the sender). Mail that
 *   is for none of our domains may become other_lifetime seconds old.
 * - All its remaining recipients were refused by a primary whose domain does not bounce: hold or
 *   discard, so that no forged sender gets a bounce. Held ones are discarded when they are too old.
 */
enum queue_action mx2_judge(const struct mx2_domains *domains, const struct queued *message,
			    int64_t other_lifetime, int64_t now);

#endif
