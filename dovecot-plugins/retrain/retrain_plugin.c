/*
 * retrain - a Dovecot plugin that turns what users do with Junk into lessons for their filter.
 *
 * What it does: in IMAP sessions, a message that is copied or moved into Junk is reported as spam,
 * one that leaves Junk as innocent, except for Trash; within Junk nothing happens. See folder.h for
 * what Junk is. So does one that is appended to Junk with our signature, and one that is marked as
 * junk or not (keywords.h). Other people's folders (but see retrain_shared), delivery, Sieve,
 * dsync, doveadm, lazy_expunge and autoexpunge train nobody.
 *
 * How: it overrides copy, save and the transaction of each mailbox. What these saw waits in a
 * struct pending that hangs on the transaction; only after the commit succeeded it goes into the
 * retrain spool (lib/retrain_spool.h), from where spamtraind takes it whenever it runs. So nothing
 * here ever waits for another process.
 *
 * On errors: the user's command succeeds or fails as it would without the plugin. A correction that
 * cannot be spooled is lost and logged, one line a command. A configuration that makes the plugin
 * ineffective is logged at login.
 *
 * Who owns what: the pending corrections belong to the transaction's context and are freed at
 * commit and rollback; the configuration belongs to the process.
 */
#include "compat.h"

#include "../plugin_conf.h"
#include "correction.h"
#include "folder.h"
#include "keywords.h"
#include "queue.h"

#include <mail-namespace.h>

#include <errno.h>
#include <unistd.h>

#define RETRAIN_CONTEXT(obj)	  MODULE_CONTEXT_REQUIRE(obj, retrain_storage_module)
#define RETRAIN_CONTEXT_MAY(obj)  MODULE_CONTEXT(obj, retrain_storage_module)
#define RETRAIN_MAIL_CONTEXT(obj) MODULE_CONTEXT_REQUIRE(obj, retrain_mail_module)

struct retrain_mailbox {
	union mailbox_module_context module_ctx;
	enum folder_kind kind;
	bool kind_known;
};

PLUGIN_EXPORT void shoveler_retrain_plugin_init(struct module *module);
PLUGIN_EXPORT void shoveler_retrain_plugin_deinit(void);
PLUGIN_EXPORT extern const char *shoveler_retrain_plugin_version;

static MODULE_CONTEXT_DEFINE_INIT(retrain_storage_module, &mail_storage_module_register);
static MODULE_CONTEXT_DEFINE_INIT(retrain_mail_module, &mail_module_register);

/* ---- what is to be learned ---- */

static enum folder_kind kind_of(const struct conf *conf, struct mailbox *box)
{
	struct retrain_mailbox *rbox = RETRAIN_CONTEXT_MAY(box);

	if (rbox == NULL)
		return FOLDER_FOREIGN;
	if (!rbox->kind_known) {
		rbox->kind = folder_kind(conf, box);
		rbox->kind_known = true;
	}
	return rbox->kind;
}

static bool is_lesson(enum folder_kind from, enum folder_kind to, enum retrain_class *class_r)
{
	if (from == FOLDER_FOREIGN || to == FOLDER_FOREIGN || from == to)
		return false;
	if (to == FOLDER_JUNK) {
		*class_r = RETRAIN_SPAM;
		return true;
	}
	*class_r = RETRAIN_INNOCENT;
	return from == FOLDER_JUNK && to != FOLDER_TRASH;
}

/* Is this a COPY, MOVE or APPEND of the client, and not a plugin's or a synchronisation's? */
static bool is_users_command(const struct mailbox_transaction_context *t)
{
	return !t->box->storage->user->dsyncing &&
	       (t->flags & MAILBOX_TRANSACTION_FLAG_ASSIGN_UIDS) != 0 &&
	       (t->flags & MAILBOX_TRANSACTION_FLAG_SYNC) == 0;
}

/* ---- hooks ---- */

static int retrain_copy(struct mail_save_context *ctx, struct mail *mail)
{
	struct mailbox *box = ctx->transaction->box;
	struct retrain_mailbox *rbox = RETRAIN_CONTEXT(box);
	const struct conf *conf = plugin_conf_get(box->event);
	struct pending *pending = NULL;
	enum retrain_class class;
	int ret;

	/* mail is the real one also when the client selected a virtual folder */
	if (conf != NULL && !ctx->saving && is_users_command(ctx->transaction) &&
	    is_lesson(kind_of(conf, mail->box), kind_of(conf, box), &class) &&
	    strcmp(folder_owner(mail->box), folder_owner(box)) == 0)
		pending = correction_note(ctx->transaction, conf, class, mail);
	ret = rbox->module_ctx.super.copy(ctx, mail);
	if (ret < 0 && pending != NULL)
		pending_drop_last(pending);
	return ret;
}

/*
 * APPEND into Junk: from another account, or by a client that cannot copy. Only with a signature.
 */
static int retrain_save_finish(struct mail_save_context *ctx)
{
	struct mailbox_transaction_context *t = ctx->transaction;
	struct retrain_mailbox *rbox = RETRAIN_CONTEXT(t->box);
	const struct conf *conf = plugin_conf_get(t->box->event);
	struct mail *mail = ctx->copying_or_moving ? NULL : ctx->dest_mail;
	int ret = rbox->module_ctx.super.save_finish(ctx);

	if (ret == 0 && mail != NULL && conf != NULL && is_users_command(t) &&
	    conf_bool(conf, P_RETRAIN_APPENDED) && kind_of(conf, t->box) == FOLDER_JUNK &&
	    correction_signature(mail)[0] != '\0')
		(void)correction_note(t, conf, RETRAIN_SPAM, mail);
	return ret;
}

