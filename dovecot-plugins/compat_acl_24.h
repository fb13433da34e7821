/*
 * compat_acl_24.h - the part of compat.h that knows the insides of the acl plugin of Dovecot 2.4.
 *
 * The backend of each namespace holds settings, which have the groups of the user.
 */
#ifndef SHOVELER_COMPAT_ACL_24_H
#define SHOVELER_COMPAT_ACL_24_H

#include <dict.h>
#include <mail-user.h>
#include <settings.h>

#include <acl-api-private.h>
#include <acl-plugin.h>

/* The functions of a backend, to replace some of them: it holds a pointer to constant ones. */
#define compat_acl_backend_functions(backend)                                                      \
	((backend)->v = p_memdup((backend)->pool, (backend)->v, sizeof(*(backend)->v)),            \
	 (struct acl_backend_vfuncs *)(backend)->v)

/* NULL-terminated, sorted. */
static inline const char *const *compat_acl_groups(struct acl_backend *backend)
{
	ARRAY_TYPE(const_string) groups;

	t_array_init(&groups, 8);
	if (array_is_created(&backend->set->acl_groups))
		array_append_array(&groups, &backend->set->acl_groups);
	array_append_zero(&groups);
	return array_front(&groups);
}

/* groups: sorted. */
static inline void compat_acl_set_groups(struct acl_backend *backend, const char *const *groups)
{
	struct acl_settings *set = p_memdup(backend->pool, backend->set, sizeof(*set));

	/* its pool, of which it holds the reference, stays the old one's */
	groups = p_strarray_dup(backend->pool, groups);
	p_array_init(&set->acl_groups, backend->pool, str_array_length(groups) + 1);
	for (; *groups != NULL; groups++)
		array_push_back(&set->acl_groups, groups);
	backend->set = set;
}

/* The index of who shares with whom: 1, 0 if the host has none, or -1 and *error_r. */
static inline int compat_open_sharing_index(struct mail_user *user, struct dict **dict_r,
					    const char **error_r)
{
	struct event *event = event_create(user->event);
	int ret;

	settings_event_add_filter_name(event, "acl_sharing_map");
	ret = dict_init_auto(event, dict_r, error_r);
	event_unref(&event);
	return ret;
}

#endif
