#include "doctor.h"
#include "act_as.h"
#include "probe.h"

#include "lib/xalloc.h"
#include "schema/policy.h"
#include "schema/store.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define BROKEN_STORES_NAMED 5

/* Opening one migrates it, as its daemon would. */
static bool check_store(struct doctor *doctor, char *path, bool name_it)
{
	struct store *store = NULL;
	char *error = NULL;
	enum store_status status;

	*strrchr(path, '/') = '\0';
	status = store_open(&store, path, false, &error);
	store_close(&store);
	if (status != STORE_OK && status != STORE_NOT_FOUND && name_it)
		doctor_report(doctor, FINDING_ERROR,
			      "this user's mail is deferred: restore the folder, or move it away",
			      "%s: %s", path, error != NULL ? error : "cannot be opened");
	free(error);
	return status == STORE_OK || status == STORE_NOT_FOUND;
}

static void check_stores(struct doctor *doctor, const char *users)
{
	char *pattern = xasprintf("%s/*/*/store.sqlite", users);
	size_t broken = 0;
	glob_t found;
	int ret = glob(pattern, GLOB_NOSORT | GLOB_ERR, NULL, &found);

	free(pattern);
	if (ret == GLOB_NOMATCH) {
		doctor_report(doctor, FINDING_OK, NULL, "no user has a store yet");
		return;
	}
	if (ret != 0) {
		doctor_report(doctor, FINDING_ERROR, "it must be readable for lda_user",
			      "cannot read %s", users);
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (!check_store(doctor, found.gl_pathv[i], broken < BROKEN_STORES_NAMED))
			broken++;
	}
	if (broken == 0)
		doctor_report(doctor, FINDING_OK, NULL, "all %zu users' stores open",
			      found.gl_pathc);
	else
		doctor_report(doctor, FINDING_ERROR, "see above",
			      "%zu of %zu users' stores do not open", broken, found.gl_pathc);
	globfree(&found);
}

void doctor_check_stores(struct doctor *doctor, const struct conf *conf)
{
	char *error = NULL;

	if (!service_wanted(conf, &services[1]))
		return;
	if (act_as(conf_text(conf, P_LDA_USER), &error) < 0)
		doctor_report(doctor, FINDING_ERROR, "addgroup, adduser --system", "%s", error);
	else
		check_stores(doctor, conf_text(conf, P_USERS_DIRECTORY));
	act_as_self();
	free(error);
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
