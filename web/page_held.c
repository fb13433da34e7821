/* One message in quarantine, with a preview. */
#include "web/pages.h"
#include "web/preview.h"

#include <stdlib.h>

static void show_facts(struct request *r, const json_t *row)
{
	const json_t *held = json_object_get(row, "quarantine");
	struct html *h = &r->html;

	html(h, "<dl class=\"facts\"><dt>%s</dt><dd>%s</dd>", tr(h, "From"),
	     json_text(row, "from"));
	html(h, "<dt>%s</dt><dd>%s</dd>", tr(h, "Sent by"), json_text(row, "sender"));
	html(h, "<dt>%s</dt><dd>%s</dd>", tr(h, "To"), json_text(held, "recipient"));
	html(h, "<dt>%s</dt><dd>", tr(h, "Received"));
	show_day(r, json_number(held, "added"));
	html(h, "</dd><dt>%s</dt><dd>", tr(h, "Size"));
	show_size(r, json_number(held, "size"));
	html(h, "</dd><dt>%s</dt><dd>", tr(h, "Deleted on"));
	show_day(r, json_number(held, "expires"));
	html(h, "</dd></dl>");
}

static void show_buttons(struct request *r, const json_t *row)
{
	const char *signature = json_text(row, "signature");
	const json_t *held = json_object_get(row, "quarantine");
	struct html *h = &r->html;

	html(h, "<form method=\"post\" action=\"quarantine\" class=\"buttons\">");
	form_token_field(r);
	html(h, "<input type=\"hidden\" name=\"s\" value=\"%s\">", signature);
	if (strcmp(json_text(held, "state"), "ok") == 0)
		html(h, "<button class=\"primary\" name=\"do\" value=\"release\">%s</button>",
		     tr(h, "Release: it is not spam"));
	html(h, "<button name=\"do\" value=\"delete\">%s</button></form>", tr(h, "Delete"));
	if (json_number(row, "id") == 0)
		return;
	html(h, "<form method=\"post\" action=\"trusted\" class=\"buttons\">");
	form_token_field(r);
	html(h, "<input type=\"hidden\" name=\"back\" value=\"held?s=%s\">", signature);
	html(h, "<button name=\"%s\" value=\"%s\">%s</button></form>",
	     json_flag(row, "trusted") ? "remove" : "add", signature,
	     json_flag(row, "trusted") ? tr(h, "Trust this sender no longer")
				       : tr(h, "Always trust this sender"));
}

static void show_attachments(struct request *r, const struct preview *preview)
{
	struct html *h = &r->html;

	if (preview->attachments == 0)
		return;
	html(h, "<h3>%s</h3><ul>", tr(h, "Attachments"));
	for (size_t i = 0; i < preview->attachments; i++)
		html(h, "<li>%s</li>", strbuf_text(&preview->attachment[i]));
	html(h, "</ul>");
}

static void show_preview(struct request *r, struct span message, bool is_whole)
{
	struct preview preview;
	struct html *h = &r->html;

	preview_read(&preview, message);
	html(h, "<section class=\"card\"><h2>%s</h2><p class=\"hint\">%s</p>", tr(h, "Preview"),
	     tr(h, "Only its text. Nothing is loaded from elsewhere, and no link works."));
	if (preview.text.size == 0)
		html(h, "<p>%s</p>", tr(h, "There is no text to show."));
	else
		html(h, "<pre class=\"preview\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">",
		     tr(h, "Text of the message"));
	if (preview.text.size > 0) {
		html_span(h, strbuf_span(&preview.text));
		html(h, "</pre>");
	}
	if (preview.truncated || !is_whole)
		html(h, "<p class=\"hint\">%s</p>", tr(h, "It goes on; this is its beginning."));
	show_attachments(r, &preview);
	html(h, "</section>");
	preview_free(&preview);
}

static void show_content(struct request *r, const char *signature)
{
	struct strbuf question;
	struct answer answer;
	const char *total;

	ask_begin(r, &question, "quarantine-message");
	packet_put(&question, "signature", signature);
	if (ask(r, &question, &answer) && answer.message != NULL) {
		total = packet_get(&answer.packet, "total");
		show_preview(r, (struct span){answer.message, answer.message_size},
			     total == NULL || strtoull(total, NULL, 10) <= answer.message_size);
	} else {
		html(&r->html, "<p class=\"notice trouble\">%s</p>",
		     tr(&r->html, "Its content is damaged or gone. It can only be deleted."));
	}
	answer_free(&answer);
}

static void show_held(struct request *r, const json_t *row)
{
	const char *signature = json_text(row, "signature"), *subject = json_text(row, "subject");
	struct html *h = &r->html;

	frame_begin(r, subject[0] != '\0' ? subject : tr(h, "(no subject)"), "quarantine");
	html(h, "<section class=\"card\">");
	show_facts(r, row);
	show_buttons(r, row);
	html(h, "</section>");
	show_content(r, signature);
	html(h, "<p class=\"links\"><a href=\"quarantine\">%s</a>",
	     tr(h, "Back to the quarantine"));
	if (json_number(row, "id") != 0)
		html(h, " <a href=\"message?s=%s\">%s</a>", signature,
		     tr(h, "Why was it held back?"));
	html(h, "</p>");
	frame_end(r);
}

void page_held(struct request *r)
{
	struct strbuf question;
	struct answer answer;
	const json_t *row;

	ask_begin(r, &question, "message");
	packet_put(&question, "signature", form_text(&r->query, "s"));
	if (!ask(r, &question, &answer)) {
		frame_fail_answer(r, &answer);
	} else {
		row = json_object_get(answer.json, "row");
		if (json_object_get(row, "quarantine") != NULL)
			show_held(r, row);
		else
			frame_fail(r, 404, tr(&r->html, "It is not held back any more"),
				   tr(&r->html, "It was released or deleted."));
	}
	answer_free(&answer);
}
