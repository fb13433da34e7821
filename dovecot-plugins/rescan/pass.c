#include "compat.h"
#include "pass.h"

#include "found.h"
#include "lib/file.h"
#include "lib/xalloc.h"
#include "report.h"
#include "scan.h"
#include "state.h"

#include <istream.h>
#include <mail-search.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SAVE_EVERY 200 /* messages after which the state is written, should we be killed */

struct question {
	struct scan *scan;
	uint32_t uid;
	int fd;
};

struct pass {
	struct rescan *rescan;
	struct mailbox *box;
	struct mailbox_transaction_context *t;
	struct mail *found; /* for what was scanned while the search went on */
	struct question questions[RESCAN_WORKERS_MAX]; /* a ring, the oldest at first */
	unsigned first, count;

	char *database;	      /* with which all of the pass is said to be scanned; NULL: unknown */
	uint32_t scanned_uid; /* all up to it were */
	bool gap;	      /* one after it was not */
	unsigned unsaved;
	bool expunges;		  /* something, at the end of the transaction */
	struct found_note *notes; /* about that */
};

static void failed(struct pass *pass, uint32_t uid, const char *problem)
{
	pass->rescan->errors++;
	e_error(pass->box->event, "rescan: uid %u: %s", uid, problem);
}

/* ---- from the mailbox to the scanner ---- */

