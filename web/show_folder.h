/*
 * show_folder.h - what both pages about folders show.
 */
#ifndef SHOVELER_WEB_SHOW_FOLDER_H
#define SHOVELER_WEB_SHOW_FOLDER_H

#include "web/request.h"

/* As people read it. */
void show_folder_name(struct request *r, const char *name);
/* Appends the link to its page. */
void folder_link(struct strbuf *out, const char *name);
/* "bob@example.test", "group sales", "everybody" */
void show_grantee(struct request *r, const char *who);
/* "may read", or the letters. */
void show_rights(struct request *r, const char *rights);

/* What the mail server does not want, in the user's language where we know its words. */
const char *refusal_text(struct request *r, const char *refusal);
/* The page that says so, with a way back. */
void show_refusal(struct request *r, const char *refusal, const char *back);

#endif
