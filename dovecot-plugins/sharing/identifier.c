#include "compat.h"
#include "identifier.h"

#include "../plugin_conf.h"
#include "policy_view.h"
#include "user_lookup.h"

static const char *const group_prefixes[] = {"group:", "group=", "$"};
static const char *const everybody[] = {"anyone", "authenticated", "anonymous"};

static const char *skip_signs(const char *text)
{
	if (*text == '-')
		text++;
	if (*text == '!')
		text++;
	return text;
}

static const char *fold_name(const char *name)
{
	for (unsigned int i = 0; i < N_ELEMENTS(group_prefixes); i++) {
		size_t size = strlen(group_prefixes[i]);

		if (strncasecmp(name, group_prefixes[i], size) == 0)
			return t_strconcat("$", t_str_lcase(t_strcut(name + size, '@')), NULL);
	}
	return t_str_lcase(name);
}

const char *identifier_fold(const char *text)
{
	const char *name = skip_signs(text);

	return t_strconcat(t_strdup_until(text, name), fold_name(name), NULL);
}

static bool is_everybody(const char *name)
{
	for (unsigned int i = 0; i < N_ELEMENTS(everybody); i++) {
		if (strcmp(name, everybody[i]) == 0)
			return true;
	}
	return false;
}

static int check_everybody(const struct conf *conf, const char **reason_r)
{
	if (conf_bool(conf, P_SHARING_ANYONE))
		return 1;
	*reason_r = "Sharing with everybody is not allowed here";
	return 0;
}

static int check_group(struct mail_user *by, const struct conf *conf, const char *group,
		       const char **reason_r)
{
	struct policy_view *view =
		policy_view_create(conf, by->event, plugin_user_name(by->username));
	bool exists = policy_view_group_exists(view, group);

	policy_view_free(&view);
	if (exists)
		return 1;
	*reason_r = "No such group";
	return 0;
}

static int check_user(struct mail_user *by, const struct conf *conf, const char *name,
		      const char **reason_r)
{
	int ret = user_lookup(by, name);

	if (ret < 0)
		*reason_r = "Users are not known now";
	if (ret == 0)
		*reason_r = "No such user";
	if (ret > 0 && !conf_bool(conf, P_SHARING_ACROSS_DOMAINS) &&
	    !plugin_same_domain(by->username, name)) {
		*reason_r = "Sharing with users of other domains is not allowed here";
		return 0;
	}
	return ret;
}

int identifier_check(struct mail_user *by, const char *folded, const char **reason_r)
{
	const struct conf *conf = plugin_conf_get(by->event);
	const char *name = skip_signs(folded);

	if (strcmp(name, "owner") == 0)
		return 1;
	if (conf == NULL) {
		*reason_r = "Users and groups are not known now";
		return -1;
	}
	if (is_everybody(name))
		return check_everybody(conf, reason_r);
	if (*name == '$')
		return check_group(by, conf, name + 1, reason_r);
	return check_user(by, conf, name, reason_r);
}
