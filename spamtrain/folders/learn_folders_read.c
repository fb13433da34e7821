/*
 * learn_folders_read.c - asks Dovecot which folders a user has, and what lies in them.
 */
#include "spamtrain/folders/learn_folders_internal.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define FOLDERS_MAX 5000

static enum classifier_status malformed(char **error_r)
{
	*error_r = xstrdup("Dovecot's imap: malformed answer");
	return CLASSIFIER_DEFER;
}

enum classifier_status learning_run(struct learning *l,
				    bool (*each)(void *context, const struct imap_reply *reply),
				    void *context, bool may_refuse, bool *refused_r, char **error_r)
{
	enum folder_session_result result =
		folder_session_run(l->session, strbuf_span(&l->command), each, context, error_r);

	strbuf_reset(&l->command);
	*refused_r = result == FOLDER_SESSION_REFUSED;
	if (result == FOLDER_SESSION_OK && l->malformed)
		return malformed(error_r);
	if (result == FOLDER_SESSION_OK)
		return CLASSIFIER_OK;
	if (*refused_r && may_refuse) {
		free(l->refusal);
		l->refusal = *error_r;
		*error_r = NULL;
		return CLASSIFIER_OK;
	}
	return CLASSIFIER_DEFER;
}

static bool take_opened(void *context, const struct imap_reply *reply)
{
	struct learning_opened *opened = context;
	uint32_t uidvalidity = folder_uidvalidity(reply->rest);

	if (uidvalidity != 0)
		opened->uidvalidity = uidvalidity;
	if (span_equal_nocase(reply->rest, SPAN_LITERAL("EXISTS")))
		opened->exists = strtoul(reply->word.data, NULL, 10);
	return true;
}

enum classifier_status learning_examine(struct learning *l, const struct learn_folder *folder,
					struct learning_opened *opened_r, char **error_r)
{
	bool refused = false;
	enum classifier_status status;

	*opened_r = (struct learning_opened){0, 0};
	free(l->refusal);
	l->refusal = NULL;
	strbuf_append_text(&l->command, "EXAMINE ");
	if (!imap_put_string(&l->command, span_of(folder->name))) {
		strbuf_reset(&l->command);
		return CLASSIFIER_OK;
	}
	status = learning_run(l, take_opened, opened_r, true, &refused, error_r);
	if (refused || opened_r->exists == 0)
		opened_r->uidvalidity = 0;
	return status;
}

bool learning_fetched(struct learning *l, const struct imap_reply *reply)
{
	if (!span_starts_nocase(reply->rest, SPAN_LITERAL("FETCH ")))
		return false;
	if (!folder_fetch_read(reply->rest, &l->fetched))
		l->malformed = true;
	return !l->malformed;
}

/* ---- folders ---- */

static void take_foreign(void *context, struct span prefix)
{
	struct learning *l = context;

	if (l->names.foreign_count == LEARNING_FOREIGN_MAX)
		return;
	strbuf_append_span(&l->foreign[l->names.foreign_count++], prefix);
}

static bool take_namespaces(void *context, const struct imap_reply *reply)
{
	struct learning *l = context;

	if (span_equal_nocase(reply->word, SPAN_LITERAL("NAMESPACE")) &&
	    !folder_namespaces_read(reply->rest, take_foreign, l))
		l->malformed = true;
	return !l->malformed;
}

static bool take_folder(void *context, const struct imap_reply *reply)
{
	struct learning *l = context;
	struct learn_result *r = l->result;
	struct folder_listed listed = {.name = STRBUF_INIT};

	if (!span_equal_nocase(reply->word, SPAN_LITERAL("LIST")))
		return true;
	if (!folder_list_read(reply->rest, &listed)) {
		l->malformed = true;
	} else if (r->folder_count < FOLDERS_MAX) {
		enum folder_use use = folder_use(&l->names, &listed);
		if ((r->folder_count & (r->folder_count + 1)) == 0)
			r->folders = xrealloc(r->folders,
					      2 * (r->folder_count + 1) * sizeof(*r->folders));
		r->folders[r->folder_count++] = (struct learn_folder){
			.name = xstrdup(strbuf_text(&listed.name)), .use = use};
	}
	strbuf_free(&listed.name);
	return !l->malformed;
}

