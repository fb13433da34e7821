/* Fallback MX: what waits here for the domains whose contact the user is. */
#include "web/host_report.h"
#include "web/pages.h"
#include "web/site.h"

#include "lib/msg.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define DAY	       86400
#define REQUESTS_BURST 20 /* of a user at root, see limiter.h */

static bool is_contact(const struct request *r, const json_t *domain)
{
	return strcasecmp(json_text(domain, "contact"), r->session.user) == 0;
}

bool fallback_is_shown(struct request *r)
{
	json_t *report = host_report_get(r->site->report), *each;
	bool shown = false;
	size_t i;

	json_array_foreach(json_object_get(report, "mx2"), i, each) shown =
		shown || is_contact(r, each);
	json_decref(report);
	return shown;
}

static void show_waiting(struct request *r, const json_t *domain)
{
	struct html *h = &r->html;
	long long oldest = json_number(domain, "oldest"), expires = json_number(domain, "expires");

	html(h, "<dl class=\"facts\"><dt>%s</dt><dd>%lld</dd><dt>%s</dt><dd>",
	     tr(h, "Messages that wait"), json_number(domain, "messages"), tr(h, "Their size"));
	show_size(r, json_number(domain, "bytes"));
	html(h, "</dd>");
	if (oldest > 0) {
		html(h, "<dt>%s</dt><dd>", tr(h, "The oldest came"));
		show_time(r, oldest);
		html(h, "</dd>");
	}
	if (expires > 0) {
		html(h, "<dt>%s</dt><dd>", tr(h, "The first goes back to its sender"));
		show_time(r, expires);
		html(h, "</dd>");
	}
	if (json_number(domain, "refused") > 0)
		html(h, "<dt>%s</dt><dd>%lld</dd>", tr(h, "Refused by your server"),
		     json_number(domain, "refused"));
	html(h, "<dt>%s</dt><dd>", tr(h, "Each message is kept for"));
	text(h,
	     trn(h, "%lu day", "%lu days", (unsigned long)(json_number(domain, "retention") / DAY)),
	     (unsigned long)(json_number(domain, "retention") / DAY));
	if (json_number(domain, "until") > r->now) {
		html(h, "</dd><dt>%s</dt><dd>", tr(h, "All of them at least until"));
		show_day(r, json_number(domain, "until"));
	}
	html(h, "</dd></dl>");
	if (json_text(domain, "last_error")[0] != '\0')
		html(h, "<p>%s</p><pre class=\"preview\">%s</pre>", tr(h, "The last error:"),
		     json_text(domain, "last_error"));
}

static void show_extension(struct request *r, const json_t *domain)
{
	static const unsigned long days[] = {1, 3, 7, 14, 30, 60, 90};
	long long most = json_number(domain, "extension_max") / DAY;
	long long until = json_number(domain, "until");
	struct html *h = &r->html;
	bool any = false;

	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		if ((long long)days[i] > most || r->now + (long long)days[i] * DAY <= until)
			continue;
		if (!any)
			html(h,
			     "<label for=\"days-%s\">%s</label> <select id=\"days-%s\" name=\"days\">",
			     json_text(domain, "domain"), tr(h, "Keep all of it at least for"),
			     json_text(domain, "domain"));
		any = true;
		html(h, "<option value=\"%lu\">", days[i]);
		text(h, trn(h, "%lu more day", "%lu more days", days[i]), days[i]);
		html(h, "</option>");
	}
	if (any)
		html(h,
		     "</select> <button name=\"extend\" value=\"%s\" aria-label=\"%s: %s\">%s</button>",
		     json_text(domain, "domain"), tr(h, "Extend"), json_text(domain, "domain"),
		     tr(h, "Extend"));
}

static void show_domain(struct request *r, const json_t *domain)
{
	struct html *h = &r->html;

	html(h, "<section class=\"card\"><h2>%s</h2>", json_text(domain, "domain"));
	if (json_number(domain, "messages") == 0)
		html(h, "<p>%s</p>", tr(h, "Nothing waits: your server takes its mail itself."));
	show_waiting(r, domain);
	html(h, "<form method=\"post\" action=\"fallback\">");
	form_token_field(r);
	html(h,
	     "<p><button class=\"primary\" name=\"flush\" value=\"%s\" aria-label=\"%s: %s\">%s</button> "
	     "<span class=\"hint\">%s</span></p></form>",
	     json_text(domain, "domain"), tr(h, "Deliver now"), json_text(domain, "domain"),
	     tr(h, "Deliver now"), tr(h, "Tries your server at once instead of later."));
	html(h, "<form method=\"post\" action=\"fallback\" class=\"line\">");
	form_token_field(r);
	html(h, "<p>");
	show_extension(r, domain);
	html(h, "</p></form></section>");
}

static const char *outcome_text(struct request *r, const char *outcome)
{
	static const struct {
		const char *outcome, *text;
	} texts[] = {
		{"done", N_("done")},
		{"soon", N_("not done: it was done a moment ago")},
		{"denied", N_("refused: more than your administrator allows")},
		{"invalid", N_("refused: it makes no sense any more")},
		{"failed", N_("failed: your administrator sees why in the log")},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(outcome, texts[i].outcome) == 0)
			return catalogue_text(r->html.catalogue, texts[i].text, 1);
	}
	return outcome;
}

