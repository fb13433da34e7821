#include "compat.h"
#include "nobody.h"

#include <imap-match.h>
#include <mail-namespace.h>
#include <mailbox-list-iter-private.h>
#include <mailbox-list-private.h>

static bool is_nobodys(const struct mail_namespace *ns)
{
	return ns->type == MAIL_NAMESPACE_TYPE_SHARED &&
	       (ns->flags & NAMESPACE_FLAG_UNUSABLE) != 0 &&
	       (ns->flags & NAMESPACE_FLAG_AUTOCREATED) != 0 && ns->owner != NULL &&
	       ns->owner->nonexistent;
}

static bool has_subscriptions_only(const struct mail_namespace *ns)
{
	return ns->prefix_len == 0 && (ns->flags & NAMESPACE_FLAG_INBOX_USER) == 0 &&
	       ns->set->name != NULL && strcmp(ns->set->name, SUBSCRIPTIONS_NAMESPACE) == 0;
}

/* ---- nothing to list ---- */

static struct mailbox_list_iterate_context *empty_iter_init(struct mailbox_list *list,
							    const char *const *patterns,
							    enum mailbox_list_iter_flags flags)
{
	pool_t pool = pool_alloconly_create("shoveler empty list", 1024);
	struct mailbox_list_iterate_context *iter =
		p_new(pool, struct mailbox_list_iterate_context, 1);

	iter->pool = pool;
	iter->list = list;
	iter->flags = flags;
	iter->glob = imap_match_init_multiple(pool, patterns, TRUE,
					      mailbox_list_get_hierarchy_sep(list));
	array_create(&iter->module_contexts, pool, sizeof(void *), 5);
	return iter;
}

static const struct mailbox_info *
empty_iter_next(struct mailbox_list_iterate_context *iter ATTR_UNUSED)
{
	return NULL;
}

static int empty_iter_deinit(struct mailbox_list_iterate_context *iter)
{
	pool_unref(&iter->pool);
	return 0;
}

void nobody_list_created(struct mailbox_list *list)
{
	if (!is_nobodys(list->ns))
		return;
	list->v.iter_init = empty_iter_init;
	list->v.iter_next = empty_iter_next;
	list->v.iter_deinit = empty_iter_deinit;
	/* the root of indexes cannot be made either */
	list->index_root_dir_created = TRUE;
	list->list_index_root_dir_created = TRUE;
	/* CREATE and DELETE lock the list in a folder that cannot be made: it is locked already */
	list->lock_refcount++;
}

/* ---- no folder exists ---- */

bool nobody_has(struct mailbox *box)
{
	const struct mail_namespace *ns = mailbox_get_namespace(box);

	return is_nobodys(ns) || has_subscriptions_only(ns);
}

static int not_found(struct mailbox *box)
{
	mail_storage_set_error(box->storage, MAIL_ERROR_NOTFOUND,
			       T_MAIL_ERR_MAILBOX_NOT_FOUND(box->vname));
	return -1;
}

static int nobody_exists(struct mailbox *box ATTR_UNUSED, bool auto_boxes ATTR_UNUSED,
			 enum mailbox_existence *existence_r)
{
	*existence_r = MAILBOX_EXISTENCE_NONE;
	return 0;
}

static int nobody_create(struct mailbox *box, const struct mailbox_update *update ATTR_UNUSED,
			 bool directory ATTR_UNUSED)
{
	return not_found(box);
}

static int nobody_rename(struct mailbox *src, struct mailbox *dest ATTR_UNUSED)
{
	return not_found(src);
}

void nobody_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = &box->v; /* in front of all others: no index is opened */

	if (!nobody_has(box))
		return;
	v->exists = nobody_exists;
	v->open = not_found;
	v->create_box = nobody_create;
	v->delete_box = not_found;
	v->rename_box = nobody_rename;
}
