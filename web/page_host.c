/*
 * Host: for administrators. Those of the host see all of it, those of a domain the figures of their
 * domain; both set what their users begin with.
 */
#include "web/host_report.h"
#include "web/pages.h"
#include "web/site.h"

#include "lib/address.h"
#include "lib/msg.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MILTER	     "shoveler-milter"
#define LDA	     "shoveler-lda"

static const char *own_domain(const struct request *r)
{
	const char *at = strrchr(r->session.user, '@');

	return at != NULL ? at + 1 : "";
}

static bool is_host_admin(const struct request *r)
{
	return address_is_listed((const char *const *)r->site->host_admins, r->session.user,
				 r->site->delimiters);
}

bool host_is_shown(struct request *r)
{
	return is_host_admin(r) || address_is_listed((const char *const *)r->site->domain_admins,
						     r->session.user, r->site->delimiters);
}

/* ---- domains ---- */

/* One week's sums over all domains. */
static json_t *sum_week(const json_t *domains, size_t week)
{
	static const char *const names[] = {"messages", "spam", "caught", "missed",
					    "false_positives"};
	json_t *sum = json_object(), *domain;
	size_t i;

	json_array_foreach(domains, i, domain)
	{
		const json_t *each = json_array_get(json_object_get(domain, "weeks"), week);

		json_object_set(sum, "start", json_object_get(each, "start"));
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			json_object_set_new(sum, names[n],
					    json_integer(json_number(sum, names[n]) +
							 json_number(each, names[n])));
	}
	return sum;
}

static void show_sums(struct request *r, const json_t *domains)
{
	size_t count = json_array_size(json_object_get(json_array_get(domains, 0), "weeks"));
	json_t *weeks = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(weeks, sum_week(domains, i));
	show_weeks(r, weeks);
	json_decref(weeks);
}

static void show_domain_row(struct request *r, const json_t *domain)
{
	const json_t *quarantine = json_object_get(domain, "quarantine");
	struct html *h = &r->html;
	long long messages = 0, spam = 0;
	size_t i;
	json_t *week;

	json_array_foreach(json_object_get(domain, "weeks"), i, week)
	{
		messages += json_number(week, "messages");
		spam += json_number(week, "spam");
	}
	html(h, "<tr><th scope=\"row\">%s</th><td>%lld</td><td>%lld</td><td>%lld</td><td>%lld (",
	     json_text(domain, "domain"), json_number(domain, "users"), messages, spam,
	     json_number(quarantine, "messages"));
	show_size(r, json_number(quarantine, "bytes"));
	html(h, ")</td></tr>");
}

static void show_domains(struct request *r, const json_t *domains)
{
	struct html *h = &r->html;
	size_t i;
	json_t *each;

	html(h,
	     "<section class=\"card\"><h2>%s</h2><div class=\"scroll\" tabindex=\"0\" "
	     "role=\"region\" aria-label=\"%s\"><table><thead><tr><th scope=\"col\">%s</th>"
	     "<th scope=\"col\">%s</th>",
	     tr(h, "Domains"), tr(h, "Domains"), tr(h, "Domain"), tr(h, "Users"));
	html(h,
	     "<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th></tr>"
	     "</thead><tbody>",
	     tr(h, "Messages"), tr(h, "Spam"), tr(h, "In quarantine"));
	json_array_foreach(domains, i, each) show_domain_row(r, each);
	html(h, "</tbody></table></div></section>");
}

static void show_overview(struct request *r, const json_t *overview)
{
	const json_t *domains = json_object_get(overview, "domains");

	show_sums(r, domains);
	if (json_array_size(domains) > 0)
		show_domains(r, domains);
}

/* ---- the host ---- */

