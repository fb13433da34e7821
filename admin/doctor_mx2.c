#include "doctor.h"

#include "lib/xalloc.h"
#include "schema/policy.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define MAX_AGE 900 /* seconds; it runs each minute */

static bool found_one(void *context, const struct policy_mx2 *mx2)
{
	(void)mx2;
	*(bool *)context = true;
	return false;
}

static bool has_domains(const struct conf *conf)
{
	char *path = xasprintf("%s/policy.sqlite", conf_text(conf, P_STATE_DIRECTORY)),
	     *error = NULL;
	struct policy *policy = NULL;
	bool found = false;

	if (policy_open(path, POLICY_READ, -1, &policy, &error) == POLICY_OK)
		(void)policy_mx2_list(policy, found_one, &found, &error);
	policy_close(&policy);
	free(error);
	free(path);
	return found;
}

void doctor_check_mx2(struct doctor *doctor, const struct conf *conf)
{
	const char *advice = "systemctl enable --now shoveler-mx2.timer";
	struct stat st;
	char *path;

	if (!has_domains(conf))
		return;
	path = xasprintf("%s/mx2.state", conf_text(conf, P_STATE_DIRECTORY));
	if (stat(path, &st) < 0)
		doctor_report(doctor, FINDING_ERROR, advice,
			      "nothing runs `shoveler mx2 tend`: mail is kept for 100 days");
	else if (time(NULL) - st.st_mtime > MAX_AGE)
		doctor_report(doctor, FINDING_ERROR, "journalctl -u shoveler-mx2",
			      "`shoveler mx2 tend` did not run to its end for %lld minutes",
			      (long long)(time(NULL) - st.st_mtime) / 60);
	else
		doctor_report(doctor, FINDING_OK, NULL, "the queue of the fallback MX is tended");
	free(path);
}
