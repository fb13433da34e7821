/*
 * score.h - the checks of an outside client, their weights, and the sum. Pure.
 *
 * A new check is a row here and the line that finds it out (lookups.c). The default weights follow
 * what policyd-weight, postscreen and rspamd use relative to each other: no single row refuses a
 * client at the default score_reject = 8 but our own name as HELO and a sender domain that takes no
 * mail, each together with one more.
 */
#ifndef SHOVELER_SCORE_H
#define SHOVELER_SCORE_H

#include <stdbool.h>
#include <stddef.h>

#define SCORE_CHECKS(CHECK)                                                                        \
	CHECK(HELO_MISSING, "helo_missing", 3, "no HELO was given")                                \
	CHECK(HELO_SYNTAX, "helo_syntax", 4, "HELO is no host name")                               \
	CHECK(HELO_BARE_ADDRESS, "helo_bare_address", 4, "HELO is an address without brackets")    \
	CHECK(HELO_LITERAL, "helo_literal", 1, "HELO is an address, not a name")                   \
	CHECK(HELO_LITERAL_MISMATCH, "helo_literal_mismatch", 4, "HELO is another address")        \
	CHECK(HELO_NOT_FQDN, "helo_not_fqdn", 3, "HELO is not a full name")                        \
	CHECK(HELO_OURS, "helo_ours", 7, "HELO is our own name")                                   \
	CHECK(HELO_UNKNOWN, "helo_unknown", 2, "HELO name has neither address nor MX")             \
	CHECK(HELO_MISMATCH, "helo_mismatch", 1, "HELO name does not point to the client")         \
	CHECK(HELO_GENERIC, "helo_generic", 2, "HELO name looks like a dial-up line")              \
	CHECK(NO_PTR, "no_ptr", 3, "client address has no name")                                   \
	CHECK(PTR_UNCONFIRMED, "ptr_unconfirmed", 2, "client name does not point back")            \
	CHECK(PTR_GENERIC, "ptr_generic", 1, "client name looks like a dial-up line")              \
	CHECK(SENDER_UNKNOWN, "sender_unknown", 5, "sender domain has neither MX nor address")     \
	CHECK(SENDER_NULL_MX, "sender_null_mx", 7, "sender domain takes no mail")                  \
	CHECK(SENDER_BOGUS_MX, "sender_bogus_mx", 4, "sender domain's MX is not on the internet")  \
	CHECK(BOUNCE_TO_MANY, "bounce_to_many", 4, "bounce to several recipients")

#define SCORE_ENUM(id, name, weight, text) CHECK_##id,
enum score_check { SCORE_CHECKS(SCORE_ENUM) CHECK_COUNT };
#undef SCORE_ENUM

#define SCORE_MAX_HITS 64

struct score_weights {
	int weight[CHECK_COUNT];
};

struct score_hit {
	char name[72]; /* the check, or the list's domain */
	int weight;
};

struct score {
	int total;
	size_t hit_count;
	struct score_hit hits[SCORE_MAX_HITS];
};

struct strbuf;

void score_weights_default(struct score_weights *weights);
/* "check=weight". Returns 0, or -1 and *error_r. */
int score_weights_set(struct score_weights *weights, const char *text, char **error_r);

/* Nothing is added for a weight of 0. */
void score_add(struct score *score, const struct score_weights *weights, enum score_check check);
void score_add_list(struct score *score, const char *domain, int weight);

/* What a check of that name means; "DNS list" for all others. */
const char *score_text(const char *name);

/* "no_ptr +3, dnsbl.test +5" */
void score_write(const struct score *score, struct strbuf *out);

#endif
