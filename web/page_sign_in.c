/* Signing in and out. Passwords are Dovecot's to judge; who guesses has to wait. */
#include "web/dovecot_auth.h"
#include "web/pages.h"
#include "web/routes.h"
#include "web/site.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

/* Attempts until one must wait, see limiter.h: of an address at a user, of it at all, at a user. */
#define ATTEMPTS_PAIR	 6
#define ATTEMPTS_ADDRESS 30
#define ATTEMPTS_USER	 60

METRIC_COUNTER(signed_in, "shoveler_web_sign_ins_total{result=\"ok\"}", "Attempts to sign in");
METRIC_COUNTER(wrong, "shoveler_web_sign_ins_total{result=\"wrong\"}", "Attempts to sign in");
METRIC_COUNTER(limited, "shoveler_web_sign_ins_total{result=\"limited\"}", "Attempts to sign in");
METRIC_COUNTER(trouble, "shoveler_web_sign_ins_total{result=\"trouble\"}", "Attempts to sign in");

void page_home(struct request *r)
{
	respond_redirect(r, "history");
}

static void show_languages(struct request *r)
{
	struct html *h = &r->html;

	html(h, "<p class=\"languages\">");
	for (const struct catalogue *const *each = catalogues; *each != NULL; each++) {
		if (*each != h->catalogue)
			html(h,
			     "<a href=\"sign-in?language=%s\" lang=\"%s\" hreflang=\"%s\">%s</a> ",
			     (*each)->language, (*each)->language, (*each)->language,
			     (*each)->name);
	}
	html(h, "</p>");
}

/* problem: NULL, or why it is shown again. */
static void show_form(struct request *r, unsigned status, const char *problem, const char *login,
		      const char *to)
{
	struct html *h = &r->html;

	r->response.status = status;
	frame_begin(r, tr(h, "Sign in"), "");
	html(h, "<div class=\"card narrow\"><form method=\"post\" action=\"sign-in\">");
	form_token_field(r);
	if (routes_is_own(to) && to[0] != '\0')
		html(h, "<input type=\"hidden\" name=\"to\" value=\"%s\">", to);
	if (problem != NULL)
		html(h, "<p class=\"notice trouble\" role=\"alert\" id=\"problem\">%s</p>",
		     problem);
	html(h,
	     "<p><label for=\"login\">%s</label><input id=\"login\" name=\"login\" value=\"%s\" "
	     "type=\"text\" inputmode=\"email\" autocomplete=\"username\" autocapitalize=\"none\" "
	     "spellcheck=\"false\" maxlength=\"%d\" required",
	     tr(h, "Mail address"), login, DOVECOT_AUTH_LOGIN_MAX);
	if (problem != NULL)
		html(h, " aria-describedby=\"problem\"");
	html(h, "%s></p>", login[0] == '\0' ? " autofocus" : "");
	html(h,
	     "<p><label for=\"password\">%s</label><input id=\"password\" name=\"password\" "
	     "type=\"password\" autocomplete=\"current-password\" maxlength=\"%d\" required%s></p>",
	     tr(h, "Password"), DOVECOT_AUTH_PASSWORD_MAX, login[0] != '\0' ? " autofocus" : "");
	html(h, "<p><button class=\"primary wide\">%s</button></p></form>", tr(h, "Sign in"));
	html(h, "<p class=\"hint\">%s <a href=\"help\">%s</a></p></div>",
	     tr(h, "The same address and password as in your mail program."), tr(h, "Help"));
	show_languages(r);
	frame_end(r);
}

/* Seconds to wait, or 0: one attempt of each was taken. */
static unsigned take_attempt(struct request *r, const char *user)
{
	char *keys[] = {xasprintf("pair %s %s", r->client, user),
			xasprintf("address %s", r->client), xasprintf("user %s", user)};
	static const unsigned bursts[] = {ATTEMPTS_PAIR, ATTEMPTS_ADDRESS, ATTEMPTS_USER};
	unsigned wait = 0;

	for (int i = 0; i < 3; i++) {
		unsigned this = limiter_take(r->site->limiter, keys[i], bursts[i], r->now);

		if (this > wait)
			wait = this;
		free(keys[i]);
	}
	return wait;
}

static void forgive(struct request *r, const char *user)
{
	char *pair = xasprintf("pair %s %s", r->client, user);

	limiter_forgive(r->site->limiter, pair);
	free(pair);
}

/* The language he set, if he set one. */
static void read_language(struct request *r)
{
	struct strbuf question;
	struct answer answer;
	size_t i;
	json_t *each;

	ask_begin(r, &question, "preferences");
	if (ask(r, &question, &answer)) {
		json_array_foreach(json_object_get(answer.json, "preferences"), i, each)
		{
			const char *value = json_text(each, "value");

			if (strcmp(json_text(each, "name"), "locale") == 0)
				snprintf(r->session.language, sizeof(r->session.language), "%s",
					 catalogue_find(value) != NULL ? value : "");
		}
	}
	answer_free(&answer);
}

/* So that the pages about folders need not ask for it again. */
static void keep_password(struct request *r, const char *login, const char *password)
{
	struct strbuf token = STRBUF_INIT;

	free(r->response.mail_cookie);
	r->response.mail_cookie = NULL;
	if (r->site->has_imap &&
	    mail_key_seal(r->site->mail_key, &r->session, login, password, &token))
		r->response.mail_cookie = strbuf_steal(&token);
}

/* Always a new session: one that somebody gave the browser before is worth nothing. */
static void let_in(struct request *r, const char *user, const char *to)
{
	metric_add(&signed_in, 1);
	msg_info("%s: user=<%s>, action=sign-in, result=ok", r->client, user);
	session_begin(r->site->keeper, user, false, r->now, &r->session);
	read_language(r);
	request_issue_session(r);
	respond_redirect(r, routes_is_own(to) && to[0] != '\0' ? to : "history");
}

