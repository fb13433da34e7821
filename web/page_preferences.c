/* Preferences: shown, tried on the last messages, saved. */
#include "web/pages.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define CHANGED_OPEN 8 /* a longer list is folded */

/* What the form offers. Anything else of a user's preferences is left alone. */
static const struct field {
	const char *name;
	bool is_switch; /* a checkbox: browsers send nothing when it is off */
} fields[] = {
	{"spamAction", false},
	{"spamSubject", false},
	{"statisticalSedation", false},
	{"trainingMode", false},
	{"enableWhitelist", true},
	{"whitelistThreshold", false},
	{"dailyQuarantineSummary", true},
	{"alerts", false},
	{"locale", false},
	{"siteDictionary", true},
	{"optIn", true},
	{"optOut", true},
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* What the page shows: what was sent, on a POST, else what is stored. */
struct values {
	const json_t *preferences;
	const struct form *form; /* NULL on a GET */
};

static const json_t *find(const json_t *preferences, const char *name)
{
	size_t i;
	json_t *each;

	json_array_foreach(preferences, i, each)
	{
		if (strcmp(json_text(each, "name"), name) == 0)
			return each;
	}
	return NULL;
}

static const char *stored(const struct values *values, const char *name)
{
	return json_text(find(values->preferences, name), "value");
}

static const char *sent(const struct form *form, const struct field *field)
{
	if (field->is_switch)
		return form_get(form, field->name) != NULL ? "on" : "off";
	return form_get(form, field->name);
}

static const char *value_of(const struct values *values, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < FIELDS && values->form != NULL; i++) {
		if (strcmp(fields[i].name, name) == 0)
			value = sent(values->form, &fields[i]);
	}
	return value != NULL ? value : stored(values, name);
}

/* ---- the form ---- */

struct choice {
	const char *value, *label, *advice;
};

static void show_choices(struct request *r, const struct values *values, const char *name,
			 const char *legend, const struct choice *choices)
{
	struct html *h = &r->html;
	const char *value = value_of(values, name);

	html(h, "<fieldset><legend>%s</legend>", legend);
	for (; choices->value != NULL; choices++) {
		html(h,
		     "<p class=\"choice\"><input type=\"radio\" name=\"%s\" value=\"%s\" id=\"%s-%s\" "
		     "aria-describedby=\"%s-%s-advice\"%s>",
		     name, choices->value, name, choices->value, name, choices->value,
		     strcmp(value, choices->value) == 0 ? " checked" : "");
		html(h,
		     "<label for=\"%s-%s\">%s</label><span class=\"hint\" id=\"%s-%s-advice\">%s</span></p>",
		     name, choices->value, catalogue_text(h->catalogue, choices->label, 1), name,
		     choices->value, catalogue_text(h->catalogue, choices->advice, 1));
	}
	html(h, "</fieldset>");
}

static void show_switch(struct request *r, const struct values *values, const char *name,
			const char *label, const char *advice)
{
	struct html *h = &r->html;

	if (find(values->preferences, name) == NULL)
		return;
	html(h,
	     "<p class=\"choice\"><input type=\"checkbox\" name=\"%s\" id=\"%s\" "
	     "aria-describedby=\"%s-advice\"%s><label for=\"%s\">%s</label>"
	     "<span class=\"hint\" id=\"%s-advice\">%s</span></p>",
	     name, name, name, strcmp(value_of(values, name), "on") == 0 ? " checked" : "", name,
	     label, name, advice);
}

static void show_text(struct request *r, const struct values *values, const char *name,
		      const char *label, const char *advice)
{
	struct html *h = &r->html;

	html(h,
	     "<p><label for=\"%s\">%s</label><input type=\"text\" name=\"%s\" id=\"%s\" value=\"%s\" "
	     "maxlength=\"%lld\" aria-describedby=\"%s-advice\"><span class=\"hint\" "
	     "id=\"%s-advice\">%s</span></p>",
	     name, label, name, name, value_of(values, name),
	     json_number(find(values->preferences, name), "maximum"), name, name, advice);
}