static void retrain_update_keywords(struct mail *mail, enum modify_type modify_type,
				    struct mail_keywords *keywords)
{
	union mail_module_context *rmail = RETRAIN_MAIL_CONTEXT((struct mail_private *)mail);
	const struct conf *conf = plugin_conf_get(mail->box->event);
	enum keyword_mark before = keyword_mark(mail_get_keywords(mail)), after;
	enum retrain_class class;

	rmail->super.update_keywords(mail, modify_type, keywords);
	after = keyword_mark(mail_get_keywords(mail));
	if (before != after && conf != NULL && !mail->box->storage->user->dsyncing &&
	    keyword_lesson(before, after, kind_of(conf, mail->box), &class))
		(void)correction_note(mail->transaction, conf, class, mail);
}

static int retrain_transaction_commit(struct mailbox_transaction_context *t,
				      struct mail_transaction_commit_changes *changes_r)
{
	struct mailbox *box = t->box;
	struct retrain_mailbox *rbox = RETRAIN_CONTEXT(box);
	struct pending *pending = correction_take(t);
	int ret = rbox->module_ctx.super.transaction_commit(t, changes_r);

	if (pending != NULL && ret == 0)
		queue_add(box->storage->user, pending);
	else if (pending != NULL)
		pending_free(&pending);
	return ret;
}

static void retrain_transaction_rollback(struct mailbox_transaction_context *t)
{
	struct retrain_mailbox *rbox = RETRAIN_CONTEXT(t->box);
	struct pending *pending = correction_take(t);

	if (pending != NULL)
		pending_free(&pending);
	rbox->module_ctx.super.transaction_rollback(t);
}

static bool is_imap_session(const struct mail_user *user)
{
	return strcmp(user->service, "imap") == 0 && !user->autocreated && user->creator == NULL;
}

static void retrain_mail_allocated(struct mail *mail)
{
	struct mail_private *private = (struct mail_private *)mail;
	struct mail_vfuncs *v = private->vlast;
	const struct conf *conf;
	union mail_module_context *rmail;

	if (RETRAIN_CONTEXT_MAY(mail->box) == NULL ||
	    (mail->transaction->flags & MAILBOX_TRANSACTION_FLAG_SYNC) != 0 ||
	    (conf = plugin_conf_get(mail->box->event)) == NULL ||
	    !conf_bool(conf, P_RETRAIN_KEYWORDS))
		return;
	rmail = p_new(private->pool, union mail_module_context, 1);
	rmail->super = *v;
	private->vlast = &rmail->super;
	v->update_keywords = retrain_update_keywords;
	MODULE_CONTEXT_SET_SELF(private, retrain_mail_module, rmail);
}

static void retrain_mail_user_created(struct mail_user *user)
{
	if (is_imap_session(user))
		queue_user_created(user);
}

static void retrain_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	struct retrain_mailbox *rbox;

	if (!is_imap_session(box->storage->user))
		return;
	rbox = p_new(box->pool, struct retrain_mailbox, 1);
	rbox->module_ctx.super = *v;
	box->vlast = &rbox->module_ctx.super;
	v->copy = retrain_copy;
	v->save_finish = retrain_save_finish;
	v->transaction_commit = retrain_transaction_commit;
	v->transaction_rollback = retrain_transaction_rollback;
	MODULE_CONTEXT_SET(box, retrain_storage_module, rbox);
}

/* At login: a plugin that can do nothing must not be silent about it. */
static void retrain_mail_namespaces_created(struct mail_namespace *namespaces)
{
	struct mail_user *user = namespaces->user;
	const struct conf *conf;
	const char *folder;

	if (!is_imap_session(user) || (conf = plugin_conf_get(user->event)) == NULL)
		return;
	folder = t_strconcat(conf_text(conf, P_RETRAIN_SPOOL), "/new", NULL);
	if (access(folder, W_OK | X_OK) < 0)
		e_error(user->event, "shoveler: moving mail to Junk teaches nothing: %s: %s",
			folder, strerror(errno));
	if (!folder_user_has_junk(conf, user))
		e_warning(user->event,
			  "shoveler: no Junk folder: none that is there has special_use \\Junk or a "
			  "name of junk_folders, so nothing can be moved to it");
}

static struct mail_storage_hooks retrain_mail_storage_hooks = {
	.mail_user_created = retrain_mail_user_created,
	.mail_namespaces_created = retrain_mail_namespaces_created,
	.mailbox_allocated = retrain_mailbox_allocated,
	.mail_allocated = retrain_mail_allocated,
};

void shoveler_retrain_plugin_init(struct module *module)
{
	mail_storage_hooks_add(module, &retrain_mail_storage_hooks);
}

void shoveler_retrain_plugin_deinit(void)
{
	mail_storage_hooks_remove(&retrain_mail_storage_hooks);
	plugin_conf_deinit();
}

const char *shoveler_retrain_plugin_version = DOVECOT_ABI_VERSION;
