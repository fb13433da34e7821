/*
 * former.h - what of another spam filter is set up on this host, and what becomes of it.
 *
 * Read from the live configuration of Dovecot and Postfix; nothing is changed here. The Ansible
 * role does what the findings say: it writes one file into Dovecot's conf.d and changes parameters
 * of Postfix, so that removal restores what was.
 */
#ifndef SHOVELER_FORMER_H
#define SHOVELER_FORMER_H

#include "dovecot_settings.h"

#include "lib/conf.h"
#include "lib/strbuf.h"

#include <jansson.h>

/* Our file in Dovecot's conf.d: it must come after those that it overrides. */
#define FORMER_DROPIN "conf.d/99-shoveler-former-filter.conf"
/* Where the role sends mail for mailboxes. */
#define FORMER_DELIVERY "shoveler:unix:shoveler/lda"

enum former_action {
	FORMER_REPLACED, /* it teaches or judges in Shoveler's place: switched off */
	FORMER_KEPT,	 /* it does something else */
	FORMER_LEFT,	 /* another filter that can stay beside Shoveler: not ours to switch off */
	FORMER_UNCLEAR,	 /* for the administrator to decide */
};

struct former_finding {
	const char *system; /* "dovecot-antispam", "IMAPSieve", "DSPAM", ... */
	char *where;	    /* what in which configuration */
	char *what;	    /* what it does */
	enum former_action action;
	char *advice; /* what becomes of it, or what to do */
};

/* What is looked at, and what was found. */
struct former {
	/* Sieve scripts that are known to teach, and nothing else; NULL-terminated, or NULL. */
	const char *const *learning_scripts;
	const char *junk_folders; /* of our configuration */

	struct former_finding *findings;
	size_t count;
	struct strbuf dropin;  /* the sections that switch off; "" */
	json_t *parameters;    /* Postfix: name and new value; NULL until there is one */
	json_t *services;      /* Postfix: "name/type" and the new line */
	struct strbuf folders; /* names that belong into junk_folders, with ", " between */
};

void former_free(struct former *former);

/* Takes where, what and advice over. */
void former_find(struct former *former, const char *system, enum former_action action, char *where,
		 char *what, char *advice);
/* "replaced", ... */
const char *former_action_name(enum former_action action);

/* The findings in Dovecot's settings: antispam, IMAPSieve, scripts at delivery. */
void former_look_at_antispam(struct former *former, const struct dovecot_settings *settings);
void former_look_at_imapsieve(struct former *former, const struct dovecot_settings *settings);
void former_look_at_delivery(struct former *former, const struct dovecot_settings *settings);

/* blocks as in struct dovecot_setting: appends "key = value" in them to the drop-in. */
void former_override(struct former *former, const char *blocks, const char *key, const char *value,
		     const char *was);
/* Is a folder of that name Junk for us, or none that could be? */
bool former_knows_folder(const struct former *former, const struct dovecot_settings *settings,
			 const char *name);
/* The former filter took it for Junk: so will we. */
void former_junk_folder(struct former *former, const struct dovecot_settings *settings,
			const char *name);
/* junk_folders with all of them. malloc'ed. */
char *former_junk_folders(const struct former *former);

/*
 * The findings in Postfix's. parameters, services: what postconf -n and -M print; record: what our
 * role noted (former values of what it changed), or NULL for the configuration as it is.
 */
void former_look_at_postfix(struct former *former, struct span parameters, struct span services,
			    const json_t *record);

/*
 * All of it. live: the configuration as it is, else as it would be without what our role changed.
 * Returns 0, or -1 and *error_r. conf may be NULL: built-in settings. A host without Dovecot
 * or Postfix has nothing of theirs.
 */
int former_look(struct former *former, const struct conf *conf, bool live, char **error_r);

#endif
