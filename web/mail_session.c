/* An IMAP session as the user, or the page that asks for what it takes. */
#include "web/pages.h"
#include "web/site.h"

#include "lib/metrics.h"
#include "lib/msg.h"

#include <stdlib.h>

METRIC_COUNTER(failures, "shoveler_web_imap_failures_total",
	       "IMAP sessions that did not come about, or broke");

static void ask_for_password(struct request *r, unsigned status, const char *problem)
{
	struct html *h = &r->html;

	r->response.status = status;
	frame_begin(r, tr(h, "Your folders"), "sharing");
	html(h, "<div class=\"card narrow\"><form method=\"post\" action=\"sharing\">");
	form_token_field(r);
	if (problem != NULL)
		html(h, "<p class=\"notice trouble\" role=\"alert\" id=\"problem\">%s</p>",
		     problem);
	html(h, "<p>%s</p>",
	     tr(h, "Folders are shared by your mail server, which wants to know that it is you: "
		   "enter the password of your mail once more."));
	/* For password managers, which want to know whose it is. */
	html(h,
	     "<input type=\"hidden\" name=\"login\" value=\"%s\" autocomplete=\"username\">"
	     "<p><label for=\"password\">%s</label><input id=\"password\" name=\"password\" "
	     "type=\"password\" autocomplete=\"current-password\" maxlength=\"%d\" required",
	     r->session.user, tr(h, "Password"), DOVECOT_AUTH_PASSWORD_MAX);
	if (problem != NULL)
		html(h, " aria-describedby=\"problem\"");
	html(h, "></p>");
	html(h, "<p><button class=\"primary wide\">%s</button></p></form></div>",
	     tr(h, "Show my folders"));
	frame_end(r);
}

void mail_session_fail(struct request *r, char *error)
{
	metric_add(&failures, 1);
	msg_error("user=<%s>, path=/%s, %s", r->session.user, r->path, error);
	free(error);
	r->response.retry_s = 30;
	frame_fail(r, 503, tr(&r->html, "Please try again in a moment"),
		   tr(&r->html, "The mail server does not answer just now. Nothing is lost."));
}

bool mail_session_open(struct request *r, struct imap **imap_r,
		       char login_r[DOVECOT_AUTH_LOGIN_MAX + 1])
{
	struct credentials credentials;
	enum imap_result result;
	char *error = NULL;

	*imap_r = NULL;
	if (!r->site->has_imap) {
		frame_fail(r, 404, tr(&r->html, "There is no such page"),
			   tr(&r->html, "Folders are not shared on this host."));
		return false;
	}
	if (!mail_key_unseal(r->site->mail_key, &r->session, span_of(r->mail_cookie),
			     &credentials)) {
		ask_for_password(r, r->post ? 403 : 200, NULL);
		return false;
	}
	result = imap_open(&r->site->imap, credentials.login, credentials.password, imap_r, &error);
	memcpy(login_r, credentials.login, sizeof(credentials.login));
	credentials_wipe(&credentials);
	if (result == IMAP_DENIED)
		ask_for_password(r, 403,
				 tr(&r->html, "Your mail server does not take the password that "
					      "you signed in with any more."));
	if (result == IMAP_TROUBLE)
		mail_session_fail(r, error);
	return result == IMAP_OPEN;
}

bool mail_session_unlock(struct request *r)
{
	const char *password = form_get(&r->form, "password");
	struct html *h = &r->html;
	unsigned wait = 0;

	if (password == NULL || !r->site->has_imap)
		return false;
	switch (sign_in_again(r, password, &wait)) {
	case DOVECOT_AUTH_OK:
		notice_redirect(r, "", "sharing", "unlocked", 0);
		break;
	case DOVECOT_AUTH_WRONG:
		msg_warn("%s: user=<%s>, action=unlock, result=%s", r->client, r->session.user,
			 wait > 0 ? "limited" : "wrong");
		r->response.retry_s = wait;
		ask_for_password(
			r, wait > 0 ? 429 : 403,
			wait > 0 ? tr(h,
				      "Too many attempts. Wait a few minutes, then try once more.")
				 : tr(h, "The password is wrong."));
		break;
	case DOVECOT_AUTH_TROUBLE:
		ask_for_password(r, 503,
				 tr(h, "Signing in does not work just now. Try again later."));
		break;
	}
	return true;
}