static void show_action(struct request *r, const json_t *action)
{
	struct html *h = &r->html;

	html(h, "<li>");
	show_time(r, json_number(action, "time"));
	html(h, " %s, %s: %s</li>", json_text(action, "domain"),
	     strcmp(json_text(action, "request"), "flush") == 0 ? tr(h, "deliver now")
								: tr(h, "keep longer"),
	     outcome_text(r, json_text(action, "outcome")));
}

static void show_actions(struct request *r, const json_t *actions)
{
	struct html *h = &r->html;
	bool any = false;
	size_t i;
	json_t *each;

	json_array_foreach(actions, i, each)
	{
		if (strcasecmp(json_text(each, "user"), r->session.user) != 0)
			continue;
		if (!any)
			html(h, "<section><h2>%s</h2><ul>", tr(h, "What you asked for"));
		any = true;
		show_action(r, each);
	}
	if (any)
		html(h, "</ul></section>");
}

void show_report_time(struct request *r, const json_t *report)
{
	long long made = json_number(report, "made");
	struct html *h = &r->html;

	html(h, "<p class=\"%s\">%s ",
	     r->now - made > HOST_REPORT_STALE_S ? "notice trouble" : "hint", tr(h, "As of"));
	show_time(r, made);
	if (r->now - made > HOST_REPORT_STALE_S)
		html(h, " - %s", tr(h, "nothing newer is known: tell your administrator."));
	html(h, "</p>");
}

static void show_page(struct request *r, const json_t *report)
{
	struct html *h = &r->html;
	size_t i;
	json_t *each;

	frame_begin(r, tr(h, "Fallback MX"), "fallback");
	html(h, "<p class=\"lead\">%s</p>",
	     tr(h, "When your own mail server cannot be reached, mail for these domains waits here "
		   "and is handed over as soon as it is back."));
	json_array_foreach(json_object_get(report, "mx2"), i, each)
	{
		if (is_contact(r, each))
			show_domain(r, each);
	}
	show_actions(r, json_object_get(report, "actions"));
	show_report_time(r, report);
	frame_end(r);
}

/* Root looks once more who may. */
static bool may_change(const struct request *r, const json_t *report, const char *domain)
{
	size_t i;
	json_t *each;

	json_array_foreach(json_object_get(report, "mx2"), i, each)
	{
		if (strcasecmp(json_text(each, "domain"), domain) == 0)
			return is_contact(r, each);
	}
	return false;
}

void ask_root(struct request *r, struct strbuf *attributes, const char *what, const char *back)
{
	char *key = xasprintf("report %s", r->session.user), *error = NULL;
	unsigned wait = limiter_take(r->site->limiter, key, REQUESTS_BURST, r->now);

	free(key);
	if (wait == 0 && host_report_ask(r->site->report, attributes, &error) == 0) {
		msg_info("%s: user=<%s>, action=%s", r->client, r->session.user, what);
		notice_redirect(r, "", back, "asked", 0);
	} else {
		msg_error("user=<%s>, action=%s, %s", r->session.user, what,
			  wait > 0 ? "asked too often" : error);
		r->response.retry_s = wait > 0 ? wait : 30;
		frame_fail(r, wait > 0 ? 429 : 503, tr(&r->html, "Please try again in a moment"),
			   tr(&r->html, "The host does not take requests just now."));
	}
	free(error);
	strbuf_free(attributes);
}

static void change(struct request *r, const char *domain, bool extend)
{
	long long days = form_number(&r->form, "days", 0);
	struct strbuf attributes = STRBUF_INIT;
	char until[24];

	snprintf(until, sizeof(until), "%lld", (long long)r->now + (days <= 366 ? days : 0) * DAY);
	packet_put(&attributes, "request", extend ? "extend" : "flush");
	packet_put(&attributes, "user", r->session.user);
	packet_put(&attributes, "domain", domain);
	packet_put(&attributes, "until", until);
	ask_root(r, &attributes, extend ? "mx2-extend" : "mx2-flush", "fallback");
}

void page_fallback(struct request *r)
{
	const char *flush = form_get(&r->form, "flush"), *extend = form_get(&r->form, "extend");
	const char *domain = extend != NULL ? extend : flush != NULL ? flush : "";
	json_t *report = host_report_get(r->site->report);

	if (!fallback_is_shown(r))
		frame_fail(r, 404, tr(&r->html, "There is no such page"),
			   tr(&r->html, "You are not the contact of a domain that this host is a "
					"fallback for."));
	else if (!r->post)
		show_page(r, report);
	else if (may_change(r, report, domain))
		change(r, domain, extend != NULL);
	else
		frame_fail(r, 404, tr(&r->html, "There is no such domain"),
			   tr(&r->html, "It is not yours, or no longer there."));
	json_decref(report);
}
