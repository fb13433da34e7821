/* History: what became of each message, and correcting many at once. */
#include "web/pages.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define DAY_SECONDS 86400

/* What the list is narrowed to, from the query; "" is everything. */
struct filter {
	const char *contains, *class, *outcome, *period, *corrected;
	const char *before; /* the page */
};

static struct filter read_filter(const struct request *r)
{
	return (struct filter){
		.contains = form_text(&r->query, "q"),
		.class = form_text(&r->query, "class"),
		.outcome = form_text(&r->query, "outcome"),
		.period = form_text(&r->query, "days"),
		.corrected = form_text(&r->query, "corrected"),
		.before = form_text(&r->query, "before"),
	};
}

static void put_text(struct strbuf *question, const char *name, const char *value)
{
	if (value[0] != '\0')
		packet_put(question, name, value);
}

static bool ask_history(struct request *r, const struct filter *filter, struct answer *answer)
{
	long long days = form_number(&r->query, "days", 0);
	struct strbuf question;
	char *since;

	ask_begin(r, &question, "history");
	put_text(&question, "contains", filter->contains);
	put_text(&question, "class", filter->class);
	put_text(&question, "outcome", filter->outcome);
	put_text(&question, "before", filter->before);
	if (strcmp(filter->corrected, "yes") == 0)
		packet_put(&question, "corrected", "yes");
	if (days > 0 && days < 36500) {
		since = xasprintf("%lld", (long long)r->now - days * DAY_SECONDS);
		packet_put(&question, "since", since);
		free(since);
	}
	return ask(r, &question, answer);
}

/* The address of this list, from the row before on: "history?class=spam&before=12". */
static void list_address(const struct filter *filter, const char *before, struct strbuf *out)
{
	struct strbuf query = STRBUF_INIT;

	query_put(&query, "q", filter->contains);
	query_put(&query, "class", filter->class);
	query_put(&query, "outcome", filter->outcome);
	query_put(&query, "days", filter->period);
	query_put(&query, "corrected", filter->corrected);
	query_put(&query, "before", before);
	strbuf_printf(out, "history%s%s", query.size > 0 ? "?" : "", strbuf_text(&query));
	strbuf_free(&query);
}

static void begin_select(struct request *r, const char *name, const char *label)
{
	html(&r->html, "<p><label for=\"%s\">%s</label><select id=\"%s\" name=\"%s\">", name, label,
	     name, name);
}

static void show_selects(struct request *r, const struct filter *filter)
{
	struct html *h = &r->html;

	begin_select(r, "class", tr(h, "Verdict"));
	show_option(r, "", tr(h, "any"), filter->class);
	show_option(r, "innocent", tr(h, "good"), filter->class);
	show_option(r, "spam", tr(h, "spam"), filter->class);
	html(h, "</select></p>");
	begin_select(r, "outcome", tr(h, "What became of it"));
	show_option(r, "", tr(h, "anything"), filter->outcome);
	show_option(r, "delivered", tr(h, "delivered"), filter->outcome);
	show_option(r, "tagged", tr(h, "tagged"), filter->outcome);
	show_option(r, "quarantined", tr(h, "in quarantine"), filter->outcome);
	show_option(r, "released", tr(h, "released"), filter->outcome);
	show_option(r, "deleted", tr(h, "deleted"), filter->outcome);
	show_option(r, "virus", tr(h, "stopped as a virus"), filter->outcome);
	html(h, "</select></p>");
	begin_select(r, "days", tr(h, "Received"));
	show_option(r, "", tr(h, "at any time"), filter->period);
	show_option(r, "1", tr(h, "in the last day"), filter->period);
	show_option(r, "7", tr(h, "in the last week"), filter->period);
	show_option(r, "30", tr(h, "in the last month"), filter->period);
	html(h, "</select></p>");
}

static void show_search(struct request *r, const struct filter *filter)
{
	struct html *h = &r->html;
	bool narrowed = filter->class[0] != '\0' || filter->outcome[0] != '\0' ||
			filter->period[0] != '\0' || filter->corrected[0] != '\0';

	html(h,
	     "<form class=\"search\" method=\"get\" action=\"history\" role=\"search\">"
	     "<p class=\"find\"><label for=\"q\">%s</label><input type=\"search\" id=\"q\" name=\"q\" "
	     "value=\"%s\" maxlength=\"200\"><button>%s</button></p>",
	     tr(h, "Sender or subject"), filter->contains, tr(h, "Search"));
	html(h, "<details%s><summary>%s</summary><div class=\"fields\">", narrowed ? " open" : "",
	     tr(h, "More filters"));
	show_selects(r, filter);
	html(h,
	     "<p class=\"check\"><input type=\"checkbox\" id=\"corrected\" name=\"corrected\" "
	     "value=\"yes\"%s><label for=\"corrected\">%s</label></p>",
	     strcmp(filter->corrected, "yes") == 0 ? " checked" : "",
	     tr(h, "only what I corrected"));
	html(h, "</div></details></form>");
}

