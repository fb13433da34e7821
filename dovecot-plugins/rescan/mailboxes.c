#include "compat.h"
#include "mailboxes.h"

#include "pass.h"

#include <mail-namespace.h>
#include <mailbox-list-iter.h>

/* It shows what other mailboxes hold, and has nothing of its own. */
static bool is_virtual(const struct mailbox *box)
{
	return strcmp(box->storage->name, "virtual") == 0;
}

static int rescan_open_mailbox(struct rescan *rescan, struct mailbox *box)
{
	if (mailbox_open(box) < 0)
		return -1;
	if (is_virtual(box))
		return 0;
	rescan->mailboxes++;
	if (mailbox_sync(box, MAILBOX_SYNC_FLAG_FULL_READ) < 0)
		return -1;
	return pass_run(rescan, box);
}

static void rescan_mailbox(struct rescan *rescan, struct mail_namespace *ns, const char *vname)
{
	struct mailbox *box = mailbox_alloc(ns->list, vname, MAILBOX_FLAG_IGNORE_ACLS);

	if (rescan_open_mailbox(rescan, box) < 0) {
		enum mail_error error;
		const char *text = mailbox_get_last_internal_error(box, &error);

		/* deleted since it was listed */
		if (error != MAIL_ERROR_NOTFOUND) {
			rescan->errors++;
			e_error(box->event, "rescan: %s", text);
		}
	}
	mailbox_free(&box);
}

static void rescan_namespace(struct rescan *rescan, struct mail_namespace *ns)
{
	const enum mailbox_list_iter_flags flags = MAILBOX_LIST_ITER_RAW_LIST |
						   MAILBOX_LIST_ITER_NO_AUTO_BOXES |
						   MAILBOX_LIST_ITER_SKIP_ALIASES;
	struct mailbox_list_iterate_context *iter = mailbox_list_iter_init(ns->list, "*", flags);
	const struct mailbox_info *info;

	while (!rescan_stops(rescan) && (info = mailbox_list_iter_next(iter)) != NULL) {
		if ((info->flags & (MAILBOX_NOSELECT | MAILBOX_NONEXISTENT)) != 0)
			continue;
		T_BEGIN
		{
			rescan_mailbox(rescan, ns, info->vname);
		}
		T_END;
	}
	if (mailbox_list_iter_deinit(&iter) < 0) {
		rescan->errors++;
		e_error(ns->user->event, "rescan: cannot list %s: %s", ns->prefix,
			mailbox_list_get_last_internal_error(ns->list, NULL));
	}
}

void rescan_user(struct rescan *rescan, struct mail_user *user)
{
	bool with_public = !rescan->public_done;

	rescan->users++;
	for (struct mail_namespace *ns = user->namespaces; ns != NULL; ns = ns->next) {
		if (ns->alias_for != NULL)
			continue;
		if (ns->type == MAIL_NAMESPACE_TYPE_PRIVATE) {
			rescan_namespace(rescan, ns);
		} else if (ns->type == MAIL_NAMESPACE_TYPE_PUBLIC && with_public) {
			rescan_namespace(rescan, ns);
			rescan->public_done = true;
		}
	}
}
