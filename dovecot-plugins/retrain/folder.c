#include "compat.h"
#include "folder.h"

#include <mail-namespace.h>
#include <mailbox-attribute-internal.h>
#include <str.h>

static bool has_use(const char *uses, const char *use)
{
	return uses != NULL && str_array_icase_find(t_strsplit_spaces(uses, " "), use);
}

/* box need not be open: the attribute comes from the settings. NULL if there is none. */
static const char *special_use(struct mailbox *box)
{
	struct mail_attribute_value value;

	if (mailbox_attribute_get(box, MAIL_ATTRIBUTE_TYPE_PRIVATE, MAILBOX_ATTRIBUTE_SPECIALUSE,
				  &value) <= 0)
		return NULL;
	return value.value;
}

static bool is_named(const char *name, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (strcasecmp(name, *names) == 0)
			return true;
	}
	return false;
}

/* The meaning of the folder itself, whatever it lies in. */
static enum folder_kind own_kind(const struct conf *conf, struct mailbox *box, const char *name)
{
	const char *uses = special_use(box);

	if (has_use(uses, "\\Junk"))
		return FOLDER_JUNK;
	if (has_use(uses, "\\Trash"))
		return FOLDER_TRASH;
	if (uses != NULL)
		return FOLDER_ORDINARY;
	if (is_named(name, conf_list(conf, P_JUNK_FOLDERS)))
		return FOLDER_JUNK;
	if (is_named(name, conf_list(conf, P_TRASH_FOLDERS)))
		return FOLDER_TRASH;
	return FOLDER_ORDINARY;
}

static const char *name_in_namespace(struct mail_namespace *ns, const char *vname)
{
	return strncmp(vname, ns->prefix, ns->prefix_len) == 0 ? vname + ns->prefix_len : vname;
}

static enum folder_kind kind_of_name(const struct conf *conf, struct mail_namespace *ns,
				     const char *vname)
{
	struct mailbox *box = mailbox_alloc(ns->list, vname, MAILBOX_FLAG_READONLY);
	enum folder_kind kind = own_kind(conf, box, name_in_namespace(ns, vname));

	mailbox_free(&box);
	return kind;
}

/* Does what happens in it teach somebody's filter? */
static bool is_somebodys(const struct conf *conf, const struct mail_namespace *ns)
{
	if (ns->type == MAIL_NAMESPACE_TYPE_PRIVATE)
		return ns->owner == ns->user;
	return ns->type == MAIL_NAMESPACE_TYPE_SHARED && ns->owner != NULL &&
	       strcmp(conf_text(conf, P_RETRAIN_SHARED), "owner") == 0;
}

const char *folder_owner(struct mailbox *box)
{
	struct mail_namespace *ns = mailbox_get_namespace(box);

	return ns->owner != NULL ? ns->owner->username : "";
}

enum folder_kind folder_kind(const struct conf *conf, struct mailbox *box)
{
	struct mail_namespace *ns = mailbox_get_namespace(box);
	char separator = mail_namespace_get_sep(ns);
	const char *vname = mailbox_get_vname(box), *end;
	enum folder_kind kind;

	if (!is_somebodys(conf, ns))
		return FOLDER_FOREIGN;
	kind = own_kind(conf, box, name_in_namespace(ns, vname));
	while (kind == FOLDER_ORDINARY && (end = strrchr(vname, separator)) != NULL &&
	       end >= vname + ns->prefix_len) {
		vname = t_strdup_until(vname, end);
		kind = kind_of_name(conf, ns, vname);
	}
	return kind;
}

static bool has_special_junk(struct mail_user *user)
{
	struct mailbox *box = mailbox_alloc_for_user(user, "\\Junk", MAILBOX_FLAG_SPECIAL_USE);
	bool found = has_use(special_use(box), "\\Junk");

	mailbox_free(&box);
	return found;
}

/* Nobody may have made it yet: with special_use it is shown to clients, and they do. */
static bool is_junk_to_be(struct mailbox *box)
{
	enum mailbox_existence existence = MAILBOX_EXISTENCE_NONE;

	if (has_use(special_use(box), "\\Junk"))
		return true;
	return mailbox_exists(box, true, &existence) == 0 && existence != MAILBOX_EXISTENCE_NONE;
}

bool folder_user_has_junk(const struct conf *conf, struct mail_user *user)
{
	struct mail_namespace *ns = mail_namespace_find_inbox(user->namespaces);
	bool found = false;

	for (const char *const *name = conf_list(conf, P_JUNK_FOLDERS); !found && *name != NULL;
	     name++) {
		struct mailbox *box = mailbox_alloc(ns->list, t_strconcat(ns->prefix, *name, NULL),
						    MAILBOX_FLAG_READONLY);

		found = is_junk_to_be(box);
		mailbox_free(&box);
	}
	/* Last: it looks at all folders. */
	return found || has_special_junk(user);
}
