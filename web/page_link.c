/*
 * The links of the daily digest: a GET only shows what would happen, since mail scanners follow
 * links; the POST does it. Nobody has to be signed in: the token is the right.
 */
#include "web/pages.h"

static void show_question(struct request *r, const struct packet *link, const char *token)
{
	const char *action = packet_get(link, "action"), *count = packet_get(link, "count");
	struct html *h = &r->html;
	bool all = action != NULL && strcmp(action, "delete-all") == 0;
	bool spam = action != NULL && strcmp(action, "spam") == 0;
	const char *user = packet_get(link, "user"), *from = packet_get(link, "from");
	const char *subject = packet_get(link, "subject");

	frame_begin(r,
		    all	   ? tr(h, "Empty the quarantine?")
		    : spam ? tr(h, "Is this spam?")
			   : tr(h, "Release this message?"),
		    "");
	html(h, "<section class=\"card narrow\"><p>%s: %s</p>", tr(h, "Mailbox"),
	     user != NULL ? user : "");
	if (all) {
		html(h, "<p>");
		text(h, tr(h, "%s messages will be deleted. This cannot be undone."),
		     count != NULL ? count : "?");
		html(h, "</p>");
	} else {
		html(h, "<dl class=\"facts\"><dt>%s</dt><dd>%s</dd><dt>%s</dt><dd>%s</dd></dl>",
		     tr(h, "From"), from != NULL ? from : "", tr(h, "Subject"),
		     subject != NULL ? subject : "");
	}
	html(h, "<form method=\"post\" action=\"link\">");
	form_token_field(r);
	html(h,
	     "<input type=\"hidden\" name=\"t\" value=\"%s\"><p><button class=\"%s wide\">%s"
	     "</button></p></form></section>",
	     token, all ? "dangerous" : "primary",
	     all    ? tr(h, "Delete all of them")
	     : spam ? tr(h, "Yes, it is spam: delete it")
		    : tr(h, "Release: it is not spam"));
	frame_end(r);
}

/* Not: what is accepted and still waits. */
static bool refused(const struct packet *done)
{
	const char *released = packet_get(done, "released");
	const char *outcome = packet_get(done, "outcome");

	return released != NULL && strcmp(released, "no") == 0 &&
	       (outcome == NULL || strcmp(outcome, "waiting") != 0);
}

static const char *done_text(const struct request *r, const struct packet *done)
{
	const char *action = packet_get(done, "action");
	const struct html *h = &r->html;

	if (action != NULL && strcmp(action, "delete-all") == 0)
		return tr(h, "The messages were deleted.");
	if (action != NULL && strcmp(action, "spam") == 0)
		return tr(h, "Your filter learned it, and the message is gone.");
	if (refused(done))
		return tr(h, "Your mailbox did not take the message. It is still in the "
			     "quarantine, and this link still works.");
	return tr(h, "The message is on its way to your inbox, and your filter learned from it.");
}

static void show_done(struct request *r, const struct packet *done)
{
	struct html *h = &r->html;

	frame_begin(r, refused(done) ? tr(h, "Not released") : tr(h, "Done"), "");
	html(h, "<p class=\"lead\">%s</p><p><a class=\"button\" href=\"quarantine\">%s</a></p>",
	     done_text(r, done), tr(h, "To the quarantine"));
	frame_end(r);
}

void page_link(struct request *r)
{
	const char *token = form_text(r->post ? &r->form : &r->query, "t");
	struct strbuf question;
	struct answer answer;

	ask_begin_link(&question, r->post ? "link-use" : "link-show", token);
	if (!ask(r, &question, &answer))
		frame_fail_answer(r, &answer);
	else if (r->post)
		show_done(r, &answer.packet);
	else
		show_question(r, &answer.packet, token);
	answer_free(&answer);
}