/* What milter and delivery agent have counted. */
static void show_volumes(struct request *r, const json_t *services)
{
	static const struct {
		const char *service, *label, *metric;
	} rows[] = {
		{MILTER, N_("SMTP sessions"), "shoveler_milter_sessions_total"},
		{MILTER, N_("Scanned and clean"), "shoveler_milter_scans_total{status=\"clean\"}"},
		{MILTER, N_("With a virus"), "shoveler_milter_scans_total{status=\"infected\"}"},
		{MILTER, N_("Refused clients"), "shoveler_milter_refused_total{reason=\"score\"}"},
		{MILTER, N_("Greylisted"), "shoveler_milter_deferred_total{reason=\"greylist\"}"},
		{LDA, N_("Called good"), "shoveler_lda_verdicts_total{result=\"innocent\"}"},
		{LDA, N_("Called spam"), "shoveler_lda_verdicts_total{result=\"spam\"}"},
		{LDA, N_("From trusted senders"),
		 "shoveler_lda_verdicts_total{result=\"whitelisted\"}"},
		{LDA, N_("Put into quarantine"),
		 "shoveler_lda_recipients_total{outcome=\"quarantined\"}"},
		{LDA, N_("Delivered without a verdict"),
		 "shoveler_lda_recipients_total{outcome=\"unmarked\"}"},
		{LDA, N_("Put off"), "shoveler_lda_recipients_total{outcome=\"deferred\"}"},
	};
	struct html *h = &r->html;

	html(h, "<section class=\"card\"><h2>%s</h2><p class=\"hint\">%s</p><dl class=\"facts\">",
	     tr(h, "Mail"), tr(h, "Since these services were started."));
	for (size_t i = 0; i < COUNT(rows); i++) {
		const json_t *metrics =
			json_object_get(json_object_get(services, rows[i].service), "metrics");

		html(h, "<dt>%s</dt><dd>%lld</dd>", tr(h, rows[i].label),
		     json_number(metrics, rows[i].metric));
	}
	html(h, "</dl></section>");
}

/* The value of its one label: family{label="VALUE"}, as Prometheus escapes it. */
static struct span label_of(const char *metric, const char *family)
{
	size_t size = strlen(family);
	const char *begin = strncmp(metric, family, size) == 0 && metric[size] == '{'
				    ? strchr(metric, '"')
				    : NULL;
	const char *end = begin != NULL ? strrchr(metric, '"') : NULL;

	if (end == NULL || end == begin)
		return (struct span){NULL, 0};
	return (struct span){begin + 1, (size_t)(end - begin) - 1};
}

/* All of a family, each under its label. */
static void show_family(struct request *r, const json_t *metrics, const char *family,
			const char *title, const char *nothing)
{
	struct html *h = &r->html;
	bool any = false;
	const char *name;
	json_t *value;

	html(h, "<section class=\"card\"><h2>%s</h2>", title);
	json_object_foreach((json_t *)metrics, name, value)
	{
		struct span label = label_of(name, family);

		if (label.size == 0)
			continue;
		if (!any)
			html(h, "<dl class=\"facts\">");
		html(h, "<dt>");
		html_span(h, label);
		html(h, "</dt><dd>%lld</dd>", (long long)json_integer_value(value));
		any = true;
	}
	if (any)
		html(h, "</dl>");
	else
		html(h, "<p>%s</p>", nothing);
	html(h, "</section>");
}

static void show_queue(struct request *r, const json_t *report)
{
	struct html *h = &r->html;
	size_t i;
	json_t *each;

	html(h, "<section class=\"card\"><h2>%s</h2>", tr(h, "Postfix's queue"));
	if (!json_flag(report, "queue_read"))
		html(h, "<p class=\"notice trouble\">%s</p>", tr(h, "It cannot be read."));
	else if (json_array_size(json_object_get(report, "queue")) == 0)
		html(h, "<p>%s</p>", tr(h, "It is empty."));
	else
		html(h, "<dl class=\"facts\">");
	json_array_foreach(json_object_get(report, "queue"), i, each)
	{
		html(h, "<dt>%s</dt><dd>", json_text(each, "queue"));
		text(h,
		     trn(h, "%lu message", "%lu messages",
			 (unsigned long)json_number(each, "messages")),
		     (unsigned long)json_number(each, "messages"));
		html(h, ", ");
		show_size(r, json_number(each, "bytes"));
		html(h, ", %s ", tr(h, "the oldest of"));
		show_time(r, json_number(each, "oldest"));
		html(h, "</dd>");
	}
	if (json_array_size(json_object_get(report, "queue")) > 0)
		html(h, "</dl>");
	html(h, "</section>");
}

