/*
 * doctor_postfix.c - settings of Postfix that are easily forgotten, and limits that must fit ours.
 */
#include "doctor.h"
#include "probe.h"

#include "lib/xalloc.h"
#include "milter/postfix_config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- postfix ---- */

static void check_copies(struct doctor *doctor, const struct conf *conf)
{
	static const char *const names[] = {"always_bcc", "recipient_bcc_maps", "sender_bcc_maps"};
	bool any = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *value = doctor_postconf(doctor, conf, names[i]);

		if (value[0] != '\0') {
			any = true;
			doctor_report(
				doctor, FINDING_WARNING, "copies-unscanned",
				doctor_advice(
					doctor,
					"postconf -X %s; or let nobody open that mailbox carelessly, and doctor_accept = copies-unscanned",
					names[i]),
				"%s = %s: these copies are made behind the milter, unscanned",
				names[i], value);
		}
		free(value);
	}
	if (!any)
		doctor_ok(doctor, "no copies of mail pass the milter by");
}

static void report_delimiter(struct doctor *doctor, const char *ours, const char *theirs)
{
	/* Without one Postfix has mailboxes called bob+list, or, more often, none. */
	if (theirs[0] == '\0')
		doctor_report(doctor, FINDING_WARNING, "delimiter-differs",
			      doctor_advice(doctor,
					    "postconf -e 'recipient_delimiter=%s'; postfix reload: "
					    "bob%slist is nobody now",
					    ours, ours),
			      "recipient_delimiter = %s, but none in Postfix", ours);
	else
		doctor_report(
			doctor, FINDING_ERROR, "delimiter-differs",
			doctor_advice(doctor,
				      "recipient_delimiter = %s in our main.cf, and restart the "
				      "daemons: bob%slist would be another user than bob",
				      theirs, theirs),
			"recipient_delimiter = %s, but \"%s\" in Postfix", ours, theirs);
}

/* In any order. */
static void check_delimiter(struct doctor *doctor, const struct conf *conf)
{
	const char *ours = conf_text(conf, P_RECIPIENT_DELIMITER);
	char *theirs = doctor_postconf(doctor, conf, "recipient_delimiter");

	if (strlen(ours) == strlen(theirs) && strspn(ours, theirs) == strlen(ours))
		doctor_ok(doctor, "recipient_delimiter = %s, as in Postfix", ours);
	else
		report_delimiter(doctor, ours, theirs);
	free(theirs);
}

static void check_networks(struct doctor *doctor, const struct conf *conf)
{
	static const char *const worlds[] = {"0.0.0.0/0", "[::]/0", "::/0"};
	char *value = doctor_postconf(doctor, conf, "mynetworks");
	bool open = false;

	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++)
		open = open || strstr(value, worlds[i]) != NULL;
	if (open)
		doctor_report(
			doctor, FINDING_ERROR, "relay-open",
			"postconf -e 'mynetworks=127.0.0.0/8', and your own networks only; postfix reload: this is an open relay",
			"mynetworks = %s: everybody is trusted, and nobody scored", value);
	free(value);
}

static void check_soft_bounce(struct doctor *doctor, const struct conf *conf)
{
	char *value = doctor_postconf(doctor, conf, "soft_bounce");

	if (strcmp(value, "yes") == 0)
		doctor_report(doctor, FINDING_WARNING, "soft-bounce",
			      "postconf -e soft_bounce=no; postfix reload",
			      "soft_bounce = yes: what is refused comes again and again");
	free(value);
}

/* The chroot column of a service in master.cf, by `postconf -F`: 'y', 'n' or '-'. */
static char chroot_of(const struct conf *conf, const char *service)
{
	char *field = xasprintf("%s/chroot", service), column = 'n';
	const char *argv[] = {"postconf", "-c",	 conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY),
			      "-Fh",	  field, NULL};
	struct strbuf said = STRBUF_INIT;

	if (doctor_run(argv, &said) == 0 && said.size > 0)
		column = strbuf_text(&said)[0];
	strbuf_free(&said);
	free(field);
	return column;
}

/* A program that is locked into the queue directory finds no socket elsewhere. */
static void check_chroot(struct doctor *doctor, const struct conf *conf, const char *service,
			 enum conf_param param)
{
	const char *address = conf_text(conf, param);
	char *queue = doctor_postconf(doctor, conf, "queue_directory");
	bool inside = strncmp(address, "unix:", 5) != 0 ||
		      (strncmp(address + 5, queue, strlen(queue)) == 0 &&
		       address[5 + strlen(queue)] == '/');

	if (!inside && chroot_of(conf, service) == 'y')
		doctor_report(
			doctor, FINDING_ERROR, "socket-outside",
			doctor_advice(
				doctor,
				"postconf -F '%s/chroot=n'; postfix reload; or let it lie in %s/shoveler, and restart its daemon",
				service, queue),
			"%s = %s: Postfix's %s is locked into %s and does not see it",
			conf_name(param), address, service, queue);
	else
		doctor_ok(doctor, "Postfix's %s can see %s = %s", service, conf_name(param),
			  address);
	free(queue);
}

