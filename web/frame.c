/* The frame of every page: head, menu, foot; and pages that say what went wrong. */
#include "web/pages.h"

#include "web/assets.h"
#include "web/site.h"

#include "lib/msg.h"

static bool sharing_is_shown(struct request *r)
{
	return r->site->has_imap;
}

static const struct {
	const char *path, *label;
	bool (*is_shown)(struct request *r); /* NULL: to everybody */
} menu[] = {
	{"history", N_("History"), NULL},
	{"quarantine", N_("Quarantine"), NULL},
	{"sharing", N_("Sharing"), sharing_is_shown},
	{"statistics", N_("Statistics"), NULL},
	{"preferences", N_("Preferences"), NULL},
	{"fallback", N_("Fallback MX"), fallback_is_shown},
	{"host", N_("Host"), host_is_shown},
	{"help", N_("Help"), NULL},
};

void form_token_field(struct request *r)
{
	char token[MAC_HEX_SIZE];

	session_form_token(r->site->keeper, &r->session, token);
	html(&r->html, "<input type=\"hidden\" name=\"token\" value=\"%s\">", token);
}

static void show_menu(struct request *r, const char *active)
{
	struct html *h = &r->html;

	html(h, "<nav aria-label=\"%s\"><ul>", tr(h, "Pages"));
	for (size_t i = 0; i < sizeof(menu) / sizeof(menu[0]); i++) {
		if (menu[i].is_shown != NULL && !menu[i].is_shown(r))
			continue;
		html(h, "<li><a href=\"%s\"", menu[i].path);
		if (strcmp(menu[i].path, active) == 0)
			html(h, " aria-current=\"page\"");
		html(h, ">%s</a></li>", catalogue_text(h->catalogue, menu[i].label, 1));
	}
	html(h, "</ul></nav>");
}

static void show_user(struct request *r)
{
	struct html *h = &r->html;

	html(h, "<div class=\"user\"><span>%s</span>", r->session.user);
	if (!r->session.by_proxy) {
		html(h, "<form method=\"post\" action=\"sign-out\">");
		form_token_field(r);
		html(h, "<button class=\"quiet\">%s</button></form>", tr(h, "Sign out"));
	}
	html(h, "</div>");
}

void frame_begin(struct request *r, const char *title, const char *active)
{
	struct html *h = &r->html;

	if (r->response.status == 0)
		r->response.status = 200;
	html(h, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">",
	     h->catalogue->language);
	html(h, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		"<meta name=\"color-scheme\" content=\"light dark\">"
		"<meta name=\"robots\" content=\"noindex\">");
	html(h, "<title>%s - Shoveler</title>", title);
	html(h, "<link rel=\"stylesheet\" href=\"style.css?%s\">", asset_style.hash);
	html(h, "<link rel=\"icon\" type=\"image/svg+xml\" href=\"logo.svg?%s\">", asset_logo.hash);
	html(h, "<script src=\"script.js?%s\" defer></script></head>", asset_script.hash);
	html(h, "<body><a class=\"skip\" href=\"#main\">%s</a><header><div class=\"bar\">",
	     tr(h, "Skip to the content"));
	html(h,
	     "<a class=\"brand\" href=\"%s\"><img src=\"logo.svg?%s\" alt=\"\" width=\"32\" "
	     "height=\"32\">Shoveler</a>",
	     request_has_user(r) ? "history" : "sign-in", asset_logo.hash);
	if (request_has_user(r)) {
		show_menu(r, active);
		show_user(r);
	}
	html(h, "</div></header><main id=\"main\" tabindex=\"-1\">");
	notice_show(r);
	html(h, "<h1>%s</h1>", title);
}

void frame_end(struct request *r)
{
	html(&r->html, "</main></body></html>\n");
}

void frame_fail(struct request *r, unsigned status, const char *title, const char *advice)
{
	struct html *h = &r->html;

	strbuf_reset(&h->out);
	r->response.status = status;
	r->response.type = "text/html; charset=utf-8";
	r->response.file = NULL;
	frame_begin(r, title, "");
	html(h, "<p class=\"lead\">%s</p><p><a class=\"button\" href=\"%s\">%s</a></p>", advice,
	     request_has_user(r) ? "history" : "sign-in",
	     request_has_user(r) ? tr(h, "To the history") : tr(h, "To signing in"));
	frame_end(r);
}

void frame_fail_answer(struct request *r, const struct answer *answer)
{
	struct html *h = &r->html;
	const char *outcome = answer->outcome;

	if (strcmp(outcome, "unknown") == 0) {
		frame_fail(r, 404, tr(h, "There is no such message"),
			   tr(h, "It is not yours, or no longer there."));
	} else if (strcmp(outcome, "invalid") == 0) {
		frame_fail(r, 400, tr(h, "This cannot be done so"),
			   tr(h, "Go back and try again."));
	} else if (strcmp(outcome, "used") == 0) {
		frame_fail(
			r, 410, tr(h, "This link was used already"),
			tr(h, "Each link works once. Sign in to see what became of the message."));
	} else if (strcmp(outcome, "expired") == 0) {
		frame_fail(r, 410, tr(h, "This link is too old"),
			   tr(h, "Sign in, or use the links of your newest summary."));
	} else {
		r->response.retry_s = 30;
		frame_fail(r, 503, tr(h, "Please try again in a moment"),
			   tr(h, "Your data cannot be reached just now. Nothing is lost."));
	}
	if (strcmp(outcome, "denied") == 0)
		msg_error("spamtraind does not answer us: is web_user among spamtraind_clients?");
}
