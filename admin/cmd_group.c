/* `shoveler group`: groups of users in the policy store. */
#include "audit.h"
#include "command.h"
#include "lib/xalloc.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* user NULL: all members, for the group is gone. */
static void audit_member(struct admin *admin, const char *group, const char *user, bool add)
{
	char *what = xasprintf("group=<%s>", group);
	char *whom = user != NULL ? xasprintf("user=%s", user) : xstrdup("all members");

	audit(admin->conf, what, whom, add ? "" : "member", add ? "member" : "");
	free(whom);
	free(what);
}

/* The first failure ends it; what was done before stays and is right by itself. */
static int change_members(struct admin *admin, char **argv, bool add,
			  enum policy_status (*change)(struct policy *policy, const char *group,
						       const char *user, char **error_r))
{
	struct policy *policy;
	char *error = NULL;
	int ret = open_policy(admin, POLICY_CREATE, &policy);

	for (char **user = argv + 1; ret == EX_OK && *user != NULL; user++) {
		ret = policy_result(change(policy, argv[0], *user, &error), &error);
		if (ret == EX_OK)
			audit_member(admin, argv[0], *user, add);
	}
	policy_close(&policy);
	return ret;
}

static int group_add(struct admin *admin, int argc, char **argv)
{
	(void)argc;
	return change_members(admin, argv, true, policy_group_add);
}

static int group_remove(struct admin *admin, int argc, char **argv)
{
	struct policy *policy;
	char *error = NULL;
	int ret;

	if (argc > 1)
		return change_members(admin, argv, false, policy_group_remove);
	ret = open_policy(admin, POLICY_CREATE, &policy);
	if (ret == EX_OK)
		ret = policy_result(policy_group_remove(policy, argv[0], NULL, &error), &error);
	if (ret == EX_OK)
		audit_member(admin, argv[0], NULL, false);
	policy_close(&policy);
	return ret;
}

static bool print_member(void *context, const char *group, const char *member)
{
	char *last = context;

	if (strcmp(last, group) != 0)
		printf("%s%s:", last[0] != '\0' ? "\n" : "", group);
	printf(" %s", member);
	strcpy(last, group);
	return true;
}

static bool member_to_json(void *context, const char *group, const char *member)
{
	json_t *members = json_object_get(context, group);

	if (members == NULL) {
		members = json_array();
		json_object_set_new(context, group, members);
	}
	json_array_append_new(members, json_string(member));
	return true;
}

static int group_list(struct admin *admin, int argc, char **argv)
{
	const char *group = argc > 0 ? argv[0] : NULL;
	char last[POLICY_NAME_MAX + 1] = "";
	json_t *groups = json_object();
	struct policy *policy;
	char *error = NULL;
	int ret = open_policy(admin, POLICY_READ, &policy);

	if (policy != NULL && admin->json)
		ret = policy_result(
			policy_group_list(policy, group, NULL, member_to_json, groups, &error),
			&error);
	else if (policy != NULL)
		ret = policy_result(
			policy_group_list(policy, group, NULL, print_member, last, &error), &error);
	if (ret == EX_OK && admin->json)
		json_dumpf(groups, stdout, JSON_INDENT(1));
	if (admin->json || last[0] != '\0')
		putchar('\n');
	json_decref(groups);
	policy_close(&policy);
	return ret;
}

const struct command group_actions[] = {
	{"add", "GROUP USER...", "Make users members of a group", group_add, 2, -1,
	 "A group exists as long as it has a member. USER is a full mail address.\n", NULL, false},
	{"remove", "GROUP [USER...]", "Remove members, or the whole group", group_remove, 1, -1,
	 "A group that is gone is no delegate any more either.\n", NULL, false},
	{"list", "[--json] [GROUP]", "List groups and their members", group_list, 0, 1, NULL, NULL,
	 false},
	{NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, false},
};
