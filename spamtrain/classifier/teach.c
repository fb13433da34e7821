/*
 * teach.c - what the store holds of a message, and every correction of it.
 *
 * A message is in one state (struct lesson_state). A change of state takes the old one out and puts
 * the new one in; both are integer sums, so the way by which a state was reached leaves no trace.
 */
#include "spamtrain/classifier/classifier_internal.h"

#include "lib/msg.h"
#include "lib/xalloc.h"
#include "schema/store_doubt.h"
#include "schema/store_web.h"

#include <stdlib.h>

void lesson_gradients(int *gradients_r, const struct store_message *row)
{
	bool unsure = row->wary && row->corrected == STORE_NONE;

	for (int side = 0; side < SIDES; side++)
		gradients_r[side] = 0;
	if (row->taught != STORE_NONE)
		engine_gradients(gradients_r, row->scores,
				 unsure			     ? row->probability
				 : row->taught == STORE_SPAM ? 1
							     : 0);
}

static enum store_status lesson_add(struct store *store, const struct store_message *row, int delta,
				    char **error_r)
{
	struct lesson lesson = {
		.message = row->id, .class = row->taught, .delta = delta, .tokens = true};

	if (row->taught == STORE_NONE)
		return STORE_OK;
	lesson_gradients(lesson.gradients, row);
	memcpy(lesson.scores, row->scores, sizeof(lesson.scores));
	return dictionary_lesson(store, &lesson, error_r);
}

static enum store_status scores_add(struct store *store, const struct store_message *row, int delta,
				    char **error_r)
{
	struct lesson lesson = {.message = row->id, .class = row->counted, .delta = delta};

	if (row->counted == STORE_NONE)
		return STORE_OK;
	memcpy(lesson.scores, row->scores, sizeof(lesson.scores));
	enum store_status status = dictionary_lesson(store, &lesson, error_r);
	if (status == STORE_OK && row->sender_key != 0)
		status = store_sender_add(store, row->sender_key, row->counted, delta, error_r);
	if (status == STORE_OK && row->route_key != 0)
		status = store_sender_add(store, row->route_key, row->counted, delta, error_r);
	return status;
}

/* Whether another lesson is needed for the wanted state: another class, or more conviction. */
static bool lesson_differs(const struct store_message *row, struct lesson_state wanted)
{
	bool said = row->corrected != STORE_NONE, to_say = wanted.corrected != STORE_NONE;

	return row->taught != wanted.taught || (row->wary && said != to_say);
}

enum classifier_status teach(struct classifier *classifier, struct store_message *row,
			     struct lesson_state wanted, char **error_r)
{
	struct store *store = classifier->store;
	enum store_status status = STORE_OK;
	struct store_message before = *row;
	bool differs = lesson_differs(row, wanted);

	row->taught = wanted.taught;
	row->counted = wanted.counted;
	row->corrected = wanted.corrected;
	if (differs) {
		status = lesson_add(store, &before, -1, error_r);
		if (status == STORE_OK)
			status = lesson_add(store, row, 1, error_r);
	}
	if (status == STORE_OK && before.counted != row->counted) {
		status = scores_add(store, &before, -1, error_r);
		if (status == STORE_OK)
			status = scores_add(store, row, 1, error_r);
	}
	return status_of_store(status);
}

/* ---- corrections ---- */

const char *classifier_corrected_name(enum classifier_corrected corrected)
{
	static const char *const names[] = {"learned", "already", "taken back", "unknown"};

	return names[corrected];
}

static bool has_signature(const char *signature)
{
	return signature != NULL && classifier_is_signature(signature);
}

/* By the signature given, else by what the message itself tells. */
static enum store_status row_find(struct store *store,
				  const struct classifier_correction *correction,
				  struct store_message *row_r, char **error_r)
{
	const struct classifier_message *message = correction->message;
	enum store_status status = STORE_NOT_FOUND;

	if (has_signature(correction->signature))
		status = store_message_by_signature(store, correction->signature, row_r, error_r);
	if (status != STORE_NOT_FOUND || message == NULL)
		return status;
	if (has_signature(message->signature))
		status = store_message_by_signature(store, message->signature, row_r, error_r);
	if (status == STORE_NOT_FOUND)
		status = store_message_by_digest(store, message->digest, row_r, error_r);
	if (status == STORE_NOT_FOUND && message->message_id[0] != '\0')
		status = store_message_by_message_id(store, message->message_id, false, row_r,
						     error_r);
	return status;
}