static void refuse(struct request *r, const char *login, const char *to, unsigned wait_s)
{
	struct html *h = &r->html;

	msg_warn("%s: user=<%s>, action=sign-in, result=%s", r->client, login,
		 wait_s > 0 ? "limited" : "wrong");
	if (wait_s > 0) {
		metric_add(&limited, 1);
		r->response.retry_s = wait_s;
		show_form(r, 429,
			  tr(h, "Too many attempts. Wait a few minutes, then try once more."),
			  login, to);
		return;
	}
	metric_add(&wrong, 1);
	show_form(r, 403, tr(h, "Mail address or password is wrong."), login, to);
}

/* Whom Dovecot knows: the name it gave, and the user of ours that this is. */
struct known {
	struct strbuf login, user;
};

static void known_free(struct known *known)
{
	strbuf_free(&known->login);
	strbuf_free(&known->user);
}

/* wait_r: seconds, if there were too many attempts. Trouble is logged. */
static enum dovecot_auth_result ask_dovecot(struct request *r, const char *login,
					    const char *password, struct known *known_r,
					    unsigned *wait_r)
{
	enum dovecot_auth_result result = DOVECOT_AUTH_WRONG;
	struct strbuf key = STRBUF_INIT;
	char *error = NULL;

	/* Alice and alice+x are one user to whom attempts are counted. */
	if (!site_user(r->site, login, &key))
		strbuf_append_text(&key, login);
	*wait_r = take_attempt(r, strbuf_text(&key));
	if (*wait_r == 0 && login[0] != '\0' && password[0] != '\0')
		result = dovecot_auth(&r->site->auth, login, password, r->client, &known_r->login,
				      &error);
	if (result == DOVECOT_AUTH_OK &&
	    !site_user(r->site, strbuf_text(&known_r->login), &known_r->user)) {
		error = xasprintf("Dovecot's user \"%s\" is no mail address; set "
				  "training_login_domain",
				  strbuf_text(&known_r->login));
		result = DOVECOT_AUTH_TROUBLE;
	}
	if (result == DOVECOT_AUTH_OK)
		forgive(r, strbuf_text(&key));
	if (result == DOVECOT_AUTH_TROUBLE) {
		metric_add(&trouble, 1);
		r->response.retry_s = 30;
		msg_error("%s: user=<%s>, action=sign-in, result=trouble, %s", r->client, login,
			  error);
	}
	free(error);
	strbuf_free(&key);
	return result;
}

static void check(struct request *r, const char *login, const char *password, const char *to)
{
	struct known known = {STRBUF_INIT, STRBUF_INIT};
	unsigned wait;

	switch (ask_dovecot(r, login, password, &known, &wait)) {
	case DOVECOT_AUTH_OK:
		let_in(r, strbuf_text(&known.user), to);
		keep_password(r, strbuf_text(&known.login), password);
		break;
	case DOVECOT_AUTH_WRONG:
		refuse(r, login, to, wait);
		break;
	case DOVECOT_AUTH_TROUBLE:
		show_form(r, 503,
			  tr(&r->html, "Signing in does not work just now. Try again later."),
			  login, to);
		break;
	}
	known_free(&known);
}

enum dovecot_auth_result sign_in_again(struct request *r, const char *password, unsigned *wait_r)
{
	struct known known = {STRBUF_INIT, STRBUF_INIT};
	enum dovecot_auth_result result = ask_dovecot(r, r->session.user, password, &known, wait_r);

	/* A password of somebody else, however that came about. */
	if (result == DOVECOT_AUTH_OK && strcmp(strbuf_text(&known.user), r->session.user) != 0)
		result = DOVECOT_AUTH_WRONG;
	if (result == DOVECOT_AUTH_OK)
		keep_password(r, strbuf_text(&known.login), password);
	known_free(&known);
	return result;
}

void page_sign_in(struct request *r)
{
	const struct catalogue *chosen = catalogue_find(form_text(&r->query, "language"));

	if (r->post) {
		check(r, form_text(&r->form, "login"), form_text(&r->form, "password"),
		      form_text(&r->form, "to"));
		return;
	}
	if (request_has_user(r)) {
		respond_redirect(r, "history");
		return;
	}
	if (chosen != NULL) {
		snprintf(r->session.language, sizeof(r->session.language), "%s", chosen->language);
		r->html.catalogue = chosen;
		request_issue_session(r);
	}
	show_form(r, 200, NULL, "", form_text(&r->query, "to"));
}

void page_sign_out(struct request *r)
{
	bool everywhere = form_get(&r->form, "everywhere") != NULL;
	char *error = NULL, language[SESSION_LANGUAGE_SIZE];
	int ret = everywhere ? session_end_all(r->site->keeper, r->session.user, &error)
			     : session_end(r->site->keeper, &r->session, &error);

	if (ret < 0) {
		msg_error("user=<%s>, action=sign-out, %s", r->session.user, error);
		free(error);
		frame_fail(r, 503, tr(&r->html, "Signing out did not work"),
			   tr(&r->html, "Close the browser, and tell your administrator."));
		return;
	}
	msg_info("%s: user=<%s>, action=sign-out%s", r->client, r->session.user,
		 everywhere ? ", everywhere" : "");
	snprintf(language, sizeof(language), "%s", r->session.language);
	session_begin(r->site->keeper, "", false, r->now, &r->session);
	snprintf(r->session.language, sizeof(r->session.language), "%s", language);
	request_issue_session(r);
	r->response.forgets = true;
	free(r->response.mail_cookie);
	r->response.mail_cookie = xstrdup("");
	respond_redirect(r, "sign-in?done=out&n=0");
}
