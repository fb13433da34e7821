/*
 * learn_folders_teach.c - fetches the messages that were chosen, teaches them, and has second
 * thoughts.
 */
#include "spamtrain/folders/learn_folders_internal.h"

#include "lib/xalloc.h"
#include "spamtrain/classifier/message.h"

#include <stdlib.h>

#define BATCH 128 /* messages that are fetched at once; only features are kept */

struct lesson_message {
	struct classifier_message *message; /* NULL: it is gone */
	bool other_says_spam, ours;
};

struct batch {
	struct learning *learning;
	const struct folder_candidate *list;
	struct lesson_message messages[BATCH];
	size_t count;
	uint32_t folder;
};

static bool take_message(void *context, const struct imap_reply *reply)
{
	struct batch *batch = context;
	struct learning *l = batch->learning;
	struct folder_fetched *f = &l->fetched;

	if (!learning_fetched(l, reply))
		return !l->malformed;
	for (size_t i = 0; i < batch->count; i++) {
		const struct folder_candidate *c = &batch->list[i];
		struct lesson_message *m = &batch->messages[i];
		if (c->folder != batch->folder || c->uid != f->uid || m->message != NULL ||
		    f->body.size == 0)
			continue;
		struct span body = strbuf_span(&f->body);
		m->message =
			classifier_message_read(body, f->size > body.size ? f->size : body.size);
		m->other_says_spam = learn_other_says_spam(body);
		m->ours = learn_is_ours(body);
	}
	return true;
}

/* Those of the batch that lie in this folder. */
static enum classifier_status fetch_folder(struct batch *batch, char **error_r)
{
	struct learning *l = batch->learning;
	const struct learn_folder *folder = &l->result->folders[batch->folder];
	struct learning_opened opened;
	bool refused, first = true;
	enum classifier_status status = learning_examine(l, folder, &opened, error_r);

	if (status != CLASSIFIER_OK || opened.uidvalidity != folder->uidvalidity)
		return status;
	strbuf_append_text(&l->command, "UID FETCH ");
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->list[i].folder != batch->folder)
			continue;
		strbuf_printf(&l->command, "%s%u", first ? "" : ",", batch->list[i].uid);
		first = false;
	}
	strbuf_printf(&l->command, " (UID RFC822.SIZE BODY.PEEK[]<0.%d>)", CLASSIFIER_MESSAGE_MAX);
	return learning_run(l, take_message, batch, true, &refused, error_r);
}

static enum classifier_status fetch(struct batch *batch, char **error_r)
{
	enum classifier_status status = CLASSIFIER_OK;

	for (size_t i = 0; i < batch->count && status == CLASSIFIER_OK; i++) {
		bool seen = false;
		batch->folder = batch->list[i].folder;
		for (size_t j = 0; j < i; j++)
			seen |= batch->list[j].folder == batch->folder;
		if (!seen)
			status = fetch_folder(batch, error_r);
	}
	return status;
}

struct known {
	bool known;   /* the store has it */
	bool judged;  /* by this filter at delivery, and nobody said more */
	bool by_user; /* the user has said what it is */
};

static enum classifier_status look_up(struct learning *l, const struct classifier_message *message,
				      struct known *known_r, char **error_r)
{
	struct store_message row;
	enum store_status status =
		store_message_by_digest(l->classifier->store, message->digest, &row, error_r);

	*known_r = (struct known){.known = status == STORE_OK};
	if (status == STORE_OK) {
		known_r->judged = row.result >= 0 && row.corrected == STORE_NONE;
		known_r->by_user =
			row.corrected != STORE_NONE && strcmp(row.source, LEARNING_SOURCE) != 0;
		store_message_free(&row);
	}
	return status == STORE_NOT_FOUND ? CLASSIFIER_OK : status_of_store(status);
}

static enum classifier_status estimate(struct learning *l, const struct folder_candidate *c,
				       const struct classifier_message *message, char **error_r)
{
	struct learn_estimate *e = &l->result->estimate;
	struct classifier_verdict verdict;
	enum classifier_status status = classifier_score(l->classifier, message, &verdict, error_r);

	if (status != CLASSIFIER_OK)
		return status;
	bool spam = verdict.result == CLASSIFIER_SPAM;
	if (c->class == STORE_SPAM) {
		e->spam++;
		e->caught += spam;
	} else {
		e->innocent++;
		e->wrong += spam;
	}
	classifier_verdict_free(&verdict);
	return status;
}

