#include "compat.h"
#include "change_log.h"

#include "../plugin_conf.h"
#include "lib/msg.h"

#include <mail-namespace.h>
#include <master-service-private.h>

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

/* Who did it: the user whose session it is, or an administrator who acts in his name. */
static const char *who(struct acl_object *object, const struct mail_user *user)
{
	const char *name = acl_backend_get_acl_username(object->backend);

	if (strcmp(user->service, "doveadm") == 0)
		return "doveadm";
	return name != NULL ? name : "";
}

/* What a command of the shell says goes to its terminal; the change must be in the log too. */
static void copy_to_log(const struct mail_user *user, const char *text)
{
	const struct conf *conf;

	if ((master_service->flags & MASTER_SERVICE_FLAG_STANDALONE) == 0 ||
	    (conf = plugin_conf_get(user->event)) == NULL)
		return;
	if (msg_open("shoveler-sharing", conf_text(conf, P_LOG_DESTINATION)) < 0)
		e_error(user->event, "shoveler: cannot log: %m");
	else
		msg_info("%s", text);
}

void change_log_write(struct acl_object *object, const struct acl_rights *entry, const char *before,
		      const char *after)
{
	struct mail_namespace *ns = mailbox_list_get_namespace(object->backend->list);
	const char *text;

	if (strcmp(before, after) == 0)
		return;
	text = t_strdup_printf("rights changed: by=<%s>, folder=<%s>, owner=<%s>, for=<%s>, "
			       "before=<%s>, after=<%s>",
			       who(object, ns->user), change_log_folder(ns, object->name),
			       ns->owner != NULL ? ns->owner->username : "",
			       acl_rights_get_id(entry), before, after);
	e_info(ns->user->event, "shoveler: %s", text);
	copy_to_log(ns->user, text);
}
