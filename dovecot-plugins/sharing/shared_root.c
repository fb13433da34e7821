#include "compat.h"
#include "shared_root.h"

#include "policy_view.h"
#include "shared_index.h"
#include "user_lookup.h"

#include <mail-namespace.h>
#include <mailbox-list-private.h>

#include <acl-plugin.h>

#define SHARED_ROOT(obj) MODULE_CONTEXT_REQUIRE(obj, shared_root_module)

struct shared_root {
	union mailbox_list_module_context module_ctx;
	struct mailbox_list_iterate_context *(*acl_iter_init)(struct mailbox_list *list,
							      const char *const *patterns,
							      enum mailbox_list_iter_flags flags);
	struct shared_index *index;
	struct policy_view *view;
	unsigned generation; /* of the view, at the last look */
};

static MODULE_CONTEXT_DEFINE_INIT(shared_root_module, &mailbox_list_module_register);

/* Did anybody's sharing change, or the groups of this user? */
static bool has_changed(struct shared_root *root)
{
	unsigned generation = policy_view_generation(root->view);
	bool changed = shared_index_changed(root->index) || generation != root->generation;

	root->generation = generation;
	return changed;
}

static struct mailbox_list_iterate_context *
shared_root_iter_init(struct mailbox_list *list, const char *const *patterns,
		      enum mailbox_list_iter_flags flags)
{
	struct shared_root *root = SHARED_ROOT(list);
	struct acl_mailbox_list *alist = ACL_LIST_CONTEXT(list);

	if (alist != NULL && has_changed(root))
		alist->last_shared_add_check = 0;
	return root->acl_iter_init(list, patterns, flags);
}

/* "#Shared/bob@example.test/x" names bob, who may not exist. */
static bool is_nobodys(struct mail_namespace *ns, const char *vname)
{
	const char *owner;

	if (strncmp(vname, ns->prefix, ns->prefix_len) != 0)
		return FALSE;
	owner = t_strcut(vname + ns->prefix_len, mail_namespace_get_sep(ns));
	return *owner == '\0' || user_lookup(ns->user, owner) == 0;
}

/* Settings that need a home, for one (mail_attribute_dict), make it fail with an internal error. */
COMPAT_LIST_GET_STORAGE(shared_root_get_storage)
{
	struct mailbox_list *root_list = *list;
	struct shared_root *root = SHARED_ROOT(root_list);
	const char *vname = compat_list_vname;
	int ret = compat_super_list_get_storage(root->module_ctx.super);

	if (ret < 0 && is_nobodys(root_list->ns, vname))
		mailbox_list_set_error(root_list, MAIL_ERROR_NOTFOUND,
				       T_MAIL_ERR_MAILBOX_NOT_FOUND(vname));
	return ret;
}

void shared_root_list_created(struct mailbox_list *list, const struct conf *conf,
			      struct policy_view *view)
{
	struct mailbox_list_vfuncs *v = list->vlast;
	struct shared_root *root;

	/* those of the owners are subject to ACLs, the root is not */
	if (list->ns->type != MAIL_NAMESPACE_TYPE_SHARED ||
	    (list->ns->flags & NAMESPACE_FLAG_NOACL) == 0)
		return;
	root = p_new(list->pool, struct shared_root, 1);
	root->index = shared_index_create(list->pool, conf);
	root->view = view;
	root->module_ctx.super = *v;
	list->vlast = &root->module_ctx.super;
	v->get_storage = shared_root_get_storage;
	/* in front of acl, though our hook comes after its */
	root->acl_iter_init = list->v.iter_init;
	list->v.iter_init = shared_root_iter_init;
	MODULE_CONTEXT_SET(list, shared_root_module, root);
}
