/* One message of the history: why it was judged so, and what can be done about it. */
#include "web/pages.h"
#include "web/reason.h"

#define SURE	      0.9 /* probability from which on words are plain */
#define REASONS_SHOWN 10

/* "Your filter was quite sure that this is spam." */
static const char *verdict_sentence(const struct request *r, const json_t *row)
{
	const struct html *h = &r->html;
	const char *result = json_text(row, "result");
	double probability = json_fraction(row, "probability");

	if (strcmp(json_text(row, "outcome"), "virus") == 0)
		return tr(h, "A virus was found in this message. It was kept from you.");
	if (strcmp(result, "whitelisted") == 0)
		return tr(h, "You know this sender: much good mail came from there before, or you "
			     "said that you trust it. So it was not judged by its content.");
	if (strcmp(result, "spam") == 0)
		return probability >= SURE ? tr(h, "Your filter was sure that this is spam.")
					   : tr(h, "Your filter thought that this is rather spam.");
	if (strcmp(result, "innocent") == 0)
		return probability <= 1 - SURE
			       ? tr(h, "Your filter was sure that this is good mail.")
			       : tr(h, "Your filter was not sure, and let it through.");
	return tr(h, "Your filter did not judge this message.");
}

static void show_facts(struct request *r, const json_t *row)
{
	struct html *h = &r->html;

	html(h, "<dl class=\"facts\"><dt>%s</dt><dd>%s</dd>", tr(h, "From"),
	     json_text(row, "from"));
	html(h, "<dt>%s</dt><dd>%s</dd>", tr(h, "Sent by"), json_text(row, "sender"));
	html(h, "<dt>%s</dt><dd>", tr(h, "Received"));
	show_day(r, json_number(row, "received"));
	html(h, "</dd><dt>%s</dt><dd>", tr(h, "Size"));
	show_size(r, json_number(row, "size"));
	html(h, "</dd><dt>%s</dt><dd>", tr(h, "Verdict"));
	show_verdict(r, row);
	html(h, " %s</dd>", show_outcome(r, row));
	if (json_text(row, "virus")[0] != '\0')
		html(h, "<dt>%s</dt><dd>%s</dd>", tr(h, "Virus"), json_text(row, "virus"));
	if (strcmp(json_text(row, "result"), "none") != 0) {
		html(h, "<dt>%s</dt><dd>", tr(h, "Score"));
		text(h, tr(h, "%.1f (the higher, the more like spam)"),
		     json_fraction(row, "score"));
		html(h, "</dd>");
	}
	html(h, "</dl>");
}

/* How loud it spoke: a bar from the middle to the left (good) or right (spam). */
static void show_bar(struct request *r, double probability)
{
	struct html *h = &r->html;
	double width = (probability - 0.5) * 100;

	html(h, "<svg class=\"weight\" viewBox=\"0 0 100 8\" width=\"100\" height=\"8\" "
		"aria-hidden=\"true\"><rect class=\"track\" width=\"100\" height=\"8\" rx=\"4\"/>");
	if (width >= 0)
		html(h, "<rect class=\"spam\" x=\"50\" width=\"%.1f\" height=\"8\"/>", width);
	else
		html(h, "<rect class=\"good\" x=\"%.1f\" width=\"%.1f\" height=\"8\"/>", 50 + width,
		     -width);
	html(h, "</svg>");
}

/* Is there a reason before that one with the same words? */
static bool was_said(const json_t *reasons, size_t before, const struct reason *reason)
{
	for (size_t i = 0; i < before; i++) {
		struct reason other = reason_read(json_text(json_array_get(reasons, i), "text"));

		if (other.label == reason->label && span_equal_nocase(other.quoted, reason->quoted))
			return true;
	}
	return false;
}

static void show_reason(struct request *r, const struct reason *reason, double probability)
{
	struct html *h = &r->html;

	html(h, "<li><span class=\"reason\">");
	if (reason->quoted.size > 0) {
		html(h, "<q>");
		html_span(h, reason->quoted);
		html(h, "</q> ");
	}
	html(h, "%s</span>", catalogue_text(h->catalogue, reason->label, 1));
	show_bar(r, probability);
	html(h, "<span class=\"says\">%s</span></li>",
	     probability > 0.5 ? tr(h, "speaks for spam") : tr(h, "speaks for good mail"));
}

static void show_reasons(struct request *r, const json_t *reasons)
{
	struct html *h = &r->html;
	unsigned shown = 0;

	if (json_array_size(reasons) == 0)
		return;
	html(h, "<p>%s</p><ul class=\"reasons\">", tr(h, "What spoke loudest:"));
	for (size_t i = 0; i < json_array_size(reasons) && shown < REASONS_SHOWN; i++) {
		const json_t *each = json_array_get(reasons, i);
		struct reason reason = reason_read(json_text(each, "text"));

		if (was_said(reasons, i, &reason))
			continue;
		show_reason(r, &reason, json_fraction(each, "probability"));
		shown++;
	}
	html(h, "</ul>");
}