static void show_findings(struct request *r, const json_t *findings, const char *kind,
			  const char *label, const char *class)
{
	struct html *h = &r->html;
	size_t i;
	json_t *each;

	json_array_foreach(findings, i, each)
	{
		if (strcmp(json_text(each, "finding"), kind) != 0)
			continue;
		html(h, "<li><span class=\"chip %s\">%s</span> <strong>%s</strong> %s", class,
		     label, json_text(each, "check"), json_text(each, "text"));
		if (json_text(each, "advice")[0] != '\0')
			html(h, "<br><span class=\"hint\">%s</span>", json_text(each, "advice"));
		html(h, "</li>");
	}
}

static void show_health(struct request *r, const json_t *report)
{
	const json_t *findings = json_object_get(report, "doctor");
	struct html *h = &r->html;

	html(h, "<section class=\"card\"><h2>%s</h2><p class=\"hint\">%s ", tr(h, "Health"),
	     tr(h, "What `shoveler doctor` says, as of"));
	show_time(r, json_number(report, "doctor_time"));
	html(h, "</p><ul class=\"findings\">");
	show_findings(r, findings, "error", tr(h, "Error"), "spam");
	show_findings(r, findings, "warning", tr(h, "Warning"), "alert");
	html(h, "</ul><details><summary>%s</summary><ul class=\"findings\">",
	     tr(h, "What is well"));
	show_findings(r, findings, "ok", tr(h, "Good"), "good");
	html(h, "</ul></details></section>");
}

static void show_host(struct request *r, const json_t *report)
{
	const json_t *services = json_object_get(report, "services");
	const json_t *milter =
		json_object_get(json_object_get(services, "shoveler-milter"), "metrics");
	struct html *h = &r->html;

	if (report == NULL) {
		html(h, "<p class=\"notice trouble\">%s</p>",
		     tr(h, "There is no report of the host: is shoveler-report.timer enabled?"));
		return;
	}
	show_health(r, report);
	show_volumes(r, services);
	show_family(r, milter, "shoveler_milter_viruses_total", tr(h, "Viruses"),
		    tr(h, "None was found."));
	show_family(r, milter, "shoveler_milter_dns_list_hits_total", tr(h, "DNS lists"),
		    tr(h, "No client was listed."));
	show_queue(r, report);
	show_report_time(r, report);
}

/* ---- what users begin with ---- */

#define AS_HOST                                                                                    \
	{                                                                                          \
		"", N_("as on the whole host")                                                     \
	}
#define SWITCH                                                                                     \
	{                                                                                          \
		AS_HOST, {"on", N_("yes")},                                                        \
		{                                                                                  \
			"off", N_("no")                                                            \
		}                                                                                  \
	}

/* All that users choose for themselves. Without values: text. */
static const struct choice {
	const char *name, *label;
	struct {
		const char *value, *label;
	} values[13];
} choices[] = {
	{"spamAction",
	 N_("What becomes of spam"),
	 {AS_HOST,
	  {"quarantine", N_("quarantine")},
	  {"tag", N_("marked in the subject")},
	  {"deliver", N_("delivered")}}},
	{"spamSubject", N_("The mark in the subject"), {{NULL, NULL}}},
	{"statisticalSedation",
	 N_("How careful shall the filter be?"),
	 {AS_HOST,
	  {"0", N_("0 - catches most")},
	  {"1", "1"},
	  {"2", "2"},
	  {"3", "3"},
	  {"4", "4"},
	  {"5", N_("5 - balanced")},
	  {"6", "6"},
	  {"7", "7"},
	  {"8", "8"},
	  {"9", "9"},
	  {"10", N_("10 - hardly ever wrong about good mail")}}},
	{"trainingMode",
	 N_("How filters learn"),
	 {AS_HOST, {"TEFT", "TEFT"}, {"TUM", "TUM"}, {"TOE", "TOE"}, {"NOTRAIN", "NOTRAIN"}}},
	{"siteDictionary", N_("Start from what others here have taught"), SWITCH},
	{"enableWhitelist", N_("Let known senders through"), SWITCH},
	{"whitelistThreshold", N_("Known after so many good messages"), {{NULL, NULL}}},
	{"alerts", N_("Words that nobody shall overlook"), {{NULL, NULL}}},
	{"dailyQuarantineSummary", N_("A daily summary of the quarantine"), SWITCH},
	{"locale",
	 N_("Language"),
	 {AS_HOST, {"auto", N_("as the browser says")}, {"en", "English"}, {"fr", "Français"}}},
	{"showFactors", N_("Write the reasons into the message"), SWITCH},
	{"optOut", N_("Leave mail unfiltered"), SWITCH},
	{"optIn", N_("Filter mail, where nobody is filtered unless he asks for it"), SWITCH},
};

