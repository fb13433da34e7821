#include "compat.h"
#include "acl_list.h"

#include "index_entries.h"
#include "nobody.h"

#include <istream.h>
#include <mail-namespace.h>
#include <mailbox-list-private.h>

#include <acl-api-private.h>
#include <acl-cache.h>
#include <acl-plugin.h>

#include <fcntl.h>

#define LIST_FILE     "/dovecot-acl-list"
#define LIST_BOX(obj) MODULE_CONTEXT_REQUIRE(obj, acl_list_module)

struct list_iter {
	struct acl_mailbox_list_context ctx;
	struct acl_mailbox_list_context *stock; /* if it must do the work */
	pool_t pool;
	ARRAY_TYPE(const_string) names;
	unsigned int index;
};

static struct acl_backend_vfuncs stock;
static MODULE_CONTEXT_DEFINE_INIT(acl_list_module, &mail_storage_module_register);

static const char *list_path(struct acl_backend *backend)
{
	struct mail_namespace *ns = mailbox_list_get_namespace(backend->list);
	const char *root;

	/* of mailboxes that are files, or of a storage without files, the list lies elsewhere */
	if (mail_storage_is_mailbox_file(ns->storage) ||
	    (ns->storage->class_flags & MAIL_STORAGE_CLASS_FLAG_NO_ROOT) != 0 ||
	    !mailbox_list_get_root_path(backend->list, MAILBOX_LIST_PATH_TYPE_MAILBOX, &root))
		return NULL;
	return t_strconcat(root, LIST_FILE, NULL);
}

/* Lines of "<time> <name>". */
static bool read_names(struct list_iter *iter, int fd)
{
	struct istream *input = i_stream_create_fd_autoclose(&fd, SIZE_MAX);
	const char *line, *name;
	bool ok = TRUE;

	while (ok && (line = i_stream_read_next_line(input)) != NULL) {
		name = strchr(line, ' ');
		ok = name != NULL && name[1] != '\0';
		if (ok) {
			name = p_strdup(iter->pool, name + 1);
			array_push_back(&iter->names, &name);
		}
	}
	ok = ok && input->stream_errno == 0;
	i_stream_unref(&input);
	return ok;
}

static struct acl_mailbox_list_context *list_iter_init(struct acl_backend *backend)
{
	pool_t pool = pool_alloconly_create("shoveler acl list", 1024);
	struct list_iter *iter = p_new(pool, struct list_iter, 1);
	const char *path = list_path(backend);
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	iter->pool = pool;
	iter->ctx.backend = backend;
	p_array_init(&iter->names, pool, 16);
	if (fd == -1 || !read_names(iter, fd))
		iter->stock = stock.nonowner_lookups_iter_init(backend);
	return &iter->ctx;
}

static bool list_iter_next(struct acl_mailbox_list_context *ctx, const char **name_r)
{
	struct list_iter *iter = (struct list_iter *)ctx;

	if (iter->stock != NULL)
		return stock.nonowner_lookups_iter_next(iter->stock, name_r);
	if (iter->index == array_count(&iter->names))
		return FALSE;
	*name_r = array_idx_elem(&iter->names, iter->index++);
	return TRUE;
}

static int list_iter_deinit(struct acl_mailbox_list_context *ctx)
{
	struct list_iter *iter = (struct list_iter *)ctx;
	int ret;

	if (iter->stock != NULL)
		ret = stock.nonowner_lookups_iter_deinit(iter->stock);
	else
		ret = array_is_empty(&iter->names) ? 0 : 1;
	pool_unref(&iter->pool);
	return ret;
}

void acl_list_wrap(struct acl_backend_vfuncs *functions)
{
	stock = *functions;
	functions->nonowner_lookups_iter_init = list_iter_init;
	functions->nonowner_lookups_iter_next = list_iter_next;
	functions->nonowner_lookups_iter_deinit = list_iter_deinit;
}

/* ---- renamed and deleted folders ---- */

static struct acl_backend *box_backend(struct mailbox *box)
{
	struct acl_mailbox_list *alist = ACL_LIST_CONTEXT(box->list);

	return alist != NULL ? alist->rights.backend : NULL;
}

/* Is the folder, or one below it, shared with anybody? name: as in storage. */
static bool is_listed(struct acl_backend *backend, const char *name)
{
	struct acl_mailbox_list_context *iter = list_iter_init(backend);
	char separator = mailbox_list_get_hierarchy_sep(backend->list);
	size_t size = strlen(name);
	const char *listed;
	bool found = FALSE;

	while (!found && list_iter_next(iter, &listed))
		found = strncmp(listed, name, size) == 0 &&
			(listed[size] == '\0' || listed[size] == separator);
	(void)list_iter_deinit(iter);
	return found;
}

static void rebuild(struct acl_backend *backend)
{
	acl_cache_flush_all(backend->cache);
	(void)stock.nonowner_lookups_rebuild(backend);
	index_entries_follow(backend);
}

static int acl_list_rename_box(struct mailbox *src, struct mailbox *dest)
{
	union mailbox_module_context *lbox = LIST_BOX(src);
	struct acl_backend *from = box_backend(src), *to = box_backend(dest);
	bool listed = is_listed(from, src->name);
	int ret;

	if (nobody_has(dest)) {
		mail_storage_set_error(src->storage, MAIL_ERROR_NOTFOUND,
				       T_MAIL_ERR_MAILBOX_NOT_FOUND(dest->vname));
		return -1;
	}
	ret = lbox->super.rename_box(src, dest);
	if (ret < 0 || !listed)
		return ret;
	rebuild(from);
	if (to != NULL && to != from)
		rebuild(to);
	return ret;
}

static int acl_list_delete_box(struct mailbox *box)
{
	union mailbox_module_context *lbox = LIST_BOX(box);
	struct acl_backend *backend = box_backend(box);
	bool listed = is_listed(backend, box->name);
	int ret = lbox->super.delete_box(box);

	if (ret == 0 && listed)
		rebuild(backend);
	return ret;
}

void acl_list_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	union mailbox_module_context *lbox;

	if (box_backend(box) == NULL)
		return;
	lbox = p_new(box->pool, union mailbox_module_context, 1);
	lbox->super = *v;
	box->vlast = &lbox->super;
	v->rename_box = acl_list_rename_box;
	v->delete_box = acl_list_delete_box;
	MODULE_CONTEXT_SET_SELF(box, acl_list_module, lbox);
}
