/* Can the users' stores and the policy store be opened, and whose are they? */
#include "doctor.h"
#include "act_as.h"
#include "probe.h"

#include "lib/xalloc.h"
#include "schema/policy.h"
#include "schema/store.h"

#include <glob.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BROKEN_STORES_NAMED 5

/* Where nothing can be written no store opens, and none is damaged. */
static bool is_full(const char *path)
{
	struct statvfs disk;

	return statvfs(path, &disk) == 0 &&
	       (disk.f_bavail == 0 || (disk.f_files > 0 && disk.f_favail == 0));
}

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
		doctor_report(
			doctor, FINDING_ERROR, "store-broken",
			is_full(path)
				? "make room: stores open again when there is some"
				: doctor_advice(
					  doctor,
					  "this user's mail is deferred: shoveler restore --user ADDRESS BACKUP, or begin anew, without what he taught and what is in quarantine: mv %s /root/",
					  path),
			"%s: %s", path, error != NULL ? error : "cannot be opened");
	free(error);
	return status == STORE_OK || status == STORE_NOT_FOUND;
}

/* closed: a folder above them is. */
static void check_stores(struct doctor *doctor, const char *users, const char *owner, bool closed)
{
	char *pattern = xasprintf("%s/*/*/store.sqlite", users);
	size_t broken = 0;
	glob_t found;
	int ret = glob(pattern, GLOB_NOSORT | GLOB_ERR, NULL, &found);

	free(pattern);
	if (ret == GLOB_NOMATCH) {
		doctor_ok(doctor, "no user has a store yet");
		return;
	}
	if (ret != 0) {
		doctor_report(doctor, FINDING_ERROR, "stores-unreadable",
			      closed ? "`shoveler doctor permissions` says which folder is closed"
				     : doctor_advice(doctor, "chown -R %s %s; chmod 0700 %s", owner,
						     users, users),
			      "cannot read %s", users);
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (!check_store(doctor, found.gl_pathv[i], broken < BROKEN_STORES_NAMED))
			broken++;
	}
	if (broken == 0)
		doctor_ok(doctor, "all %zu users' stores open", found.gl_pathc);
	else
		doctor_report(doctor, FINDING_ERROR, "stores-broken", "as above, each",
			      "%zu of %zu users' stores do not open", broken, found.gl_pathc);
	globfree(&found);
}

void doctor_check_stores(struct doctor *doctor, const struct conf *conf)
{
	const char *users = conf_text(conf, P_USERS_DIRECTORY);
	const struct passwd *user = geteuid() == 0 ? getpwnam(conf_text(conf, P_LDA_USER)) : NULL;
	size_t closed = user != NULL ? doctor_closed_part(user, users, R_OK | X_OK) : 0;
	char *error = NULL;

	if (!service_wanted(conf, &services[1]))
		return;
	if (act_as(conf_text(conf, P_LDA_USER), &error) < 0)
		doctor_report(doctor, FINDING_ERROR, "user-missing",
			      doctor_advice(doctor,
					    "adduser --system --group %s; restart the daemons",
					    conf_text(conf, P_LDA_USER)),
			      "%s", error);
	else
		check_stores(doctor, users, conf_text(conf, P_LDA_USER),
			     closed > 0 && closed < strlen(users));
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
		doctor_ok(doctor, "%s opens", path);
	else if (status == POLICY_NOT_FOUND)
		doctor_ok(doctor, "there is no policy store: no public trees, groups, fallback MX");
	else
		doctor_report(
			doctor, FINDING_ERROR, "policy-broken",
			doctor_advice(
				doctor,
				"if it is older than the program: any `shoveler group|public|mx2` command that writes upgrades it; if it is damaged: shoveler restore --only policy.sqlite BACKUP, or begin anew, without groups, public trees and fallbacks: mv %s /root/",
				path),
			"%s", error);
	free(error);
	free(path);
	policy_close(&policy);
}