/* The button that says the contrary of what counts now. */
static void show_correction(struct request *r, const json_t *row)
{
	struct html *h = &r->html;
	const char *signature = json_text(row, "signature"), *class = json_text(row, "class");

	/* Nothing is learned of a virus. */
	if (strcmp(class, "virus") == 0)
		return;
	if (strcmp(class, "spam") == 0)
		html(h, "<button name=\"innocent\" value=\"%s\" class=\"small\">%s</button>",
		     signature, tr(h, "Not spam"));
	else
		html(h, "<button name=\"spam\" value=\"%s\" class=\"small\">%s</button>", signature,
		     tr(h, "Spam"));
}

static const char *source_word(const struct request *r, const char *source)
{
	const struct html *h = &r->html;

	if (strcmp(source, "imap") == 0)
		return tr(h, "mail program");
	if (strcmp(source, "address") == 0)
		return tr(h, "training address");
	if (strcmp(source, "web") == 0)
		return tr(h, "here");
	if (strcmp(source, "digest") == 0)
		return tr(h, "daily summary");
	return tr(h, "otherwise");
}

static void show_row(struct request *r, const json_t *row)
{
	struct html *h = &r->html;
	const char *signature = json_text(row, "signature"), *class = json_text(row, "class");
	bool corrected = strcmp(json_text(row, "corrected"), "none") != 0;

	html(h,
	     "<li class=\"message\"><input type=\"checkbox\" name=\"s\" value=\"%s\" id=\"s%s\" "
	     "aria-labelledby=\"m%s\"><div class=\"what\">",
	     signature, signature, signature);
	html(h, "<a class=\"subject\" id=\"m%s\" href=\"message?s=%s\">", signature, signature);
	show_subject(r, row);
	html(h, "</a><span class=\"from\">");
	show_from(r, row);
	html(h, "</span></div><div class=\"state\">");
	show_verdict(r, row);
	html(h, "<span class=\"outcome\">%s%s", show_outcome(r, row),
	     corrected ? tr(h, ", corrected by you") : "");
	if (strcmp(class, "virus") == 0)
		html(h, ": %s", json_text(row, "virus"));
	if (corrected)
		html(h, " (%s)", source_word(r, json_text(row, "source")));
	html(h, "</span><span class=\"figures\">");
	show_size(r, json_number(row, "size"));
	if (strcmp(json_text(row, "result"), "none") != 0) {
		html(h, ", ");
		text(h, tr(h, "score %.1f"), json_fraction(row, "score"));
	}
	html(h, "</span></div><div class=\"when\">");
	show_time(r, json_number(row, "received"));
	html(h, "</div><div class=\"act\">");
	show_correction(r, row);
	html(h, "</div></li>");
}

static void show_actions(struct request *r)
{
	struct html *h = &r->html;

	begin_actions(r);
	html(h, "<button name=\"do\" value=\"innocent\">%s</button>", tr(h, "Not spam"));
	html(h, "<button name=\"do\" value=\"spam\">%s</button>", tr(h, "Spam"));
	html(h, "<button name=\"do\" value=\"undo\" class=\"quiet\">%s</button></div>",
	     tr(h, "Take my correction back"));
}

static void show_empty(struct request *r, const struct filter *filter, bool goes_on)
{
	struct html *h = &r->html;
	struct strbuf all = STRBUF_INIT;
	const char *reason = tr(h, "No mail has come yet since the filter watches your mailbox.");

	list_address(filter, "", &all);
	if (goes_on)
		reason = tr(h, "Nothing so far; there is more to search.");
	else if (strcmp(strbuf_text(&all), "history") != 0 || filter->before[0] != '\0')
		reason = tr(h, "No message fits.");
	html(h, "<p class=\"empty\">%s</p>", reason);
	strbuf_free(&all);
}

static void show_pages(struct request *r, const struct filter *filter, long long next)
{
	struct html *h = &r->html;
	struct strbuf address = STRBUF_INIT;
	char *before = xasprintf("%lld", next);

	html(h, "<nav class=\"pages\" aria-label=\"%s\">", tr(h, "Pages of this list"));
	if (filter->before[0] != '\0') {
		list_address(filter, "", &address);
		html(h, "<a href=\"%s\" class=\"button\">%s</a>", strbuf_text(&address),
		     tr(h, "Newest"));
		strbuf_reset(&address);
	}
	if (next > 0) {
		list_address(filter, before, &address);
		html(h, "<a href=\"%s\" class=\"button\" rel=\"next\">%s</a>",
		     strbuf_text(&address), tr(h, "Older"));
	}
	html(h, "</nav>");
	strbuf_free(&address);
	free(before);
}