static void show_choice(struct request *r, const struct choice *choice, const char *value)
{
	struct html *h = &r->html;

	html(h, "<p><label for=\"%s\">%s</label>", choice->name,
	     catalogue_text(h->catalogue, choice->label, 1));
	if (choice->values[0].value == NULL) {
		html(h,
		     "<input type=\"text\" id=\"%s\" name=\"%s\" value=\"%s\" maxlength=\"1000\" "
		     "placeholder=\"%s\"></p>",
		     choice->name, choice->name, value, tr(h, "as on the whole host"));
		return;
	}
	html(h, "<select id=\"%s\" name=\"%s\">", choice->name, choice->name);
	for (size_t v = 0; v < COUNT(choice->values) && choice->values[v].value != NULL; v++)
		show_option(r, choice->values[v].value,
			    catalogue_text(h->catalogue, choice->values[v].label, 1), value);
	html(h, "</select></p>");
}

static void show_preferences(struct request *r, const json_t *report)
{
	const json_t *own = json_object_get(json_object_get(report, "preferences"), own_domain(r));
	struct html *h = &r->html;

	if (report == NULL)
		return;
	html(h, "<section class=\"card\"><h2>%s</h2><p class=\"hint\">", tr(h, "Preferences"));
	text(h, tr(h, "What users of %s begin with, as long as they choose nothing else."),
	     own_domain(r));
	html(h, "</p><form method=\"post\" action=\"host\">");
	form_token_field(r);
	for (size_t i = 0; i < COUNT(choices); i++)
		show_choice(r, &choices[i], json_text(own, choices[i].name));
	html(h, "<p><button class=\"primary\">%s</button></p></form></section>", tr(h, "Save"));
}

static void save_preferences(struct request *r)
{
	struct strbuf attributes = STRBUF_INIT;

	packet_put(&attributes, "request", "preferences");
	packet_put(&attributes, "user", r->session.user);
	packet_put(&attributes, "domain", own_domain(r));
	for (size_t i = 0; i < COUNT(choices); i++)
		packet_put(&attributes, choices[i].name, form_text(&r->form, choices[i].name));
	ask_root(r, &attributes, "domain-preferences", "host");
}

/* ---- the page ---- */

static void show_page(struct request *r, const json_t *overview)
{
	json_t *report = host_report_get(r->site->report);
	struct html *h = &r->html;

	frame_begin(r, is_host_admin(r) ? tr(h, "Host") : own_domain(r), "host");
	show_overview(r, overview);
	if (is_host_admin(r))
		show_host(r, report);
	show_preferences(r, report);
	frame_end(r);
	json_decref(report);
}

void page_host(struct request *r)
{
	struct strbuf question = STRBUF_INIT;
	struct answer answer;

	if (!host_is_shown(r)) {
		frame_fail(r, 404, tr(&r->html, "There is no such page"),
			   tr(&r->html, "It is for administrators."));
		return;
	}
	if (r->post) {
		save_preferences(r);
		return;
	}
	ask_begin_overview(&question, is_host_admin(r) ? "" : own_domain(r));
	if (ask(r, &question, &answer))
		show_page(r, answer.json);
	else
		frame_fail_answer(r, &answer);
	answer_free(&answer);
}