static void show_number(struct request *r, const struct values *values, const char *name,
			const char *label, const char *advice)
{
	const json_t *preference = find(values->preferences, name);
	struct html *h = &r->html;

	html(h,
	     "<p><label for=\"%s\">%s</label><input type=\"number\" name=\"%s\" id=\"%s\" "
	     "value=\"%s\" min=\"%lld\" max=\"%lld\" required aria-describedby=\"%s-advice\">"
	     "<span class=\"hint\" id=\"%s-advice\">%s</span></p>",
	     name, label, name, name, value_of(values, name), json_number(preference, "minimum"),
	     json_number(preference, "maximum"), name, name, advice);
}

static void show_handling(struct request *r, const struct values *values)
{
	static const struct choice actions[] = {
		{"quarantine", N_("Hold it back"),
		 N_("It waits in your quarantine until you release it or it is too old. Look "
		    "there now and then, or let a summary come each day.")},
		{"tag", N_("Deliver it with a mark in the subject"),
		 N_("Nothing is held back. Good with mail programs that sort by subject.")},
		{"deliver", N_("Deliver it as it is"),
		 N_("Only hidden fields tell the verdict; a rule of your mail program can sort "
		    "by X-DSPAM-Result: Spam.")},
		{NULL, NULL, NULL},
	};
	struct html *h = &r->html;

	html(h, "<section class=\"card\"><h2>%s</h2>", tr(h, "Spam"));
	show_choices(r, values, "spamAction", tr(h, "What shall happen to spam?"), actions);
	show_text(r, values, "spamSubject", tr(h, "The mark in the subject"),
		  tr(h, "For example [SPAM]"));
	html(h,
	     "<p><label for=\"statisticalSedation\">%s</label><select name=\"statisticalSedation\" "
	     "id=\"statisticalSedation\" aria-describedby=\"sedation-advice\">",
	     tr(h, "How careful shall the filter be?"));
	for (int i = 0; i <= 10; i++) {
		char number[4];

		snprintf(number, sizeof(number), "%d", i);
		html(h, "<option value=\"%d\"%s>%d%s</option>", i,
		     strcmp(number, value_of(values, "statisticalSedation")) == 0 ? " selected"
										  : "",
		     i,
		     i == 0    ? tr(h, " - catches most")
		     : i == 5  ? tr(h, " - balanced")
		     : i == 10 ? tr(h, " - hardly ever wrong about good mail")
			       : "");
	}
	html(h, "</select><span class=\"hint\" id=\"sedation-advice\">%s</span></p>",
	     tr(h, "If good mail is taken for spam, choose a higher number. If spam gets "
		   "through, correct it first: that helps most."));
	html(h, "</section>");
}

static void show_learning(struct request *r, const struct values *values)
{
	static const struct choice modes[] = {
		{"TUM", N_("By itself, with restraint"),
		 N_("It goes on learning what it does not know well yet. The right choice "
		    "for most people once the filter is good. (TUM)")},
		{"TEFT", N_("From every message"),
		 N_("Learns fastest, but learns its own mistakes too: correct each of them, every "
		    "day. Good for the first weeks of a new mailbox. (TEFT)")},
		{"TOE", N_("Only from my corrections"),
		 N_("It changes only when you correct it. Good while you are away and "
		    "nobody corrects. (TOE)")},
		{"NOTRAIN", N_("Not at all"), N_("It judges and learns nothing. (NOTRAIN)")},
		{NULL, NULL, NULL},
	};
	struct html *h = &r->html;

	html(h, "<section class=\"card\"><h2>%s</h2>", tr(h, "Learning"));
	show_choices(r, values, "trainingMode", tr(h, "How shall the filter learn?"), modes);
	show_switch(r, values, "siteDictionary", tr(h, "Start from what others here have taught"),
		    tr(h, "Helps while your filter is new. What you teach counts more."));
	html(h, "</section><section class=\"card\"><h2>%s</h2>", tr(h, "Senders"));
	show_switch(r, values, "enableWhitelist", tr(h, "Let known senders through"),
		    tr(h, "Mail from a sender who only ever sent you good mail is not judged."));
	show_number(r, values, "whitelistThreshold", tr(h, "Known after so many good messages"),
		    tr(h, "10 is a good number."));
	html(h, "<p><a href=\"trusted\">%s</a></p>", tr(h, "Senders that you always trust"));
	show_text(r, values, "alerts", tr(h, "Words that you do not want to overlook"),
		  tr(h, "Words or senders, separated by commas. In your quarantine messages with "
			"them are highlighted."));
	html(h, "</section>");
}

