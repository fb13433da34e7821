#include "compat.h"
#include "identifier.h"

#include "../plugin_conf.h"
#include "policy_view.h"
#include "user_lookup.h"

static const char *const group_prefixes[] = {"group:", "group=", "$"};
static const char *const special[] = {"anyone", "authenticated", "owner", "anonymous"};

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

static int check_group(struct mail_user *by, const char *group, const char **reason_r)
{
	const struct conf *conf = plugin_conf_get(by->event);
	struct policy_view *view;
	bool exists;

	if (conf == NULL) {
		*reason_r = "Groups are not known now";
		return -1;
	}
	view = policy_view_create(conf, by->event, plugin_user_name(by->username));
	exists = policy_view_group_exists(view, group);
	policy_view_free(&view);
	if (exists)
		return 1;
	*reason_r = "No such group";
	return 0;
}

static int check_user(struct mail_user *by, const char *name, const char **reason_r)
{
	int ret = user_lookup(by, name);

	if (ret < 0)
		*reason_r = "Users are not known now";
	if (ret == 0)
		*reason_r = "No such user";
	return ret;
}

int identifier_check(struct mail_user *by, const char *folded, const char **reason_r)
{
	const char *name = skip_signs(folded);

	for (unsigned int i = 0; i < N_ELEMENTS(special); i++) {
		if (strcmp(name, special[i]) == 0)
			return 1;
	}
	if (*name == '$')
		return check_group(by, name + 1, reason_r);
	return check_user(by, name, reason_r);
}
