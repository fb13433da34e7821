/* `shoveler mx2 check`: everything that must be right before a domain's primary goes down. */
#include "cmd_mx2.h"
#include "doctor.h"

#include "lib/child.h"
#include "lib/xalloc.h"
#include "mx2/finger.h"
#include "mx2/inbox.h"
#include "mx2/notice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define CERTIFICATE_WARN_DAYS 14
#define RECIPIENTS_WARN_DAYS  30
#define POSTMAP_TIMEOUT_MS    10000

static const char *const service_advice = "shoveler mx2 postfix says what belongs into master.cf";
static const char *const names_advice = "shoveler mx2 postfix says what belongs into main.cf";

static void check_mx_records(struct doctor *doctor, const struct policy_mx2 *mx2,
			     const struct primary *primary, const char *myhostname)
{
	doctor_begin(doctor, "dns");
	if (primary->listed)
		doctor_ok(doctor, "%s is an MX host of %s", myhostname, mx2->domain);
	else
		doctor_report(doctor, FINDING_WARNING, "mx2-mx-missing",
			      "ask for an MX record with a larger number than the primary's",
			      "%s is no MX host of %s: no mail comes here", myhostname,
			      mx2->domain);
	for (size_t i = 0; i < primary->count; i++)
		doctor_ok(doctor, "primary: %s port %s", primary->hosts[i].name,
			  primary->hosts[i].port);
}

static void check_certificate_age(struct doctor *doctor, const struct primary_host *host,
				  int64_t end)
{
	int64_t days = (end - time(NULL)) / 86400;

	if (end == 0)
		return;
	if (days < 0)
		doctor_report(doctor, FINDING_ERROR, "mx2-certificate-expired",
			      "tell its admin to renew it", "%s: the certificate has expired",
			      host->name);
	else if (days < CERTIFICATE_WARN_DAYS)
		doctor_report(doctor, FINDING_WARNING, "mx2-certificate-expires",
			      "tell its admin to renew it",
			      "%s: the certificate expires in %" PRId64 " days", host->name, days);
	else
		doctor_ok(doctor, "%s: the certificate is good for %" PRId64 " days", host->name,
			  days);
}

/* The last line of its own that posttls-finger said, certificates left out: usually why. */
static char *last_line(const struct finger *finger)
{
	static const char prefix[] = "posttls-finger: ";
	const char *line = NULL, *next = strbuf_text(&finger->said);

	while ((next = strstr(next, prefix)) != NULL)
		line = next += sizeof(prefix) - 1;
	return line == NULL ? xstrdup("") : xstrndup(line, strcspn(line, "\n"));
}

static void check_tls(struct doctor *doctor, struct admin *admin, const struct policy_mx2 *mx2,
		      const struct primary_host *host)
{
	char *file = postfix_setting(admin, "smtp_tls_CAfile"), *error = NULL, *why;
	char *path = postfix_setting(admin, "smtp_tls_CApath");
	const struct finger_trust trust = {file, path};
	struct finger finger;
	int ret = finger_host(mx2, host, &trust, &finger, &error);

	free(file);
	free(path);
	doctor_begin(doctor, "tls");
	if (ret < 0) {
		doctor_report(doctor, FINDING_ERROR, "mx2-finger-missing",
			      "is Postfix's posttls-finger installed?", "%s", error);
		free(error);
		finger_free(&finger);
		return;
	}
	why = last_line(&finger);
	if (!finger_suffices(mx2, &finger))
		doctor_report(doctor, FINDING_ERROR, "mx2-tls-insufficient",
			      "mend the certificate, or match=, cafile= and tls= here: mail waits "
			      "until then",
			      "%s: TLS is %s, which is not enough for tls=%s: %s", host->name,
			      finger.tls ? finger.level : "not there", mx2->tls, why);
	else if (strcmp(mx2->tls, "dane") == 0 && !finger.tlsa)
		doctor_report(
			doctor, FINDING_WARNING, "mx2-tlsa-missing",
			"tls=dane-only makes mail wait for TLSA records; tls=secure needs none",
			"%s: TLS is %s: no TLSA record behind DNSSEC says which certificate is "
			"right, so anybody's will do",
			host->name, finger.tls ? finger.level : "not used");
	else
		doctor_ok(doctor, "%s: TLS is %s (tls=%s)", host->name,
			  finger.tls ? finger.level : "not used", mx2->tls);
	check_certificate_age(doctor, host, finger.certificate_end);
	free(why);
	finger_free(&finger);
}