static const char *source_name(const struct request *r, const char *source)
{
	const struct html *h = &r->html;

	if (strcmp(source, "imap") == 0)
		return tr(h, "by moving it in your mail program");
	if (strcmp(source, "address") == 0)
		return tr(h, "by sending it to a training address");
	if (strcmp(source, "web") == 0)
		return tr(h, "on these pages");
	if (strcmp(source, "digest") == 0)
		return tr(h, "by a link in your daily summary");
	return tr(h, "by other means");
}

static void show_corrections(struct request *r, const json_t *corrections)
{
	struct html *h = &r->html;
	size_t i;
	json_t *each;

	if (json_array_size(corrections) == 0)
		return;
	html(h, "<h2>%s</h2><ul class=\"plain\">", tr(h, "What you said"));
	json_array_foreach(corrections, i, each)
	{
		const char *class = json_text(each, "class");

		html(h, "<li>");
		show_day(r, json_number(each, "time"));
		html(h, ": %s, %s</li>",
		     strcmp(class, "spam") == 0	      ? tr(h, "it is spam")
		     : strcmp(class, "innocent") == 0 ? tr(h, "it is good mail")
						      : tr(h, "correction taken back"),
		     source_name(r, json_text(each, "source")));
	}
	html(h, "</ul>");
}

static void show_buttons(struct request *r, const json_t *row)
{
	struct html *h = &r->html;
	const char *signature = json_text(row, "signature"), *class = json_text(row, "class");

	html(h, "<form method=\"post\" action=\"history\" class=\"buttons\">");
	form_token_field(r);
	html(h, "<input type=\"hidden\" name=\"back\" value=\"message?s=%s\">", signature);
	if (strcmp(class, "innocent") != 0)
		html(h, "<button class=\"primary\" name=\"innocent\" value=\"%s\">%s</button>",
		     signature, tr(h, "Not spam"));
	if (strcmp(class, "spam") != 0)
		html(h, "<button class=\"primary\" name=\"spam\" value=\"%s\">%s</button>",
		     signature, tr(h, "Spam"));
	if (strcmp(json_text(row, "corrected"), "none") != 0)
		html(h, "<button name=\"undo\" value=\"%s\">%s</button>", signature,
		     tr(h, "Take my correction back"));
	html(h, "</form><form method=\"post\" action=\"trusted\" class=\"buttons\">");
	form_token_field(r);
	html(h, "<input type=\"hidden\" name=\"back\" value=\"message?s=%s\">", signature);
	if (json_flag(row, "trusted"))
		html(h, "<button name=\"remove\" value=\"%s\">%s</button>", signature,
		     tr(h, "Trust this sender no longer"));
	else
		html(h, "<button name=\"add\" value=\"%s\">%s</button>", signature,
		     tr(h, "Always trust this sender"));
	html(h, "</form>");
}

static void show_message(struct request *r, const struct answer *answer)
{
	const json_t *row = json_object_get(answer->json, "row");
	const char *subject = json_text(row, "subject");
	struct html *h = &r->html;

	frame_begin(r, subject[0] != '\0' ? subject : tr(h, "(no subject)"), "history");
	html(h, "<section class=\"card\">");
	show_facts(r, row);
	if (json_object_get(row, "quarantine") != NULL)
		html(h, "<p><a href=\"held?s=%s\">%s</a></p>", json_text(row, "signature"),
		     tr(h, "Look at it in the quarantine"));
	/* Nothing is learned of a virus. */
	if (strcmp(json_text(row, "class"), "virus") != 0)
		show_buttons(r, row);
	html(h, "</section><section class=\"card\"><h2>%s</h2><p>%s</p>", tr(h, "Why?"),
	     verdict_sentence(r, row));
	show_reasons(r, json_object_get(answer->json, "reasons"));
	html(h, "</section>");
	if (json_array_size(json_object_get(answer->json, "corrections")) > 0) {
		html(h, "<section class=\"card\">");
		show_corrections(r, json_object_get(answer->json, "corrections"));
		html(h, "</section>");
	}
	html(h, "<p><a href=\"history\">%s</a></p>", tr(h, "Back to the history"));
	frame_end(r);
}

void page_message(struct request *r)
{
	struct strbuf question;
	struct answer answer;

	ask_begin(r, &question, "message");
	packet_put(&question, "signature", form_text(&r->query, "s"));
	if (ask(r, &question, &answer))
		show_message(r, &answer);
	else
		frame_fail_answer(r, &answer);
	answer_free(&answer);
}
