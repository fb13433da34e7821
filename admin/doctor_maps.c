/* Can the milter's user ask Postfix's maps, and does mail for mailboxes come to shoveler-lda? */
#include "doctor.h"
#include "probe.h"

#include "lib/child.h"
#include "lib/xalloc.h"
#include "milter/postfix_config.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAP_TIMEOUT_S	  10
#define CONFIG_TIMEOUT_MS 10000
#define NO_SUCH_KEY	  "shoveler-test.invalid"

/* What leads to a map of Postfix: "proxy:" is a way to it of Postfix's own. */
static const char *map_itself(const char *map)
{
	return strncmp(map, "proxy:", 6) == 0 ? map + 6 : map;
}

/* Whether postmap said more than that it found nothing. */
static bool is_complaint(struct span said)
{
	static const char harmless[] = "is older than source file";

	while (said.size > 0) {
		const char *end = memchr(said.data, '\n', said.size);
		size_t size = end != NULL ? (size_t)(end - said.data) : said.size;

		if (size > 0 && memmem(said.data, size, harmless, sizeof(harmless) - 1) == NULL)
			return true;
		said = span_from(said, size + (end != NULL));
	}
	return false;
}

/*
 * As user (NULL: as ourselves). Returns 1 and the value in answer, 0: not found, -1 and what
 * postmap said in answer.
 */
static int ask_map(const struct conf *conf, const struct passwd *user, const char *tool,
		   const char *map, const char *key, struct strbuf *answer)
{
	char *uid = user != NULL ? xasprintf("--reuid=%u", (unsigned)user->pw_uid) : NULL;
	char *gid = user != NULL ? xasprintf("--regid=%u", (unsigned)user->pw_gid) : NULL;
	const char *argv[] = {"setpriv",
			      uid,
			      gid,
			      "--init-groups",
			      "--",
			      tool,
			      "-c",
			      conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY),
			      "-q",
			      key,
			      map_itself(map),
			      NULL};
	char *error = NULL;
	int code = child_run(user != NULL ? argv : argv + 5, span_of(""), MAP_TIMEOUT_S * 1000,
			     answer, answer, &error);

	if (code < 0)
		strbuf_printf(answer, "%s", error);
	else if (code == 0)
		code = 1;
	else
		code = code == 1 && !is_complaint(strbuf_span(answer)) ? 0 : -1;
	free(error);
	free(gid);
	free(uid);
	return code;
}

static void check_map(struct doctor *doctor, const struct conf *conf, const char *tool,
		      const char *map)
{
	const struct passwd *user =
		geteuid() == 0 ? getpwnam(conf_text(conf, P_MILTER_USER)) : NULL;
	struct strbuf answer = STRBUF_INIT;
	const char *text;

	if (ask_map(conf, user, tool, map, NO_SUCH_KEY, &answer) >= 0) {
		doctor_ok(doctor, "the milter can ask %s", map);
	} else {
		text = strbuf_text(&answer);
		doctor_report(
			doctor, FINDING_ERROR, "map-unreadable",
			doctor_advice(
				doctor,
				"mail that needs it is deferred. Permission denied: adduser %s postfix (the group that may read it); systemctl restart shoveler-milter",
				conf_text(conf, P_MILTER_USER)),
			"the milter cannot ask %s: %.*s", map, (int)strcspn(text, "\n"), text);
	}
	strbuf_free(&answer);
}

/* Calls check for each map in a parameter, not for names and files of names. */
static void each_map(struct doctor *doctor, const struct conf *conf,
		     const struct postfix_config *postfix, enum postfix_parameter parameter)
{
	struct span rest = span_of(postfix_config_get(postfix, parameter)), item;

	while (postfix_list_next(&rest, &item)) {
		char *map = xstrndup(item.data, item.size);

		if (strchr(map, ':') != NULL)
			check_map(doctor, conf,
				  parameter == PF_ALIAS_MAPS ? "postalias" : "postmap", map);
		free(map);
	}
}

