#include "compat.h"
#include "shared_root.h"

#include "policy_view.h"
#include "shared_index.h"

#include <mail-namespace.h>
#include <mailbox-list-private.h>

#include <acl-plugin.h>

#define SHARED_ROOT(obj) MODULE_CONTEXT_REQUIRE(obj, shared_root_module)

struct shared_root {
	union mailbox_list_module_context module_ctx;
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
	return root->module_ctx.super.iter_init(list, patterns, flags);
}

void shared_root_list_created(struct mailbox_list *list, const struct conf *conf,
			      struct policy_view *view)
{
	struct shared_root *root;

	/* those of the owners are subject to ACLs, the root is not */
	if (list->ns->type != MAIL_NAMESPACE_TYPE_SHARED ||
	    (list->ns->flags & NAMESPACE_FLAG_NOACL) == 0)
		return;
	root = p_new(list->pool, struct shared_root, 1);
	root->index = shared_index_create(list->pool, conf);
	root->view = view;
	/* in front of acl, though our hook comes after its */
	root->module_ctx.super = list->v;
	list->v.iter_init = shared_root_iter_init;
	MODULE_CONTEXT_SET(list, shared_root_module, root);
}
