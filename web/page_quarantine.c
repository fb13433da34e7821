/* Quarantine: what is held back, releasing and deleting it. */
#include "web/pages.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define DAY_SECONDS 86400

static bool ask_list(struct request *r, struct answer *answer)
{
	struct strbuf question;
	const char *sort = form_text(&r->query, "sort");

	ask_begin(r, &question, "quarantine");
	if (sort[0] != '\0')
		packet_put(&question, "sort", sort);
	if (form_text(&r->query, "after")[0] != '\0')
		packet_put(&question, "after", form_text(&r->query, "after"));
	if (form_text(&r->query, "q")[0] != '\0')
		packet_put(&question, "contains", form_text(&r->query, "q"));
	return ask(r, &question, answer);
}

static void list_address(const struct request *r, const char *after, struct strbuf *out)
{
	struct strbuf query = STRBUF_INIT;

	query_put(&query, "q", form_text(&r->query, "q"));
	query_put(&query, "sort", form_text(&r->query, "sort"));
	query_put(&query, "after", after);
	strbuf_printf(out, "quarantine%s%s", query.size > 0 ? "?" : "", strbuf_text(&query));
	strbuf_free(&query);
}

/* The words that the user does not want to overlook; malloc'ed. */
static char *read_alerts(struct request *r)
{
	struct strbuf question;
	struct answer answer;
	char *words = NULL;
	size_t i;
	json_t *each;

	ask_begin(r, &question, "preferences");
	if (ask(r, &question, &answer)) {
		json_array_foreach(json_object_get(answer.json, "preferences"), i, each)
		{
			if (words == NULL && strcmp(json_text(each, "name"), "alerts") == 0)
				words = xstrdup(json_text(each, "value"));
		}
	}
	answer_free(&answer);
	return words != NULL ? words : xstrdup("");
}

static void show_search(struct request *r)
{
	struct html *h = &r->html;
	const char *sort = form_text(&r->query, "sort");

	html(h,
	     "<form class=\"search\" method=\"get\" action=\"quarantine\" role=\"search\">"
	     "<p class=\"find\"><label for=\"q\">%s</label><input type=\"search\" id=\"q\" name=\"q\" "
	     "value=\"%s\" maxlength=\"200\"><button>%s</button></p>",
	     tr(h, "Sender or subject"), form_text(&r->query, "q"), tr(h, "Search"));
	html(h,
	     "<p class=\"sort\"><label for=\"sort\">%s</label><select id=\"sort\" name=\"sort\">",
	     tr(h, "Order"));
	show_option(r, "", tr(h, "doubtful first"), sort);
	show_option(r, "time", tr(h, "newest first"), sort);
	html(h, "</select></p></form>");
}

static void show_summary(struct request *r, const json_t *list)
{
	struct html *h = &r->html;
	long long messages = json_number(list, "messages"), limit = json_number(list, "limit");
	long long bytes = json_number(list, "bytes");
	unsigned long days = (unsigned long)(json_number(list, "lifetime") / DAY_SECONDS);

	html(h, "<p class=\"lead\">");
	text(h,
	     trn(h, "%lu message is held back.", "%lu messages are held back.",
		 (unsigned long)messages),
	     (unsigned long)messages);
	html(h, " ");
	text(h,
	     trn(h, "What you do not release is deleted after %lu day.",
		 "What you do not release is deleted after %lu days.", days),
	     days);
	html(h, "</p>");
	if (limit > 0 && bytes > limit / 10 * 8)
		html(h, "<p class=\"notice trouble\">%s</p>",
		     tr(h, "Your quarantine is nearly full. What does not fit any more is "
			   "delivered and marked as spam: delete what you do not need."));
}

static void show_row(struct request *r, const json_t *row, const char *alerts)
{
	struct html *h = &r->html;
	const char *signature = json_text(row, "signature");
	const json_t *held = json_object_get(row, "quarantine");
	bool ok = strcmp(json_text(held, "state"), "ok") == 0, alert = show_is_alert(row, alerts);

	html(h,
	     "<li class=\"message%s\"><input type=\"checkbox\" name=\"s\" value=\"%s\" id=\"s%s\" "
	     "aria-labelledby=\"m%s\"><div class=\"what\">",
	     alert ? " alert" : "", signature, signature, signature);
	html(h, "<a class=\"subject\" id=\"m%s\" href=\"held?s=%s\">", signature, signature);
	show_subject(r, row);
	html(h, "</a><span class=\"from\">");
	show_from(r, row);
	html(h, "</span></div><div class=\"state\">");
	if (alert)
		html(h, "<span class=\"chip alert\">%s</span>", tr(h, "Your word"));
	if (!ok)
		html(h, "<span class=\"chip virus\">%s</span>", tr(h, "Damaged"));
	html(h, "<span class=\"outcome\">");
	text(h, tr(h, "score %.1f"), json_fraction(row, "score"));
	html(h, "</span></div><div class=\"when\">");
	show_time(r, json_number(held, "added"));
	html(h, "</div><div class=\"act\">");
	if (ok)
		html(h, "<button name=\"release\" value=\"%s\" class=\"small\">%s</button>",
		     signature, tr(h, "Release"));
	html(h, "</div></li>");
}

static void show_actions(struct request *r)
{
	struct html *h = &r->html;

	begin_actions(r);
	html(h, "<button name=\"do\" value=\"release\" class=\"primary\">%s</button>",
	     tr(h, "Release"));
	html(h, "<button name=\"do\" value=\"delete\">%s</button></div>", tr(h, "Delete"));
}