static void show_list(struct request *r, const struct filter *filter, const struct answer *answer)
{
	const json_t *rows = json_object_get(answer->json, "rows");
	long long next = json_number(answer->json, "next");
	struct strbuf here = STRBUF_INIT;
	struct html *h = &r->html;
	size_t i;
	json_t *row;

	if (json_array_size(rows) == 0) {
		show_empty(r, filter, next > 0);
	} else {
		list_address(filter, filter->before, &here);
		html(h, "<form method=\"post\" action=\"history\" class=\"list\">");
		form_token_field(r);
		html(h, "<input type=\"hidden\" name=\"back\" value=\"%s\">", strbuf_text(&here));
		show_actions(r);
		html(h, "<ul class=\"messages\">");
		json_array_foreach(rows, i, row) show_row(r, row);
		html(h, "</ul></form>");
		strbuf_free(&here);
	}
	if (next > 0 || filter->before[0] != '\0')
		show_pages(r, filter, next);
}

/* ---- corrections ---- */

struct wanted {
	const char *class; /* "spam", "innocent", "undo", or NULL */
	struct strbuf signatures;
};

static void read_wanted(const struct request *r, struct wanted *wanted)
{
	static const char *const classes[] = {"spam", "innocent", "undo"};
	const char *what = form_text(&r->form, "do");

	*wanted = (struct wanted){0};
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		const char *one = form_get(&r->form, classes[i]);

		/* The button of a row is for that row, whatever is ticked. */
		if (one != NULL) {
			wanted->class = classes[i];
			strbuf_append_text(&wanted->signatures, one);
			return;
		}
		if (strcmp(what, classes[i]) == 0)
			wanted->class = classes[i];
	}
	form_signatures(&r->form, &wanted->signatures);
}

static bool ask_correction(struct request *r, const struct wanted *wanted, struct answer *answer)
{
	bool undo = strcmp(wanted->class, "undo") == 0;
	struct strbuf question;

	ask_begin(r, &question, undo ? "undo" : "retrain");
	if (!undo)
		packet_put(&question, "class", wanted->class);
	packet_put(&question, "signatures", strbuf_text(&wanted->signatures));
	packet_put(&question, "source", "web");
	return ask(r, &question, answer);
}

static unsigned long counted(const struct answer *answer, const char *outcome)
{
	return (unsigned long)json_number(json_object_get(answer->json, "counts"), outcome);
}

static unsigned long released(const struct answer *answer)
{
	unsigned long count = 0;
	size_t i;
	json_t *each;

	json_array_foreach(json_object_get(answer->json, "results"), i, each) count +=
		json_flag(each, "released");
	return count;
}

/* What is worth telling most: what was released, what was learned, what waits. */
static void tell(struct request *r, const struct wanted *wanted, const struct answer *answer)
{
	unsigned long done = counted(answer, "learned") + counted(answer, "already") +
			     counted(answer, "taken_back");
	unsigned long later = counted(answer, "waiting") + counted(answer, "deferred");
	const char *back = form_text(&r->form, "back");
	const char *code = strcmp(wanted->class, "undo") == 0 ? "undone" : wanted->class;

	if (released(answer) > 0)
		notice_redirect(r, back, "history", "released", released(answer));
	else if (done == 0 && later > 0)
		notice_redirect(r, back, "history", "waiting", later);
	else if (done == 0)
		notice_redirect(r, back, "history", "unknown", 0);
	else
		notice_redirect(r, back, "history", code, done);
}

static void correct(struct request *r)
{
	struct wanted wanted;
	struct answer answer;

	read_wanted(r, &wanted);
	if (wanted.class == NULL || wanted.signatures.size == 0) {
		notice_redirect(r, form_text(&r->form, "back"), "history", "none", 0);
	} else {
		if (ask_correction(r, &wanted, &answer))
			tell(r, &wanted, &answer);
		else
			frame_fail_answer(r, &answer);
		answer_free(&answer);
	}
	strbuf_free(&wanted.signatures);
}

void page_history(struct request *r)
{
	struct filter filter = read_filter(r);
	struct answer answer;

	if (r->post) {
		correct(r);
		return;
	}
	if (ask_history(r, &filter, &answer)) {
		frame_begin(r, tr(&r->html, "History"), "history");
		show_search(r, &filter);
		show_list(r, &filter, &answer);
		frame_end(r);
	} else {
		frame_fail_answer(r, &answer);
	}
	answer_free(&answer);
}
