/*
 * doctor_milters.c - is our milter asked, by every service of Postfix that takes mail from outside;
 * what happens when it does not answer; and what other milters are there?
 */
#include "doctor.h"
#include "probe.h"

#include "lib/xalloc.h"
#include "milter/postfix_config.h"

#include <stdlib.h>
#include <string.h>

/* What others listen at by default, or are called. */
static const struct other {
	const char *pattern;
	bool anywhere; /* else only where it comes before ours */
	const char *why, *text;
} others[] = {
	{"clamav", true, "ours scans with the same signatures",
	 "scans redirected and relayed mail, too, and bounces or loses it"},
	{"rspamd", false, "ours first",
	 "comes before ours: it judges what ours refuses or suppresses"},
	{":11332", false, "ours first",
	 "comes before ours: rspamd, it seems, judges what ours refuses or suppresses"},
	{"spamass", false, "ours first",
	 "comes before ours: it judges what ours refuses or suppresses"},
	{"amavis", false, "ours first",
	 "comes before ours: it judges what ours refuses or suppresses"},
};

/* "{ inet:host:port, default_action=accept }" or just the address. */
static bool is_ours(struct span item, const char *address)
{
	char *text = xstrndup(item.data, item.size);
	char *found = strstr(text, address);
	char after = found != NULL ? found[strlen(address)] : '\0';
	bool ours = found != NULL && (after == '\0' || strchr(" ,\t}", after) != NULL);

	free(text);
	return ours;
}

static void judge_action(struct doctor *doctor, const char *where, struct span item)
{
	static const char name[] = "default_action";
	const char *found = memmem(item.data, item.size, name, sizeof(name) - 1);
	struct span value;

	if (found == NULL)
		return;
	value = span_from(item, (size_t)(found - item.data) + sizeof(name) - 1);
	while (value.size > 0 && strchr(" =\t", value.data[0]) != NULL)
		value = span_from(value, 1);
	if (!span_starts_nocase(value, SPAN_LITERAL("tempfail")))
		doctor_report(
			doctor, FINDING_ERROR, "milter-lets-pass",
			"default_action=tempfail there, and postfix reload: mail must wait, not pass, when the milter is "
			"gone",
			"%s has %.*s", where, SPAN_ARG(item));
}

/* Of the list, ours first, and no other scanner. malloc'ed. */
static char *list_as_it_should_be(const char *value, const char *address)
{
	struct strbuf ours = STRBUF_INIT, list = STRBUF_INIT;
	struct span rest = span_of(value), item;

	while (postfix_list_next(&rest, &item)) {
		if (is_ours(item, address)) {
			if (ours.size == 0)
				strbuf_append_span(&ours, item);
		} else if (memmem(item.data, item.size, "clamav", 6) == NULL) {
			strbuf_printf(&list, ", %.*s", SPAN_ARG(item));
		}
	}
	if (ours.size == 0)
		strbuf_append_text(&ours, address);
	strbuf_append_span(&ours, strbuf_span(&list));
	strbuf_free(&list);
	return strbuf_steal(&ours);
}

/*
 * where: "smtpd_milters", or "master.cf: submission/inet/smtpd_milters"; why: it should be another.
 */
static const char *list_advice(struct doctor *doctor, const char *where, const char *value,
			       const char *address, const char *why)
{
	static const char master[] = "master.cf: ";
	bool in_master = strncmp(where, master, sizeof(master) - 1) == 0;
	char *list = list_as_it_should_be(value, address);
	const char *advice = doctor_advice(doctor, "postconf -%c '%s=%s'; postfix reload: %s",
					   in_master ? 'P' : 'e',
					   where + (in_master ? sizeof(master) - 1 : 0), list, why);

	free(list);
	return advice;
}

/* What is known of another milter; NULL: nothing. before: it comes before ours. */
static const struct other *find_other(struct span item, bool before)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const char *pattern = others[i].pattern;

		if (memmem(item.data, item.size, pattern, strlen(pattern)) != NULL &&
		    (others[i].anywhere || before))
			return &others[i];
	}
	return NULL;
}

