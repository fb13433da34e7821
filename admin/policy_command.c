/* Opening the policy store for a command, and its errors as exit codes. */
#include "command.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

int policy_result(enum policy_status status, char **error)
{
	if (status != POLICY_OK)
		complain("%s", *error);
	free(*error);
	*error = NULL;
	switch (status) {
	case POLICY_OK:
		return EX_OK;
	case POLICY_NOT_FOUND:
	case POLICY_EXISTS:
		return EX_DATAERR;
	case POLICY_INVALID:
		return EX_USAGE;
	case POLICY_FAILED:
		break;
	}
	return EX_IOERR;
}

/* Only root can give the store to the group; anybody else keeps his own. */
static int group_of_store(const struct conf *conf, int64_t *gid_r)
{
	const char *name = conf_text(conf, P_POLICY_GROUP);
	const struct group *group;

	*gid_r = -1;
	if (geteuid() != 0)
		return EX_OK;
	group = getgrnam(name);
	if (group == NULL) {
		complain("there is no system group \"%s\" that could read the policy store: "
			 "`addgroup --system %s`, or another policy_group in main.cf",
			 name, name);
		return EX_CONFIG;
	}
	*gid_r = group->gr_gid;
	return EX_OK;
}

int open_policy(struct admin *admin, enum policy_mode mode, struct policy **policy_r)
{
	char *path = xasprintf("%s/policy.sqlite", conf_text(admin->conf, P_STATE_DIRECTORY));
	enum policy_status status;
	int64_t group = -1;
	char *error = NULL;
	int ret = EX_OK;

	*policy_r = NULL;
	if (mode == POLICY_CREATE)
		ret = group_of_store(admin->conf, &group);
	if (ret == EX_OK) {
		status = policy_open(path, mode, group, policy_r, &error);
		if (status == POLICY_NOT_FOUND && mode == POLICY_READ)
			free(error);
		else
			ret = policy_result(status, &error);
	}
	free(path);
	return ret;
}
