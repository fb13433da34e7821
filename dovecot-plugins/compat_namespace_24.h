/*
 * compat_namespace_24.h - the part of compat.h that adds namespaces and groups in Dovecot 2.4.
 *
 * As if the userdb had returned the settings of the namespace, for this user alone. The namespace
 * of shared folders cannot be made so, because it is asked for each owner as well: it stands in
 * conf/90-shoveler-sharing-2.4.conf.
 */
#ifndef SHOVELER_COMPAT_NAMESPACE_24_H
#define SHOVELER_COMPAT_NAMESPACE_24_H

#include <mail-namespace.h>
#include <mail-storage-service.h>
#include <settings.h>

static inline void compat_override(struct mail_user *user, const char *key, const char *value)
{
	settings_override(mail_storage_service_user_get_settings_instance(user->service_user), key,
			  value, SETTINGS_OVERRIDE_TYPE_USERDB);
}

/* What was overridden counts from now on. */
static inline int compat_reload_user_set(struct mail_user *user, const char **error_r)
{
	const struct mail_user_settings *set;

	if (settings_get(user->event, &mail_user_setting_parser_info, 0, &set, error_r) < 0)
		return -1;
	/* the old ones belong to the service user; these shall live as long as this one */
	user->set = set;
	pool_add_external_ref(user->pool, set->pool);
	settings_free(set);
	return 0;
}

static inline int compat_check_namespaces(struct mail_user *user, const char *new_prefix,
					  bool *exists_r, const char **error_r)
{
	const struct mail_namespace_settings *set;
	const char *name;
	bool have_inbox = FALSE;

	*exists_r = FALSE;
	if (!array_is_created(&user->set->namespaces))
		return 0;
	array_foreach_elem(&user->set->namespaces, name)
	{
		if (settings_get_filter(user->event, SETTINGS_EVENT_NAMESPACE_NAME, name,
					&mail_namespace_setting_parser_info, 0, &set, error_r) < 0)
			return -1;
		if (set->inbox && strcmp(set->separator, "/") == 0)
			have_inbox = TRUE;
		if (strcmp(set->prefix, new_prefix) == 0)
			*exists_r = TRUE;
		settings_free(set);
	}
	if (have_inbox)
		return 0;
	*error_r = "the inbox namespace must have \"separator = /\"";
	return -1;
}

static inline int compat_add_shared_namespace(struct mail_user *user ATTR_UNUSED,
					      const char *root ATTR_UNUSED,
					      const char *location ATTR_UNUSED,
					      const char **error_r ATTR_UNUSED)
{
	return 0;
}

/* settings: names and values in turn. */
static inline int compat_add_namespace(struct mail_user *user, const char *name,
				       const char *const *settings, unsigned int count,
				       const char **error_r)
{
	compat_override(user, "namespace+", name);
	for (unsigned int i = 0; i < count; i += 2)
		compat_override(user, t_strdup_printf("namespace/%s/%s", name, settings[i]),
				settings[i + 1]);
	return compat_reload_user_set(user, error_r);
}

/* tree: "#MilkyPond"; path: its folder. */
static inline int compat_add_public_namespace(struct mail_user *user, const char *tree,
					      const char *path, const char **error_r)
{
	const char *prefix = t_strconcat(tree, "/", NULL);
	const char *name = t_strdup_printf("shoveler%u", array_count(&user->set->namespaces));
	const char *const settings[] = {
		"type",
		"public",
		"separator",
		"/",
		"prefix",
		prefix,
		"list",
		"children",
		"subscriptions",
		"no",
		"ignore_on_failure",
		"yes",
		"mail_driver",
		"maildir",
		"mail_path",
		path,
		/* a root that is an INBOX too could have no rights */
		"mail_inbox_path",
		t_strconcat(path, "/INBOX", NULL),
		"mailbox_list_layout",
		"fs",
		"mailbox_list_utf8",
		"yes",
		"mail_index_private_path",
		t_strconcat("~/.shoveler/public/", tree + 1, NULL),
	};
	bool exists;

	if (compat_check_namespaces(user, prefix, &exists, error_r) < 0)
		return -1;
	if (exists)
		return 0;
	return compat_add_namespace(user, name, settings, N_ELEMENTS(settings), error_r);
}

/*
 * A hidden namespace with the prefix "", that only has subscriptions; if the user has no such one.
 */
static inline int compat_add_subscriptions_namespace(struct mail_user *user, const char *name,
						     const char **error_r)
{
	static const char *const settings[] = {
		"type",	       "private",   "separator",
		"/",	       "prefix",    "",
		"hidden",      "yes",	    "list",
		"no",	       "inbox",	    "no",
		"mail_driver", "maildir",   "subscriptions",
		"yes",	       "mail_path", "~/.shoveler/subscriptions",
	};
	bool exists;

	if (compat_check_namespaces(user, "", &exists, error_r) < 0)
		return -1;
	return exists ? 0
		      : compat_add_namespace(user, name, settings, N_ELEMENTS(settings), error_r);
}

/* The namespace that was added last, when the user has his others already. */
static inline int compat_start_last_namespace(struct mail_user *user, const char **error_r)
{
	const char *name = *array_back(&user->set->namespaces);
	const struct mail_namespace_settings *set;
	struct mail_namespace *ns;
	struct event *event;
	int ret;

	if (settings_get_filter(user->event, SETTINGS_EVENT_NAMESPACE_NAME, name,
				&mail_namespace_setting_parser_info, 0, &set, error_r) < 0)
		return -1;
	event = event_create(user->event);
	event_add_str(event, SETTINGS_EVENT_NAMESPACE_NAME, name);
	settings_event_add_list_filter_name(event, SETTINGS_EVENT_NAMESPACE_NAME, name);
	ret = mail_namespaces_init_add(user, event, set, &ns, error_r);
	settings_free(set);
	event_unref(&event);
	if (ret == 0)
		mail_user_add_namespace(user, &ns);
	return ret;
}

/*
 * Where the acl plugin keeps who shares with whom; conf/90-shoveler-sharing-2.4.conf has the dict.
 */
static inline void compat_set_sharing_index(struct mail_user *user, const char *path)
{
	compat_override(user, "acl_sharing_map/dict/file/dict_file_path", path);
}

/* Lets imap_acl take the identifier "anyone". */
static inline void compat_allow_anyone(struct mail_user *user)
{
	compat_override(user, "imap_acl_allow_anyone", "yes");
}

/* groups: NULL-terminated; added to those that the acl plugin will read. */
static inline void compat_add_acl_groups(struct mail_user *user, const char *const *groups)
{
	for (; *groups != NULL; groups++)
		compat_override(user, t_strconcat("acl_groups/", *groups, NULL), "yes");
}

#endif
