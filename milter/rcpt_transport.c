#include "rcpt_transport.h"

#include "lib/xalloc.h"

#include <stdlib.h>

/* 1: a domain whose mailboxes are on this host; 0: not; -1. */
static int is_hosted(const struct rcpt_maps *maps, const char *domain, char **error_r)
{
	int found = rcpt_maps_has_domain(maps, PF_MYDESTINATION, domain, error_r);

	if (found == 0)
		found = rcpt_maps_has_domain(maps, PF_VIRTUAL_MAILBOX_DOMAINS, domain, error_r);
	return found;
}

static bool is_loopback(struct span nexthop)
{
	static const char *const names[] = {"[127.",	  "127.",      "[::1]",
					    "[ipv6:::1]", "localhost", "[localhost]"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_starts_nocase(nexthop, span_of(names[i])))
			return true;
	}
	return false;
}

static int place_of_lmtp(const struct rcpt_maps *maps, const struct rcpt_parts *parts,
			 struct span nexthop, enum rcpt_place *place_r, char **error_r)
{
	int hosted;

	*place_r = PLACE_HERE;
	if (span_starts_nocase(nexthop, SPAN_LITERAL("inet:")))
		nexthop = span_from(nexthop, 5);
	if (span_starts_nocase(nexthop, SPAN_LITERAL("unix:")) || is_loopback(nexthop))
		return 0;
	hosted = is_hosted(maps, parts->domain, error_r);
	if (hosted == 0)
		*place_r = PLACE_AWAY;
	return hosted < 0 ? -1 : 0;
}

int rcpt_transport_place(const struct rcpt_maps *maps, const struct rcpt_parts *parts,
			 struct span transport, struct span nexthop, enum rcpt_place *place_r,
			 char **error_r)
{
	const char *program = postfix_config_program(maps->config, transport);

	if (program == NULL) {
		*error_r = xasprintf("master.cf has no transport \"%.*s\"", SPAN_ARG(transport));
		return -1;
	}
	if (strcmp(program, "error") == 0 || strcmp(program, "discard") == 0)
		*place_r = PLACE_NOWHERE;
	else if (strcmp(program, "local") == 0)
		*place_r = PLACE_ALIASES;
	else if (strcmp(program, "lmtp") == 0)
		return place_of_lmtp(maps, parts, nexthop, place_r, error_r);
	else if (strcmp(program, "smtp") == 0 && !is_loopback(nexthop))
		*place_r = PLACE_AWAY;
	else
		*place_r = PLACE_HERE;
	return 0;
}

/* The transport that the class of the domain has, as trivial-rewrite(8) finds it. */
static int default_transport(const struct rcpt_maps *maps, const char *domain, struct span *value_r,
			     char **error_r)
{
	static const struct {
		enum postfix_parameter domains;
		int transport; /* -1: nowhere */
	} classes[] = {
		{PF_MYDESTINATION, PF_LOCAL_TRANSPORT},
		{PF_VIRTUAL_ALIAS_DOMAINS, -1},
		{PF_VIRTUAL_MAILBOX_DOMAINS, PF_VIRTUAL_TRANSPORT},
		{PF_RELAY_DOMAINS, PF_RELAY_TRANSPORT},
	};
	int transport = PF_DEFAULT_TRANSPORT;

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		int found = rcpt_maps_has_domain(maps, classes[i].domains, domain, error_r);

		if (found < 0)
			return -1;
		if (found == 1) {
			transport = classes[i].transport;
			break;
		}
	}
	*value_r = span_of(transport < 0 ? "error"
					 : postfix_config_get(maps->config,
							      (enum postfix_parameter)transport));
	return 0;
}

static void split_transport(struct span value, struct span *transport_r, struct span *nexthop_r)
{
	const char *colon = value.size == 0 ? NULL : memchr(value.data, ':', value.size);
	size_t size = colon == NULL ? value.size : (size_t)(colon - value.data);

	*transport_r = span_first(value, size);
	*nexthop_r = span_from(value, size + 1);
}

int rcpt_transport_find(const struct rcpt_maps *maps, const struct rcpt_parts *parts,
			enum rcpt_place *place_r, char **error_r)
{
	struct span value, transport, nexthop, mapped_transport = {0}, mapped_nexthop = {0};
	char *mapped = NULL;
	int ret;

	if (default_transport(maps, parts->domain, &value, error_r) < 0 ||
	    rcpt_maps_find_transport(maps, parts, &mapped, error_r) < 0)
		return -1;
	split_transport(value, &transport, &nexthop);
	if (mapped != NULL)
		split_transport(span_of(mapped), &mapped_transport, &mapped_nexthop);
	/* transport(5): an empty transport or next hop leaves that half as it was. */
	if (mapped_transport.size > 0)
		transport = mapped_transport;
	if (mapped_transport.size > 0 || mapped_nexthop.size > 0)
		nexthop = mapped_nexthop;
	if (nexthop.size == 0)
		nexthop = span_of(parts->domain);
	ret = rcpt_transport_place(maps, parts, transport, nexthop, place_r, error_r);
	free(mapped);
	return ret;
}