enum classifier_status learning_list(struct learning *l, char **error_r)
{
	bool refused;
	enum classifier_status status;

	strbuf_append_text(&l->command, "NAMESPACE");
	status = learning_run(l, take_namespaces, l, false, &refused, error_r);
	if (status != CLASSIFIER_OK)
		return status;
	strbuf_append_text(&l->command, "LIST \"\" \"*\" RETURN (SPECIAL-USE)");
	return learning_run(l, take_folder, l, false, &refused, error_r);
}

/* ---- messages ---- */

struct scan {
	struct learning *learning;
	struct learn_folder *folder;
	struct folder_rules rules;
};

static void candidate_append(struct folder_choice *choice, struct folder_candidate candidate)
{
	if ((choice->count & (choice->count + 1)) == 0)
		choice->list =
			xrealloc(choice->list, 2 * (choice->count + 1) * sizeof(*choice->list));
	choice->list[choice->count++] = candidate;
}

static bool scan_message(void *context, const struct imap_reply *reply)
{
	struct scan *scan = context;
	struct learning *l = scan->learning;
	struct folder_fetched *f = &l->fetched;
	struct folder_choice *choice = &l->result->choice;

	if (!learning_fetched(l, reply))
		return !l->malformed;
	scan->folder->messages++;
	enum folder_verdict verdict = folder_message_verdict(&scan->rules, scan->folder->use, f);
	choice->left_out[verdict]++;
	if (verdict != FOLDER_TAKEN || f->uid == 0)
		return true;
	scan->folder->taken++;
	candidate_append(
		choice,
		(struct folder_candidate){
			.folder = (uint32_t)(scan->folder - l->result->folders),
			.uid = f->uid,
			.date = f->date,
			.guid = f->guid,
			.class = scan->folder->use == FOLDER_USE_SPAM ? STORE_SPAM : STORE_INNOCENT,
			.certain = (f->flags & (FOLDER_ANSWERED | FOLDER_FLAGGED |
						FOLDER_MARKED_NOT_JUNK)) != 0});
	return true;
}

static enum classifier_status scan_folder(struct learning *l, struct learn_folder *folder,
					  char **error_r)
{
	struct scan scan = {
		.learning = l,
		.folder = folder,
		.rules = {.now = l->options->now,
			  .settled = (time_t)l->options->settled_days * LEARNING_SECONDS_PER_DAY,
			  .oldest = (time_t)l->options->days * LEARNING_SECONDS_PER_DAY}};
	struct learning_opened opened;
	bool refused;
	enum classifier_status status = learning_examine(l, folder, &opened, error_r);

	folder->uidvalidity = opened.uidvalidity;
	if (l->refusal != NULL && l->result->trouble == NULL)
		l->result->trouble = xasprintf("%s: %s", folder->name, l->refusal);
	if (status != CLASSIFIER_OK || opened.uidvalidity == 0)
		return status;
	strbuf_append_text(&l->command, "UID FETCH 1:* (UID FLAGS INTERNALDATE X-GUID)");
	return learning_run(l, scan_message, &scan, false, &refused, error_r);
}

enum classifier_status learning_scan(struct learning *l, char **error_r)
{
	struct learn_result *r = l->result;
	enum classifier_status status = CLASSIFIER_OK;

	for (size_t i = 0; i < r->folder_count && status == CLASSIFIER_OK && !l->options->stop();
	     i++)
		if (r->folders[i].use == FOLDER_USE_SPAM ||
		    r->folders[i].use == FOLDER_USE_INNOCENT)
			status = scan_folder(l, &r->folders[i], error_r);
	r->choice.left_out[FOLDER_TAKEN] = 0;
	folder_choose(&r->choice, l->options->now, l->options->max);
	return status;
}
