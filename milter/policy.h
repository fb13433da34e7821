/*
 * policy.h - all that sessions need of the configuration, made at start and at each reload.
 *
 * Immutable and counted: a session keeps the policy it began with, a reload puts a new one in place
 * for those that come after.
 */
#ifndef SHOVELER_POLICY_H
#define SHOVELER_POLICY_H

#include "lib/conf.h"
#include "lib/endpoint.h"
#include "lib/submitter.h"
#include "lookups.h"
#include "score_limits.h"
#include "postfix_config.h"
#include "lib/postfix_maps.h"

#include <time.h>

struct rcpt_class;
struct rcpt_question;

enum virus_action { VIRUS_DISCARD, VIRUS_REJECT, VIRUS_HOLD, VIRUS_ACCEPT };

struct policy {
	int references; /* under the lock of policy.c */
	bool scan;
	bool scan_submitted; /* all mail of authenticated users */
	int brake;	     /* hits of one signature in an hour */
	struct endpoint scanner;
	int scanner_timeout_s;
	int crash_limit;
	size_t max_file_size;
	char *temp_directory;
	char *keep_directory; /* copies of suppressed messages; NULL: none are kept */
	char *scanned_header; /* value of X-Virus-Scanned; "" for none */
	enum virus_action virus_action, virus_action_submitted, limit_action;
	struct networks virus_exempt;  /* clients whose mail is not scanned */
	char **virus_exempt_addresses; /* of senders and recipients, or "@domain" */
	char **training;	       /* addresses, lower case, NULL-terminated */
	char **traps;		       /* addresses and "@domain" of nobody, which learn spam */
	char *delimiters;	       /* recipient_delimiter */
	bool learn_sent;	       /* tell spamtraind to whom users write */
	struct endpoint spamtraind;
	bool has_secret;
	struct submitter_secret secret;
	struct postfix_config *postfix;
	struct postfix_maps *maps;
	char *postfix_directory;
	struct timespec postfix_changed; /* when its main.cf or master.cf was written last */
	struct lookup_settings lookups;
	char **own_names;	/* of this host, lower case, NULL-terminated */
	struct networks exempt; /* clients that are not scored */
	struct score_table score_table;
	char *score_url; /* for who is refused; "": none */
	int greylist_delay_s;
};

/* Waits a moment for the self-tests of DNS lists. Returns 0, or -1 and *error_r. */
int policy_create(const struct conf *conf, struct policy **policy_r, char **error_r);
/*
 * Whether policy_create() would work, without asking anybody but postconf. 0, or -1 and *error_r.
 */
int policy_check(const struct conf *conf, char **error_r);

/* Logs a warning for each map of Postfix that this user cannot ask. */
void policy_test_maps(struct policy *policy);

/* Puts policy, with the caller's reference, in place of the current one. NULL: none. */
void policy_install(struct policy *policy);
/* The current one, with a reference of the caller's. */
struct policy *policy_take(void);
void policy_release(struct policy **policy);

/* Whether main.cf or master.cf of Postfix were written since; looks at most every few seconds. */
bool policy_is_outdated(const struct policy *policy);

/* Clients of our own networks are not scored. */
bool policy_is_exempt(const struct policy *policy, const struct ip *client);

/* May mail from that client and sender to that recipient pass unscanned? client: NULL: none. */
bool policy_is_virus_exempt(const struct policy *policy, const struct ip *client,
			    const char *sender, const char *recipient);

/*
 * What the recipient is: one of ours that learn, or what Postfix's maps say. Returns 0; -1 and
 * *error_r: not known. class_r: empty before, rcpt_class_free() it in any case.
 */
int policy_class_find(const struct policy *policy, const struct rcpt_question *question,
		      struct rcpt_class *class_r, char **error_r);

#endif