/* A value of smtpd_milters. others: judge the other milters in it, too. */
static void check_list(struct doctor *doctor, const struct conf *conf, const char *where,
		       const char *value, bool with_others)
{
	const char *address = conf_text(conf, P_MILTER_LISTEN);
	struct span rest = span_of(value), item;
	const struct other *other;
	bool found = false;

	while (postfix_list_next(&rest, &item)) {
		if (is_ours(item, address)) {
			found = true;
			judge_action(doctor, where, item);
			continue;
		}
		other = with_others ? find_other(item, !found) : NULL;
		if (other != NULL)
			doctor_report(doctor, FINDING_WARNING,
				      other->anywhere ? "milter-clamav" : "milter-before",
				      list_advice(doctor, where, value, address, other->why),
				      "the milter %.*s %s", SPAN_ARG(item), other->text);
	}
	if (found)
		doctor_ok(doctor, "%s has %s: %s", where, address, value);
	else
		doctor_report(doctor, FINDING_ERROR, "milter-missing",
			      list_advice(doctor, where, value, address,
					  "nothing is scanned without the milter"),
			      "%s = %s, without %s", where, value, address);
}

/* Programs of the host may send what they like; the admin may want it scanned. */
static void check_local(struct doctor *doctor, const struct conf *conf)
{
	char *value = doctor_postconf(doctor, conf, "non_smtpd_milters");

	if (strstr(value, conf_text(conf, P_MILTER_LISTEN)) != NULL)
		check_list(doctor, conf, "non_smtpd_milters", value, false);
	else
		doctor_ok(doctor,
			  "mail by sendmail(1) does not pass the milter (non_smtpd_milters)");
	free(value);
}

/* What a content filter of this host gives back at a port of its own has been scanned. */
static void check_no_milters(struct doctor *doctor, const char *service, const char *value)
{
	static const char *const loopbacks[] = {"127.", "localhost:", "[::1]:"};

	for (size_t i = 0; i < sizeof(loopbacks) / sizeof(loopbacks[0]); i++) {
		if (strncmp(service, loopbacks[i], strlen(loopbacks[i])) == 0) {
			doctor_ok(doctor, "master.cf: %s = %s, where only this host delivers",
				  service, value);
			return;
		}
	}
	doctor_report(
		doctor, FINDING_WARNING, "milter-bypassed",
		doctor_advice(doctor,
			      "postconf -PX '%s'; a content filter of this host should deliver to "
			      "a service at 127.0.0.1; postfix reload",
			      service),
		"master.cf: %s = %s: what comes there is not scanned", service, value);
}

/* "submission/inet/smtpd_milters = value": one line of postconf -P. */
static void check_override(struct doctor *doctor, const struct conf *conf, const char *line)
{
	const char *equals = strstr(line, " ="), *name, *value;
	char *service, *where;

	if (equals == NULL || strstr(line, "/inet/") == NULL)
		return;
	service = xstrndup(line, (size_t)(equals - line));
	value = equals + 2 + strspn(equals + 2, " ");
	name = strrchr(service, '/') + 1;
	where = xasprintf("master.cf: %s", service);
	if (strcmp(name, "smtpd_milters") == 0)
		check_list(doctor, conf, where, value, true);
	else if (strcmp(name, "milter_default_action") == 0 && strcmp(value, "tempfail") != 0)
		doctor_report(doctor, FINDING_ERROR, "milter-lets-pass",
			      doctor_advice(doctor, "postconf -PX '%s'; postfix reload", service),
			      "%s = %s, not tempfail", where, value);
	else if (strcmp(name, "receive_override_options") == 0 &&
		 strstr(value, "no_milters") != NULL)
		check_no_milters(doctor, service, value);
	free(where);
	free(service);
}

static void check_overrides(struct doctor *doctor, const struct conf *conf)
{
	char *all = doctor_postconf_list(conf, "-P"), *rest = all, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		check_override(doctor, conf, line);
	free(all);
}

void doctor_check_milters(struct doctor *doctor, const struct conf *conf)
{
	char *value;

	if (!service_wanted(conf, &services[0]))
		return;
	value = doctor_postconf(doctor, conf, "smtpd_milters");
	check_list(doctor, conf, "smtpd_milters", value, true);
	free(value);
	value = doctor_postconf(doctor, conf, "milter_default_action");
	if (strcmp(value, "tempfail") == 0)
		doctor_ok(doctor, "milter_default_action = tempfail");
	else
		doctor_report(
			doctor, FINDING_ERROR, "milter-lets-pass",
			"postconf -e milter_default_action=tempfail; postfix reload: mail must wait, not pass, "
			"when the milter is gone",
			"milter_default_action = %s, not tempfail", value);
	free(value);
	check_local(doctor, conf);
	check_overrides(doctor, conf);
}