static void show_other(struct request *r, const struct values *values)
{
	const char *locale = value_of(values, "locale");
	struct html *h = &r->html;

	html(h, "<section class=\"card\"><h2>%s</h2>", tr(h, "Summary and language"));
	show_switch(r, values, "dailyQuarantineSummary",
		    tr(h, "Send me a summary of my quarantine each day"),
		    tr(h, "A short mail, only if something new was held back."));
	html(h, "<p><label for=\"locale\">%s</label><select name=\"locale\" id=\"locale\">",
	     tr(h, "Language"));
	show_option(r, "auto", tr(h, "as my browser says"), locale);
	for (const struct catalogue *const *each = catalogues; *each != NULL; each++)
		show_option(r, (*each)->language, (*each)->name, locale);
	html(h, "</select></p></section><section class=\"card\"><h2>%s</h2>", tr(h, "On or off"));
	show_switch(
		r, values, "optOut", tr(h, "Do not filter my mail"),
		tr(h, "Everything is delivered as it comes. Viruses are stopped all the same."));
	show_switch(r, values, "optIn", tr(h, "Filter my mail"),
		    tr(h, "Counts only where nobody is filtered unless he asks for it."));
	html(h, "</section>");
}

static void show_form(struct request *r, const struct values *values)
{
	struct html *h = &r->html;

	html(h, "<form method=\"post\" action=\"preferences\" class=\"preferences\">");
	form_token_field(r);
	show_handling(r, values);
	show_learning(r, values);
	show_other(r, values);
	html(h,
	     "<p class=\"buttons\"><button class=\"primary\" name=\"do\" value=\"save\">%s</button>"
	     "<button name=\"do\" value=\"preview\">%s</button></p></form>",
	     tr(h, "Save"), tr(h, "What would change?"));
}

/* ---- what is not a preference, but looked for here ---- */

static void show_account(struct request *r)
{
	struct html *h = &r->html;

	html(h,
	     "<section class=\"card\"><h2>%s</h2><p><a class=\"button\" href=\"export\">%s</a> "
	     "<a class=\"button\" href=\"forget\">%s</a></p>",
	     tr(h, "My data"), tr(h, "Download my data"), tr(h, "Forget what was learned"));
	html(h, "<form method=\"post\" action=\"sign-out\">");
	form_token_field(r);
	html(h, "<p><button name=\"everywhere\" value=\"yes\">%s</button></p></form></section>",
	     tr(h, "Sign out everywhere"));
}

/* ---- the effect ---- */

static const char *action_name(const struct request *r, const char *action)
{
	const struct html *h = &r->html;

	if (strcmp(action, "quarantined") == 0)
		return tr(h, "held back");
	if (strcmp(action, "tagged") == 0)
		return tr(h, "tagged");
	return tr(h, "delivered");
}

static void show_changed(struct request *r, const json_t *changed)
{
	struct html *h = &r->html;
	size_t i;
	json_t *each;

	html(h, "<details%s><summary>%s</summary><ul class=\"plain\">",
	     json_array_size(changed) <= CHANGED_OPEN ? " open" : "", tr(h, "Which ones"));
	json_array_foreach(changed, i, each)
	{
		const json_t *row = json_object_get(each, "row");

		html(h, "<li><a href=\"message?s=%s\">", json_text(row, "signature"));
		show_subject(r, row);
		html(h, "</a> <span class=\"from\">");
		show_from(r, row);
		html(h, "</span>: ");
		text(h, tr(h, "%s instead of %s"), action_name(r, json_text(each, "then")),
		     action_name(r, json_text(each, "now")));
		html(h, "</li>");
	}
	html(h, "</ul></details>");
}

