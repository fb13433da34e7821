/*
 * What a user may do with all that is known of him: take it along, and have it forgotten.
 */
#include "web/pages.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define DAY_SECONDS 86400

static void begin_forget(struct request *r)
{
	struct html *h = &r->html;

	frame_begin(r, tr(h, "Forget what was learned"), "preferences");
	html(h, "<p class=\"lead\">%s</p>",
	     tr(h, "Your filter forgets what it learned of your messages. The messages "
		   "themselves, this history and your preferences stay. Afterwards it knows less, "
		   "and needs your corrections again."));
}

static void show_question(struct request *r)
{
	struct html *h = &r->html;

	begin_forget(r);
	html(h, "<form class=\"card narrow\" method=\"post\" action=\"forget\">");
	form_token_field(r);
	html(h, "<p><label for=\"days\">%s</label><select id=\"days\" name=\"days\">",
	     tr(h, "What it learned of messages that came"));
	show_option(r, "1", tr(h, "in the last day"), "7");
	show_option(r, "7", tr(h, "in the last week"), "7");
	show_option(r, "30", tr(h, "in the last month"), "7");
	show_option(r, "all", tr(h, "at any time: everything"), "7");
	html(h, "</select></p><p><button>%s</button></p></form>", tr(h, "Go on"));
	frame_end(r);
}

static void show_confirmation(struct request *r, const char *days)
{
	struct html *h = &r->html;

	begin_forget(r);
	html(h, "<form class=\"card narrow\" method=\"post\" action=\"forget\">");
	form_token_field(r);
	html(h, "<input type=\"hidden\" name=\"days\" value=\"%s\"><p>", days);
	if (strcmp(days, "all") == 0)
		text(h, "%s", tr(h, "Everything that your filter ever learned will be forgotten."));
	else
		text(h,
		     trn(h, "What it learned of the last %lu day will be forgotten.",
			 "What it learned of the last %lu days will be forgotten.",
			 strtoul(days, NULL, 10)),
		     strtoul(days, NULL, 10));
	html(h,
	     "</p><p class=\"buttons\"><button class=\"dangerous\" name=\"sure\" "
	     "value=\"yes\">%s</button> <a class=\"button\" href=\"preferences\">%s</a></p></form>",
	     tr(h, "Forget it"), tr(h, "Leave it as it is"));
	frame_end(r);
}

static void forget(struct request *r, long long since)
{
	struct strbuf question;
	struct answer answer;
	const char *forgotten;
	char *text_of_since = xasprintf("%lld", since);

	ask_begin(r, &question, "forget");
	packet_put(&question, "since", text_of_since);
	free(text_of_since);
	if (ask(r, &question, &answer)) {
		forgotten = packet_get(&answer.packet, "forgotten");
		notice_redirect(r, "", "preferences", "forgotten",
				forgotten != NULL ? strtoul(forgotten, NULL, 10) : 0);
	} else {
		frame_fail_answer(r, &answer);
	}
	answer_free(&answer);
}

void page_forget(struct request *r)
{
	const char *days = form_text(&r->form, "days");
	long long number = form_number(&r->form, "days", 0);
	bool all = strcmp(days, "all") == 0;

	if (!r->post)
		show_question(r);
	else if (!all && (number < 1 || number > 36500))
		frame_fail(r, 400, tr(&r->html, "This cannot be done so"),
			   tr(&r->html, "Go back and try again."));
	else if (form_get(&r->form, "sure") == NULL)
		show_confirmation(r, days);
	else
		forget(r, all ? 0 : (long long)r->now - number * DAY_SECONDS);
}

void page_export(struct request *r)
{
	struct strbuf question;
	struct answer answer;

	ask_begin(r, &question, "export");
	if (ask_raw(r, &question, &answer) && answer.message != NULL) {
		r->response.status = 200;
		r->response.type = "application/json; charset=utf-8";
		r->response.file = "shoveler.json";
		strbuf_append(&r->html.out, answer.message, answer.message_size);
	} else {
		frame_fail_answer(r, &answer);
	}
	answer_free(&answer);
}
