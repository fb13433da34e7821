/*
 * preferences.h - a user's preferences with DSPAM's names and values, and the check of each value.
 *
 * One table drives names, checks, defaults and documentation. Boolean values are written "on" and
 * "off". Site defaults come from main.cf (see preferences.c for the setting of each).
 */
#ifndef SHOVELER_PREFERENCES_H
#define SHOVELER_PREFERENCES_H

#include <stdbool.h>
#include <stddef.h>

enum training_mode { TRAINING_TEFT, TRAINING_TOE, TRAINING_TUM, TRAINING_NOTRAIN };
enum spam_action { SPAM_ACTION_QUARANTINE, SPAM_ACTION_TAG, SPAM_ACTION_DELIVER };

enum user_locale { LOCALE_AUTO, LOCALE_ENGLISH, LOCALE_FRENCH };

#define PREFERENCE_SUBJECT_MAX	200 /* bytes of spamSubject */
#define PREFERENCE_SEDATION_MAX 10
#define PREFERENCE_TEXT_MAX	1000 /* bytes of any value */

struct preferences {
	enum training_mode training_mode;	    /* trainingMode TEFT|TOE|TUM|NOTRAIN */
	enum spam_action spam_action;		    /* spamAction quarantine|tag|deliver */
	char spam_subject[PREFERENCE_TEXT_MAX + 1]; /* spamSubject: put before Subject by tag */
	bool daily_summary;			    /* dailyQuarantineSummary: a digest by mail */
	enum user_locale locale;		    /* locale auto|en|fr */
	char alerts[PREFERENCE_TEXT_MAX + 1];	    /* alerts: words or senders, by commas */
	unsigned sedation;			    /* statisticalSedation 0..10: 0 catches most */
	bool whitelist;				    /* enableWhitelist */
	unsigned whitelist_threshold; /* whitelistThreshold: innocent mails needed, 1..1000 */
	bool show_factors;	      /* showFactors: write X-DSPAM-Factors */
	bool opt_in;	      /* optIn: counts on sites where nobody is filtered otherwise */
	bool opt_out;	      /* optOut: passes untouched, without headers */
	bool site_dictionary; /* siteDictionary: starts from it, and teaches it */
};

/* The values every preference has before main.cf and the user say otherwise. */
void preferences_init(struct preferences *preferences);

/*
 * Sets one preference from its text. False, with *error_r a text that names the valid values, when
 * name or value is not valid; preferences are unchanged then.
 */
bool preferences_set(struct preferences *preferences, const char *name, const char *value,
		     char **error_r);

/*
 * Sets all that are valid in "name=value; name=value". False, with *error_r about the first that is
 * not.
 */
bool preferences_parse(struct preferences *preferences, const char *text, char **error_r);

/* The text of one preference in buf; NULL when there is no such name. */
const char *preferences_get(const struct preferences *preferences, const char *name, char *buf,
			    size_t size);

/* The name as it is written, from the name in any letter case; NULL when there is no such name. */
const char *preferences_canonical(const char *name);

/* The name of the i-th preference, NULL behind the last. */
const char *preferences_name(size_t i);
/* One line that explains it, with its valid values. */
const char *preferences_help(size_t i);

enum preference_kind {
	PREFERENCE_CHOICE, /* one of choices */
	PREFERENCE_NUMBER, /* minimum to maximum */
	PREFERENCE_SWITCH, /* on, off */
	PREFERENCE_TEXT	   /* at most maximum bytes, no control characters */
};

struct preference_info {
	const char *name, *help;
	enum preference_kind kind;
	const char *choices; /* words separated by blanks; NULL: no choice */
	unsigned minimum, maximum;
};

/* The i-th preference; false behind the last. */
bool preferences_info(size_t i, struct preference_info *info_r);

#endif
