#include "compat.h"
#include "mailboxes.h"

#include "../plugin_conf.h"
#include "lib/file.h"
#include "lib/xalloc.h"
#include "removed.h"
#include "scan.h"

#include <istream.h>
#include <mail-namespace.h>
#include <mail-search.h>
#include <mailbox-list-iter.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void failed(struct rescan *rescan, struct mailbox *box, uint32_t uid, const char *problem)
{
	rescan->errors++;
	e_error(box->event, "rescan: uid %u: %s", uid, problem);
}

/* The message as a descriptor the scanner can read, or -1 and *error_r. */
static int message_fd(struct mail *mail, const char **error_r)
{
	struct istream *input;
	const unsigned char *data;
	size_t size;
	int fd;

	if (mail_get_stream_because(mail, NULL, NULL, "rescan", &input) < 0) {
		*error_r = mailbox_get_last_internal_error(mail->box, NULL);
		return -1;
	}
	fd = memfd_create("rescan", MFD_CLOEXEC);
	if (fd < 0) {
		*error_r = t_strdup_printf("memfd_create: %s", strerror(errno));
		return -1;
	}
	while (i_stream_read_more(input, &data, &size) > 0) {
		if (file_write_all(fd, (struct span){(const char *)data, size}) < 0) {
			*error_r = t_strdup_printf("write: %s", strerror(errno));
			close(fd);
			return -1;
		}
		i_stream_skip(input, size);
	}
	if (input->stream_errno != 0) {
		*error_r = t_strdup_printf("read: %s", i_stream_get_error(input));
		close(fd);
		return -1;
	}
	if (lseek(fd, 0, SEEK_SET) < 0) {
		*error_r = t_strdup_printf("lseek: %s", strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

struct rescan_signature {
	struct rescan_signature *next;
	char *name;
	int64_t count; /* of messages it was found in */
};

static struct rescan_signature *count_signature(struct rescan *rescan, const char *name)
{
	struct rescan_signature *signature = rescan->signatures;

	while (signature != NULL && strcmp(signature->name, name) != 0)
		signature = signature->next;
	if (signature == NULL) {
		signature = xcalloc(1, sizeof(*signature));
		signature->name = xstrdup(name);
		signature->next = rescan->signatures;
		rescan->signatures = signature;
	}
	signature->count++;
	return signature;
}

void rescan_free(struct rescan *rescan)
{
	while (rescan->signatures != NULL) {
		struct rescan_signature *signature = rescan->signatures;

		rescan->signatures = signature->next;
		free(signature->name);
		free(signature);
	}
	free(rescan->database);
	rescan->database = NULL;
}

/* A signature that is found everywhere is more likely wrong than right: its messages stay. */
static bool is_braked(struct rescan *rescan, struct mailbox *box, const char *name)
{
	const struct rescan_signature *signature = count_signature(rescan, name);

	if (rescan->brake == 0 || signature->count <= rescan->brake)
		return false;
	if (signature->count == rescan->brake + 1)
		e_error(box->event,
			"rescan: %s was found in more than %lld messages: the others "
			"stay (virus_brake)",
			name, (long long)rescan->brake);
	rescan->braked++;
	return true;
}

static void remove_message(struct rescan *rescan, struct mail *mail, const struct scan_reply *reply,
			   int fd)
{
	struct mailbox *box = mail->box;
	const struct removed_message message = {
		.user = plugin_user_name(box->storage->user->username),
		.mailbox = mailbox_get_vname(box),
		.signature = reply->text,
		.database = reply->database != NULL ? reply->database : "",
		.uid = mail->uid,
	};
	char *error;

	rescan->infected++;
	e_warning(box->event, "rescan: uid %u is infected: %s%s", mail->uid, reply->text,
		  rescan->dry_run ? " (stays: dry run)" : "");
	if (is_braked(rescan, box, reply->text) || rescan->dry_run)
		return;
	if (removed_save(rescan->directory, &message, fd, &error) < 0) {
		failed(rescan, box, mail->uid, error);
		free(error);
		return;
	}
	mail_expunge(mail);
	rescan->removed++;
}

static void rescan_mail(struct rescan *rescan, struct mail *mail)
{
	struct scan_reply reply;
	const char *error;
	int fd = message_fd(mail, &error);

	if (fd < 0) {
		if (!mail->expunged)
			failed(rescan, mail->box, mail->uid, error);
		return;
	}
	scan_message(&rescan->scanner, rescan->timeout, fd, &reply);
	if (reply.database != NULL) {
		free(rescan->database);
		rescan->database = xstrdup(reply.database);
	}
	if (reply.answer == SCAN_LIMITED) {
		rescan->limited++;
		e_warning(mail->box->event, "rescan: uid %u was not scanned in full: %s", mail->uid,
			  reply.text);
	} else if (reply.answer == SCAN_UNDECIDED) {
		rescan->undecided++;
		e_error(mail->box->event, "rescan: uid %u was not scanned: %s", mail->uid,
			reply.text);
	} else {
		rescan->scanned++;
	}
	if (reply.answer == SCAN_INFECTED)
		remove_message(rescan, mail, &reply, fd);
	scan_reply_free(&reply);
	close(fd);
}

static int rescan_open_mailbox(struct rescan *rescan, struct mailbox *box)
{
	struct mailbox_transaction_context *t;
	struct mail_search_context *search;
	struct mail *mail;
	int ret = 0;

	mail_search_args_init(rescan->search_args, box, false, NULL);
	t = mailbox_transaction_begin(box, 0, "rescan");
	search = mailbox_search_init(t, rescan->search_args, NULL, 0, NULL);
	while (!rescan->stop() && mailbox_search_next(search, &mail)) {
		T_BEGIN
		{
			rescan_mail(rescan, mail);
		}
		T_END;
	}
	if (mailbox_search_deinit(&search) < 0)
		ret = -1;
	if (mailbox_transaction_commit(&t) < 0)
		ret = -1;
	mail_search_args_deinit(rescan->search_args);
	return ret;
}

static void rescan_mailbox(struct rescan *rescan, struct mail_namespace *ns, const char *vname)
{
	struct mailbox *box = mailbox_alloc(ns->list, vname, MAILBOX_FLAG_IGNORE_ACLS);

	rescan->mailboxes++;
	if (mailbox_open(box) < 0 || mailbox_sync(box, MAILBOX_SYNC_FLAG_FULL_READ) < 0 ||
	    rescan_open_mailbox(rescan, box) < 0 ||
	    mailbox_sync(box, MAILBOX_SYNC_FLAG_EXPUNGE) < 0) {
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

	while (!rescan->stop() && (info = mailbox_list_iter_next(iter)) != NULL) {
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