static void show_effect(struct request *r, const json_t *effect)
{
	unsigned long messages = (unsigned long)json_number(effect, "messages");
	unsigned long changed = (unsigned long)json_number(effect, "changed_total");
	struct html *h = &r->html;

	html(h, "<section class=\"card effect\" role=\"status\"><h2>%s</h2><p>",
	     tr(h, "What would change"));
	text(h,
	     trn(h,
		 "With these settings, %lu of your last %lu messages would have been handled "
		 "differently. Nothing is saved yet.",
		 "With these settings, %lu of your last %lu messages would have been handled "
		 "differently. Nothing is saved yet.",
		 changed),
	     changed, messages);
	html(h, "</p>");
	if (changed > 0)
		show_changed(r, json_object_get(effect, "changed"));
	html(h, "</section>");
}

/* ---- requests ---- */

static void show_page(struct request *r, const struct values *values, const json_t *effect,
		      const char *problem)
{
	struct html *h = &r->html;

	frame_begin(r, tr(h, "Preferences"), "preferences");
	if (problem != NULL)
		html(h, "<p class=\"notice trouble\" role=\"alert\">%s</p>", problem);
	if (effect != NULL)
		show_effect(r, effect);
	show_form(r, values);
	show_account(r);
	frame_end(r);
}

/* set.NAME=VALUE for each that differs from what is stored: what is the site's stays the site's. */
static unsigned put_changes(const struct values *values, struct strbuf *question)
{
	unsigned changes = 0;

	for (size_t i = 0; i < FIELDS; i++) {
		const char *value = sent(values->form, &fields[i]);
		char *name;

		if (value == NULL || find(values->preferences, fields[i].name) == NULL ||
		    strcmp(value, stored(values, fields[i].name)) == 0)
			continue;
		name = xasprintf("set.%s", fields[i].name);
		packet_put(question, name, value);
		free(name);
		changes++;
	}
	return changes;
}

static void refuse_value(struct request *r, const struct values *values,
			 const struct answer *answer)
{
	const char *reason = packet_get(&answer->packet, "reason");

	r->response.status = 422;
	show_page(r, values, NULL, reason != NULL ? reason : "");
}

/* The language of this session follows the preference at once. */
static void take_language(struct request *r, const struct values *values)
{
	const char *locale = value_of(values, "locale");

	snprintf(r->session.language, sizeof(r->session.language), "%s",
		 catalogue_find(locale) != NULL ? locale : "");
	request_issue_session(r);
}

static void save(struct request *r, const struct values *values)
{
	struct strbuf question;
	struct answer answer = {0};

	ask_begin(r, &question, "preference-set");
	if (put_changes(values, &question) == 0) {
		strbuf_free(&question);
		notice_redirect(r, "", "preferences", "saved", 0);
	} else if (ask(r, &question, &answer)) {
		take_language(r, values);
		notice_redirect(r, "", "preferences", "saved", 0);
	} else if (strcmp(answer.outcome, "invalid") == 0) {
		refuse_value(r, values, &answer);
	} else {
		frame_fail_answer(r, &answer);
	}
	answer_free(&answer);
}

static void preview(struct request *r, const struct values *values)
{
	struct strbuf question;
	struct answer answer;

	ask_begin(r, &question, "preview");
	put_changes(values, &question);
	if (ask(r, &question, &answer))
		show_page(r, values, answer.json, NULL);
	else if (strcmp(answer.outcome, "invalid") == 0)
		refuse_value(r, values, &answer);
	else
		frame_fail_answer(r, &answer);
	answer_free(&answer);
}

void page_preferences(struct request *r)
{
	struct values values = {0};
	struct strbuf question;
	struct answer answer;

	ask_begin(r, &question, "preferences");
	if (!ask(r, &question, &answer)) {
		frame_fail_answer(r, &answer);
		answer_free(&answer);
		return;
	}
	values.preferences = json_object_get(answer.json, "preferences");
	if (r->post)
		values.form = &r->form;
	if (!r->post)
		show_page(r, &values, NULL, NULL);
	else if (strcmp(form_text(&r->form, "do"), "preview") == 0)
		preview(r, &values);
	else
		save(r, &values);
	answer_free(&answer);
}