/* What came after the list was shown is not flushed. */
static void show_flush(struct request *r)
{
	struct html *h = &r->html;

	html(h,
	     "<details class=\"danger\"><summary>%s</summary>"
	     "<form method=\"post\" action=\"quarantine\">",
	     tr(h, "Empty the quarantine"));
	form_token_field(r);
	html(h, "<input type=\"hidden\" name=\"until\" value=\"%lld\"><p>%s</p>", (long long)r->now,
	     tr(h, "Deletes all messages that are held back now. This cannot be undone."));
	html(h, "<p><button class=\"dangerous\" name=\"do\" value=\"flush\">%s</button></p>",
	     tr(h, "Delete all of them"));
	html(h, "</form></details>");
}

static void show_list(struct request *r, const json_t *list)
{
	const json_t *rows = json_object_get(list, "rows");
	const char *next = json_text(list, "next");
	struct strbuf address = STRBUF_INIT;
	struct html *h = &r->html;
	char *alerts = read_alerts(r);
	size_t i;
	json_t *row;

	list_address(r, form_text(&r->query, "after"), &address);
	html(h, "<form method=\"post\" action=\"quarantine\" class=\"list\">");
	form_token_field(r);
	html(h, "<input type=\"hidden\" name=\"back\" value=\"%s\">", strbuf_text(&address));
	show_actions(r);
	html(h, "<ul class=\"messages\">");
	json_array_foreach(rows, i, row) show_row(r, row, alerts);
	html(h, "</ul></form>");
	if (next[0] != '\0') {
		strbuf_reset(&address);
		list_address(r, next, &address);
		html(h,
		     "<nav class=\"pages\" aria-label=\"%s\"><a class=\"button\" rel=\"next\" "
		     "href=\"%s\">%s</a></nav>",
		     tr(h, "Pages of this list"), strbuf_text(&address), tr(h, "More"));
	}
	free(alerts);
	strbuf_free(&address);
}

static void show_quarantine(struct request *r, const json_t *list)
{
	struct html *h = &r->html;
	bool searched = form_text(&r->query, "q")[0] != '\0';

	frame_begin(r, tr(h, "Quarantine"), "quarantine");
	if (json_number(list, "messages") == 0) {
		html(h, "<p class=\"empty\">%s</p>", tr(h, "Nothing is held back."));
	} else {
		show_summary(r, list);
		show_search(r);
		if (json_array_size(json_object_get(list, "rows")) > 0)
			show_list(r, list);
		else
			html(h, "<p class=\"empty\">%s</p>",
			     searched ? tr(h, "No message fits.") : tr(h, "That was all."));
		show_flush(r);
	}
	frame_end(r);
}

/* ---- what is done ---- */

static void do_release(struct request *r, struct strbuf *signatures)
{
	struct strbuf question;
	struct answer answer;
	unsigned long done = 0, later;
	const char *back = form_text(&r->form, "back");
	size_t i;
	json_t *each;

	ask_begin(r, &question, "release");
	packet_put(&question, "signatures", strbuf_text(signatures));
	packet_put(&question, "source", "web");
	if (ask(r, &question, &answer)) {
		const json_t *counts = json_object_get(answer.json, "counts");

		json_array_foreach(json_object_get(answer.json, "results"), i, each) done +=
			json_flag(each, "released");
		later = (unsigned long)(json_number(counts, "waiting") +
					json_number(counts, "deferred"));
		if (done == 0 && later > 0)
			notice_redirect(r, back, "quarantine", "waiting", later);
		else
			notice_redirect(r, back, "quarantine", done > 0 ? "released" : "gone",
					done);
	} else {
		frame_fail_answer(r, &answer);
	}
	answer_free(&answer);
}

/* question: quarantine-delete or quarantine-flush. */
static void do_delete(struct request *r, struct strbuf *question)
{
	const char *back = form_text(&r->form, "back"), *deleted;
	struct answer answer;
	unsigned long count;

	if (ask(r, question, &answer)) {
		deleted = packet_get(&answer.packet, "deleted");
		count = deleted != NULL ? strtoul(deleted, NULL, 10) : 0;
		notice_redirect(r, back, "quarantine", count > 0 ? "deleted" : "gone", count);
	} else {
		frame_fail_answer(r, &answer);
	}
	answer_free(&answer);
}

static void act(struct request *r)
{
	struct strbuf signatures = STRBUF_INIT, question;
	const char *what = form_text(&r->form, "do");
	const char *one = form_get(&r->form, "release");

	if (one != NULL)
		strbuf_append_text(&signatures, one);
	else
		form_signatures(&r->form, &signatures);
	if (strcmp(what, "flush") == 0) {
		ask_begin(r, &question, "quarantine-flush");
		packet_put(&question, "until", form_text(&r->form, "until"));
		do_delete(r, &question);
	} else if (signatures.size == 0) {
		notice_redirect(r, form_text(&r->form, "back"), "quarantine", "none", 0);
	} else if (one != NULL || strcmp(what, "release") == 0) {
		do_release(r, &signatures);
	} else if (strcmp(what, "delete") == 0) {
		ask_begin(r, &question, "quarantine-delete");
		packet_put(&question, "signatures", strbuf_text(&signatures));
		do_delete(r, &question);
	} else {
		notice_redirect(r, form_text(&r->form, "back"), "quarantine", "none", 0);
	}
	strbuf_free(&signatures);
}

void page_quarantine(struct request *r)
{
	struct answer answer;

	if (r->post) {
		act(r);
		return;
	}
	if (ask_list(r, &answer))
		show_quarantine(r, answer.json);
	else
		frame_fail_answer(r, &answer);
	answer_free(&answer);
}
