/*
 * audit.h - a line in the log (log_destination) for each change of rights that an administrator
 * makes with this command. Those that users make are logged by Dovecot, in the same words.
 */
#ifndef SHOVELER_AUDIT_H
#define SHOVELER_AUDIT_H

struct conf;

/*
 * what: "folder=<#MilkyPond/News>" or "group=<staff>"; whom: "user=alice@example.test"; before and
 * after: rights. Nothing is written when these are equal. A log that cannot be opened is complained
 * of; the change stays.
 */
void audit(const struct conf *conf, const char *what, const char *whom, const char *before,
	   const char *after);

#endif
