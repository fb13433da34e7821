/*
 * compat_namespace_23.h - the part of compat.h that adds namespaces and groups in Dovecot 2.3.
 *
 * Settings exist twice, as written and expanded; mail_user_created comes after the expansion, so
 * both are given here. In what is written, a '%' for the shared storage is doubled.
 */
#ifndef SHOVELER_COMPAT_NAMESPACE_23_H
#define SHOVELER_COMPAT_NAMESPACE_23_H

#include <mail-namespace.h>
#include <settings-parser.h>
#include <str.h>

static inline const struct mail_namespace_settings *compat_inbox_set(struct mail_user *user)
{
	struct mail_namespace_settings *const *set;

	if (!array_is_created(&user->set->namespaces))
		return NULL;
	array_foreach(&user->set->namespaces, set)
	{
		if ((*set)->inbox)
			return *set;
	}
	return NULL;
}

static inline bool compat_has_namespace(struct mail_user *user, const char *prefix)
{
	struct mail_namespace_settings *const *set;

	array_foreach(&user->set->namespaces, set)
	{
		if (strcmp((*set)->prefix, prefix) == 0)
			return TRUE;
	}
	return FALSE;
}

static inline const char *compat_double_percent(const char *text)
{
	string_t *out = t_str_new(128);

	for (; *text != '\0'; text++) {
		if (*text == '%')
			str_append_c(out, '%');
		str_append_c(out, *text);
	}
	return str_c(out);
}

static inline int compat_add_namespace(struct mail_user *user, const char *type, const char *prefix,
				       const char *location, const char **error_r)
{
	const struct mail_namespace_settings *inbox = compat_inbox_set(user);
	struct mail_namespace_settings *set, *unexpanded;
	struct mail_user_settings *unexpanded_user =
		(struct mail_user_settings *)user->unexpanded_set;

	if (inbox == NULL || inbox->separator == NULL || strcmp(inbox->separator, "/") != 0) {
		*error_r = "the inbox namespace must have \"separator = /\"";
		return -1;
	}
	if (compat_has_namespace(user, prefix))
		return 0;
	set = p_new(user->pool, struct mail_namespace_settings, 1);
	*set = mail_namespace_default_settings;
	set->name = p_strdup(user->pool, prefix);
	set->type = type;
	set->separator = "/";
	set->prefix = set->name;
	set->location = p_strdup(user->pool, location);
	set->list = "children";
	set->subscriptions = FALSE;
	set->ignore_on_failure = TRUE;
	set->user_set = user->set;
	unexpanded = p_new(user->pool, struct mail_namespace_settings, 1);
	*unexpanded = *set;
	unexpanded->prefix = p_strconcat(user->pool, SETTING_STRVAR_UNEXPANDED,
					 compat_double_percent(prefix), NULL);
	unexpanded->location = p_strconcat(user->pool, SETTING_STRVAR_UNEXPANDED,
					   compat_double_percent(location), NULL);
	unexpanded->user_set = unexpanded_user;
	array_push_back(&user->set->namespaces, &set);
	array_push_back(&unexpanded_user->namespaces, &unexpanded);
	return 0;
}

/* Where the mail of any user lies, from how it is written for this one: %h, %u, %n and %d. */
static inline int compat_mail_location(struct mail_user *user, const char **location_r,
				       const char **error_r)
{
	const struct mail_storage_settings *set =
		mail_user_set_get_driver_settings(user->set_info, user->unexpanded_set, "MAIL");
	const char *location = set->mail_location;
	string_t *out = t_str_new(128);

	if (location[0] != SETTING_STRVAR_UNEXPANDED[0] || location[1] == '\0') {
		*error_r = "set shared_location in main.cf: mail_location is not the same for all";
		return -1;
	}
	for (location++; *location != '\0'; location++) {
		if (location[0] == '~' && location[1] == '/')
			str_append(out, "%h");
		else
			str_append_c(out, *location);
	}
	*location_r = str_c(out);
	return 0;
}

