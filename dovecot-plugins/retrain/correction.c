#include "compat.h"
#include "correction.h"

#include "../plugin_conf.h"
#include "folder.h"

#include <stdlib.h>
#include <time.h>

#define SIGNATURE_HEADER "X-DSPAM-Signature"
#define SIGNATURE_SIZE	 24		 /* 8 hex digits of time, 16 random */
#define SIGNATURE_FRESH	 (7 * 24 * 3600) /* seconds a signature does without the message */

struct correction_transaction {
	union mailbox_transaction_module_context module_ctx;
	struct pending *pending;
};

static MODULE_CONTEXT_DEFINE_INIT(correction_module, &mail_storage_module_register);

const char *correction_signature(struct mail *mail)
{
	const char *value;

	if (mail_get_first_header(mail, SIGNATURE_HEADER, &value) <= 0)
		return "";
	value = t_str_trim(value, " \t");
	if (strlen(value) != SIGNATURE_SIZE || strspn(value, "0123456789abcdef") != SIGNATURE_SIZE)
		return "";
	return value;
}

/* Will spamtraind still know it, also if it takes the correction some days later? */
static bool is_fresh(const struct conf *conf, const char *signature)
{
	int64_t fresh = conf_number(conf, P_SIGNATURE_RETENTION) / 2;
	time_t issued;

	if (signature[0] == '\0')
		return false;
	issued = (time_t)strtoull(t_strndup(signature, 8), NULL, 16);
	return time(NULL) - issued < (fresh < SIGNATURE_FRESH ? fresh : SIGNATURE_FRESH);
}

static struct pending *transaction_pending(struct mailbox_transaction_context *t, const char *spool)
{
	struct correction_transaction *ct = MODULE_CONTEXT(t, correction_module);

	if (ct == NULL) {
		ct = i_new(struct correction_transaction, 1);
		MODULE_CONTEXT_SET(t, correction_module, ct);
	}
	if (ct->pending == NULL)
		ct->pending = pending_create(spool, plugin_user_name(folder_owner(t->box)),
					     mailbox_get_vname(t->box));
	return ct->pending;
}

struct pending *correction_note(struct mailbox_transaction_context *t, const struct conf *conf,
				enum retrain_class class, struct mail *mail)
{
	struct pending *pending = transaction_pending(t, conf_text(conf, P_RETRAIN_SPOOL));
	const char *signature = correction_signature(mail);
	struct istream *message = NULL;

	if (!is_fresh(conf, signature) &&
	    mail_get_stream_because(mail, NULL, NULL, "retraining", &message) < 0)
		message = NULL;
	pending_add(pending, class, signature, message);
	return pending;
}

struct pending *correction_take(struct mailbox_transaction_context *t)
{
	struct correction_transaction *ct = MODULE_CONTEXT(t, correction_module);
	struct pending *pending = NULL;

	if (ct != NULL) {
		pending = ct->pending;
		MODULE_CONTEXT_UNSET(t, correction_module);
		i_free(ct);
	}
	return pending;
}
