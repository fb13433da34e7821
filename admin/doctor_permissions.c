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
	const char *advice;
} rules[] = {
	{ANY, P_STATE_DIRECTORY, "", P_COUNT, 022, true, "chmod go-w; it must exist"},
	{ANY, P_STATE_DIRECTORY, "/policy.sqlite", P_COUNT, 027, false,
	 "chmod 0640, group policy_group"},
	{LDA, P_USERS_DIRECTORY, "", P_LDA_USER, 077, false,
	 "chmod 0700: users' mail data is theirs alone"},
	{SPAMTRAIND, P_RETRAIN_SPOOL, "/new", P_LDA_USER, 002, false,
	 "remove it, and restart spamtraind, which makes it"},
	{SPAMTRAIND, P_RETRAIN_SPOOL, "/outbox", P_LDA_USER, 027, false, "chmod 0750"},
	{SPAMTRAIND, P_LINK_SECRET_FILE, "", P_LDA_USER, 077, false,
	 "chmod 0600: who reads it can release quarantined mail"},
	{MILTER, P_MILTER_DIRECTORY, "", P_MILTER_USER, 077, false, "chmod 0700"},
	{MILTER, P_VIRUS_KEEP_DIRECTORY, "", P_MILTER_USER, 077, false, "chmod 0700"},
	{MILTER, P_SCANNER_TEMP_DIRECTORY, "", P_MILTER_USER, 077, false, "chmod 0700"},
	{ANY, P_RESCAN_DIRECTORY, "", P_MAIL_USER, 077, false, "chmod 0700"},
	{ANY, P_STATE_DIRECTORY, "/sharing", P_MAIL_USER, 077, false, "chmod 0700"},
	{ANY, P_MX2_KEY_FILE, "", P_COUNT, 077, false,
	 "chmod 0600: who reads it can sign lists of recipients"},
	{WEB, P_WEB_STATE_DIRECTORY, "", P_WEB_USER, 077, false,
	 "chmod 0700: who reads it can sign in as anybody"},
};

static void report_mode(struct doctor *doctor, const struct rule *rule, const char *path,
			const struct stat *st)
{
	unsigned mode = (unsigned)(st->st_mode & 07777);

	if ((st->st_mode & rule->forbidden) != 0)
		doctor_report(doctor, FINDING_ERROR, rule->advice, "%s has mode %04o, too open",
			      path, mode);
	else
		doctor_report(doctor, FINDING_OK, NULL, "%s has mode %04o", path, mode);
}

static void report_owner(struct doctor *doctor, const char *path, const char *owner,
			 const struct stat *st)
{
	const struct passwd *user = getpwnam(owner);
	char *advice;

	if (user == NULL || user->pw_uid == st->st_uid)
		return;
	advice = xasprintf("chown -R %s %s", owner, path);
	doctor_report(doctor, FINDING_ERROR, advice, "%s belongs to uid %u and not to %s", path,
		      (unsigned)st->st_uid, owner);
	free(advice);
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
		doctor_report(doctor, FINDING_ERROR, rule->advice, "%s: %s", path, strerror(errno));
	}
	free(path);
}

static void check_submitter(struct doctor *doctor, const struct conf *conf)
{
	static const struct rule rule = {
		ANY,
		P_SUBMITTER_SECRET_FILE,
		"",
		P_COUNT,
		037,
		true,
		"make it: (umask 027; openssl rand -hex 32 >FILE), mode 0640, group shoveler-secret"};

	if (conf_text(conf, P_TRAINING_SPAM_ADDRESSES)[0] != '\0')
		check_rule(doctor, conf, &rule);
}

void doctor_check_permissions(struct doctor *doctor, const struct conf *conf)
{
	if (geteuid() != 0)
		doctor_report(doctor, FINDING_WARNING, "run it as root",
			      "not root: what cannot be seen counts as missing");
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].service == ANY || service_wanted(conf, &services[rules[i].service]))
			check_rule(doctor, conf, &rules[i]);
	}
	check_submitter(doctor, conf);
}