static void check_host(struct doctor *doctor, struct admin *admin, const struct policy_mx2 *mx2,
		       const struct primary_host *host)
{
	char *error = NULL;

	doctor_begin(doctor, "reach");
	if (primary_greets(host, &error) == 0) {
		doctor_ok(doctor, "%s: answers", host->name);
		check_tls(doctor, admin, mx2, host);
	} else {
		doctor_report(doctor, FINDING_WARNING, "mx2-primary-silent",
			      "if it is down: this is what we are for; if not: is port 25 open?",
			      "%s: %s", host->name, error);
	}
	free(error);
}

static bool count_one(void *context, const char *address)
{
	(void)address;
	++*(size_t *)context;
	return true;
}

static void check_list(struct doctor *doctor, const struct policy_mx2 *mx2, size_t count)
{
	int64_t days = (time(NULL) - mx2->recipients_changed) / 86400;

	if (count == 0)
		doctor_report(doctor, FINDING_ERROR, "mx2-recipients-unknown",
			      "shoveler mx2 allow, or mx2 recipients",
			      "no recipient is known: all mail is refused");
	else if (days > RECIPIENTS_WARN_DAYS)
		doctor_report(doctor, FINDING_WARNING, "mx2-recipients-old",
			      "ask the primary for its list: shoveler mx2 recipients",
			      "%zu recipients, last changed %" PRId64 " days ago", count, days);
	else
		doctor_ok(doctor, "%zu known recipients", count);
}

/* A list that the primary signs. */
static void check_signed(struct doctor *doctor, struct admin *admin, const struct policy_mx2 *mx2,
			 size_t count)
{
	char *folder = inbox_folder(admin), *reason, *date;
	int64_t signed_at = mx2->list_serial / 1000, when = 0;

	if (signed_at == 0)
		doctor_report(doctor, FINDING_WARNING, "mx2-list-none",
			      mx2->list_url[0] != '\0' ? "shoveler mx2 fetch tries it"
						       : "at the primary: shoveler mx2 push",
			      "no list came from the primary yet: %s",
			      count == 0 ? "all recipients are taken" : "the old one is used");
	else if (list_is_stale(mx2, conf_number(admin->conf, P_MX2_LIST_MAX_AGE), time(NULL)))
		doctor_report(doctor, FINDING_WARNING, "mx2-list-old",
			      "the primary should send one each day",
			      "%zu recipients, the list was signed %" PRId64 " days ago", count,
			      (time(NULL) - signed_at) / 86400);
	else
		doctor_ok(doctor, "%zu recipients, by a signed list", count);
	reason = inbox_refusal(folder, mx2->domain, signed_at, &when);
	if (reason != NULL) {
		date = notice_date(when);
		doctor_report(doctor, FINDING_WARNING, "mx2-list-refused",
			      "tell the primary's admin", "a list was refused %s: %s", date,
			      reason);
		free(date);
	}
	free(reason);
	free(folder);
}