/* root: "#Shared"; location: "" for that of the user, else with %h, %u, %n, %d of the owner. */
static inline int compat_add_shared_namespace(struct mail_user *user, const char *root,
					      const char *location, const char **error_r)
{
	if (location[0] == '\0' && compat_mail_location(user, &location, error_r) < 0)
		return -1;
	return compat_add_namespace(user, "shared", t_strconcat(root, "/%u/", NULL),
				    t_strconcat(location, ":INDEXPVT=~/.shoveler/shared/%u", NULL),
				    error_r);
}

/* tree: "#MilkyPond"; path: its folder. */
static inline int compat_add_public_namespace(struct mail_user *user, const char *tree,
					      const char *path, const char **error_r)
{
	/* in a location a colon separates, two of them are one */
	const char *colons = t_str_replace(path, ':', '\001'), *name = tree + 1;

	if (strchr(colons, '\001') != NULL) {
		*error_r = "its name has a colon";
		return -1;
	}
	return compat_add_namespace(user, "public", t_strconcat(tree, "/", NULL),
				    t_strconcat("maildir:", path,
						":LAYOUT=fs:UTF-8:INDEXPVT=~/.shoveler/public/",
						name, NULL),
				    error_r);
}

/*
 * A hidden namespace with the prefix "", that only has subscriptions; if the user has no such one.
 */
static inline int compat_add_subscriptions_namespace(struct mail_user *user, const char *name,
						     const char **error_r)
{
	const struct mail_namespace_settings *inbox = compat_inbox_set(user);
	struct mail_user_settings *sets[] = {user->set,
					     (struct mail_user_settings *)user->unexpanded_set};

	if (inbox == NULL || inbox->prefix[0] == '\0' || compat_has_namespace(user, ""))
		return 0;
	if (compat_add_namespace(user, "private", "", "maildir:~/.shoveler/subscriptions",
				 error_r) < 0)
		return -1;
	for (unsigned int i = 0; i < N_ELEMENTS(sets); i++) {
		struct mail_namespace_settings *set = *array_back_modifiable(&sets[i]->namespaces);

		set->name = p_strdup(user->pool, name);
		set->list = "no";
		set->hidden = TRUE;
		set->subscriptions = TRUE;
	}
	return 0;
}

/* The namespace that was added last, when the user has his others already. */
static inline int compat_start_last_namespace(struct mail_user *user, const char **error_r)
{
	struct mail_namespace *ns;

	if (mail_namespaces_init_add(user, *array_back(&user->set->namespaces),
				     *array_back(&user->unexpanded_set->namespaces), &ns,
				     error_r) < 0)
		return -1;
	mail_user_add_namespace(user, &ns);
	return 0;
}

/* Where the acl plugin keeps who shares with whom, if the host did not say. */
static inline void compat_set_sharing_index(struct mail_user *user, const char *path)
{
	const char *key = "acl_shared_dict", *value;

	if (mail_user_plugin_getenv(user, key) != NULL)
		return;
	value = p_strconcat(user->pool, "file:", path, NULL);
	if (!array_is_created(&user->set->plugin_envs))
		p_array_init(&user->set->plugin_envs, user->pool, 2);
	array_push_back(&user->set->plugin_envs, &key);
	array_push_back(&user->set->plugin_envs, &value);
}

/* Lets imap_acl take the identifier "anyone". */
static inline void compat_allow_anyone(struct mail_user *user)
{
	const char *key = "acl_anyone", *value = "allow";

	if (!array_is_created(&user->set->plugin_envs))
		p_array_init(&user->set->plugin_envs, user->pool, 2);
	array_push_front(&user->set->plugin_envs, &value);
	array_push_front(&user->set->plugin_envs, &key);
}

/* groups: NULL-terminated; added to those that the acl plugin will read. */
static inline void compat_add_acl_groups(struct mail_user *user, const char *const *groups)
{
	const char *old = mail_user_plugin_getenv(user, "acl_groups"), *key, *value;

	if (*groups == NULL)
		return;
	key = "acl_groups";
	value = t_strarray_join(groups, ",");
	if (old != NULL && *old != '\0')
		value = t_strconcat(old, ",", value, NULL);
	value = p_strdup(user->pool, value);
	if (!array_is_created(&user->set->plugin_envs))
		p_array_init(&user->set->plugin_envs, user->pool, 2);
	/* the first one of a name counts */
	array_push_front(&user->set->plugin_envs, &value);
	array_push_front(&user->set->plugin_envs, &key);
}

#endif