/* Maps that only Postfix asks, as root: it puts mail off where it cannot. */
static void check_recipients(struct doctor *doctor, const struct conf *conf, const char *name)
{
	char *value = doctor_postconf(doctor, conf, name);
	struct span rest = span_of(value), item;

	while (postfix_list_next(&rest, &item)) {
		struct strbuf answer = STRBUF_INIT;
		char *map = xstrndup(item.data, item.size);

		if (strchr(map, ':') != NULL &&
		    ask_map(conf, NULL, "postmap", map, NO_SUCH_KEY, &answer) < 0) {
			const char *text = strbuf_text(&answer);

			doctor_report(doctor, FINDING_ERROR, "map-broken",
				      doctor_advice(doctor,
						    "mail is deferred until Postfix can ask it: "
						    "postmap -q %s '%s'",
						    NO_SUCH_KEY, map_itself(map)),
				      "%s has %s: %.*s", name, map, (int)strcspn(text, "\n"), text);
		}
		free(map);
		strbuf_free(&answer);
	}
	free(value);
}

static struct postfix_config *read_postfix(struct doctor *doctor, const struct conf *conf)
{
	struct postfix_config *postfix = NULL;
	char *error = NULL;

	if (postfix_config_read(conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY), CONFIG_TIMEOUT_MS,
				&postfix, &error) < 0)
		doctor_report(
			doctor, FINDING_ERROR, "postfix-unreadable",
			"is Postfix installed here, and its configuration valid? postconf, postfix check",
			"%s", error);
	free(error);
	return postfix;
}

void doctor_check_maps(struct doctor *doctor, const struct conf *conf)
{
	struct postfix_config *postfix;

	if (!service_wanted(conf, &services[0]))
		return;
	if (geteuid() == 0 && getpwnam(conf_text(conf, P_MILTER_USER)) == NULL) {
		doctor_report(
			doctor, FINDING_ERROR, "user-missing",
			doctor_advice(
				doctor,
				"adduser --system --group %s; systemctl restart shoveler-milter",
				conf_text(conf, P_MILTER_USER)),
			"there is no system user %s (milter_user)", conf_text(conf, P_MILTER_USER));
		return;
	}
	postfix = read_postfix(doctor, conf);
	for (size_t i = 0; postfix != NULL && i < POSTFIX_CONFIG_ASKED; i++)
		each_map(doctor, conf, postfix, postfix_config_asked[i]);
	postfix_config_free(&postfix);
	check_recipients(doctor, conf, "virtual_mailbox_maps");
	check_recipients(doctor, conf, "relay_recipient_maps");
}

/* How Postfix says that mail goes to this socket: "lmtp:unix:shoveler/lda". malloc'ed. */
static char *nexthop_to(struct doctor *doctor, const struct conf *conf, const char *listen)
{
	char *queue = doctor_postconf(doctor, conf, "queue_directory");
	char *master = doctor_postconf_list(conf, "-M");
	const char *transport = strstr(master, "\nshoveler ") != NULL ? "shoveler" : "lmtp";
	size_t size = strlen(queue);
	/* Of a path in its queue directory the rest is right in a chroot and out of it. */
	bool inside = strncmp(listen, "unix:", 5) == 0 && size > 0 &&
		      strncmp(listen + 5, queue, size) == 0 && listen[5 + size] == '/';
	char *nexthop = inside ? xasprintf("%s:unix:%s", transport, listen + 5 + size + 1)
			       : xasprintf("%s:%s", transport, listen);

	free(master);
	free(queue);
	return nexthop;
}

/*
 * Does a nexthop of Postfix, as "shoveler:unix:shoveler/lda", lead to one of our sockets? Postfix's
 * chrooted programs name it from the queue directory on, so the end of the path decides.
 */
