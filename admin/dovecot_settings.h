/*
 * dovecot_settings.h - Dovecot's live configuration, as `doveconf -n` prints it, of 2.3 or 2.4.
 */
#ifndef SHOVELER_DOVECOT_SETTINGS_H
#define SHOVELER_DOVECOT_SETTINGS_H

#include "lib/span.h"

#include <stdbool.h>

struct dovecot_setting {
	char *blocks; /* the sections around it, outermost first, each ended by a newline; "" */
	char *key;
	char *value; /* without quotes */
};

struct dovecot_settings {
	struct dovecot_setting *rows; /* in doveconf's order */
	size_t count;
	char *file; /* dovecot.conf; "" if doveconf did not say it */
};

/*
 * hidden: NULL, or a file that is to count as empty; it is hidden in a mount namespace of
 * doveconf's own, which needs root. Returns 0, or -1 and *error_r.
 */
int dovecot_settings_read(const char *hidden, struct dovecot_settings *settings, char **error_r);
void dovecot_settings_parse(struct span text, struct dovecot_settings *settings);
void dovecot_settings_free(struct dovecot_settings *settings);

/* The last one with this key in any section; "" if there is none. */
const char *dovecot_settings_get(const struct dovecot_settings *settings, const char *key);

/* Is word one of text's, which are separated by white space or commas? */
bool dovecot_has_word(const char *text, const char *word);

#endif
