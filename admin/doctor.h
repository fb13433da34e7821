/*
 * doctor.h - the checks of `shoveler doctor`, and how findings are reported (`shoveler mx2 check`).
 *
 * A check looks at one thing and reports what it found, good or bad; a bad finding says what to do.
 * A new check is a function and a row in the table of cmd_doctor.c.
 */
#ifndef SHOVELER_DOCTOR_H
#define SHOVELER_DOCTOR_H

#include "lib/conf.h"

enum finding { FINDING_OK, FINDING_WARNING, FINDING_ERROR };

struct doctor;

/* Collects findings; prints each at once, or with json all at the end. */
struct doctor *doctor_new(bool json);
/* What the next findings are about; check is not copied. */
void doctor_begin(struct doctor *doctor, const char *check);
/* Frees it; 0 all is well, 1 warnings, 2 errors: the exit code. */
int doctor_end(struct doctor **doctor);

/*
 * One finding. advice may be NULL for FINDING_OK. format: what was found, one line.
 */
void doctor_report(struct doctor *doctor, enum finding finding, const char *advice,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

void doctor_check_daemons(struct doctor *doctor, const struct conf *conf);
void doctor_check_sockets(struct doctor *doctor, const struct conf *conf);
void doctor_check_metrics(struct doctor *doctor, const struct conf *conf);
void doctor_check_permissions(struct doctor *doctor, const struct conf *conf);
void doctor_check_postfix(struct doctor *doctor, const struct conf *conf);
/* Can the milter's user ask each map of Postfix that says what a recipient is? */
void doctor_check_maps(struct doctor *doctor, const struct conf *conf);
/* Does Postfix lead mail for mailboxes and training addresses to our sockets? */
void doctor_check_delivery(struct doctor *doctor, const struct conf *conf);
void doctor_check_dovecot(struct doctor *doctor, const struct conf *conf);
void doctor_check_policy(struct doctor *doctor, const struct conf *conf);
void doctor_check_stores(struct doctor *doctor, const struct conf *conf);
/* Is a message of doctor_user that is moved to Junk and back learned and unlearned? */
void doctor_check_retrain(struct doctor *doctor, const struct conf *conf);
/* Are the virus signatures of today? */
void doctor_check_scanner(struct doctor *doctor, const struct conf *conf);
/* Are mailboxes scanned again each week, and did the last time end well? */
void doctor_check_rescan(struct doctor *doctor, const struct conf *conf);
/* Are the timers enabled that nothing else here looks at? */
void doctor_check_timers(struct doctor *doctor, const struct conf *conf);
/* Does systemd start it with the host? */
bool doctor_timer_enabled(const char *timer);
/* Is the queue of the fallback MX tended? */
void doctor_check_mx2(struct doctor *doctor, const struct conf *conf);

#endif
