#include "compat.h"
#include "revoked.h"

#include <mail-namespace.h>
#include <mailbox-list-private.h>

#include <acl-plugin.h>

#define REVOKED_BOX(obj)  MODULE_CONTEXT_REQUIRE(obj, revoked_module)
#define REVOKED_MAIL(obj) MODULE_CONTEXT_REQUIRE(obj, revoked_mail_module)

struct revoked_mailbox {
	union mailbox_module_context module_ctx;
	bool was_readable; /* at an earlier synchronisation */
};

struct revoked_search {
	union mail_search_module_context module_ctx;
	bool denied;
};

static MODULE_CONTEXT_DEFINE_INIT(revoked_module, &mail_storage_module_register);
static MODULE_CONTEXT_DEFINE_INIT(revoked_mail_module, &mail_module_register);

static bool applies(struct mailbox *box)
{
	struct acl_mailbox *abox = ACL_CONTEXT(box);

	return mailbox_get_namespace(box)->type != MAIL_NAMESPACE_TYPE_PRIVATE && abox != NULL &&
	       abox->acl_enabled;
}

/* FETCH, SEARCH, SORT, THREAD, STORE, COPY and MOVE all begin with a search. */
static struct mail_search_context *
revoked_search_init(struct mailbox_transaction_context *t, struct mail_search_args *args,
		    const enum mail_sort_type *sort_program, enum mail_fetch_field wanted_fields,
		    struct mailbox_header_lookup_ctx *wanted_headers)
{
	struct revoked_mailbox *rbox = REVOKED_BOX(t->box);
	struct mail_search_context *ctx = rbox->module_ctx.super.search_init(
		t, args, sort_program, wanted_fields, wanted_headers);
	struct revoked_search *search = i_new(struct revoked_search, 1);

	search->denied = acl_mailbox_right_lookup(t->box, ACL_STORAGE_RIGHT_READ) == 0;
	MODULE_CONTEXT_SET(ctx, revoked_module, search);
	return ctx;
}

static bool revoked_search_next(struct mail_search_context *ctx, struct mail **mail_r,
				bool *tryagain_r)
{
	struct revoked_mailbox *rbox = REVOKED_BOX(ctx->transaction->box);
	struct revoked_search *search = MODULE_CONTEXT_REQUIRE(ctx, revoked_module);

	if (search->denied) {
		*tryagain_r = FALSE;
		return FALSE;
	}
	return rbox->module_ctx.super.search_next_nonblock(ctx, mail_r, tryagain_r);
}

static int revoked_search_deinit(struct mail_search_context *ctx)
{
	struct mailbox *box = ctx->transaction->box;
	struct revoked_mailbox *rbox = REVOKED_BOX(box);
	struct revoked_search *search = MODULE_CONTEXT_REQUIRE(ctx, revoked_module);
	bool denied = search->denied;
	int ret;

	i_free(search);
	ret = rbox->module_ctx.super.search_deinit(ctx);
	if (!denied)
		return ret;
	mail_storage_set_error(box->storage, MAIL_ERROR_PERM, MAIL_ERRSTR_NO_PERMISSION);
	return -1;
}

/* As if it could not be opened: then nobody asks for what changed, nor for how many messages. */
static struct mailbox_sync_context *refused_sync(struct mailbox *box, enum mailbox_sync_flags flags)
{
	struct mailbox_sync_context *ctx = i_new(struct mailbox_sync_context, 1);

	ctx->box = box;
	ctx->flags = flags;
	ctx->open_failed = TRUE;
	mail_storage_set_error(box->storage, MAIL_ERROR_PERM, MAIL_ERRSTR_NO_PERMISSION);
	return ctx;
}

/* NOOP, IDLE and the end of each command. Who may only insert was never a reader. */
static struct mailbox_sync_context *revoked_sync_init(struct mailbox *box,
						      enum mailbox_sync_flags flags)
{
	struct revoked_mailbox *rbox = REVOKED_BOX(box);

	if (acl_mailbox_right_lookup(box, ACL_STORAGE_RIGHT_READ) != 0)
		rbox->was_readable = TRUE;
	else if (rbox->was_readable)
		return refused_sync(box, flags);
	return rbox->module_ctx.super.sync_init(box, flags);
}

void revoked_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	struct revoked_mailbox *rbox;

	if (!applies(box))
		return;
	rbox = p_new(box->pool, struct revoked_mailbox, 1);
	rbox->module_ctx.super = *v;
	box->vlast = &rbox->module_ctx.super;
	v->sync_init = revoked_sync_init;
	v->search_init = revoked_search_init;
	v->search_next_nonblock = revoked_search_next;
	v->search_deinit = revoked_search_deinit;
	MODULE_CONTEXT_SET(box, revoked_module, rbox);
}

/* CATENATE takes a message of the selected folder by its number, without a search. */
static bool revoked_set_uid(struct mail *_mail, uint32_t uid)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	union mail_module_context *rmail = REVOKED_MAIL(mail);

	return acl_mailbox_right_lookup(_mail->box, ACL_STORAGE_RIGHT_READ) != 0 &&
	       rmail->super.set_uid(_mail, uid);
}

void revoked_mail_allocated(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct mail_vfuncs *v = mail->vlast;
	union mail_module_context *rmail;

	if (!applies(_mail->box))
		return;
	rmail = p_new(mail->pool, union mail_module_context, 1);
	rmail->super = *v;
	mail->vlast = &rmail->super;
	v->set_uid = revoked_set_uid;
	MODULE_CONTEXT_SET_SELF(mail, revoked_mail_module, rmail);
}