/* "shoveler:unix:..." is delivered by service shoveler/unix of master.cf. malloc'ed. */
static char *transport_of(struct doctor *doctor, const struct conf *conf)
{
	char *value = doctor_postconf(doctor, conf, "virtual_transport");
	char *service = xasprintf("%.*s/unix", (int)strcspn(value, ":"), value);

	free(value);
	return service;
}

void doctor_check_postfix(struct doctor *doctor, const struct conf *conf)
{
	char *transport;

	if (service_wanted(conf, &services[0])) {
		check_networks(doctor, conf);
		check_copies(doctor, conf);
		check_soft_bounce(doctor, conf);
		check_chroot(doctor, conf, "smtp/inet", P_MILTER_LISTEN);
	}
	if (service_wanted(conf, &services[1])) {
		check_delimiter(doctor, conf);
		transport = transport_of(doctor, conf);
		check_chroot(doctor, conf, transport, P_LDA_LISTEN);
		if (service_wanted(conf, &services[2]))
			check_chroot(doctor, conf, transport, P_TRAINING_LISTEN);
		free(transport);
	}
}

/* ---- limits ---- */

/* Postfix's limit of a message; 0 there is none. */
static void check_size(struct doctor *doctor, const struct conf *conf, enum conf_param param,
		       enum finding finding, const char *consequence)
{
	int64_t theirs = doctor_postconf_number(doctor, conf, "message_size_limit");
	int64_t ours = conf_number(conf, param);

	if (ours == 0 || (theirs != 0 && theirs <= ours))
		doctor_ok(doctor, "%s lets through what Postfix does (%" PRId64 " bytes)",
			  conf_name(param), theirs);
	else
		doctor_report(
			doctor, finding, "size-differs",
			theirs != 0
				? doctor_advice(
					  doctor,
					  "%s = %" PRId64
					  " in our main.cf, and restart its daemon; or postconf -e message_size_limit=%" PRId64
					  "; postfix reload",
					  conf_name(param), theirs, ours)
				: doctor_advice(doctor,
						"postconf -e message_size_limit=%" PRId64
						"; postfix reload",
						ours),
			"%s = %s is less than Postfix's message_size_limit = %" PRId64 ": %s",
			conf_name(param), conf_text(conf, param), theirs, consequence);
}

#define PATIENCE_MORE_S 60

/* Whoever waits must have more patience than who works. */
static void check_patience(struct doctor *doctor, const struct conf *conf, const char *name,
			   enum conf_param param, const char *consequence)
{
	int64_t theirs = doctor_postconf_number(doctor, conf, name);
	int64_t ours = conf_number(conf, param);

	if (theirs > ours)
		doctor_ok(doctor, "%s (%" PRId64 " s) is longer than %s", name, theirs,
			  conf_name(param));
	else
		doctor_report(doctor, FINDING_ERROR, "patience-short",
			      doctor_advice(doctor, "postconf -e %s=%" PRId64 "s; postfix reload",
					    name, ours + PATIENCE_MORE_S),
			      "%s = %" PRId64 " s is not longer than %s = %" PRId64 " s: %s", name,
			      theirs, conf_name(param), ours, consequence);
}

/* transport: the service that delivers; the setting has its name. */
static void check_batches(struct doctor *doctor, const struct conf *conf, const char *transport)
{
	char *name = xasprintf("%.*s_destination_recipient_limit", (int)strcspn(transport, "/"),
			       transport);
	int64_t limit = doctor_postconf_number(doctor, conf, name);

	if (limit == 0)
		limit = doctor_postconf_number(doctor, conf, "default_destination_recipient_limit");
	if (limit == 1)
		doctor_report(
			doctor, FINDING_WARNING, "batches-single",
			doctor_advice(
				doctor,
				"postconf -e %s=50; postfix reload; where each copy needs Delivered-To: doctor_accept = batches-single",
				name),
			"%s = 1: a message for 50 users is "
			"handed over, and stored by Dovecot, 50 times",
			name);
	else
		doctor_ok(doctor, "%s = %" PRId64, name, limit);
	free(name);
}

void doctor_check_limits(struct doctor *doctor, const struct conf *conf)
{
	static const char refused[] = "what is between is accepted, and bounces";
	char *transport;

	if (service_wanted(conf, &services[0]) && conf_bool(conf, P_VIRUS_SCAN)) {
		check_size(doctor, conf, P_SCANNER_MAX_FILE_SIZE, FINDING_WARNING,
			   "what is between is dealt with by scanner_limit_action");
		check_patience(doctor, conf, "milter_content_timeout", P_SCANNER_TIMEOUT,
			       "Postfix gives up first, and the message comes again and again");
	}
	if (service_wanted(conf, &services[0]))
		check_patience(doctor, conf, "milter_command_timeout", P_POSTFIX_LOOKUP_TIMEOUT,
			       "Postfix gives up while a map is asked");
	if (service_wanted(conf, &services[1])) {
		check_size(doctor, conf, P_LDA_MESSAGE_SIZE_LIMIT, FINDING_ERROR, refused);
		check_patience(doctor, conf, "lmtp_data_done_timeout", P_LDA_NEXTHOP_TIMEOUT,
			       "Postfix gives up first, and users get messages twice");
		transport = transport_of(doctor, conf);
		check_batches(doctor, conf, transport);
		free(transport);
	}
}
