/* doctor_permissions.c - who owns what is private, and who can read it. */
#include "doctor.h"
#include "probe.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MILTER, LDA, SPAMTRAIND, WEB, ANY };

/* What must be so; a path that is not there counts only where needed. */
static const struct rule {
	int service; /* index in services */
	enum conf_param path;
	const char *below;     /* of path; "" itself */
	enum conf_param owner; /* P_COUNT: root */
	mode_t forbidden;      /* mode bits */
	bool needed;
	const char *mend; /* the mode, as chmod has it */
	const char *why;
} rules[] = {
	{ANY, P_STATE_DIRECTORY, "", P_COUNT, 022, true, "go-w",
	 "others could put stores of their own there"},
	{ANY, P_STATE_DIRECTORY, "/policy.sqlite", P_COUNT, 027, false, "0640",
	 "it says who is in which group"},
	{LDA, P_USERS_DIRECTORY, "", P_LDA_USER, 077, false, "0700",
	 "users' mail data is theirs alone"},
	{SPAMTRAIND, P_RETRAIN_SPOOL, "/new", P_LDA_USER, 002, false, "o-w",
	 "anybody could teach anybody's filter"},
	{SPAMTRAIND, P_RETRAIN_SPOOL, "/outbox", P_LDA_USER, 027, false, "0750",
	 "it holds users' mail"},
	{SPAMTRAIND, P_LINK_SECRET_FILE, "", P_LDA_USER, 077, false, "0600",
	 "who reads it can release quarantined mail"},
	{MILTER, P_MILTER_DIRECTORY, "", P_MILTER_USER, 077, false, "0700",
	 "it is the milter's alone"},
	{MILTER, P_VIRUS_KEEP_DIRECTORY, "", P_MILTER_USER, 077, false, "0700",
	 "it holds users' mail"},
	{MILTER, P_SCANNER_TEMP_DIRECTORY, "", P_MILTER_USER, 077, false, "0700",
	 "it holds users' mail"},
	{ANY, P_RESCAN_DIRECTORY, "", P_MAIL_USER, 077, false, "0700", "it holds users' mail"},
	{ANY, P_STATE_DIRECTORY, "/sharing", P_MAIL_USER, 077, false, "0700",
	 "it says who shares with whom"},
	{ANY, P_MX2_KEY_FILE, "", P_COUNT, 077, false, "0600",
	 "who reads it can sign lists of recipients"},
	{WEB, P_WEB_STATE_DIRECTORY, "", P_WEB_USER, 077, false, "0700",
	 "who reads it can sign in as anybody"},
};

static void report_mode(struct doctor *doctor, const struct rule *rule, const char *path,
			const struct stat *st)
{
	unsigned mode = (unsigned)(st->st_mode & 07777);

	if ((st->st_mode & rule->forbidden) != 0)
		doctor_report(doctor, FINDING_ERROR, "mode-open",
			      doctor_advice(doctor, "chmod %s %s: %s", rule->mend, path, rule->why),
			      "%s has mode %04o, too open", path, mode);
	else
		doctor_ok(doctor, "%s has mode %04o", path, mode);
}

static void report_owner(struct doctor *doctor, const char *path, const char *owner,
			 const struct stat *st)
{
	const struct passwd *user = getpwnam(owner);

	if (user == NULL || user->pw_uid == st->st_uid)
		return;
	/* What is root's may hold what is not. */
	doctor_report(
		doctor, FINDING_ERROR, "owner-wrong",
		doctor_advice(doctor, "chown %s%s %s", user->pw_uid != 0 ? "-R " : "", owner, path),
		"%s belongs to uid %u and not to %s", path, (unsigned)st->st_uid, owner);
}

static void report_missing(struct doctor *doctor, const struct rule *rule, const char *path,
			   int problem)
{
	const char *advice;

	if (problem != ENOENT)
		advice = doctor_advice(doctor, "namei -l %s shows what is in the way", path);
	else if (rule->path == P_SUBMITTER_SECRET_FILE)
		advice = doctor_advice(doctor,
				       "(umask 027; openssl rand -hex 32 >%s; chgrp "
				       "shoveler-secret %s); systemctl restart shoveler-milter "
				       "spamtraind",
				       path, path);
	else
		advice = doctor_advice(doctor, "install -d %s; restart the daemons", path);
	doctor_report(doctor, FINDING_ERROR, "path-missing", advice, "%s: %s", path,
		      strerror(problem));
}

static void check_rule(struct doctor *doctor, const struct conf *conf, const struct rule *rule)
{
	char *path = xasprintf("%s%s", conf_text(conf, rule->path), rule->below);
	struct stat st;

	if (stat(path, &st) == 0) {
		report_mode(doctor, rule, path, &st);
		/* For tests, all may belong to whoever runs them. */
		if (geteuid() == 0)
			report_owner(doctor, path,
				     rule->owner == P_COUNT ? "root" : conf_text(conf, rule->owner),
				     &st);
	} else if (rule->needed || errno != ENOENT) {
		report_missing(doctor, rule, path, errno);
	}
	free(path);
}

static void check_submitter(struct doctor *doctor, const struct conf *conf)
{
	static const struct rule rule = {ANY,	 P_SUBMITTER_SECRET_FILE,
					 "",	 P_COUNT,
					 037,	 true,
					 "0640", "who reads it can teach in anybody's name"};

	if (conf_text(conf, P_TRAINING_SPAM_ADDRESSES)[0] != '\0')
		check_rule(doctor, conf, &rule);
}

void doctor_check_permissions(struct doctor *doctor, const struct conf *conf)
{
	if (geteuid() != 0)
		doctor_report(doctor, FINDING_WARNING, "not-root", "run it as root",
			      "not root: what cannot be seen counts as missing");
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].service == ANY || service_wanted(conf, &services[rules[i].service]))
			check_rule(doctor, conf, &rules[i]);
	}
	check_submitter(doctor, conf);
	doctor_check_reach(doctor, conf);
}