static void note_unsure(struct learning *l, const char *digest)
{
	if ((l->unsure_count & (l->unsure_count + 1)) == 0)
		l->unsure = xrealloc(l->unsure, 2 * (l->unsure_count + 1) * sizeof(*l->unsure));
	memcpy(l->unsure[l->unsure_count++], digest, sizeof(*l->unsure));
}

static enum classifier_status lesson(struct learning *l, const struct folder_candidate *c,
				     const struct classifier_message *message, char **error_r)
{
	struct learn_result *r = l->result;
	struct classifier_correction correction = {.teaching = CLASSIFIER_TRAIN,
						   .class = c->class,
						   .message = message,
						   .source = LEARNING_SOURCE,
						   .said = c->date};
	enum classifier_corrected corrected;
	struct known known;
	enum classifier_status status = look_up(l, message, &known, error_r);

	if (status == CLASSIFIER_OK && known.judged) {
		r->judged++;
		return status;
	}
	if (status == CLASSIFIER_OK && !known.known && r->done >= r->choice.count / 3 * 2)
		status = estimate(l, c, message, error_r);
	if (status == CLASSIFIER_OK)
		status = classifier_correct(l->classifier, &correction, &corrected, error_r);
	if (status != CLASSIFIER_OK)
		return status;
	if (corrected == CLASSIFIER_ALREADY)
		r->already++;
	else if (c->class == STORE_SPAM)
		r->learned_spam++;
	else
		r->learned_innocent++;
	if (c->class == STORE_INNOCENT && !c->certain && !known.by_user)
		note_unsure(l, message->digest);
	return status;
}

static enum classifier_status teach_one(struct learning *l, const struct folder_candidate *c,
					const struct lesson_message *m, char **error_r)
{
	struct learn_result *r = l->result;
	enum classifier_status status = CLASSIFIER_OK;

	if (m->message == NULL)
		r->gone++;
	else if (c->class == STORE_INNOCENT && ((m->other_says_spam && !c->certain) || m->ours))
		r->doubtful++;
	else
		status = lesson(l, c, m->message, error_r);
	r->done++;
	l->options->progress(l->options->context, r);
	return status;
}

static enum classifier_status teach_batch(struct learning *l, struct batch *batch, char **error_r)
{
	enum classifier_status status = fetch(batch, error_r);

	for (size_t i = 0; i < batch->count; i++) {
		if (status == CLASSIFIER_OK && !l->options->stop())
			status = teach_one(l, &batch->list[i], &batch->messages[i], error_r);
		classifier_message_free(&batch->messages[i].message);
	}
	return status;
}

enum classifier_status learning_teach(struct learning *l, char **error_r)
{
	struct folder_choice *choice = &l->result->choice;
	enum classifier_status status = CLASSIFIER_OK;

	for (size_t i = 0; i < choice->count && status == CLASSIFIER_OK && !l->options->stop();) {
		struct batch batch = {.learning = l, .list = choice->list + i};
		batch.count = choice->count - i < BATCH ? choice->count - i : BATCH;
		status = teach_batch(l, &batch, error_r);
		i += batch.count;
	}
	return status;
}

/* ---- second thoughts ---- */

static enum classifier_status suspect(struct learning *l, const char *digest, char **error_r)
{
	char signature[STORE_SIGNATURE_SIZE];
	struct classifier_correction correction = {
		.teaching = CLASSIFIER_UNLEARN, .signature = signature, .source = LEARNING_SOURCE};
	enum classifier_corrected corrected;
	bool doubts;
	enum classifier_status status =
		classifier_doubts(l->classifier, digest, &doubts, signature, error_r);

	if (status == CLASSIFIER_OK && doubts) {
		status = classifier_correct(l->classifier, &correction, &corrected, error_r);
		l->result->suspects++;
	}
	return status;
}

enum classifier_status learning_take_back_suspects(struct learning *l, char **error_r)
{
	enum classifier_status status = CLASSIFIER_OK;

	for (size_t i = 0; i < l->unsure_count && status == CLASSIFIER_OK && !l->options->stop();
	     i++)
		status = suspect(l, l->unsure[i], error_r);
	return status;
}
