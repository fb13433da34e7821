/*
 * Other filters in Postfix: DSPAM, whose place Shoveler takes, and those that can stay.
 *
 * How DSPAM is wired: as its README and Debian's say, mail goes to its LMTP server or to a pipe
 * transport, by content_filter (main.cf or master.cf), by FILTER in an access map, or as the
 * transport of mailboxes; it is taught by aliases or a transport that run it with --class.
 */
#include "former.h"
#include "learner.h"
#include "postfix_view.h"

#include "lib/xalloc.h"
#include "milter/postfix_config.h"

#include <stdlib.h>
#include <string.h>

static void set_parameter(struct postfix_view *view, const char *name, const char *value)
{
	if (view->former->parameters == NULL)
		view->former->parameters = json_object();
	json_object_set_new(view->former->parameters, name, json_string(value));
}

/* ---- content filters ---- */

static void report_content_filter(struct postfix_view *view, const char *where, const char *value)
{
	const char *filter = postfix_view_filter(view, value);

	if (filter != NULL && strcmp(filter, "DSPAM") == 0)
		former_find(view->former, filter, FORMER_REPLACED, xstrdup(where),
			    xstrdup("mail goes through DSPAM"),
			    xstrdup("taken out: mail goes to mailboxes by Shoveler"));
	else if (filter != NULL)
		former_find(view->former, filter, FORMER_LEFT, xstrdup(where),
			    xstrdup("mail goes through it before it comes to Shoveler"),
			    xstrdup("left as it is; it marks, Shoveler decides by itself"));
	else
		former_find(view->former, "content filter", FORMER_UNCLEAR, xstrdup(where),
			    xstrdup("it is not known what that is"),
			    xstrdup("left as it is: mail goes through it as before. If it is a "
				    "filter that Shoveler is to replace, take it out"));
}

static void look_at_content_filter(struct postfix_view *view)
{
	const char *value = postfix_view_parameter(view, "content_filter");
	char *where;

	if (value[0] == '\0')
		return;
	where = xasprintf("content_filter = %s", value);
	report_content_filter(view, where, value);
	free(where);
	if (postfix_view_is_dspam(view, value))
		set_parameter(view, "content_filter", "");
}

static void change_service(struct postfix_view *view, const char *name, const char *line,
			   const char *option, size_t size)
{
	char *changed = xasprintf("%.*s%s", (int)(option - line), line, option + size);

	if (view->former->services == NULL)
		view->former->services = json_object();
	json_object_set_new(view->former->services, name, json_string(changed));
	free(changed);
}

/* "smtp inet n - y - - smtpd -o content_filter=dspam:dspam" */
static void look_at_service(struct postfix_view *view, const char *name, const char *line)
{
	static const char *const options[] = {" -o content_filter=", " -o smtpd_proxy_filter="};

	for (size_t i = 0; i < 2; i++) {
		const char *option = strstr(line, options[i]);
		char *value, *where;

		if (option == NULL)
			continue;
		value = xstrndup(option + strlen(options[i]),
				 strcspn(option + strlen(options[i]), " "));
		where = xasprintf("master.cf, %s: -o %s%s", name, options[i] + 4, value);
		if (value[0] != '\0') {
			/* A proxy's value is a host alone. */
			char *destination = i == 0 ? xstrdup(value) : xasprintf("smtp:%s", value);

			report_content_filter(view, where, destination);
			if (postfix_view_is_dspam(view, destination))
				change_service(view, name, line, option,
					       strlen(options[i]) + strlen(value));
			free(destination);
		}
		free(value);
		free(where);
	}
}

/* A transport of DSPAM's that teaches: who sends to it is not to be seen here. */
static void look_at_retraining(struct postfix_view *view, const char *name, const char *line)
{
	if (strstr(line, " pipe ") == NULL)
		return;
	if (learner_taught(span_of(line)) == NULL)
		return;
	former_find(view->former, learner_taught(span_of(line)), FORMER_UNCLEAR,
		    xasprintf("master.cf, %s", name),
		    xstrdup("mail that is sent there teaches the former filter"),
		    xstrdup("left as it is: take its addresses out of transport_maps and name them "
			    "in shoveler_training_spam_address and "
			    "shoveler_training_innocent_address"));
}

static void look_at_services(struct postfix_view *view)
{
	const char *name;
	json_t *line;

	json_object_foreach(view->services, name, line)
	{
		look_at_service(view, name, json_string_value(line));
		look_at_retraining(view, name, json_string_value(line));
	}
}

/* ---- FILTER in access maps ---- */

struct map_lines {
	unsigned dspam, others;
};

