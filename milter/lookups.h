/*
 * lookups.h - what DNS says about the client, the HELO name and the sender of one session.
 *
 * Queries start as soon as their name is known, all side by side; lookups_score() waits for what is
 * missing, in all sessions together never longer than dns_budget. An answer that is missing or a
 * failure counts as nothing.
 */
#ifndef SHOVELER_LOOKUPS_H
#define SHOVELER_LOOKUPS_H

#include "dns_lists.h"
#include "score.h"

/* What a session's lookups need of the configuration; lives longer than they. */
struct lookup_settings {
	struct dns *dns;
	struct dns_lists *lists;
	struct score_weights weights;
	const char *const *own_names; /* of this host, NULL-terminated */
	int budget_ms;
};

struct lookups;

/* server: the address the client came to, or NULL. */
struct lookups *lookups_new(const struct lookup_settings *settings, const struct ip *client,
			    const struct ip *server);
void lookups_free(struct lookups **lookups);

/* A new HELO or sender replaces the one before. sender: without <>, "" for a bounce. */
void lookups_helo(struct lookups *lookups, const char *helo);
void lookups_sender(struct lookups *lookups, const char *sender);

/* recipients: of this transaction, the one that is being asked for included. */
void lookups_score(struct lookups *lookups, size_t recipients, struct score *score_r);

#endif
