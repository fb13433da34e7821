/*
 * postfix_config.h - what this Postfix's main.cf and master.cf say about recipients.
 *
 * Read with postconf -x and postconf -M, so that $names, defaults and the Postfix version are
 * Postfix's own business.
 */
#ifndef SHOVELER_POSTFIX_CONFIG_H
#define SHOVELER_POSTFIX_CONFIG_H

#include "lib/span.h"

/* PF_NAME: parameter "name" of postconf(5). */
#define POSTFIX_PARAMETERS(P)                                                                      \
	P(ALIAS_MAPS, "alias_maps")                                                                \
	P(CANONICAL_MAPS, "canonical_maps")                                                        \
	P(DEFAULT_TRANSPORT, "default_transport")                                                  \
	P(LOCAL_TRANSPORT, "local_transport")                                                      \
	P(MYDESTINATION, "mydestination")                                                          \
	P(MYHOSTNAME, "myhostname")                                                                \
	P(MYNETWORKS, "mynetworks")                                                                \
	P(MYORIGIN, "myorigin")                                                                    \
	P(PROPAGATE_EXTENSIONS, "propagate_unmatched_extensions")                                  \
	P(RECIPIENT_CANONICAL_MAPS, "recipient_canonical_maps")                                    \
	P(RECIPIENT_DELIMITER, "recipient_delimiter")                                              \
	P(RELAY_DOMAINS, "relay_domains")                                                          \
	P(RELAY_TRANSPORT, "relay_transport")                                                      \
	P(TRANSPORT_MAPS, "transport_maps")                                                        \
	P(VIRTUAL_ALIAS_DOMAINS, "virtual_alias_domains")                                          \
	P(VIRTUAL_ALIAS_MAPS, "virtual_alias_maps")                                                \
	P(VIRTUAL_MAILBOX_DOMAINS, "virtual_mailbox_domains")                                      \
	P(VIRTUAL_TRANSPORT, "virtual_transport")

#define POSTFIX_ENUM(id, name) PF_##id,
enum postfix_parameter { POSTFIX_PARAMETERS(POSTFIX_ENUM) PF_COUNT };
#undef POSTFIX_ENUM

/* The settings whose maps say what a recipient is; one that cannot be asked defers recipients. */
#define POSTFIX_CONFIG_ASKED 9
extern const enum postfix_parameter postfix_config_asked[POSTFIX_CONFIG_ASKED];

struct postfix_config;

/* Runs postconf. Returns 0, or -1 and *error_r. */
int postfix_config_read(const char *directory, int timeout_ms, struct postfix_config **config_r,
			char **error_r);
/*
 * The same from the output of "postconf -x" and "postconf -M". Never fails: what is missing is "".
 */
struct postfix_config *postfix_config_parse(const char *parameters, const char *services);
void postfix_config_free(struct postfix_config **config);

/* Never NULL. */
const char *postfix_config_get(const struct postfix_config *config,
			       enum postfix_parameter parameter);

/* The program behind a transport ("smtp", "lmtp", "virtual", ...), or NULL if there is none. */
const char *postfix_config_program(const struct postfix_config *config, struct span transport);

/*
 * Takes the next item off a list that is separated by white space or commas; braces keep an item
 * together, as in inline:{ key = value }. Returns false at the end.
 */
bool postfix_list_next(struct span *rest, struct span *item_r);

#endif