/* Looks at what stands behind each key: "FILTER dspam:dspam", or the transport itself. */
static struct map_lines count_lines(const struct postfix_view *view, struct span text, bool access)
{
	struct map_lines lines = {0, 0};

	while (text.size > 0) {
		char *line = postfix_view_squeeze(learner_next_line(&text)),
		     *value = strrchr(line, ' ');

		if (line[0] == '\0' || line[0] == '#' || value == NULL) {
			free(line);
			continue;
		}
		*value++ = '\0';
		if (access && strlen(line) >= 7 &&
		    strcasecmp(line + strlen(line) - 7, " FILTER") != 0)
			lines.others++;
		else if (postfix_view_is_dspam(view, value))
			lines.dspam++;
		else
			lines.others++;
		free(line);
	}
	return lines;
}

/* A list without what lies from start to end, and without one of the commas beside it. */
static char *list_without(const char *list, struct span part)
{
	struct span before = span_trim((struct span){list, (size_t)(part.data - list)});
	struct span after = span_trim(span_of(part.data + part.size));

	if (after.size > 0 && after.data[0] == ',')
		after = span_trim(span_from(after, 1));
	else if (before.size > 0 && before.data[before.size - 1] == ',')
		before.size--;
	return xasprintf("%.*s%s%.*s", SPAN_ARG(before),
			 before.size > 0 && after.size > 0 ? " " : "", SPAN_ARG(after));
}

/* part: what goes if the map is DSPAM's alone. Returns true when the list was changed. */
static bool take_map(struct postfix_view *view, const char *name, const char *list, struct span map,
		     struct span part, bool access)
{
	struct strbuf text = STRBUF_INIT;
	struct map_lines lines = {0, 0};
	char *where, *rest;

	if (postfix_view_read_map(map, &text))
		lines = count_lines(view, strbuf_span(&text), access);
	strbuf_free(&text);
	if (lines.dspam == 0)
		return false;
	where = xasprintf("%s: %.*s", name, SPAN_ARG(map));
	if (lines.others > 0 || !access) {
		former_find(view->former, "DSPAM", FORMER_UNCLEAR, where,
			    xasprintf("sends mail to DSPAM (%u of %u entries)", lines.dspam,
				      lines.dspam + lines.others),
			    xstrdup("left as it is: take these entries out, as this mail does not "
				    "come to Shoveler; addresses that taught DSPAM belong into "
				    "shoveler_training_spam_address and "
				    "shoveler_training_innocent_address"));
		return false;
	}
	former_find(view->former, "DSPAM", FORMER_REPLACED, where,
		    xstrdup("mail goes through DSPAM"),
		    xstrdup("taken out: mail goes to mailboxes by Shoveler"));
	rest = list_without(list, part);
	set_parameter(view, name, rest);
	free(rest);
	return true;
}

/* "check_client_access pcre:/etc/postfix/dspam_filter_access": these two go together. */
static void look_at_restrictions(struct postfix_view *view, const char *name)
{
	const char *list = postfix_view_parameter(view, name);
	struct span rest = span_of(list), item;
	const char *check = NULL;

	while (postfix_list_next(&rest, &item)) {
		if (check != NULL &&
		    take_map(view, name, list, item,
			     (struct span){check, (size_t)(item.data + item.size - check)}, true))
			return;
		check = memmem(item.data, item.size, "_access", 7) != NULL &&
					span_starts_nocase(item, SPAN_LITERAL("check_"))
				? item.data
				: NULL;
	}
}

static void look_at_maps(struct postfix_view *view)
{
	static const char *const restrictions[] = {
		"smtpd_client_restrictions",	 "smtpd_helo_restrictions",
		"smtpd_sender_restrictions",	 "smtpd_relay_restrictions",
		"smtpd_recipient_restrictions",	 "smtpd_data_restrictions",
		"smtpd_end_of_data_restrictions"};
	const char *list = postfix_view_parameter(view, "transport_maps");
	struct span rest = span_of(list), item;

	for (size_t i = 0; i < sizeof(restrictions) / sizeof(restrictions[0]); i++)
		look_at_restrictions(view, restrictions[i]);
	while (postfix_list_next(&rest, &item))
		take_map(view, "transport_maps", list, item, item, false);
}

/* ---- delivery ---- */

