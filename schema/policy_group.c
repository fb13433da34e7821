/* Groups of users. */
#include "policy_db.h"

#include "lib/xalloc.h"

static enum policy_status parse_names(const char *group, const char *user, char *group_r,
				      char *user_r, char **error_r)
{
	group_r[0] = '\0';
	user_r[0] = '\0';
	if ((group != NULL && policy_name_group(group, group_r, error_r) < 0) ||
	    (user != NULL && policy_name_user(user, user_r, error_r) < 0))
		return POLICY_INVALID;
	return POLICY_OK;
}

enum policy_status policy_group_add(struct policy *policy, const char *group, const char *user,
				    char **error_r)
{
	char group_name[POLICY_NAME_MAX + 1], user_name[POLICY_NAME_MAX + 1];
	enum policy_status status = parse_names(group, user, group_name, user_name, error_r);
	int changes = 0;

	if (status == POLICY_OK)
		status = policy_run(
			policy, &changes, error_r,
			"INSERT OR IGNORE INTO group_member (name, member) VALUES (?1, ?2)", "tt",
			group_name, user_name);
	if (status == POLICY_OK && changes == 0) {
		*error_r = xasprintf("%s is in group %s already", user_name, group_name);
		status = POLICY_EXISTS;
	}
	return status;
}

/* A group without members is gone; its delegations must not wait for the next one of its name. */
static enum policy_status drop_empty_group(struct policy *policy, const char *group, char **error_r)
{
	return policy_run(policy, NULL, error_r,
			  "DELETE FROM public_delegate WHERE kind = 'group' AND name = ?1"
			  " AND NOT EXISTS (SELECT 1 FROM group_member WHERE name = ?1)",
			  "t", group);
}

enum policy_status policy_group_remove(struct policy *policy, const char *group, const char *user,
				       char **error_r)
{
	char group_name[POLICY_NAME_MAX + 1], user_name[POLICY_NAME_MAX + 1];
	enum policy_status status = parse_names(group, user, group_name, user_name, error_r);
	int changes = 0;

	if (status == POLICY_OK)
		status = policy_begin(policy, error_r);
	if (status != POLICY_OK)
		return status;
	status = policy_run(policy, &changes, error_r,
			    "DELETE FROM group_member WHERE name = ?1 AND (?2 = '' OR member = ?2)",
			    "tt", group_name, user_name);
	if (status == POLICY_OK && changes == 0) {
		if (user == NULL)
			*error_r = xasprintf("there is no group \"%s\"", group_name);
		else
			*error_r = xasprintf("%s is not in group %s", user_name, group_name);
		status = POLICY_NOT_FOUND;
	}
	if (status == POLICY_OK)
		status = drop_empty_group(policy, group_name, error_r);
	return policy_end(policy, status, error_r);
}

struct member_each {
	bool (*each)(void *context, const char *group, const char *member);
	void *context;
};

static bool member_row(void *context, sqlite3_stmt *statement)
{
	struct member_each *each = context;

	return each->each(each->context, policy_column(statement, 0), policy_column(statement, 1));
}

enum policy_status policy_group_list(struct policy *policy, const char *group, const char *user,
				     bool (*each)(void *context, const char *group,
						  const char *member),
				     void *context, char **error_r)
{
	char group_name[POLICY_NAME_MAX + 1], user_name[POLICY_NAME_MAX + 1];
	enum policy_status status = parse_names(group, user, group_name, user_name, error_r);
	struct member_each bound = {each, context};

	if (status != POLICY_OK)
		return status;
	return policy_rows(
		policy,
		policy_prepare(policy, error_r,
			       "SELECT name, member FROM group_member"
			       " WHERE (?1 = '' OR name = ?1) AND (?2 = '' OR member = ?2)"
			       " ORDER BY name, member",
			       "tt", group_name, user_name),
		member_row, &bound, error_r);
}

enum policy_status policy_group_exists(struct policy *policy, const char *group, char **error_r)
{
	char group_name[POLICY_NAME_MAX + 1], user_name[POLICY_NAME_MAX + 1];
	enum policy_status status = parse_names(group, NULL, group_name, user_name, error_r);
	int64_t one;

	if (status == POLICY_OK)
		status = policy_value(policy, &one, error_r,
				      "SELECT 1 FROM group_member WHERE name = ?1 LIMIT 1", "t",
				      group_name);
	if (status == POLICY_NOT_FOUND)
		*error_r = xasprintf("there is no group \"%s\"", group_name);
	return status;
}
