/*
 * doctor.h - the checks of `shoveler doctor`, and how findings are reported (`shoveler mx2 check`).
 *
 * A check looks at one thing and reports what it found, good or bad; a bad finding says what to do.
 * A new check is a function and a row in the table of cmd_doctor.c.
 */
#ifndef SHOVELER_DOCTOR_H
#define SHOVELER_DOCTOR_H

#include "command.h"

#include "lib/conf.h"
#include "lib/strbuf.h"

enum finding { FINDING_OK, FINDING_WARNING, FINDING_ERROR };

struct doctor;

/* Collects findings, and prints them in the end. all: also what is well, which JSON always has. */
struct doctor *doctor_new(const struct admin *admin, bool all);
/* What the next findings are about; check is not copied. */
void doctor_begin(struct doctor *doctor, const char *check);
/*
 * Frees it; 0 all is well, 1 warnings, 2 errors: the exit code, as plugins of monitoring have it.
 */
int doctor_end(struct doctor **doctor);

/* Something is well. format: what was found, one line. */
void doctor_ok(struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Something may not be well. code: its name, which never changes, since monitoring goes by it; each
 * has a row in docs/doctor.md. advice: what to do, as commands wherever there are any; whoever does
 * it finds all well then.
 */
void doctor_report(struct doctor *doctor, enum finding finding, const char *code,
		   const char *advice, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* An advice with something in it; belongs to doctor, until the next. */
const char *doctor_advice(struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whose mailbox is for tests: "" if there is none. */
void doctor_set_user(struct doctor *doctor, const char *user);
const char *doctor_user(const struct doctor *doctor);

/* How long mail may take until it is in the mailbox: DOCTOR_WAIT_S if it was not said. */
#define DOCTOR_WAIT_S 30
void doctor_set_wait(struct doctor *doctor, unsigned seconds);
unsigned doctor_wait(const struct doctor *doctor);

/* ---- what checks ask of Postfix and Dovecot (doctor_tools.c) ---- */

/*
 * Runs a program for at most DOCTOR_TOOL_MS. Returns its exit code and what it said, appended to
 * output; or -1, and output says why.
 */
#define DOCTOR_TOOL_MS 10000
int doctor_run(const char *const *arguments, struct strbuf *output);
/*
 * A setting of Postfix, $names expanded; "" where it cannot be had, which is reported. malloc'ed.
 */
char *doctor_postconf(struct doctor *doctor, const struct conf *conf, const char *name);
/* The same in bytes, or in seconds for a unit of 's': "2d" is 172800. 0 for what is no number. */
int64_t doctor_postconf_number(struct doctor *doctor, const struct conf *conf, const char *name);
/* What postconf prints with an option: "-M" for master.cf, "-P" for its -o settings. malloc'ed. */
char *doctor_postconf_list(const struct conf *conf, const char *option);

/* Of why an address does not answer: what comes after the address, which is known. */
const char *doctor_reason(const char *error, const char *address);

/* ---- the checks ---- */

/* Does doctor_accept name what can be accepted? */
void doctor_check_accepted(struct doctor *doctor, const struct conf *conf);
void doctor_check_daemons(struct doctor *doctor, const struct conf *conf);
void doctor_check_sockets(struct doctor *doctor, const struct conf *conf);
void doctor_check_metrics(struct doctor *doctor, const struct conf *conf);
void doctor_check_permissions(struct doctor *doctor, const struct conf *conf);
/* Can each daemon, Postfix and Dovecot reach the files and sockets that they need? */
void doctor_check_reach(struct doctor *doctor, const struct conf *conf);
/*
 * How much of an absolute path, from its beginning, is closed to a user who needs that mode of
 * access(2) to it: the length of a folder that he cannot enter, or all of it; 0: he can. As root.
 */
struct passwd;
size_t doctor_closed_part(const struct passwd *user, const char *path, int mode);
void doctor_check_postfix(struct doctor *doctor, const struct conf *conf);
/* Can the milter's user ask each map of Postfix that says what a recipient is? */
void doctor_check_maps(struct doctor *doctor, const struct conf *conf);
/* Does Postfix lead mail for mailboxes and training addresses to our sockets? */
void doctor_check_delivery(struct doctor *doctor, const struct conf *conf);
void doctor_check_dovecot(struct doctor *doctor, const struct conf *conf);
void doctor_check_policy(struct doctor *doctor, const struct conf *conf);
void doctor_check_stores(struct doctor *doctor, const struct conf *conf);
/*
 * Does mail of doctor_user arrive by SMTP, judged; is EICAR stopped; is what he moves to Junk and
 * back by IMAP learned and unlearned?
 */
void doctor_check_mail(struct doctor *doctor, const struct conf *conf);
/* Do Postfix, Dovecot and the web page show certificates that are good for some time? */
void doctor_check_certificates(struct doctor *doctor, const struct conf *conf);
/* Can the DNS lists be believed, asked by the resolver that the milter asks? */
void doctor_check_dns(struct doctor *doctor, const struct conf *conf);
/* Room on the disks. */
void doctor_check_space(struct doctor *doctor, const struct conf *conf);
/* Does the clock go, and forward? */
void doctor_check_clock(struct doctor *doctor, const struct conf *conf);
/* Do corrections wait longer than they should? */
void doctor_check_spool(struct doctor *doctor, const struct conf *conf);
/* What systemd says of the units. */
void doctor_check_units(struct doctor *doctor, const struct conf *conf);
/* Do limits of size and time of Postfix fit ours? */
void doctor_check_limits(struct doctor *doctor, const struct conf *conf);
/* Which milters are asked, in which order, and by what services of master.cf? */
void doctor_check_milters(struct doctor *doctor, const struct conf *conf);
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

/* Does another filter still teach or deliver in our place? */
void doctor_check_former(struct doctor *doctor, const struct conf *conf);

#endif
