#include "spamtrain/folders/learn_folders.h"

#include "lib/xalloc.h"
#include "spamtrain/classifier/classifier_internal.h"
#include "spamtrain/classifier/correspondents.h"
#include "spamtrain/folders/folder_session.h"
#include "spamtrain/classifier/message.h"

#include <stdlib.h>

#define SECONDS_PER_DAY 86400
#define FOLDERS_MAX	5000
#define FOREIGN_MAX	64	  /* namespaces of others */
#define BATCH		128	  /* messages that are fetched at once; only features are kept */
#define SOURCE		"folders" /* of the lessons, in the history */
#define SENT_MAX	2000	  /* messages in Sent, the newest */

/* One user's work. */
struct learning {
	struct classifier_site *site;
	const char *user;
	const struct learn_options *options;
	struct learn_result *result;
	struct folder_session *session;
	struct classifier *classifier; /* NULL: dry run */
	struct folder_names names;
	struct strbuf foreign[FOREIGN_MAX];
	struct folder_fetched fetched;
	bool malformed;
	char *refusal;			   /* the latest one */
	char (*unsure)[STORE_DIGEST_SIZE]; /* learned as innocent because they were read */
	size_t unsure_count;
	struct strbuf command;
};

static enum classifier_status malformed(char **error_r)
{
	*error_r = xstrdup("Dovecot's imap: malformed answer");
	return CLASSIFIER_DEFER;
}

/* A refusal is a failure as well, but for folders that came and went. */
static enum classifier_status run(struct learning *l,
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

/* ---- folders ---- */

static void take_foreign(void *context, struct span prefix)
{
	struct learning *l = context;

	if (l->names.foreign_count == FOREIGN_MAX)
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

static enum classifier_status list_folders(struct learning *l, char **error_r)
{
	bool refused;
	enum classifier_status status;

	strbuf_append_text(&l->command, "NAMESPACE");
	status = run(l, take_namespaces, l, false, &refused, error_r);
	if (status != CLASSIFIER_OK)
		return status;
	strbuf_append_text(&l->command, "LIST \"\" \"*\" RETURN (SPECIAL-USE)");
	return run(l, take_folder, l, false, &refused, error_r);
}

struct opened {
	uint32_t uidvalidity; /* 0: it cannot be opened */
	unsigned long exists; /* messages */
};

static bool take_opened(void *context, const struct imap_reply *reply)
{
	struct opened *opened = context;
	uint32_t uidvalidity = folder_uidvalidity(reply->rest);

	if (uidvalidity != 0)
		opened->uidvalidity = uidvalidity;
	if (span_equal_nocase(reply->rest, SPAN_LITERAL("EXISTS")))
		opened->exists = strtoul(reply->word.data, NULL, 10);
	return true;
}

static enum classifier_status examine(struct learning *l, const struct learn_folder *folder,
				      struct opened *opened_r, char **error_r)
{
	bool refused = false;
	enum classifier_status status;

	*opened_r = (struct opened){0, 0};
	free(l->refusal);
	l->refusal = NULL;
	strbuf_append_text(&l->command, "EXAMINE ");
	if (!imap_put_string(&l->command, span_of(folder->name))) {
		strbuf_reset(&l->command);
		return CLASSIFIER_OK;
	}
	status = run(l, take_opened, opened_r, true, &refused, error_r);
	if (refused || opened_r->exists == 0)
		opened_r->uidvalidity = 0;
	return status;
}

/* ---- what is there ---- */

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

	if (!span_starts_nocase(reply->rest, SPAN_LITERAL("FETCH ")))
		return true;
	if (!folder_fetch_read(reply->rest, f)) {
		l->malformed = true;
		return false;
	}
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
	struct scan scan = {.learning = l,
			    .folder = folder,
			    .rules = {.now = l->options->now,
				      .settled = (time_t)l->options->settled_days * SECONDS_PER_DAY,
				      .oldest = (time_t)l->options->days * SECONDS_PER_DAY}};
	struct opened opened;
	bool refused;
	enum classifier_status status = examine(l, folder, &opened, error_r);

	folder->uidvalidity = opened.uidvalidity;
	if (l->refusal != NULL && l->result->trouble == NULL)
		l->result->trouble = xasprintf("%s: %s", folder->name, l->refusal);
	if (status != CLASSIFIER_OK || opened.uidvalidity == 0)
		return status;
	strbuf_append_text(&l->command, "UID FETCH 1:* (UID FLAGS INTERNALDATE X-GUID)");
	return run(l, scan_message, &scan, false, &refused, error_r);
}

static enum classifier_status scan_folders(struct learning *l, char **error_r)
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

/* ---- lessons ---- */

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

	if (!span_starts_nocase(reply->rest, SPAN_LITERAL("FETCH ")))
		return true;
	if (!folder_fetch_read(reply->rest, f)) {
		l->malformed = true;
		return false;
	}
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
	struct opened opened;
	bool refused, first = true;
	enum classifier_status status = examine(l, folder, &opened, error_r);

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
	return run(l, take_message, batch, true, &refused, error_r);
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
		known_r->by_user = row.corrected != STORE_NONE && strcmp(row.source, SOURCE) != 0;
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
						   .source = SOURCE,
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

static enum classifier_status teach_all(struct learning *l, char **error_r)
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
		.teaching = CLASSIFIER_UNLEARN, .signature = signature, .source = SOURCE};
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

