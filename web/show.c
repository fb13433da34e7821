/* What several pages show alike: times, sizes, senders, verdicts. */
#include "web/pages.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_SECONDS 86400

static const char *const months[] = {
	N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"),
	N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec"),
};

static struct tm local_time(long long when)
{
	time_t seconds = (time_t)when;
	struct tm tm = {0};

	localtime_r(&seconds, &tm);
	return tm;
}

static const char *month_name(const struct request *r, const struct tm *tm)
{
	return catalogue_text(r->html.catalogue, months[tm->tm_mon], 1);
}

static void begin_time(struct request *r, long long when, const struct tm *tm)
{
	time_t seconds = (time_t)when;
	struct tm utc = {0};
	char exact[32];

	gmtime_r(&seconds, &utc);
	strftime(exact, sizeof(exact), "%Y-%m-%dT%H:%M:%SZ", &utc);
	html(&r->html, "<time datetime=\"%s\" title=\"%d %s %d, %d%d:%d%d\">", exact, tm->tm_mday,
	     month_name(r, tm), tm->tm_year + 1900, tm->tm_hour / 10, tm->tm_hour % 10,
	     tm->tm_min / 10, tm->tm_min % 10);
}

void show_time(struct request *r, long long when)
{
	struct tm tm = local_time(when), today = local_time(r->now);
	struct html *h = &r->html;

	begin_time(r, when, &tm);
	if (tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year)
		html(h, "%d:%d%d", tm.tm_hour, tm.tm_min / 10, tm.tm_min % 10);
	else if (tm.tm_year == today.tm_year || llabs(r->now - when) < 180LL * DAY_SECONDS)
		html(h, "%d&nbsp;%s", tm.tm_mday, month_name(r, &tm));
	else
		html(h, "%d&nbsp;%s&nbsp;%d", tm.tm_mday, month_name(r, &tm), tm.tm_year + 1900);
	html(h, "</time>");
}

void show_day(struct request *r, long long when)
{
	struct tm tm = local_time(when);

	begin_time(r, when, &tm);
	html(&r->html, "%d&nbsp;%s&nbsp;%d, %d:%d%d</time>", tm.tm_mday, month_name(r, &tm),
	     tm.tm_year + 1900, tm.tm_hour, tm.tm_min / 10, tm.tm_min % 10);
}

void show_size(struct request *r, long long bytes)
{
	struct html *h = &r->html;

	if (bytes < 1000 * 1000)
		text(h, tr(h, "%lld kB"), (bytes + 999) / 1000);
	else if (bytes < 1000LL * 1000 * 1000)
		text(h, tr(h, "%.1f MB"), (double)bytes / 1e6);
	else
		text(h, tr(h, "%.1f GB"), (double)bytes / 1e9);
}

/* "Name <address>": the name without quotes, else the address. */
static struct span display_name(const char *from)
{
	const char *angle = strchr(from, '<');
	struct span name = {from, angle != NULL ? (size_t)(angle - from) : strlen(from)};

	name = span_trim(name);
	if (name.size >= 2 && name.data[0] == '"' && name.data[name.size - 1] == '"')
		name = span_trim((struct span){name.data + 1, name.size - 2});
	if (name.size == 0 && angle != NULL)
		name = (struct span){angle + 1, strcspn(angle + 1, ">")};
	return name;
}

void show_from(struct request *r, const json_t *row)
{
	const char *from = json_text(row, "from");
	struct span name = display_name(from[0] != '\0' ? from : json_text(row, "sender"));

	if (name.size == 0)
		text(&r->html, "%s", tr(&r->html, "(no sender)"));
	else
		html_span(&r->html, name);
}

void show_subject(struct request *r, const json_t *row)
{
	const char *subject = json_text(row, "subject");

	text(&r->html, "%s", subject[0] != '\0' ? subject : tr(&r->html, "(no subject)"));
}

void show_verdict(struct request *r, const json_t *row)
{
	struct html *h = &r->html;
	const char *class = json_text(row, "class"), *result = json_text(row, "result");
	bool corrected = strcmp(json_text(row, "corrected"), "none") != 0;

	if (strcmp(json_text(row, "outcome"), "virus") == 0)
		html(h, "<span class=\"chip virus\">%s</span>", tr(h, "Virus"));
	else if (strcmp(class, "spam") == 0)
		html(h, "<span class=\"chip spam\">%s</span>", tr(h, "Spam"));
	else if (strcmp(class, "innocent") == 0 && !corrected && strcmp(result, "whitelisted") == 0)
		html(h, "<span class=\"chip trusted\">%s</span>", tr(h, "Trusted"));
	else if (strcmp(class, "innocent") == 0)
		html(h, "<span class=\"chip good\">%s</span>", tr(h, "Good"));
	else
		html(h, "<span class=\"chip\">%s</span>", tr(h, "Not judged"));
}

const char *show_outcome(struct request *r, const json_t *row)
{
	static const struct {
		const char *name, *label;
	} outcomes[] = {
		{"delivered", N_("delivered")},	      {"tagged", N_("tagged")},
		{"quarantined", N_("in quarantine")}, {"refused", N_("refused")},
		{"deferred", N_("put off")},	      {"released", N_("released")},
		{"deleted", N_("deleted")},	      {"virus", N_("stopped as a virus")},
	};
	const char *outcome = json_text(row, "outcome");

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		if (strcmp(outcomes[i].name, outcome) == 0)
			return catalogue_text(r->html.catalogue, outcomes[i].label, 1);
	}
	return "";
}

bool show_is_alert(const json_t *row, const char *words)
{
	char *list = xstrdup(words), *rest = list, *word;
	bool found = false;

	while (!found && (word = strsep(&rest, ",")) != NULL) {
		struct span trimmed = span_trim(span_of(word));

		if (trimmed.size == 0)
			continue;
		word = xstrndup(trimmed.data, trimmed.size);
		found = strcasestr(json_text(row, "from"), word) != NULL ||
			strcasestr(json_text(row, "sender"), word) != NULL ||
			strcasestr(json_text(row, "subject"), word) != NULL;
		free(word);
	}
	free(list);
	return found;
}

void show_option(struct request *r, const char *value, const char *label, const char *selected)
{
	html(&r->html, "<option value=\"%s\"", value);
	if (strcmp(value, selected) == 0)
		html(&r->html, " selected");
	html(&r->html, ">%s</option>", label);
}

void begin_actions(struct request *r)
{
	struct html *h = &r->html;

	html(h,
	     "<div class=\"actions\"><p class=\"all\" hidden><input type=\"checkbox\" id=\"all\">"
	     "<label for=\"all\">%s</label></p><p class=\"hint\">%s</p>",
	     tr(h, "Select all"), tr(h, "Selected messages:"));
}

void query_put(struct strbuf *out, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	strbuf_printf(out, "%s%s=", out->size > 0 ? "&" : "", name);
	url_component(out, value);
}

unsigned long form_signatures(const struct form *form, struct strbuf *out)
{
	unsigned long count = 0;

	for (size_t i = 0; i < form->count; i++) {
		if (strcmp(form->fields[i].name, "s") != 0)
			continue;
		strbuf_printf(out, "%s%s", count++ > 0 ? " " : "", form->fields[i].value);
	}
	return count;
}
