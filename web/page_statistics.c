/* Statistics: spam and mistakes, week by week. */
#include "web/chart.h"
#include "web/pages.h"

#define WEEKS "26"

static void show_number(struct request *r, const char *label, long long number)
{
	html(&r->html, "<div class=\"number\"><dt>%s</dt><dd>%lld</dd></div>", label, number);
}

struct totals {
	long long messages, caught, missed, false_positives;
};

static struct totals sum(const json_t *weeks)
{
	struct totals totals = {0};
	size_t i;
	json_t *week;

	json_array_foreach(weeks, i, week)
	{
		totals.messages += json_number(week, "messages");
		totals.caught += json_number(week, "caught");
		totals.missed += json_number(week, "missed");
		totals.false_positives += json_number(week, "false_positives");
	}
	return totals;
}

static void show_totals(struct request *r, const struct totals *totals)
{
	struct html *h = &r->html;
	long long spam = totals->caught + totals->missed;

	html(h, "<dl class=\"numbers\">");
	show_number(r, tr(h, "Messages"), totals->messages);
	show_number(r, tr(h, "Spam caught"), totals->caught);
	show_number(r, tr(h, "Spam missed"), totals->missed);
	show_number(r, tr(h, "Good mail taken for spam"), totals->false_positives);
	html(h, "</dl>");
	if (spam > 0) {
		html(h, "<p class=\"lead\">");
		text(h, tr(h, "Of your spam %.1f %% was caught."),
		     100.0 * (double)totals->caught / (double)spam);
		html(h, "</p>");
	}
}

static void fill_bar(struct chart_bar *bar, const json_t *week, const char *lower,
		     const char *upper)
{
	bar->from = json_number(week, "start");
	bar->values[0] = (unsigned long)json_number(week, lower);
	bar->values[1] = (unsigned long)json_number(week, upper);
}

static unsigned long percent_caught(const json_t *week)
{
	long long caught = json_number(week, "caught"), spam = caught + json_number(week, "missed");

	return spam > 0 ? (unsigned long)((100 * caught + spam / 2) / spam) : 0;
}

static void show_legend(struct request *r, const char *const classes[2], const char *lower,
			const char *upper)
{
	html(&r->html,
	     "<p class=\"legend\"><span class=\"%s\">%s</span> <span class=\"%s\">%s</span></p>",
	     classes[0], lower, classes[1], upper);
}

static void show_charts(struct request *r, const json_t *weeks)
{
	static const char *const spam[2] = {"caught", "missed"}, *const wrong[2] = {"missed",
										    "false"};
	struct chart_bar found[CHART_BARS_MAX] = {0}, mistakes[CHART_BARS_MAX] = {0};
	struct html *h = &r->html;
	size_t count = 0, i;
	json_t *week;

	json_array_foreach(weeks, i, week)
	{
		if (count == CHART_BARS_MAX)
			break;
		fill_bar(&found[count], week, "caught", "missed");
		fill_bar(&mistakes[count++], week, "missed", "false_positives");
	}
	html(h, "<section class=\"card\"><h2>%s</h2>", tr(h, "Spam, week by week"));
	show_legend(r, spam, tr(h, "caught"), tr(h, "missed"));
	chart_show(r, found, count, spam);
	html(h, "</section><section class=\"card\"><h2>%s</h2>", tr(h, "Mistakes, week by week"));
	show_legend(r, wrong, tr(h, "spam missed"), tr(h, "good mail taken for spam"));
	chart_show(r, mistakes, count, wrong);
	html(h, "</section>");
}