static enum classifier_status take_back_suspects(struct learning *l, char **error_r)
{
	enum classifier_status status = CLASSIFIER_OK;

	for (size_t i = 0; i < l->unsure_count && status == CLASSIFIER_OK && !l->options->stop();
	     i++)
		status = suspect(l, l->unsure[i], error_r);
	return status;
}

/* ---- to whom he wrote ---- */

static bool take_recipients(void *context, const struct imap_reply *reply)
{
	struct learning *l = context;
	struct folder_fetched *f = &l->fetched;
	char *error = NULL;

	if (!span_starts_nocase(reply->rest, SPAN_LITERAL("FETCH ")))
		return true;
	if (!folder_fetch_read(reply->rest, f)) {
		l->malformed = true;
		return false;
	}
	/* Nobody, too many: they are no correspondents. A store in trouble shows elsewhere. */
	if (l->options->now - f->date <= (time_t)l->options->days * SECONDS_PER_DAY &&
	    f->envelope.size > 0 &&
	    classifier_sent(l->classifier, l->user, strbuf_text(&f->envelope), &error) ==
		    CLASSIFIER_OK)
		l->result->sent++;
	free(error);
	return true;
}

static enum classifier_status note_sent(struct learning *l, const struct learn_folder *folder,
					char **error_r)
{
	struct opened opened;
	bool refused;
	enum classifier_status status = examine(l, folder, &opened, error_r);

	if (status != CLASSIFIER_OK || opened.uidvalidity == 0)
		return status;
	strbuf_printf(&l->command, "FETCH %lu:* (INTERNALDATE ENVELOPE)",
		      opened.exists > SENT_MAX ? opened.exists - SENT_MAX + 1 : 1);
	return run(l, take_recipients, l, false, &refused, error_r);
}

static enum classifier_status note_correspondents(struct learning *l, char **error_r)
{
	struct learn_result *r = l->result;
	enum classifier_status status = CLASSIFIER_OK;

	for (size_t i = 0; i < r->folder_count && status == CLASSIFIER_OK && !l->options->stop();
	     i++)
		if (r->folders[i].use == FOLDER_USE_SENT)
			status = note_sent(l, &r->folders[i], error_r);
	return status;
}

/* ---- a user ---- */

static bool is_filtered(const struct learn_options *options, const struct preferences *preferences)
{
	return !preferences->opt_out && (!options->opt_in || preferences->opt_in);
}

/* As at delivery: who is not filtered needs no filter, who has none yet gets one. */
static enum classifier_status open_filter(struct learning *l, char **error_r)
{
	struct preferences defaults;
	enum classifier_status status =
		classifier_open(l->site, l->user, false, &l->classifier, error_r);

	if (status == CLASSIFIER_OK && l->classifier != NULL)
		l->result->not_filtered =
			!is_filtered(l->options, classifier_preferences(l->classifier));
	else if (status == CLASSIFIER_OK)
		status = classifier_user_defaults(l->site, l->user, &defaults, error_r);
	else
		return status;
	if (status == CLASSIFIER_OK && l->classifier == NULL)
		l->result->not_filtered = !is_filtered(l->options, &defaults);
	if (l->options->dry_run || l->result->not_filtered)
		classifier_close(&l->classifier);
	return status;
}

static enum classifier_status learn(struct learning *l, const char *login, char **error_r)
{
	enum classifier_status status = open_filter(l, error_r);

	if (status != CLASSIFIER_OK || l->result->not_filtered)
		return status;
	if (folder_session_open(login, &l->session, error_r) != 0)
		return CLASSIFIER_DEFER;
	status = list_folders(l, error_r);
	if (status == CLASSIFIER_OK)
		status = scan_folders(l, error_r);
	if (status != CLASSIFIER_OK || l->options->dry_run || l->options->stop())
		return status;
	if (l->classifier == NULL)
		status = classifier_open(l->site, l->user, true, &l->classifier, error_r);
	if (status == CLASSIFIER_OK)
		status = teach_all(l, error_r);
	if (status == CLASSIFIER_OK)
		status = take_back_suspects(l, error_r);
	if (status == CLASSIFIER_OK && l->options->sent)
		status = note_correspondents(l, error_r);
	return status;
}

enum classifier_status learn_folders(struct classifier_site *site, const char *user,
				     const char *login, const struct learn_options *options,
				     struct learn_result *result_r, char **error_r)
{
	struct learning l = {.site = site, .user = user, .options = options, .result = result_r};

	memset(result_r, 0, sizeof(*result_r));
	l.names = (struct folder_names){.junk = options->junk,
					.trash = options->trash,
					.spam = options->spam,
					.skip = options->skip,
					.foreign = l.foreign};
	enum classifier_status status = learn(&l, login, error_r);
	result_r->interrupted = options->stop();
	classifier_close(&l.classifier);
	folder_session_close(&l.session);
	folder_fetched_free(&l.fetched);
	strbuf_free(&l.command);
	free(l.refusal);
	free(l.unsure);
	for (size_t i = 0; i < FOREIGN_MAX; i++)
		strbuf_free(&l.foreign[i]);
	return status;
}

void learn_result_free(struct learn_result *result)
{
	for (size_t i = 0; i < result->folder_count; i++)
		free(result->folders[i].name);
	free(result->folders);
	free(result->trouble);
	free(result->choice.list);
	memset(result, 0, sizeof(*result));
}