static void look_at_transport(struct postfix_view *view, const char *name, bool ours)
{
	const char *value = postfix_view_parameter(view, name);
	char *where;

	if (value[0] == '\0' || !postfix_view_is_dspam(view, value))
		return;
	where = xasprintf("%s = %s", name, value);
	if (ours &&
	    (!postfix_view_is_pipe(view, value) || strcmp(name, "virtual_transport") == 0)) {
		former_find(
			view->former, "DSPAM", FORMER_REPLACED, where,
			xstrdup("mail for mailboxes is delivered by DSPAM"),
			xstrdup("it is delivered by Shoveler to Dovecot (shoveler_lda_nexthop)"));
		set_parameter(view, name, FORMER_DELIVERY);
		return;
	}
	former_find(
		view->former, "DSPAM", FORMER_UNCLEAR, where,
		xstrdup("mail is delivered by DSPAM, under names that it makes itself"),
		xstrdup("left as it is: if Dovecot's LMTP server knows these recipients by their "
			"addresses, add this parameter to shoveler_delivery_parameters"));
}

static void look_at_command(struct postfix_view *view)
{
	static const char *const files[] = {"/etc/procmailrc", "/etc/maildroprc",
					    "/etc/courier/maildroprc"};
	const char *command = postfix_view_parameter(view, "mailbox_command"), *filter;
	struct strbuf text = STRBUF_INIT;

	if (command[0] == '\0')
		return;
	strbuf_append_text(&text, command);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		strbuf_append_char(&text, '\n');
		if (strstr(command, i == 0 ? "procmail" : "maildrop") != NULL)
			(void)learner_read(files[i], &text);
	}
	filter = learner_called(strbuf_span(&text));
	if (filter != NULL)
		former_find(view->former, filter, FORMER_UNCLEAR,
			    xasprintf("mailbox_command = %s", command),
			    xstrdup("runs it when mail is delivered to users of the system"),
			    xstrdup("left as it is: this mail does not come to Shoveler, unless "
				    "mailbox_transport is in shoveler_delivery_parameters"));
	else if (strstr(command, "procmail") != NULL || strstr(command, "maildrop") != NULL)
		former_find(view->former, "procmail/maildrop", FORMER_UNCLEAR,
			    xasprintf("mailbox_command = %s", command),
			    xstrdup("users' own rules may call a filter"),
			    xstrdup("they are not looked at; this mail does not come to Shoveler"));
	strbuf_free(&text);
}

static void look_at_aliases(struct postfix_view *view)
{
	const char *list = postfix_view_parameter(view, "alias_maps");
	struct span rest = span_of(list[0] != '\0' ? list : "hash:/etc/aliases"), item;

	while (postfix_list_next(&rest, &item)) {
		struct strbuf text = STRBUF_INIT;
		const char *filter = NULL;

		if (postfix_view_read_map(item, &text))
			filter = learner_taught(strbuf_span(&text));
		if (filter != NULL)
			former_find(
				view->former, filter, FORMER_UNCLEAR,
				xasprintf("alias_maps: %.*s", SPAN_ARG(item)),
				xstrdup("aliases to which users send mail teach it"),
				xstrdup("left as it is: take them out, and name new addresses in "
					"shoveler_training_spam_address and "
					"shoveler_training_innocent_address"));
		strbuf_free(&text);
	}
}

/* ---- milters ---- */

static void look_at_milters(struct postfix_view *view)
{
	static const char *const milters[][2] = {{"rspamd", "rspamd"},
						 {":11332", "rspamd"},
						 {"spamass", "SpamAssassin"},
						 {"amavis", "amavis"},
						 {"dspam", "DSPAM"}};
	const char *list = postfix_view_parameter(view, "smtpd_milters");
	struct span rest = span_of(list), item;

	while (postfix_list_next(&rest, &item)) {
		for (size_t i = 0; i < sizeof(milters) / sizeof(milters[0]); i++) {
			if (memmem(item.data, item.size, milters[i][0], strlen(milters[i][0])) ==
			    NULL)
				continue;
			former_find(
				view->former, milters[i][1], FORMER_LEFT,
				xasprintf("smtpd_milters: %.*s", SPAN_ARG(item)),
				xstrdup("judges mail beside Shoveler, and may refuse or mark it"),
				xstrdup("left as it is: it does no harm. Take it out of "
					"smtpd_milters when Shoveler's verdict is enough"));
			break;
		}
	}
}

void former_look_at_postfix(struct former *former, struct span parameters, struct span services,
			    const json_t *record)
{
	struct postfix_view view = {.former = former};

	postfix_view_read(&view, parameters, services, record);
	look_at_content_filter(&view);
	look_at_services(&view);
	look_at_maps(&view);
	look_at_transport(&view, "virtual_transport", true);
	look_at_transport(&view, "mailbox_transport", true);
	look_at_transport(&view, "local_transport", true);
	look_at_transport(&view, "relay_transport", false);
	look_at_transport(&view, "default_transport", false);
	look_at_command(&view);
	look_at_aliases(&view);
	look_at_milters(&view);
	postfix_view_free(&view);
}