static bool leads_to(const char *nexthop, const char *listen)
{
	const char *address = strchr(listen, ':'), *place;
	size_t given, whole;

	place = strstr(nexthop, "unix:");
	if (strncmp(listen, "unix:", 5) == 0 && place != NULL) {
		place += 5;
		given = strcspn(place, " \n");
		whole = strlen(address + 1);
		return given > 0 && given <= whole &&
		       strncmp(address + 1 + whole - given, place, given) == 0 &&
		       (given == whole || address[whole - given] == '/');
	}
	return strncmp(listen, "inet:", 5) == 0 && strrchr(listen, ':') > address &&
	       strstr(nexthop, strrchr(listen, ':')) != NULL;
}

static void report_training(struct doctor *doctor, const struct conf *conf, const char *maps,
			    const char *address)
{
	const char *listen = conf_text(conf, P_TRAINING_LISTEN);
	const char *directory = conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY);
	char *nexthop = nexthop_to(doctor, conf, listen);

	doctor_report(doctor, FINDING_ERROR, "training-astray",
		      doctor_advice(doctor,
				    "echo '%s %s' >>%s/training; postconf -e "
				    "'transport_maps=texthash:%s/training%s%s'; postfix reload",
				    address + (address[0] == '@'), nexthop, directory, directory,
				    maps[0] != '\0' ? ", " : "", maps),
		      "transport_maps do not lead %s to %s", address, listen);
	free(nexthop);
}

static void check_training(struct doctor *doctor, const struct conf *conf,
			   const struct postfix_config *postfix, const char *address)
{
	const char *listen = conf_text(conf, P_TRAINING_LISTEN);
	struct span rest = span_of(postfix_config_get(postfix, PF_TRANSPORT_MAPS)), item;
	struct strbuf answer = STRBUF_INIT;
	bool found = false;

	while (!found && postfix_list_next(&rest, &item)) {
		char *map = xstrndup(item.data, item.size);

		strbuf_reset(&answer);
		found = ask_map(conf, NULL, "postmap", map, address + (address[0] == '@'),
				&answer) == 1;
		free(map);
	}
	if (found && leads_to(strbuf_text(&answer), listen))
		doctor_ok(doctor, "transport_maps lead %s to spamtraind", address);
	else
		report_training(doctor, conf, postfix_config_get(postfix, PF_TRANSPORT_MAPS),
				address);
	strbuf_free(&answer);
}

static void check_mailboxes(struct doctor *doctor, const struct conf *conf,
			    const struct postfix_config *postfix)
{
	static const enum postfix_parameter ways[] = {PF_VIRTUAL_TRANSPORT, PF_LOCAL_TRANSPORT};
	const char *listen = conf_text(conf, P_LDA_LISTEN);
	char *nexthop;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const char *value = postfix_config_get(postfix, ways[i]);

		if (leads_to(value, listen)) {
			doctor_ok(doctor, "Postfix delivers by %s", value);
			return;
		}
	}
	nexthop = nexthop_to(doctor, conf, listen);
	doctor_report(
		doctor, FINDING_WARNING, "delivery-astray",
		doctor_advice(
			doctor,
			"postconf -e virtual_transport=%s; postfix reload; where mailbox_transport, transport_maps or a pipe does it: doctor_accept = delivery-astray",
			nexthop),
		"virtual_transport = %s, not to %s: is mail filtered?",
		postfix_config_get(postfix, PF_VIRTUAL_TRANSPORT), listen);
	free(nexthop);
}

void doctor_check_delivery(struct doctor *doctor, const struct conf *conf)
{
	static const enum conf_param lists[] = {P_TRAINING_SPAM_ADDRESSES,
						P_TRAINING_INNOCENT_ADDRESSES, P_SPAM_TRAPS};
	struct postfix_config *postfix;

	if (!service_wanted(conf, &services[1]))
		return;
	postfix = read_postfix(doctor, conf);
	if (postfix == NULL)
		return;
	check_mailboxes(doctor, conf, postfix);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const char *const *address = conf_list(conf, lists[i]);

		for (; service_wanted(conf, &services[2]) && *address != NULL; address++)
			check_training(doctor, conf, postfix, *address);
	}
	postfix_config_free(&postfix);
}
