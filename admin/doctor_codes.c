/*
 * doctor_codes.c - the codes of all findings, so that doctor_accept cannot name what does not exist.
 * A wrong name keeps no daemon from starting: it is a finding, and only accepts nothing.
 */
#include "doctor.h"

#include "lib/conf_value.h"

#include <stdlib.h>
#include <string.h>

#define DISTANCE_MAX 4 /* letters that may be wrong in what was meant */

/* A test compares these with what the checks report. */
static const char *const warnings[] = {
	"accept-unknown",
	"backup-old",
	"batches-single",
	"certificate-expires",
	"clock-unsynchronised",
	"copies-unscanned",
	"delimiter-differs",
	"delivery-astray",
	"disk-full",
	"former-unreadable",
	"former-works",
	"mail-busy",
	"metrics-silent",
	"milter-before",
	"milter-bypassed",
	"milter-clamav",
	"mx2-certificate-expires",
	"mx2-contact-inside",
	"mx2-contact-missing",
	"mx2-list-none",
	"mx2-list-old",
	"mx2-list-refused",
	"mx2-mx-missing",
	"mx2-primary-silent",
	"mx2-recipients-all",
	"mx2-recipients-old",
	"mx2-tlsa-missing",
	"not-root",
	"plugin-not-loaded",
	"report-old",
	"rescan-disabled",
	"rescan-failed",
	"rescan-late",
	"rescan-unknown",
	"resolver-public",
	"signatures-old",
	"size-differs",
	"soft-bounce",
	"spool-bad",
	"spool-waits",
	"timer-disabled",
	"tls-missing",
	"unit-changed",
	"unit-disabled",
	"unit-inactive",
	"unit-restarted",
	"version-old",
};

static const char *const only_errors[] = {
	"certificate-expired",
	"certificate-name",
	"clock-back",
	"configuration-invalid",
	"daemon-missing",
	"daemon-refuses",
	"dovecot-silent",
	"eicar-delivered",
	"eicar-refused",
	"list-broken",
	"list-invalid",
	"list-refuses",
	"lmtp-missing",
	"mail-late",
	"mail-refused",
	"mail-unfiltered",
	"mail-unscanned",
	"mailbox-closed",
	"mailbox-unreadable",
	"map-broken",
	"map-unreadable",
	"milter-lets-pass",
	"milter-missing",
	"mode-open",
	"moves-unlearned",
	"mx2-accept-missing",
	"mx2-cafile-missing",
	"mx2-certificate-expired",
	"mx2-dnssec-off",
	"mx2-finger-missing",
	"mx2-map-incomplete",
	"mx2-primary-unknown",
	"mx2-recipients-unknown",
	"mx2-relay-missing",
	"mx2-stuck",
	"mx2-tls-insufficient",
	"mx2-untended",
	"owner-wrong",
	"path-closed",
	"path-missing",
	"patience-short",
	"plugin-foreign",
	"policy-broken",
	"postfix-silent",
	"postfix-unreadable",
	"queue-lifetime-short",
	"relay-open",
	"resolver-missing",
	"server-silent",
	"sharing-incomplete",
	"signatures-missing",
	"signatures-not-loaded",
	"signatures-unreadable",
	"smtp-silent",
	"socket-outside",
	"socket-silent",
	"store-broken",
	"stores-broken",
	"stores-unreadable",
	"systemctl-fails",
	"tls-fails",
	"training-astray",
	"unit-failed",
	"unit-stopped",
	"user-missing",
};

#define COUNT(codes) (sizeof(codes) / sizeof((codes)[0]))

static bool is_among(const char *const *codes, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(codes[i], word) == 0)
			return true;
	}
	return false;
}

static const char *nearest(const char *word)
{
	size_t best = DISTANCE_MAX + 1;
	const char *found = NULL;

	for (size_t i = 0; i < COUNT(warnings); i++) {
		size_t distance = conf_edit_distance(span_of(word), span_of(warnings[i]));

		if (distance < best) {
			best = distance;
			found = warnings[i];
		}
	}
	return found;
}

static void judge_word(struct doctor *doctor, const struct conf *conf, const char *word)
{
	const char *origin = conf_origin(conf, P_DOCTOR_ACCEPT), *meant = nearest(word);

	if (is_among(warnings, COUNT(warnings), word))
		return;
	if (is_among(only_errors, COUNT(only_errors), word))
		doctor_report(doctor, FINDING_WARNING, "accept-unknown",
			      doctor_advice(doctor, "take %s out of doctor_accept", word),
			      "%s: doctor_accept: %s is an error, which cannot be accepted", origin,
			      word);
	else if (meant != NULL)
		doctor_report(doctor, FINDING_WARNING, "accept-unknown",
			      doctor_advice(doctor, "write %s there", meant),
			      "%s: doctor_accept: unknown \"%s\"; did you mean \"%s\"?", origin,
			      word, meant);
	else
		doctor_report(doctor, FINDING_WARNING, "accept-unknown",
			      doctor_advice(doctor, "take %s out of doctor_accept", word),
			      "%s: doctor_accept: no warning is called \"%s\"", origin, word);
}

void doctor_check_accepted(struct doctor *doctor, const struct conf *conf)
{
	const char *const *word = conf_list(conf, P_DOCTOR_ACCEPT);

	for (; *word != NULL; word++)
		judge_word(doctor, conf, *word);
}
