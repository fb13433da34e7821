#include "compat.h"
#include "change_log.h"

#include <mail-namespace.h>

const char *change_log_folder(struct mail_namespace *ns, const char *name)
{
	if (name[0] == '\0')
		return ns->prefix_len > 0 ? t_strndup(ns->prefix, ns->prefix_len - 1) : "";
	return mailbox_list_get_vname(ns->list, name);
}

const char *change_log_entry(struct acl_object *object, const struct acl_rights *entry)
{
	struct acl_object_list_iter *iter = acl_object_list_init(object);
	struct acl_rights rights;
	const char *text = "";

	while (acl_object_list_next(iter, &rights)) {
		if (acl_rights_cmp(&rights, entry) == 0)
			text = acl_rights_export(&rights);
	}
	(void)acl_object_list_deinit(&iter);
	return text;
}

void change_log_write(struct acl_object *object, const struct acl_rights *entry, const char *before,
		      const char *after)
{
	struct mail_namespace *ns = mailbox_list_get_namespace(object->backend->list);
	const char *by = acl_backend_get_acl_username(object->backend);

	if (strcmp(before, after) == 0)
		return;
	e_info(ns->user->event,
	       "shoveler: rights changed: by=<%s>, folder=<%s>, owner=<%s>, for=<%s>, before=<%s>, "
	       "after=<%s>",
	       by != NULL ? by : "", change_log_folder(ns, object->name),
	       ns->owner != NULL ? ns->owner->username : "", acl_rights_get_id(entry), before,
	       after);
}
