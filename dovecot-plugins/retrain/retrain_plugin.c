/*
 * retrain - a Dovecot plugin that turns what users do with Junk into lessons for their filter.
 *
 * What it does: in IMAP sessions, a message that is copied or moved into Junk is reported as spam,
 * one that leaves Junk as innocent, except for Trash; within Junk nothing happens. See folder.h for
 * what Junk is. Other people's folders, delivery, Sieve, dsync, doveadm, lazy_expunge and
 * autoexpunge train nobody.
 *
 * How: it overrides copy and the transaction of each mailbox. What copy saw waits in a struct
 * pending that hangs on the transaction; only after the commit succeeded it goes into the retrain
 * spool (lib/retrain_spool.h), from where spamtraind takes it whenever it runs. So nothing here
 * ever waits for another process.
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
#include "folder.h"
#include "pending.h"

#include <mail-namespace.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define RETRAIN_CONTEXT(obj)	 MODULE_CONTEXT_REQUIRE(obj, retrain_storage_module)
#define RETRAIN_CONTEXT_MAY(obj) MODULE_CONTEXT(obj, retrain_storage_module)
#define SIGNATURE_HEADER	 "X-DSPAM-Signature"
#define SIGNATURE_SIZE		 24		 /* 8 hex digits of time, 16 random */
#define SIGNATURE_FRESH		 (7 * 24 * 3600) /* seconds a signature does without the message */

struct retrain_mailbox {
	union mailbox_module_context module_ctx;
	enum folder_kind kind;
	bool kind_known;
};

struct retrain_transaction {
	union mailbox_transaction_module_context module_ctx;
	struct pending *pending;
};

PLUGIN_EXPORT void shoveler_retrain_plugin_init(struct module *module);
PLUGIN_EXPORT void shoveler_retrain_plugin_deinit(void);
PLUGIN_EXPORT extern const char *shoveler_retrain_plugin_version;

static MODULE_CONTEXT_DEFINE_INIT(retrain_storage_module, &mail_storage_module_register);

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

/* Is this a COPY or MOVE of the client, and not a plugin's or a synchronisation's? */
static bool is_users_command(const struct mail_save_context *ctx)
{
	const struct mailbox_transaction_context *t = ctx->transaction;

	return !ctx->saving && !t->box->storage->user->dsyncing &&
	       (t->flags & MAILBOX_TRANSACTION_FLAG_ASSIGN_UIDS) != 0 &&
	       (t->flags & MAILBOX_TRANSACTION_FLAG_SYNC) == 0;
}

/* Returns our signature, or "" if there is none that could be ours. */
static const char *read_signature(struct mail *mail)
{
	const char *value;

	if (mail_get_first_header(mail, SIGNATURE_HEADER, &value) <= 0)
		return "";
	value = t_str_trim(value, " \t");
	if (strlen(value) != SIGNATURE_SIZE || strspn(value, "0123456789abcdef") != SIGNATURE_SIZE)
		return "";
	return value;
}

static bool is_fresh(const char *signature)
{
	time_t issued;

	if (signature[0] == '\0')
		return false;
	issued = (time_t)strtoull(t_strndup(signature, 8), NULL, 16);
	return time(NULL) - issued < SIGNATURE_FRESH;
}

static struct pending *transaction_pending(struct mailbox_transaction_context *t, const char *spool)
{
	struct retrain_transaction *rt = RETRAIN_CONTEXT_MAY(t);

	if (rt == NULL) {
		rt = i_new(struct retrain_transaction, 1);
		MODULE_CONTEXT_SET(t, retrain_storage_module, rt);
	}
	if (rt->pending == NULL)
		rt->pending =
			pending_create(spool, plugin_user_name(t->box->storage->user->username),
				       mailbox_get_vname(t->box));
	return rt->pending;
}

static void note_correction(struct pending *pending, enum retrain_class class, struct mail *mail)
{
	const char *signature = read_signature(mail);
	struct istream *message = NULL;

	if (!is_fresh(signature) &&
	    mail_get_stream_because(mail, NULL, NULL, "retraining", &message) < 0)
		message = NULL;
	pending_add(pending, class, signature, message);
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
	if (conf != NULL && is_users_command(ctx) &&
	    is_lesson(kind_of(conf, mail->box), kind_of(conf, box), &class)) {
		pending = transaction_pending(ctx->transaction, conf_text(conf, P_RETRAIN_SPOOL));
		note_correction(pending, class, mail);
	}
	ret = rbox->module_ctx.super.copy(ctx, mail);
	if (ret < 0 && pending != NULL)
		pending_drop_last(pending);
	return ret;
}

/* Takes the context off the transaction, which is freed by its end. */
static struct pending *take_pending(struct mailbox_transaction_context *t)
{
	struct retrain_transaction *rt = RETRAIN_CONTEXT_MAY(t);
	struct pending *pending = NULL;

	if (rt != NULL) {
		pending = rt->pending;
		MODULE_CONTEXT_UNSET(t, retrain_storage_module);
		i_free(rt);
	}
	return pending;
}

static void write_corrections(struct mailbox *box, struct pending *pending)
{
	size_t failures;
	char *error;

	failures = pending_write(pending, &error);
	if (failures == 0) {
		e_debug(box->event, "shoveler: retraining %zu messages", pending_count(pending));
		return;
	}
	e_error(box->event, "shoveler: %zu of %zu corrections are lost: %s", failures,
		pending_count(pending), error);
	free(error);
}

static int retrain_transaction_commit(struct mailbox_transaction_context *t,
				      struct mail_transaction_commit_changes *changes_r)
{
	struct mailbox *box = t->box;
	struct retrain_mailbox *rbox = RETRAIN_CONTEXT(box);
	struct pending *pending = take_pending(t);
	int ret = rbox->module_ctx.super.transaction_commit(t, changes_r);

	if (pending != NULL) {
		if (ret == 0)
			write_corrections(box, pending);
		pending_free(&pending);
	}
	return ret;
}

static void retrain_transaction_rollback(struct mailbox_transaction_context *t)
{
	struct retrain_mailbox *rbox = RETRAIN_CONTEXT(t->box);
	struct pending *pending = take_pending(t);

	if (pending != NULL)
		pending_free(&pending);
	rbox->module_ctx.super.transaction_rollback(t);
}

static bool is_imap_session(const struct mail_user *user)
{
	return strcmp(user->service, "imap") == 0 && !user->autocreated && user->creator == NULL;
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
			  "shoveler: no Junk folder: none has special_use \\Junk or a name of "
			  "junk_folders");
}

static struct mail_storage_hooks retrain_mail_storage_hooks = {
	.mail_namespaces_created = retrain_mail_namespaces_created,
	.mailbox_allocated = retrain_mailbox_allocated,
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