/* How it got better. */
static void show_curve(struct request *r, const json_t *weeks)
{
	static const char *const spam[2] = {"caught", "missed"};
	struct chart_bar bars[CHART_BARS_MAX] = {0};
	struct html *h = &r->html;
	size_t count = 0, i;
	json_t *week;

	json_array_foreach(weeks, i, week)
	{
		if (count == CHART_BARS_MAX)
			break;
		fill_bar(&bars[count], week, "caught", "missed");
		if (bars[count].values[0] + bars[count].values[1] > 0) {
			bars[count].values[0] = percent_caught(week);
			bars[count].values[1] = 100 - bars[count].values[0];
		}
		count++;
	}
	html(h, "<section class=\"card\"><h2>%s</h2><p class=\"hint\">%s</p>",
	     tr(h, "The learning curve"),
	     tr(h, "How much of each week's spam was caught, in percent."));
	show_legend(r, spam, tr(h, "caught"), tr(h, "missed"));
	chart_show(r, bars, count, spam);
	html(h, "</section>");
}

static void show_table(struct request *r, const json_t *weeks)
{
	struct html *h = &r->html;
	json_t *week;

	html(h,
	     "<details class=\"card\"><summary>%s</summary><div class=\"scroll\" tabindex=\"0\" "
	     "role=\"region\" aria-label=\"%s\"><table><thead><tr>",
	     tr(h, "The same in numbers"), tr(h, "The same in numbers"));
	html(h, "<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th>",
	     tr(h, "Week from"), tr(h, "Messages"), tr(h, "Spam caught"));
	html(h,
	     "<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th></tr>"
	     "</thead><tbody>",
	     tr(h, "Spam missed"), tr(h, "Caught, in percent"), tr(h, "Good mail taken for spam"));
	for (size_t i = json_array_size(weeks); i-- > 0;) {
		week = json_array_get(weeks, i);
		html(h, "<tr><th scope=\"row\">");
		show_time(r, json_number(week, "start") + 43200);
		html(h, "</th><td>%lld</td><td>%lld</td><td>%lld</td><td>",
		     json_number(week, "messages"), json_number(week, "caught"),
		     json_number(week, "missed"));
		if (json_number(week, "caught") + json_number(week, "missed") > 0)
			html(h, "%lu", percent_caught(week));
		html(h, "</td><td>%lld</td></tr>", json_number(week, "false_positives"));
	}
	html(h, "</tbody></table></div></details>");
}

static void show_knowledge(struct request *r, const json_t *stats)
{
	const json_t *learned = json_object_get(stats, "learned");
	struct html *h = &r->html;

	html(h, "<section class=\"card\"><h2>%s</h2><dl class=\"facts\">",
	     tr(h, "What your filter knows"));
	html(h, "<dt>%s</dt><dd>%lld</dd>", tr(h, "Spam it learned from"),
	     json_number(learned, "spam"));
	html(h, "<dt>%s</dt><dd>%lld</dd>", tr(h, "Good mail it learned from"),
	     json_number(learned, "innocent"));
	html(h, "<dt>%s</dt><dd>%lld</dd>", tr(h, "Words and marks it knows"),
	     json_number(learned, "tokens"));
	html(h, "<dt>%s</dt><dd>%lld</dd><dt>%s</dt><dd>", tr(h, "Messages in your history"),
	     json_number(stats, "history"), tr(h, "Space it takes"));
	show_size(r, json_number(stats, "store_bytes"));
	html(h, "</dd></dl></section>");
}

void show_weeks(struct request *r, const json_t *weeks)
{
	struct totals totals = sum(weeks);

	if (totals.messages == 0) {
		html(&r->html, "<p class=\"empty\">%s</p>",
		     tr(&r->html, "No mail has come yet since the filter watches."));
		return;
	}
	show_totals(r, &totals);
	show_charts(r, weeks);
	show_curve(r, weeks);
	show_table(r, weeks);
}

static void show_statistics(struct request *r, const json_t *stats)
{
	frame_begin(r, tr(&r->html, "Statistics"), "statistics");
	show_weeks(r, json_object_get(stats, "weeks"));
	show_knowledge(r, stats);
	frame_end(r);
}

void page_statistics(struct request *r)
{
	struct strbuf question;
	struct answer answer;

	ask_begin(r, &question, "stats");
	packet_put(&question, "weeks", WEEKS);
	if (ask(r, &question, &answer))
		show_statistics(r, answer.json);
	else
		frame_fail_answer(r, &answer);
	answer_free(&answer);
}