/* A message that was never seen: it gets a row, scored as if it came now. */
static enum classifier_status row_create(struct classifier *c,
					 const struct classifier_message *message,
					 struct store_message *row_r, char **error_r)
{
	struct engine_score score;
	struct store_message row = {
		.received = store_now(c->store),
		.size = message->full_size,
		.result = -1,
		.sender_key = message->sender_key,
		.route_key = message->route_key,
		.sender = xstrdup(""),
		.queue_id = xstrdup(""),
		.source = xstrdup(""),
		.factors = xstrdup(""),
		.virus = xstrdup(""),
		.from = xstrdup(message->from),
		.subject = xstrdup(message->subject),
		.message_id = xstrdup(message->message_id),
	};

	*row_r = row;
	enum classifier_status status =
		message_score(c, message->hashes, message->count, &score, NULL, error_r);
	if (status != CLASSIFIER_OK)
		return status;
	signature_make(row_r->signature, row_r->received);
	memcpy(row_r->digest, message->digest, sizeof(row_r->digest));
	memcpy(row_r->scores, score.bins, sizeof(row_r->scores));
	status = status_of_store(store_message_add(c->store, row_r, error_r));
	if (status == CLASSIFIER_OK)
		status = status_of_store(store_features_add(c->store, row_r->id, FEATURES_VERSION,
							    message->hashes, message->count,
							    error_r));
	return status;
}

/*
 * Expired features can be had again from the message. If they mean something else by now, what was
 * taught with the old ones can be taken back no more: it is left to the purge, and the message
 * counts as not taught.
 */
static enum store_status features_ensure(struct store *store, struct store_message *row,
					 const struct classifier_message *message, char **error_r)
{
	uint32_t *hashes = NULL;
	size_t count;
	unsigned version;
	enum store_status status =
		store_features_get(store, row->id, &version, &hashes, &count, error_r);

	free(hashes);
	if (status != STORE_NOT_FOUND || message == NULL)
		return status;
	status = store_features_version(store, row->id, &version, error_r);
	if (status != STORE_OK)
		return status;
	if (version != FEATURES_VERSION)
		row->taught = STORE_NONE;
	return store_features_add(store, row->id, FEATURES_VERSION, message->hashes, message->count,
				  error_r);
}

static struct lesson_state state_wanted(const struct store_message *row,
					const struct classifier_correction *correction)
{
	enum store_class class = correction->class;
	enum store_class verdict = row->result < 0			 ? STORE_NONE
				   : row->result == (int)CLASSIFIER_SPAM ? STORE_SPAM
									 : STORE_INNOCENT;
	enum store_class counted = row->counts ? verdict : STORE_NONE;

	if (correction->teaching == CLASSIFIER_UNLEARN)
		return (struct lesson_state){STORE_NONE, counted, STORE_NONE};
	if (correction->teaching == CLASSIFIER_TRAIN || class != verdict)
		return (struct lesson_state){class, class, class};
	if (row->corrected != STORE_NONE && row->corrected != verdict)
		return (struct lesson_state){row->initially, counted, STORE_NONE};
	if (row->counted != counted) /* right after all, but the filter had doubted it */
		return (struct lesson_state){class, class, class};
	return (struct lesson_state){row->taught, row->counted,
				     row->corrected}; /* it is so already */
}

/* Spam that the filter took for innocent: what looked like it at that time is judged again. */
static enum store_status note_reported(struct store *store, const struct store_message *row,
				       char **error_r)
{
	if (row->corrected == STORE_SPAM && row->result >= 0)
		return store_reported_add(store, row->id, error_r);
	return store_reported_delete(store, row->id, error_r);
}

static enum store_status correction_note(struct store *store, struct store_message *row,
					 const struct classifier_correction *correction,
					 char **error_r)
{
	const char *source = correction->source;
	time_t now = store_now(store);
	time_t said = correction->said > 0 && correction->said < now ? correction->said : now;

	free(row->source);
	row->source = xstrdup(source == NULL ? "" : source);
	row->corrected_at = now;
	enum store_status status = store_message_update(store, row, error_r);
	if (status == STORE_OK)
		status = store_correction_add(store, row->id, said, row->corrected, row->source,
					      error_r);
	if (status == STORE_OK)
		status = note_reported(store, row, error_r);
	return status;
}

