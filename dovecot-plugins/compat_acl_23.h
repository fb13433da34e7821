/*
 * compat_acl_23.h - the part of compat.h that knows the insides of the acl plugin of Dovecot 2.3.
 *
 * The backend of each namespace has the groups of the user; those of namespaces that are added
 * later come from the user's context of the plugin.
 */
#ifndef SHOVELER_COMPAT_ACL_23_H
#define SHOVELER_COMPAT_ACL_23_H

#include <dict.h>
#include <mail-user.h>

#include <acl-api-private.h>
#include <acl-plugin.h>

/* The functions of a backend, to replace some of them. */
#define compat_acl_backend_functions(backend) (&(backend)->v)

/* NULL-terminated, sorted. */
static inline const char *const *compat_acl_groups(struct acl_backend *backend)
{
	ARRAY_TYPE(const_string) groups;

	t_array_init(&groups, backend->group_count + 1);
	for (unsigned int i = 0; i < backend->group_count; i++)
		array_push_back(&groups, &backend->groups[i]);
	array_append_zero(&groups);
	return array_front(&groups);
}

/* groups: sorted. */
static inline void compat_acl_set_groups(struct acl_backend *backend, const char *const *groups)
{
	struct mail_user *user = mailbox_list_get_user(backend->list);
	struct acl_user *auser = ACL_USER_CONTEXT(user);

	backend->group_count = str_array_length(groups);
	backend->groups = (const char **)p_strarray_dup(backend->pool, groups);
	if (auser != NULL)
		auser->groups = p_strarray_dup(user->pool, groups);
}

/* The index of who shares with whom: 1, 0 if the host has none, or -1 and *error_r. */
static inline int compat_open_sharing_index(struct mail_user *user, struct dict **dict_r,
					    const char **error_r)
{
	const char *uri = mail_user_plugin_getenv(user, "acl_shared_dict");
	struct dict_settings set;

	if (uri == NULL)
		return 0;
	i_zero(&set);
	set.base_dir = user->set->base_dir;
	set.event_parent = user->event;
	return dict_init(uri, &set, dict_r, error_r) < 0 ? -1 : 1;
}

#endif
