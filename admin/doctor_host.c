#include "doctor.h"
#include "probe.h"

#include "lib/child.h"
#include "lib/xalloc.h"
#include "schema/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOOL_TIMEOUT_S 10

/* forbidden: mode bits that must not be set. */
static void check_path(struct doctor *doctor, const char *path, mode_t forbidden,
		       const char *advice)
{
	struct stat st;

	if (stat(path, &st) < 0)
		doctor_report(doctor, FINDING_ERROR, advice, "%s: %s", path, strerror(errno));
	else if ((st.st_mode & forbidden) != 0)
		doctor_report(doctor, FINDING_ERROR, advice, "%s has mode %04o, too open", path,
			      (unsigned)(st.st_mode & 07777));
	else
		doctor_report(doctor, FINDING_OK, NULL, "%s has mode %04o", path,
			      (unsigned)(st.st_mode & 07777));
}

static void check_below(struct doctor *doctor, const char *directory, const char *name,
			mode_t forbidden, const char *advice)
{
	char *path = xasprintf("%s/%s", directory, name);

	if (access(path, F_OK) == 0)
		check_path(doctor, path, forbidden, advice);
	free(path);
}

void doctor_check_permissions(struct doctor *doctor, const struct conf *conf)
{
	const char *state = conf_text(conf, P_STATE_DIRECTORY);

	if (geteuid() != 0)
		doctor_report(doctor, FINDING_WARNING, "run it as root",
			      "not root: what cannot be seen counts as missing");
	check_path(doctor, state, 022, "chmod go-w; it must exist");
	check_below(doctor, state, "users", 077, "chmod 0700: users' mail data is theirs alone");
	check_below(doctor, state, "policy.sqlite", 027, "chmod 0640, group policy_group");
	if (conf_text(conf, P_TRAINING_SPAM_ADDRESSES)[0] != '\0')
		check_path(doctor, conf_text(conf, P_SUBMITTER_SECRET_FILE), 037,
			   "make it: (umask 027; openssl rand -hex 32 >FILE), mode 0640");
}

/* One value of Postfix's; "" on failure, which is reported. malloc'ed. */
static char *postconf(struct doctor *doctor, const struct conf *conf, const char *name)
{
	const char *argv[] = {"postconf", "-c", conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY),
			      "-xh",	  name, NULL};
	struct strbuf output = STRBUF_INIT;
	char *error = NULL;
	int ret = child_run(argv, span_of(""), TOOL_TIMEOUT_S * 1000, &output, &output, &error);
	struct span value = span_trim(strbuf_span(&output));
	char *text;

	if (ret != 0)
		doctor_report(doctor, FINDING_ERROR, "is Postfix installed here?",
			      "postconf %s: %.*s", name,
			      ret < 0 ? (int)strlen(error) : (int)value.size,
			      ret < 0 ? error : value.data);
	text = ret == 0 ? xstrndup(value.size > 0 ? value.data : "", value.size) : xstrdup("");
	free(error);
	strbuf_free(&output);
	return text;
}

static void expect_value(struct doctor *doctor, const struct conf *conf, const char *name,
			 const char *wanted, enum finding otherwise, const char *advice)
{
	char *value = postconf(doctor, conf, name);

	if (strcmp(value, wanted) == 0)
		doctor_report(doctor, FINDING_OK, NULL, "%s = %s", name, value);
	else
		doctor_report(doctor, otherwise, advice, "%s = %s, not %s", name, value, wanted);
	free(value);
}

static void expect_part(struct doctor *doctor, const struct conf *conf, const char *name,
			const char *part, const char *advice)
{
	char *value = postconf(doctor, conf, name);

	if (part[0] != '\0' && strstr(value, part) != NULL)
		doctor_report(doctor, FINDING_OK, NULL, "%s has %s", name, part);
	else
		doctor_report(doctor, FINDING_ERROR, advice, "%s = %s, without %s", name, value,
			      part);
	free(value);
}

void doctor_check_postfix(struct doctor *doctor, const struct conf *conf)
{
	if (!service_wanted(conf, &services[0]))
		return;
	expect_part(
		doctor, conf, "smtpd_milters", conf_text(conf, P_MILTER_LISTEN),
		"postconf -e smtpd_milters=... and `postfix reload`: nothing is scanned without");
	expect_value(
		doctor, conf, "milter_default_action", "tempfail", FINDING_ERROR,
		"postconf -e milter_default_action=tempfail: mail must wait, not pass, when the "
		"milter is gone");
}

/*
 * Appends what IMAP sessions load. Dovecot 2.3 shows it by service=, 2.4 by protocol= and, apart, what
 * all protocols load; each refuses the other's filter.
 */
static bool imap_plugins(struct strbuf *plugins)
{
	static const char *const queries[][6] = {
		{"doveconf", "-h", "mail_plugins", NULL},
		{"doveconf", "-f", "service=imap", "-h", "mail_plugins", NULL},
		{"doveconf", "-f", "protocol=imap", "-h", "mail_plugins", NULL},
	};
	bool answered = false;

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		char *error = NULL;

		if (child_run(queries[i], span_of(""), TOOL_TIMEOUT_S * 1000, plugins, plugins,
			      &error) == 0)
			answered = true;
		free(error);
	}
	return answered;
}

void doctor_check_dovecot(struct doctor *doctor, const struct conf *conf)
{
	static const char *const wanted[] = {"shoveler_retrain", "shoveler_sharing"};
	struct strbuf plugins = STRBUF_INIT;

	if (!service_wanted(conf, &services[2]))
		return;
	if (!imap_plugins(&plugins))
		doctor_report(doctor, FINDING_ERROR,
			      "is Dovecot installed, and its configuration valid?",
			      "doveconf does not answer");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strstr(strbuf_text(&plugins), wanted[i]) != NULL)
			doctor_report(doctor, FINDING_OK, NULL, "IMAP sessions load %s", wanted[i]);
		else
			doctor_report(
				doctor, FINDING_WARNING,
				"copy /usr/share/shoveler/dovecot/90-shoveler-2.3.conf (or -2.4) to "
				"/etc/dovecot/conf.d/90-shoveler.conf; doveadm reload",
				"IMAP sessions do not load %s", wanted[i]);
	}
	strbuf_free(&plugins);
}

void doctor_check_policy(struct doctor *doctor, const struct conf *conf)
{
	char *path = xasprintf("%s/policy.sqlite", conf_text(conf, P_STATE_DIRECTORY));
	struct policy *policy = NULL;
	char *error = NULL;
	enum policy_status status = policy_open(path, POLICY_READ, -1, &policy, &error);

	if (status == POLICY_OK)
		doctor_report(doctor, FINDING_OK, NULL, "%s opens", path);
	else if (status == POLICY_NOT_FOUND)
		doctor_report(doctor, FINDING_OK, NULL,
			      "there is no policy store: no public trees, groups, fallback MX");
	else
		doctor_report(doctor, FINDING_ERROR,
			      "if it is older than the program: any `shoveler group|public|mx2` "
			      "command that writes upgrades it",
			      "%s", error);
	free(error);
	free(path);
	policy_close(&policy);
}