static void check_recipients(struct doctor *doctor, struct admin *admin, struct policy *policy,
			     const struct policy_mx2 *mx2)
{
	size_t count = 0;
	char *error = NULL;

	doctor_begin(doctor, "recipients");
	if (strcmp(mx2->recipients, "all") == 0)
		doctor_report(doctor, FINDING_WARNING, "mx2-recipients-all",
			      "recipients=list or recipients=learned",
			      "all recipients are taken, also those that the primary refuses");
	else if (strcmp(mx2->recipients, "learned") == 0)
		doctor_ok(doctor, "the primary is asked, and its answers are kept");
	else if (policy_mx2_recipient_list(policy, mx2->domain, count_one, &count, &error) ==
		 POLICY_OK) {
		if (mx2->list_key[0] != '\0')
			check_signed(doctor, admin, mx2, count);
		else
			check_list(doctor, mx2, count);
	}
	free(error);
}

static void check_contact(struct doctor *doctor, const struct policy_mx2 *mx2)
{
	const char *at = strchr(mx2->contact, '@');

	doctor_begin(doctor, "contact");
	if (at == NULL)
		doctor_report(doctor, FINDING_WARNING, "mx2-contact-missing", "contact=ADDRESS",
			      "nobody is told when mail waits");
	else if (strcmp(at + 1, mx2->domain) == 0)
		doctor_report(doctor, FINDING_WARNING, "mx2-contact-inside",
			      "name an address elsewhere",
			      "%s cannot be reached while the primary is down", mx2->contact);
	else
		doctor_ok(doctor, "%s is told", mx2->contact);
}

/* What Postfix answers, from each map that it uses: the same path as mail takes. */
static void check_map(struct doctor *doctor, const struct conf *conf, const char *parameter,
		      const char *key, const char *want)
{
	const char *directory = conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY);
	const char *const ask[] = {"postconf", "-c", directory, "-hx", parameter, NULL};
	struct strbuf maps = STRBUF_INIT, out = STRBUF_INIT;
	char *rest, *map, *error = NULL;
	bool found = false;

	if (child_run(ask, (struct span){NULL, 0}, POSTMAP_TIMEOUT_MS, &maps, &out, &error) != 0)
		goto out;
	rest = maps.data;
	while (!found && (map = strsep(&rest, ", \t\n")) != NULL) {
		const char *const look[] = {"postmap", "-c", directory, "-q", key, map, NULL};

		if (strchr(map, ':') == NULL)
			continue;
		strbuf_reset(&out);
		free(error);
		error = NULL;
		found = child_run(look, (struct span){NULL, 0}, POSTMAP_TIMEOUT_MS, &out, &out,
				  &error) == 0 &&
			strstr(strbuf_text(&out), want) != NULL;
	}
	if (found)
		doctor_ok(doctor, "%s knows %s", parameter, key);
	else
		doctor_report(doctor, FINDING_ERROR, "mx2-map-incomplete", names_advice,
			      "%s does not know %s", parameter, key);
out:
	free(error);
	strbuf_free(&maps);
	strbuf_free(&out);
}

/* Has master.cf this service, with that option? */
static bool has_service(const struct conf *conf, const char *service, const char *option)
{
	const char *directory = conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY);
	const char *const ask[] = {"postconf", "-c", directory, "-M", service, NULL};
	struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;
	char *error = NULL;
	bool has = child_run(ask, (struct span){NULL, 0}, POSTMAP_TIMEOUT_MS, &out, &errors,
			     &error) == 0 &&
		   strstr(strbuf_text(&out), option) != NULL;

	free(error);
	strbuf_free(&out);
	strbuf_free(&errors);
	return has;
}

/* Postfix's smtp client asks for TLSA records only then; posttls-finger always does. */
static void check_dnssec(struct doctor *doctor, struct admin *admin)
{
	char *level = postfix_setting(admin, "smtp_dns_support_level");

	if (strcmp(level, "dnssec") != 0)
		doctor_report(doctor, FINDING_ERROR, "mx2-dnssec-off",
			      "smtp_dns_support_level = dnssec, and a resolver of this host that "
			      "validates",
			      "tls=dane needs DNSSEC, which Postfix does not ask for: "
			      "smtp_dns_support_level is \"%s\"",
			      level);
	free(level);
}

