#include "compat.h"
#include "acl_list.h"

#include <istream.h>
#include <mail-namespace.h>
#include <mailbox-list-private.h>

#include <acl-api-private.h>

#include <fcntl.h>

#define LIST_FILE "/dovecot-acl-list"

struct list_iter {
	struct acl_mailbox_list_context ctx;
	struct acl_mailbox_list_context *stock; /* if it must do the work */
	pool_t pool;
	ARRAY_TYPE(const_string) names;
	unsigned int index;
};

static struct acl_backend_vfuncs stock;

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
