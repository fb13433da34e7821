/*
 * learn_folders.c - a user's run: his filter, the steps in their order, and to whom he wrote.
 */
#include "spamtrain/folders/learn_folders_internal.h"

#include "spamtrain/classifier/correspondents.h"

#include <stdlib.h>

#define SENT_MAX 2000 /* messages in Sent, the newest */

/* ---- to whom he wrote ---- */

static bool take_recipients(void *context, const struct imap_reply *reply)
{
	struct learning *l = context;
	struct folder_fetched *f = &l->fetched;
	char *error = NULL;

	if (!learning_fetched(l, reply))
		return !l->malformed;
	/* Nobody, too many: they are no correspondents. A store in trouble shows elsewhere. */
	if (l->options->now - f->date <= (time_t)l->options->days * LEARNING_SECONDS_PER_DAY &&
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
	struct learning_opened opened;
	bool refused;
	enum classifier_status status = learning_examine(l, folder, &opened, error_r);

	if (status != CLASSIFIER_OK || opened.uidvalidity == 0)
		return status;
	strbuf_printf(&l->command, "FETCH %lu:* (INTERNALDATE ENVELOPE)",
		      opened.exists > SENT_MAX ? opened.exists - SENT_MAX + 1 : 1);
	return learning_run(l, take_recipients, l, false, &refused, error_r);
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
	status = learning_list(l, error_r);
	if (status == CLASSIFIER_OK)
		status = learning_scan(l, error_r);
	if (status != CLASSIFIER_OK || l->options->dry_run || l->options->stop())
		return status;
	if (l->classifier == NULL)
		status = classifier_open(l->site, l->user, true, &l->classifier, error_r);
	if (status == CLASSIFIER_OK)
		status = learning_teach(l, error_r);
	if (status == CLASSIFIER_OK)
		status = learning_take_back_suspects(l, error_r);
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
	for (size_t i = 0; i < LEARNING_FOREIGN_MAX; i++)
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
