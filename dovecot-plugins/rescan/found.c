#include "compat.h"
#include "found.h"

#include "../plugin_conf.h"
#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "removed.h"
#include "scan.h"

#include <mail-namespace.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define HISTORY_CONNECT_MS 5000
#define HISTORY_TIMEOUT_S  10

/* ---- a signature that is found everywhere ---- */

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

void found_forget(struct rescan *rescan)
{
	while (rescan->signatures != NULL) {
		struct rescan_signature *signature = rescan->signatures;

		rescan->signatures = signature->next;
		free(signature->name);
		free(signature);
	}
}

/* It is more likely wrong than right: its messages stay. */
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

/* ---- the history ---- */

struct found_note {
	struct found_note *next;
	char *user, *virus, *id, *path;
};

static bool has_history(const struct mailbox *box)
{
	return mailbox_get_namespace(box)->type == MAIL_NAMESPACE_TYPE_PRIVATE;
}

static void add_note(struct found_note **notes, const struct removed_message *message, char *path)
{
	struct found_note *note = xcalloc(1, sizeof(*note));

	*note = (struct found_note){
		.next = *notes,
		.user = xstrdup(message->user),
		.virus = xstrdup(message->signature),
		.id = xasprintf("%s:%u", message->mailbox, (unsigned)message->uid),
		.path = path,
	};
	*notes = note;
}

void found_notes_free(struct found_note **notes)
{
	while (*notes != NULL) {
		struct found_note *note = *notes;

		*notes = note->next;
		free(note->user);
		free(note->virus);
		free(note->id);
		free(note->path);
		free(note);
	}
}

/* Returns 0, or -1 and *error_r. */
static int tell(int connection, const struct found_note *note, char **error_r)
{
	struct strbuf request = STRBUF_INIT;
	int message = open(note->path, O_RDONLY | O_CLOEXEC), ret;
	struct packet reply;

	packet_put(&request, "request", "virus");
	packet_put(&request, "user", note->user);
	packet_put(&request, "virus", note->virus);
	packet_put(&request, "id", note->id);
	packet_put(&request, "source", "rescan");
	ret = packet_ask(connection, &request, message, &reply, NULL, error_r);
	strbuf_free(&request);
	if (message >= 0)
		close(message);
	if (ret == 0)
		*error_r = xstrdup("it closed the connection");
	if (ret <= 0)
		return -1;
	ret = strcmp(packet_text(&reply, "status"), "ok") == 0 ? 0 : -1;
	if (ret < 0)
		*error_r = xasprintf("it answered %s %s", packet_text(&reply, "outcome"),
				     packet_text(&reply, "reason"));
	packet_free(&reply);
	return ret;
}

/* Of one user: who has no history is no trouble. What is kept says the same as the history. */
void found_tell(struct rescan *rescan, const struct found_note *notes)
{
	char *error = NULL;
	int connection, ret = 0;

	if (notes == NULL)
		return;
	connection = packet_connect(conf_text(rescan->conf, P_SPAMTRAIND_LISTEN),
				    HISTORY_CONNECT_MS, HISTORY_TIMEOUT_S, &error);
	for (; connection >= 0 && ret == 0 && notes != NULL; notes = notes->next)
		ret = tell(connection, notes, &error);
	if (connection >= 0)
		close(connection);
	if (error != NULL && !rescan->history_failed)
		e_warning(rescan->event,
			  "rescan: users may not find in their history what was "
			  "removed: spamtraind: %s",
			  error);
	rescan->history_failed = rescan->history_failed || error != NULL;
	free(error);
}

/* ---- the message ---- */

bool found_keep(struct rescan *rescan, struct mail *mail, const struct scan_reply *reply, int fd,
		struct found_note **notes)
{
	struct mailbox *box = mail->box;
	const struct removed_message message = {
		.user = plugin_user_name(box->storage->user->username),
		.mailbox = mailbox_get_vname(box),
		.signature = reply->text,
		.database = reply->database != NULL ? reply->database : "",
		.uid = mail->uid,
	};
	char *error, *path;

	rescan->infected++;
	e_warning(box->event, "rescan: uid %u is infected: %s%s", mail->uid, reply->text,
		  rescan->dry_run ? " (stays: dry run)" : "");
	if (is_braked(rescan, box, reply->text) || rescan->dry_run)
		return false;
	if (removed_save(rescan->directory, &message, fd, &path, &error) < 0) {
		rescan->errors++;
		e_error(box->event, "rescan: uid %u: %s", mail->uid, error);
		free(error);
		return false;
	}
	if (has_history(box))
		add_note(notes, &message, path);
	else
		free(path);
	return true;
}