struct last_word {
	time_t said, now;
	bool overtaken;
};

/*
 * A clock that was set back must not silence the user: what is said in the future does not count.
 */
static void compare_words(void *context, time_t when, enum store_class class, const char *source)
{
	struct last_word *word = context;

	(void)class;
	(void)source;
	word->overtaken |= when > word->said && when <= word->now;
}

static enum classifier_status apply(struct classifier *c, struct store_message *row,
				    const struct classifier_correction *correction,
				    enum classifier_corrected *corrected_r, char **error_r)
{
	struct lesson_state wanted = state_wanted(row, correction);
	struct last_word word = {.said = correction->said, .now = store_now(c->store)};
	enum store_status read = STORE_OK;

	if (correction->said > 0)
		read = store_correction_list(c->store, row->id, compare_words, &word, error_r);
	if (read != STORE_OK)
		return status_of_store(read);
	if (word.overtaken) {
		*corrected_r = CLASSIFIER_ALREADY;
		return CLASSIFIER_OK;
	}
	if (wanted.taught == row->taught && wanted.counted == row->counted &&
	    wanted.corrected == row->corrected) {
		*corrected_r = CLASSIFIER_ALREADY;
		return CLASSIFIER_OK;
	}
	enum store_status found = features_ensure(c->store, row, correction->message, error_r);
	if (found == STORE_NOT_FOUND && lesson_differs(row, wanted)) {
		*corrected_r = CLASSIFIER_UNKNOWN;
		return CLASSIFIER_OK;
	}
	if (found != STORE_OK && found != STORE_NOT_FOUND)
		return status_of_store(found);
	enum classifier_status status = teach(c, row, wanted, error_r);
	*corrected_r = wanted.corrected == STORE_NONE ? CLASSIFIER_TAKEN_BACK : CLASSIFIER_LEARNED;
	if (status == CLASSIFIER_OK)
		status = status_of_store(correction_note(c->store, row, correction, error_r));
	return status;
}

static enum classifier_status correct(struct classifier *c,
				      const struct classifier_correction *correction,
				      enum classifier_corrected *corrected_r, char **error_r)
{
	struct store_message row;
	enum classifier_status status = CLASSIFIER_OK;
	enum store_status found = row_find(c->store, correction, &row, error_r);

	if (found != STORE_OK && found != STORE_NOT_FOUND)
		return status_of_store(found);
	if (found == STORE_NOT_FOUND) {
		*corrected_r = CLASSIFIER_UNKNOWN;
		if (correction->message == NULL || correction->teaching == CLASSIFIER_UNLEARN)
			return CLASSIFIER_OK;
		status = row_create(c, correction->message, &row, error_r);
	}
	if (status == CLASSIFIER_OK)
		status = apply(c, &row, correction, corrected_r, error_r);
	store_message_free(&row);
	return status;
}

enum classifier_status classifier_correct(struct classifier *classifier,
					  const struct classifier_correction *correction,
					  enum classifier_corrected *corrected_r, char **error_r)
{
	enum classifier_status status = status_of_store(store_begin(classifier->store, error_r));

	*corrected_r = CLASSIFIER_UNKNOWN;
	if (status == CLASSIFIER_OK)
		status = correct(classifier, correction, corrected_r, error_r);
	if (status == CLASSIFIER_OK)
		status = status_of_store(store_commit(classifier->store, error_r));
	if (status != CLASSIFIER_OK) {
		store_rollback(classifier->store);
		return status;
	}
	classifier_settle(classifier);
	return CLASSIFIER_OK;
}

/* The dictionary's own upkeep must not fail what was already acknowledged: it is tried again. */
void classifier_settle(struct classifier *classifier)
{
	bool brief = !classifier_site_settings(classifier->site)->quick;
	char *error = NULL;

	if (dictionary_merge_due(classifier->store) &&
	    dictionary_merge(classifier->store, brief, &error) != STORE_OK) {
		msg_warn("%s: %s", classifier->user, error);
		free(error);
	}
}