static int copy_message(struct istream *input, int fd, const char **error_r)
{
	const unsigned char *data;
	size_t size;

	while (i_stream_read_more(input, &data, &size) > 0) {
		if (file_write_all(fd, (struct span){(const char *)data, size}) < 0) {
			*error_r = t_strdup_printf("write: %s", strerror(errno));
			return -1;
		}
		i_stream_skip(input, size);
	}
	if (input->stream_errno != 0) {
		*error_r = t_strdup_printf("read: %s", i_stream_get_error(input));
		return -1;
	}
	if (lseek(fd, 0, SEEK_SET) < 0) {
		*error_r = t_strdup_printf("lseek: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* The message as a descriptor the scanner can read, or -1 and *error_r. */
static int message_fd(struct mail *mail, const char **error_r)
{
	struct istream *input;
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
	if (copy_message(input, fd, error_r) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- what the scanner says ---- */

static void take_database(struct pass *pass, const struct scan_reply *reply)
{
	struct rescan *rescan = pass->rescan;

	if (reply->database == NULL)
		return;
	if (rescan->database == NULL || strcmp(rescan->database, reply->database) != 0) {
		free(rescan->database);
		rescan->database = xstrdup(reply->database);
	}
	if (pass->database == NULL && pass->scanned_uid == 0 && !pass->gap)
		pass->database = xstrdup(reply->database);
}

static bool remove_message(struct pass *pass, const struct question *question,
			   const struct scan_reply *reply)
{
	if (!mail_set_uid(pass->found, question->uid))
		return true;
	if (!found_keep(pass->rescan, pass->found, reply, question->fd, &pass->notes))
		return false;
	mail_expunge(pass->found);
	pass->expunges = true;
	pass->rescan->removed++;
	return true;
}

/* Returns false if it must be looked at again. */
static bool judge(struct pass *pass, const struct question *question,
		  const struct scan_reply *reply)
{
	struct rescan *rescan = pass->rescan;

	rescan->absent = reply->unreachable ? rescan->absent + 1 : 0;
	switch (reply->answer) {
	case SCAN_CLEAN:
		rescan->scanned++;
		return true;
	case SCAN_INFECTED:
		rescan->scanned++;
		return remove_message(pass, question, reply);
	case SCAN_LIMITED:
		rescan->limited++;
		e_warning(pass->box->event, "rescan: uid %u was not scanned in full: %s",
			  question->uid, reply->text);
		return true;
	case SCAN_UNDECIDED:
		break;
	}
	rescan->undecided++;
	e_error(pass->box->event, "rescan: uid %u was not scanned: %s", question->uid, reply->text);
	if (rescan->absent == RESCAN_GIVE_UP)
		e_error(rescan->event, "rescan: there is no scanner: given up");
	return false;
}

/* ---- the state ---- */

static bool keeps_state(const struct pass *pass)
{
	return !pass->rescan->dry_run && !pass->rescan->partial && pass->database != NULL;
}

static int save(struct pass *pass)
{
	pass->unsaved = 0;
	if (!keeps_state(pass) || pass->scanned_uid == 0)
		return 0;
	return state_write(pass->box, pass->database, pass->scanned_uid);
}

static void note_scanned(struct pass *pass, uint32_t uid, bool done)
{
	pass->gap = pass->gap || !done;
	if (!pass->gap)
		pass->scanned_uid = uid;
	/* What waits for its expunge is not done yet. */
	if (++pass->unsaved >= SAVE_EVERY && !pass->expunges && save(pass) < 0)
		failed(pass, uid, mailbox_get_last_internal_error(pass->box, NULL));
}

/* ---- the ring ---- */

static void finish_oldest(struct pass *pass)
{
	struct question *question = &pass->questions[pass->first];
	struct scan_reply reply;
	bool done;

	pass->first = (pass->first + 1) % RESCAN_WORKERS_MAX;
	pass->count--;
	scan_finish(&question->scan, pass->rescan->timeout, &reply);
	take_database(pass, &reply);
	done = judge(pass, question, &reply);
	note_scanned(pass, question->uid, done);
	scan_reply_free(&reply);
	close(question->fd);
	report_progress(pass->rescan);
}

static void ask(struct pass *pass, struct mail *mail)
{
	struct question *question;
	const char *error = NULL;
	int fd = message_fd(mail, &error);

	while (pass->count >= (fd < 0 ? 1 : pass->rescan->workers))
		finish_oldest(pass);
	if (fd < 0) {
		if (!mail->expunged)
			failed(pass, mail->uid, error);
		note_scanned(pass, mail->uid, mail->expunged);
		return;
	}
	question = &pass->questions[(pass->first + pass->count++) % RESCAN_WORKERS_MAX];
	*question = (struct question){
		.scan = scan_begin(&pass->rescan->scanner, fd),
		.uid = mail->uid,
		.fd = fd,
	};
}

/* ---- the mailbox ---- */

static int search(struct pass *pass)
{
	struct rescan *rescan = pass->rescan;
	struct mail_search_context *context;
	uint32_t from = pass->scanned_uid;
	struct mail *mail;

	mail_search_args_init(rescan->search_args, pass->box, false, NULL);
	context = mailbox_search_init(pass->t, rescan->search_args, NULL, 0, NULL);
	while (!rescan_stops(rescan) && mailbox_search_next(context, &mail)) {
		if (mail->uid <= from) {
			rescan->skipped++;
			continue;
		}
		T_BEGIN
		{
			ask(pass, mail);
		}
		T_END;
	}
	while (pass->count > 0)
		finish_oldest(pass);
	return mailbox_search_deinit(&context);
}

static int search_and_expunge(struct pass *pass)
{
	int ret;

	pass->t = mailbox_transaction_begin(pass->box, 0, "rescan");
	pass->found = mail_alloc(pass->t, 0, NULL);
	ret = search(pass);
	mail_free(&pass->found);
	mail_search_args_deinit(pass->rescan->search_args);
	if (mailbox_transaction_commit(&pass->t) < 0)
		ret = -1;
	if (mailbox_sync(pass->box, MAILBOX_SYNC_FLAG_EXPUNGE) < 0)
		ret = -1;
	return ret;
}

/* Nothing new in it since the last time. */
static bool is_known(struct pass *pass)
{
	struct mailbox_status status;

	mailbox_get_open_status(pass->box, STATUS_UIDNEXT | STATUS_MESSAGES, &status);
	if (pass->rescan->partial || status.uidnext > pass->scanned_uid + 1)
		return status.messages == 0;
	pass->rescan->skipped += status.messages;
	return true;
}

int pass_run(struct rescan *rescan, struct mailbox *box)
{
	struct pass pass = {.rescan = rescan, .box = box};
	int ret = 0;

	if (!rescan->asked)
		rescan->database = scan_database(&rescan->scanner, rescan->timeout);
	rescan->asked = true;
	if (rescan->database != NULL) {
		pass.database = xstrdup(rescan->database);
		pass.scanned_uid = rescan->again ? 0 : state_read(box, pass.database);
	}
	if (!is_known(&pass)) {
		ret = search_and_expunge(&pass);
		if (ret == 0)
			ret = save(&pass);
		if (ret == 0)
			found_tell(rescan, pass.notes);
	}
	found_notes_free(&pass.notes);
	free(pass.database);
	return ret;
}
