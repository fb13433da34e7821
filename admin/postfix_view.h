/*
 * postfix_view.h - how Postfix was set up before our role, and which filter stands behind a
 * destination in it. former_postfix.c says what becomes of what is found.
 */
#ifndef SHOVELER_POSTFIX_VIEW_H
#define SHOVELER_POSTFIX_VIEW_H

#include "lib/strbuf.h"

#include <jansson.h>

struct postfix_view {
	struct former *former; /* takes the findings */
	json_t *parameters;    /* what main.cf sets */
	json_t *services;      /* "smtp/inet" and the whole line, one space between words */
	struct strbuf dspam_conf;
};

/*
 * parameters, services: what postconf -n and -M print; record: what our role noted, or NULL: what
 * it changed counts as it was before.
 */
void postfix_view_read(struct postfix_view *view, struct span parameters, struct span services,
		       const json_t *record);
void postfix_view_free(struct postfix_view *view);

/* "" if main.cf does not set it. */
const char *postfix_view_parameter(const struct postfix_view *view, const char *name);

/* "transport:nexthop": the filter that mail goes to, static; NULL if it is none that is known. */
const char *postfix_view_filter(const struct postfix_view *view, const char *destination);
bool postfix_view_is_dspam(const struct postfix_view *view, const char *destination);
/* Does the program itself run there, with users of its own making, instead of an LMTP server? */
bool postfix_view_is_pipe(const struct postfix_view *view, const char *destination);

/* The text of a map that is a file or made from one; others cannot be read as text. */
bool postfix_view_read_map(struct span map, struct strbuf *text);
/* Words with one space between, as the role's module has them. malloc'ed. */
char *postfix_view_squeeze(struct span line);

#endif
