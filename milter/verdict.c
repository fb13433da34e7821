#include "verdict.h"

static const char *const names[] = {"accept", "discard", "suppress", "reject",
				    "hold",   "defer",	 "split"};

const char *verdict_name(enum verdict verdict)
{
	return names[verdict];
}

/* For recipients that are all mailboxes one reply fits all. */
static enum verdict plain_verdict(enum virus_action action)
{
	switch (action) {
	case VIRUS_DISCARD:
		return VERDICT_DISCARD;
	case VIRUS_REJECT:
		return VERDICT_REJECT;
	case VIRUS_HOLD:
		return VERDICT_HOLD;
	case VIRUS_ACCEPT:
		break;
	}
	return VERDICT_ACCEPT;
}

static enum verdict infected_verdict(const struct policy *policy, const struct verdict_input *input,
				     bool mixed)
{
	enum virus_action action =
		input->submitted ? policy->virus_action_submitted : policy->virus_action;

	if (input->braked && action != VIRUS_REJECT)
		return VERDICT_HOLD;
	/* A user of ours learns at once that he sends a virus, whoever else was to get it. */
	if (mixed && !(input->submitted && action == VIRUS_REJECT))
		return input->inseparable ? VERDICT_HOLD : VERDICT_SUPPRESS;
	return plain_verdict(action);
}

static enum verdict limit_verdict(const struct policy *policy, const struct verdict_input *input,
				  bool mixed)
{
	if (!mixed || policy->limit_action == VIRUS_ACCEPT)
		return plain_verdict(policy->limit_action);
	return input->separable ? VERDICT_SPLIT : VERDICT_HOLD;
}

/* Those who may have it get it the next time, by themselves. */
static enum verdict later(const struct verdict_input *input, bool mixed)
{
	return mixed && input->separable ? VERDICT_SPLIT : VERDICT_DEFER;
}

bool verdict_wants_scan(const struct policy *policy, unsigned classes, bool submitted)
{
	return policy->scan &&
	       ((classes & CLASS_MAILBOX) != 0 || (submitted && policy->scan_submitted));
}

enum verdict verdict_find(const struct policy *policy, const struct verdict_input *input)
{
	bool whole = input->submitted && policy->scan_submitted;
	bool mixed = !whole && (input->classes & ~CLASS_MAILBOX) != 0;

	if (!verdict_wants_scan(policy, input->classes, input->submitted))
		return VERDICT_ACCEPT;
	if (input->poisonous)
		return VERDICT_HOLD;
	if (input->unkept)
		return later(input, mixed);
	switch (input->status) {
	case SCAN_CLEAN:
		return VERDICT_ACCEPT;
	case SCAN_INFECTED:
		return infected_verdict(policy, input, mixed);
	case SCAN_LIMIT:
		return limit_verdict(policy, input, mixed);
	case SCAN_ERROR:
		break;
	}
	return later(input, mixed);
}
