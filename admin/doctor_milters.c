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

#define SPELLINGS_MAX 3

/*
 * Our milter, as Postfix may name it: what milter_listen says; localhost; a path from the queue
 * directory on, which is right in a chroot and out of it, and so comes first.
 */
struct ours {
	char *spellings[SPELLINGS_MAX + 1]; /* NULL-terminated */
};

static struct ours spell_ours(struct doctor *doctor, const struct conf *conf)
{
	static const char loopback[] = "inet:127.0.0.1:";
	const char *address = conf_text(conf, P_MILTER_LISTEN);
	char *queue = doctor_postconf(doctor, conf, "queue_directory");
	char *inside = xasprintf("unix:%s/", queue);
	struct ours ours = {{NULL}};
	size_t count = 0;

	if (queue[0] != '\0' && strncmp(address, inside, strlen(inside)) == 0) {
		ours.spellings[count++] = xasprintf("unix:%s", address + strlen(inside));
		ours.spellings[count++] = xasprintf("unix:/%s", address + strlen(inside));
	}
	ours.spellings[count++] = xstrdup(address);
	if (strncmp(address, loopback, sizeof(loopback) - 1) == 0)
		ours.spellings[count] =
			xasprintf("inet:localhost:%s", address + sizeof(loopback) - 1);
	free(inside);
	free(queue);
	return ours;
}

static void free_ours(struct ours *ours)
{
	for (size_t i = 0; i < SPELLINGS_MAX; i++)
		free(ours->spellings[i]);
}

/* "{ inet:host:port, default_action=accept }" or just the address. */
static bool has_address(const char *text, const char *address)
{
	const char *found = text;

	while ((found = strstr(found, address)) != NULL) {
		found += strlen(address);
		if (*found == '\0' || strchr(" ,\t}", *found) != NULL)
			return true;
	}
	return false;
}

static bool is_ours(struct span item, const struct ours *ours)
{
	char *text = xstrndup(item.data, item.size);
	bool is = false;

	for (char *const *spelling = ours->spellings; *spelling != NULL; spelling++)
		is = is || has_address(text, *spelling);
	free(text);
	return is;
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
static char *list_as_it_should_be(const char *value, const struct ours *ours)
{
	struct strbuf first = STRBUF_INIT, list = STRBUF_INIT;
	struct span rest = span_of(value), item;

	while (postfix_list_next(&rest, &item)) {
		if (is_ours(item, ours)) {
			if (first.size == 0)
				strbuf_append_span(&first, item);
		} else if (memmem(item.data, item.size, "clamav", 6) == NULL) {
			strbuf_printf(&list, ", %.*s", SPAN_ARG(item));
		}
	}
	if (first.size == 0)
		strbuf_append_text(&first, ours->spellings[0]);
	strbuf_append_span(&first, strbuf_span(&list));
	strbuf_free(&list);
	return strbuf_steal(&first);
}

/*
 * where: "smtpd_milters", or "master.cf: submission/inet/smtpd_milters"; why: it should be another.
 */
static const char *list_advice(struct doctor *doctor, const char *where, const char *value,
			       const struct ours *ours, const char *why)
{
	static const char master[] = "master.cf: ";
	bool in_master = strncmp(where, master, sizeof(master) - 1) == 0;
	char *list = list_as_it_should_be(value, ours);
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
static void check_list(struct doctor *doctor, const struct ours *ours, const char *where,
		       const char *value, bool with_others)
{
	struct span rest = span_of(value), item;
	const struct other *other;
	bool found = false;

	while (postfix_list_next(&rest, &item)) {
		if (is_ours(item, ours)) {
			found = true;
			judge_action(doctor, where, item);
			continue;
		}
		other = with_others ? find_other(item, !found) : NULL;
		if (other != NULL)
			doctor_report(doctor, FINDING_WARNING,
				      other->anywhere ? "milter-clamav" : "milter-before",
				      list_advice(doctor, where, value, ours, other->why),
				      "the milter %.*s %s", SPAN_ARG(item), other->text);
	}
	if (found)
		doctor_ok(doctor, "%s has %s: %s", where, ours->spellings[0], value);
	else
		doctor_report(doctor, FINDING_ERROR, "milter-missing",
			      list_advice(doctor, where, value, ours,
					  "nothing is scanned without the milter"),
			      "%s = %s, without %s", where, value, ours->spellings[0]);
}

/* Programs of the host may send what they like; the admin may want it scanned. */
static void check_local(struct doctor *doctor, const struct conf *conf, const struct ours *ours)
{
	char *value = doctor_postconf(doctor, conf, "non_smtpd_milters");

	if (is_ours(span_of(value), ours))
		check_list(doctor, ours, "non_smtpd_milters", value, false);
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
static void check_override(struct doctor *doctor, const struct ours *ours, const char *line)
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
		check_list(doctor, ours, where, value, true);
	else if (strcmp(name, "milter_default_action") == 0 && strcmp(value, "tempfail") != 0)
		doctor_report(doctor, FINDING_ERROR, "milter-lets-pass",
			      doctor_advice(doctor, "postconf -PX '%s'; postfix reload", service),
			      "%s = %s, not tempfail", where, value);
	else if (strcmp(name, "smtpd_milter_maps") == 0 ||
		 (strcmp(name, "receive_override_options") == 0 &&
		  strstr(value, "no_milters") != NULL))
		check_no_milters(doctor, service, value);
	free(where);
	free(service);
}

static void check_overrides(struct doctor *doctor, const struct conf *conf, const struct ours *ours)
{
	char *all = doctor_postconf_list(conf, "-P"), *rest = all, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		check_override(doctor, ours, line);
	free(all);
}

/* Settings of main.cf by which no milter is asked, whatever smtpd_milters says. */
static void check_exempt(struct doctor *doctor, const struct conf *conf)
{
	char *value = doctor_postconf(doctor, conf, "receive_override_options");

	if (strstr(value, "no_milters") != NULL)
		doctor_report(
			doctor, FINDING_ERROR, "milter-missing",
			"postconf -X receive_override_options; postfix reload: it belongs to a service of master.cf",
			"receive_override_options = %s: no mail is scanned", value);
	free(value);
	value = doctor_postconf(doctor, conf, "smtpd_milter_maps");
	if (value[0] != '\0')
		doctor_report(
			doctor, FINDING_WARNING, "milter-bypassed",
			"postconf -X smtpd_milter_maps; postfix reload; where these clients are meant: doctor_accept = milter-bypassed",
			"smtpd_milter_maps = %s: clients in it do not come to our milter", value);
	free(value);
}

void doctor_check_milters(struct doctor *doctor, const struct conf *conf)
{
	struct ours ours;
	char *value;

	if (!service_wanted(conf, &services[0]))
		return;
	ours = spell_ours(doctor, conf);
	value = doctor_postconf(doctor, conf, "smtpd_milters");
	check_list(doctor, &ours, "smtpd_milters", value, true);
	free(value);
	check_exempt(doctor, conf);
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
	check_local(doctor, conf, &ours);
	check_overrides(doctor, conf, &ours);
	free_ours(&ours);
}