/* posttls-finger sees the file; a chrooted smtp client may not. */
static void check_cafile(struct doctor *doctor, struct admin *admin, const struct policy_mx2 *mx2)
{
	bool bounces = strcmp(mx2->refused, "bounce") == 0;
	char *chroot = ask_postconf(admin, "-Fh",
				    bounces ? "relay/unix/chroot" : "shoveler-relay/unix/chroot");
	char *queue = postfix_setting(admin, "queue_directory");
	char *path = xasprintf("%s%s", strcmp(chroot, "n") != 0 ? queue : "", mx2->tls_cafile);

	if (access(path, R_OK) == 0)
		doctor_ok(doctor, "Postfix finds %s", mx2->tls_cafile);
	else
		doctor_report(doctor, FINDING_ERROR, "mx2-cafile-missing",
			      "mail waits until it is there", "Postfix looks for cafile= at %s: %s",
			      path, strerror(errno));
	free(chroot);
	free(queue);
	free(path);
}

static void check_postfix(struct doctor *doctor, struct admin *admin, const struct policy_mx2 *mx2)
{
	const struct conf *conf = admin->conf;

	doctor_begin(doctor, "postfix");
	check_map(doctor, conf, "relay_domains", mx2->domain, mx2->domain);
	check_map(doctor, conf, "transport_maps", mx2->domain, "relay:");
	if (strcmp(mx2->refused, "bounce") != 0 &&
	    !has_service(conf, "shoveler-relay/unix", "soft_bounce=yes"))
		doctor_report(doctor, FINDING_ERROR, "mx2-relay-missing", service_advice,
			      "master.cf has no service shoveler-relay with soft_bounce: mail "
			      "cannot be delivered");
	if (strncmp(mx2->tls, "dane", 4) == 0)
		check_dnssec(doctor, admin);
	if (mx2->tls_cafile[0] != '\0')
		check_cafile(doctor, admin, mx2);
	if (mx2->list_key[0] == '\0' || mx2->list_url[0] != '\0')
		return;
	check_map(doctor, conf, "virtual_alias_maps", "shoveler-recipients", "accept@");
	if (!has_service(conf, "shoveler-accept/unix", "mx2 accept"))
		doctor_report(doctor, FINDING_ERROR, "mx2-accept-missing", service_advice,
			      "master.cf has no service shoveler-accept: no list of recipients "
			      "can come");
}

static void check_primary(struct doctor *doctor, struct admin *admin, const struct policy_mx2 *mx2)
{
	const struct conf *conf = admin->conf;
	char *myhostname = conf_hostname(conf), *error = NULL;
	struct primary primary;
	struct dns *dns = NULL;

	doctor_begin(doctor, "dns");
	if (dns_open(conf_list(conf, P_DNS_SERVERS), &dns, &error) < 0 ||
	    primary_find(mx2, myhostname, dns, &primary, &error) < 0) {
		doctor_report(doctor, FINDING_ERROR, "mx2-primary-unknown",
			      "primary=HOST names one without DNS", "%s", error);
	} else {
		check_mx_records(doctor, mx2, &primary, myhostname);
		for (size_t i = 0; i < primary.count; i++)
			check_host(doctor, admin, mx2, &primary.hosts[i]);
	}
	if (dns != NULL)
		dns_close(&dns);
	free(error);
	free(myhostname);
}

int mx2_check(struct admin *admin, int argc, char **argv)
{
	struct doctor *doctor;
	struct policy *policy;
	struct policy_mx2 mx2;
	int ret = open_domain(admin, argv[0], &policy, &mx2);

	(void)argc;
	if (ret == EX_OK) {
		doctor = doctor_new(admin, true);
		check_primary(doctor, admin, &mx2);
		check_recipients(doctor, admin, policy, &mx2);
		check_contact(doctor, &mx2);
		check_postfix(doctor, admin, &mx2);
		doctor_begin(doctor, "clock");
		doctor_check_clock(doctor, admin->conf);
		ret = doctor_end(&doctor);
	}
	policy_close(&policy);
	return ret;
}
