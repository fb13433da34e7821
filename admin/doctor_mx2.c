/* Is all in place for the domains that this host is a fallback MX for? */
#include "doctor.h"

#include "lib/xalloc.h"
#include "mx2/inbox.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define MAX_AGE 900 /* seconds; it runs each minute */

struct lists {
	struct doctor *doctor;
	const struct conf *conf;
	size_t domains;
	int64_t retention; /* seconds; the longest */
};

static bool check_list(void *context, const struct policy_mx2 *mx2)
{
	struct lists *lists = context;
	char *folder = xasprintf("%s/recipients", conf_text(lists->conf, P_STATE_DIRECTORY));
	int64_t when = 0;
	char *reason = inbox_refusal(folder, mx2->domain, mx2->list_serial / 1000, &when);

	lists->domains++;
	if (mx2->retention > lists->retention)
		lists->retention = mx2->retention;
	if (list_is_stale(mx2, conf_number(lists->conf, P_MX2_LIST_MAX_AGE), time(NULL)))
		doctor_report(lists->doctor, FINDING_WARNING, "mx2-list-old",
			      doctor_advice(lists->doctor, "shoveler mx2 check %s says more",
					    mx2->domain),
			      "%s: the primary's list of recipients is %lld days old", mx2->domain,
			      (long long)(time(NULL) - mx2->list_serial / 1000) / 86400);
	if (mx2->list_key[0] != '\0' && reason != NULL)
		doctor_report(lists->doctor, FINDING_WARNING, "mx2-list-refused",
			      "tell the primary's admin: a list that is right ends it",
			      "a list of recipients was refused: %s", reason);
	free(reason);
	free(folder);
	return true;
}

/* What Postfix has given up we cannot keep. */
static void check_lifetime(struct doctor *doctor, const struct conf *conf, int64_t retention)
{
	int64_t lifetime = doctor_postconf_number(doctor, conf, "maximal_queue_lifetime");

	if (lifetime < retention)
		doctor_report(doctor, FINDING_ERROR, "queue-lifetime-short",
			      "postconf -e maximal_queue_lifetime=100d; postfix reload",
			      "maximal_queue_lifetime = %lld days: less than the retention of %lld "
			      "days that a domain has",
			      (long long)lifetime / 86400, (long long)retention / 86400);
	else
		doctor_ok(doctor, "maximal_queue_lifetime suffices for each domain's retention");
}

/* How many domains there are. */
static size_t check_lists(struct doctor *doctor, const struct conf *conf)
{
	char *path = xasprintf("%s/policy.sqlite", conf_text(conf, P_STATE_DIRECTORY)),
	     *error = NULL;
	struct lists lists = {doctor, conf, 0, 0};
	struct policy *policy = NULL;

	if (policy_open(path, POLICY_READ, -1, &policy, &error) == POLICY_OK)
		(void)policy_mx2_list(policy, check_list, &lists, &error);
	policy_close(&policy);
	free(error);
	free(path);
	if (lists.domains > 0)
		check_lifetime(doctor, conf, lists.retention);
	return lists.domains;
}

void doctor_check_mx2(struct doctor *doctor, const struct conf *conf)
{
	const char *advice = "systemctl enable --now shoveler-mx2.timer";
	struct stat st;
	char *path;

	if (check_lists(doctor, conf) == 0)
		return;
	path = xasprintf("%s/mx2.state", conf_text(conf, P_STATE_DIRECTORY));
	if (stat(path, &st) < 0)
		doctor_report(doctor, FINDING_ERROR, "mx2-untended", advice,
			      "nothing runs `shoveler mx2 tend`: mail is kept for 100 days");
	else if (time(NULL) - st.st_mtime > MAX_AGE)
		doctor_report(
			doctor, FINDING_ERROR, "mx2-stuck",
			"shoveler mx2 tend says why, or ends it; systemctl restart shoveler-mx2.timer",
			"`shoveler mx2 tend` did not run to its end for %lld minutes",
			(long long)(time(NULL) - st.st_mtime) / 60);
	else
		doctor_ok(doctor, "the queue of the fallback MX is tended");
	free(path);
}
