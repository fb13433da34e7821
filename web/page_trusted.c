/* Senders whom the user trusts. */
#include "web/pages.h"

static void show_senders(struct request *r, const json_t *senders)
{
	struct html *h = &r->html;
	size_t i;
	json_t *each;

	html(h, "<form method=\"post\" action=\"trusted\"><ul class=\"messages\">");
	form_token_field(r);
	json_array_foreach(senders, i, each)
	{
		html(h,
		     "<li class=\"message sender\"><div class=\"what\"><span class=\"subject\">%s</span>"
		     "<span class=\"from\">",
		     json_text(each, "from"));
		show_day(r, json_number(each, "added"));
		html(h,
		     "</span></div><div class=\"act\"><button class=\"small\" name=\"remove\" "
		     "value=\"%s\">%s</button></div></li>",
		     json_text(each, "signature"), tr(h, "Trust no longer"));
	}
	html(h, "</ul></form>");
}

static void show_page(struct request *r, const json_t *senders)
{
	struct html *h = &r->html;

	frame_begin(r, tr(h, "Trusted senders"), "preferences");
	html(h, "<p class=\"lead\">%s</p>",
	     tr(h,
		"Their mail always gets through, whatever it says. Add one from a message in your "
		"history or quarantine."));
	if (json_array_size(senders) == 0)
		html(h, "<p class=\"empty\">%s</p>", tr(h, "There are none yet."));
	else
		show_senders(r, senders);
	html(h, "<p><a href=\"preferences\">%s</a></p>", tr(h, "Back to the preferences"));
	frame_end(r);
}

static void change(struct request *r)
{
	const char *add = form_get(&r->form, "add"), *remove = form_get(&r->form, "remove");
	struct strbuf question;
	struct answer answer;

	ask_begin(r, &question, "sender-trust");
	packet_put(&question, "signature", add != NULL ? add : remove != NULL ? remove : "");
	packet_put(&question, "trust", add != NULL ? "yes" : "no");
	if (ask(r, &question, &answer))
		notice_redirect(r, form_text(&r->form, "back"), "trusted",
				add != NULL ? "trusted" : "untrusted", 0);
	else
		frame_fail_answer(r, &answer);
	answer_free(&answer);
}

void page_trusted(struct request *r)
{
	struct strbuf question;
	struct answer answer;

	if (r->post) {
		change(r);
		return;
	}
	ask_begin(r, &question, "trusted");
	if (ask(r, &question, &answer))
		show_page(r, json_object_get(answer.json, "senders"));
	else
		frame_fail_answer(r, &answer);
	answer_free(&answer);
}
