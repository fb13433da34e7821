/*
 * pages.h - the pages, one function a row of the table in routes.c, and what they are made of.
 */
#ifndef SHOVELER_WEB_PAGES_H
#define SHOVELER_WEB_PAGES_H

#include "web/ask.h"
#include "web/imap.h"
#include "web/request.h"

#define ROWS_A_PAGE 50

/* ---- the pages ---- */

void page_home(struct request *r);
void page_sign_in(struct request *r);
void page_sign_out(struct request *r);
void page_link(struct request *r);
void page_history(struct request *r);
void page_message(struct request *r);
void page_quarantine(struct request *r);
void page_held(struct request *r);
void page_help(struct request *r);
void page_preferences(struct request *r);
void page_trusted(struct request *r);
void page_fallback(struct request *r);
void page_host(struct request *r);
void page_sharing(struct request *r);
void page_folder(struct request *r);
void page_forget(struct request *r);
void page_export(struct request *r);
void page_statistics(struct request *r);
void page_style(struct request *r);
void page_script(struct request *r);
void page_logo(struct request *r);
void page_picture(struct request *r);

/* ---- frame.c: what stands around each page ---- */

/* status 200 and the head; active: path of the page in the menu, or "". */
void frame_begin(struct request *r, const char *title, const char *active);
void frame_end(struct request *r);
/* Throws away what was written, and says what went wrong instead. */
void frame_fail(struct request *r, unsigned status, const char *title, const char *advice);
/* By the outcome of an answer that is not ok. */
void frame_fail_answer(struct request *r, const struct answer *answer);
/* The hidden field without which no POST is taken. */
void form_token_field(struct request *r);

/* ---- notice.c: what was done, told on the page that follows ---- */

/*
 * 303 to back with what was done: code is one of the table in notice.c. back comes from the form;
 * if it is not one of our own pages it is fallback.
 */
void notice_redirect(struct request *r, const char *back, const char *fallback, const char *code,
		     unsigned long count);
/* On the page itself, if its query says so. */
void notice_show(struct request *r);

/* ---- page_sign_in.c ---- */

/*
 * Asks for the password of the user who is signed in, and keeps it (mail_key.h) when it is right.
 * *wait_r: seconds to wait after too many attempts, else 0. Trouble is logged.
 */
enum dovecot_auth_result sign_in_again(struct request *r, const char *password, unsigned *wait_r);

/* ---- mail_session.c ---- */

/*
 * An IMAP session as the user who is signed in; login_r: as he is named there. False:
 * the page has been written, which says why or asks for his password. imap_close() afterwards.
 */
bool mail_session_open(struct request *r, struct imap **imap_r,
		       char login_r[DOVECOT_AUTH_LOGIN_MAX + 1]);
/* The POST of that page, when the form has a "password": true, and there is an answer. */
bool mail_session_unlock(struct request *r);
/* For an error of imap_run() and friends, which it logs and frees. */
void mail_session_fail(struct request *r, char *error);

/* ---- pages that not everybody has ---- */

bool fallback_is_shown(struct request *r);
bool host_is_shown(struct request *r);
/* Leaves a request for root, and answers; frees the attributes. No user asks without end. */
void ask_root(struct request *r, struct strbuf *attributes, const char *what, const char *back);
/* When the report that is shown was made, and whether that is too long ago. */
void show_report_time(struct request *r, const json_t *report);
/* Totals, charts and table of weeks as spamtraind tells them. */
void show_weeks(struct request *r, const json_t *weeks);

/* ---- show.c: pieces that several pages have ---- */

void show_time(struct request *r, long long when); /* short, the exact one in <time> */
void show_day(struct request *r, long long when);  /* with its year */
void show_size(struct request *r, long long bytes);
/* The sender's name or address, from a From: line. */
void show_from(struct request *r, const json_t *row);
void show_subject(struct request *r, const json_t *row);
/* A coloured word: spam, good, trusted. */
void show_verdict(struct request *r, const json_t *row);
/* What became of it: "in quarantine". */
const char *show_outcome(struct request *r, const json_t *row);
/* Is one of the user's alert words in From or Subject? words: separated by commas. */
bool show_is_alert(const json_t *row, const char *words);
/* <option value="VALUE" selected>LABEL</option> */
void show_option(struct request *r, const char *value, const char *label, const char *selected);

/* Above the buttons for several messages: "select all", and that it is about the selected. */
void begin_actions(struct request *r);

/* The query of a link: name=value&..., of those that have a value. */
void query_put(struct strbuf *out, const char *name, const char *value);

/* The signatures that a form names by "s", separated by blanks: returns how many. */
unsigned long form_signatures(const struct form *form, struct strbuf *out);

#endif
