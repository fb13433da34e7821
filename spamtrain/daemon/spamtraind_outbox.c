#include "spamtrain/daemon/spamtraind_outbox.h"

#include "lib/clock.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/retrain_spool.h"
#include "lib/xalloc.h"
#include "spamtrain/daemon/own_mail.h"
#include "spamtrain/daemon/spamtraind_backoff.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_RELEASE "release"
#define SOURCE_MAIL    "mail"

METRIC_GAUGE(waiting, "shoveler_spamtraind_outbox_files",
	     "Releases and answers that wait for Dovecot");

struct outbox_job {
	char *name;	 /* of the file */
	char *delivered; /* release_message()'s; of the thread that is at it */
	struct outbox_job *next;
};

struct outbox_user {
	char *user;
	struct outbox_job *first, **end; /* oldest first */
	bool busy;			 /* a thread is at his first */
	int64_t not_before_ms, delay_ms;
	struct outbox_user *next;
};

struct outbox {
	char *folder;
	outbox_tried *tried;
	void *context;
	pthread_t threads[OUTBOX_THREADS];
	unsigned running;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	struct outbox_user *users; /* whose turn comes next first */
	bool stopping, abandoned;
};

/* ---- the queue; the lock is held ---- */

static struct outbox_user **place_of(struct outbox *outbox, const char *user)
{
	struct outbox_user **place = &outbox->users;

	while (*place != NULL && strcmp((*place)->user, user) != 0)
		place = &(*place)->next;
	return place;
}

/* Takes the name over. */
static void enqueue(struct outbox *outbox, const char *user, char *name)
{
	struct outbox_user **place = place_of(outbox, user), *found = *place;
	struct outbox_job *job = xcalloc(1, sizeof(*job));

	if (found == NULL) {
		found = *place = xcalloc(1, sizeof(*found));
		found->user = xstrdup(user);
		found->end = &found->first;
	}
	job->name = name;
	*found->end = job;
	found->end = &job->next;
	metric_add(&waiting, 1);
	pthread_cond_signal(&outbox->changed);
}

static void free_job(struct outbox_job *job)
{
	free(job->name);
	free(job->delivered);
	free(job);
}

static void free_user(struct outbox_user *user)
{
	struct outbox_job *job;

	while ((job = user->first) != NULL) {
		user->first = job->next;
		free_job(job);
	}
	free(user->user);
	free(user);
}

static void move_to_end(struct outbox_user **place)
{
	struct outbox_user *user = *place;

	*place = user->next;
	user->next = NULL;
	while (*place != NULL)
		place = &(*place)->next;
	*place = user;
}

/* Whose turn it is, or NULL and *next_ms_r: when somebody's time comes; -1: nobody's. */
static struct outbox_user *take_turn(struct outbox *outbox, int64_t *next_ms_r)
{
	int64_t now = clock_ms();

	*next_ms_r = -1;
	for (struct outbox_user **place = &outbox->users; *place != NULL; place = &(*place)->next) {
		struct outbox_user *user = *place;

		if (user->busy)
			continue;
		if (user->not_before_ms <= now) {
			user->busy = true;
			move_to_end(place);
			return user;
		}
		if (*next_ms_r < 0 || user->not_before_ms < *next_ms_r)
			*next_ms_r = user->not_before_ms;
	}
	return NULL;
}

static void wait_for_turn(struct outbox *outbox, int64_t next_ms)
{
	struct timespec until = {.tv_sec = next_ms / 1000,
				 .tv_nsec = (long)(next_ms % 1000) * 1000000};

	if (next_ms < 0)
		pthread_cond_wait(&outbox->changed, &outbox->lock);
	else
		pthread_cond_timedwait(&outbox->changed, &outbox->lock, &until);
}

static void end_turn(struct outbox *outbox, struct outbox_user *user, bool done)
{
	struct outbox_job *job = user->first;

	user->busy = false;
	if (!done) {
		user->delay_ms = user->delay_ms == 0 ? BACKOFF_FIRST_MS : user->delay_ms * 2;
		if (user->delay_ms > BACKOFF_LAST_MS)
			user->delay_ms = BACKOFF_LAST_MS;
		user->not_before_ms = clock_ms() + user->delay_ms;
	} else {
		user->first = job->next;
		if (user->first == NULL)
			user->end = &user->first;
		free_job(job);
		metric_add(&waiting, -1);
		user->delay_ms = user->not_before_ms = 0;
	}
	if (user->first == NULL) {
		struct outbox_user **place = place_of(outbox, user->user);

		*place = user->next;
		free_user(user);
	}
	pthread_cond_broadcast(&outbox->changed);
}

/* ---- one file ---- */

static bool mail(struct spamtraind *service, const struct retrain_file *file)
{
	struct lmtp_reply reply;
	enum lmtp_result result =
		own_mail_deliver(service, file->entry.user, file->message, &reply);

	if (result == LMTP_ACCEPTED)
		return true;
	msg_warn("answer: user=<%s>, action=deliver, outcome=%s, reason=%d %s", file->entry.user,
		 reply.code >= 500 ? "refused" : "deferred", reply.code, reply.text);
	return result == LMTP_REFUSED && reply.code >= 500;
}

/* Who asked is told, unless he is about to be freed. */
static void tell(struct outbox *outbox, const struct retrain_file *file, enum release_status status,
		 const char *reason)
{
	pthread_mutex_lock(&outbox->lock);
	if (!outbox->abandoned)
		outbox->tried(outbox->context, file->entry.mailbox, status, reason);
	pthread_mutex_unlock(&outbox->lock);
}

/* Returns false when it is to be tried again. */
static bool bring(struct outbox *outbox, struct outbox_job *job, const struct retrain_file *file)
{
	struct spamtraind *service = spamtraind_current();
	enum release_status status;
	char *reason = NULL;
	bool done;

	if (strcmp(file->entry.source, SOURCE_MAIL) == 0) {
		done = mail(service, file);
	} else {
		status = release_message(service, file->entry.user, file->entry.signature,
					 &job->delivered, &reason);
		done = status != RELEASE_DEFERRED;
		tell(outbox, file, status, reason);
	}
	spamtraind_drop(&service);
	free(reason);
	return done;
}

static void log_and_free(char *error)
{
	if (error != NULL)
		msg_error("%s", error);
	free(error);
}

static void delete_file(const struct outbox *outbox, const char *name)
{
	char *error = NULL;

	retrain_spool_delete(outbox->folder, name, &error);
	log_and_free(error);
}

static void refuse_file(const struct outbox *outbox, const char *name, const char *problem)
{
	char *error = NULL;

	msg_warn("outbox: %s: moved to bad/: %s", name, problem);
	retrain_spool_refuse(outbox->folder, name, &error);
	log_and_free(error);
}

/* Returns false when the file stays. */
static bool process(struct outbox *outbox, struct outbox_job *job)
{
	const char *name = job->name;
	struct retrain_file file;
	char *error = NULL;
	bool done = true;

	switch (retrain_spool_read(outbox->folder, name, &file, &error)) {
	case RETRAIN_OK:
		done = bring(outbox, job, &file);
		if (done)
			delete_file(outbox, name);
		retrain_file_free(&file);
		break;
	case RETRAIN_GONE:
		break;
	case RETRAIN_MALFORMED:
		refuse_file(outbox, name, error);
		break;
	case RETRAIN_ERROR:
		msg_warn("outbox: %s: cannot be read: %s", name, error);
		done = false;
		break;
	}
	free(error);
	return done;
}

static void *run(void *argument)
{
	struct outbox *outbox = argument;

	pthread_mutex_lock(&outbox->lock);
	while (!outbox->stopping) {
		int64_t next_ms;
		struct outbox_user *user = take_turn(outbox, &next_ms);
		struct outbox_job *job;
		bool done;

		if (user == NULL) {
			wait_for_turn(outbox, next_ms);
			continue;
		}
		job = user->first;
		pthread_mutex_unlock(&outbox->lock);
		done = process(outbox, job);
		pthread_mutex_lock(&outbox->lock);
		end_turn(outbox, user, done);
	}
	outbox->running--;
	pthread_cond_broadcast(&outbox->changed);
	pthread_mutex_unlock(&outbox->lock);
	return NULL;
}

/* ---- start and stop ---- */

/* What waited when we ended. */
static int load(struct outbox *outbox, char **error_r)
{
	char **names = NULL;
	size_t count;

	if (retrain_spool_list(outbox->folder, &names, &count, error_r) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct retrain_file file;
		char *error = NULL;
		enum retrain_status status =
			retrain_spool_read(outbox->folder, names[i], &file, &error);

		if (status == RETRAIN_OK) {
			enqueue(outbox, file.entry.user, xstrdup(names[i]));
			retrain_file_free(&file);
		} else if (status == RETRAIN_MALFORMED) {
			refuse_file(outbox, names[i], error);
		} else {
			log_and_free(error);
			error = NULL;
		}
		free(error);
	}
	retrain_names_free(names);
	return 0;
}

static void free_outbox(struct outbox *outbox)
{
	struct outbox_user *user;

	while ((user = outbox->users) != NULL) {
		outbox->users = user->next;
		free_user(user);
	}
	pthread_cond_destroy(&outbox->changed);
	pthread_mutex_destroy(&outbox->lock);
	free(outbox->folder);
	free(outbox);
}

static int start_threads(struct outbox *outbox, char **error_r)
{
	int error = 0;

	for (unsigned i = 0; i < OUTBOX_THREADS && error == 0; i++) {
		error = pthread_create(&outbox->threads[i], NULL, run, outbox);
		outbox->running += error == 0;
	}
	if (error == 0)
		return 0;
	*error_r = xasprintf("cannot start a thread of the outbox: %s", strerror(error));
	return -1;
}

int outbox_start(const char *folder, outbox_tried *tried, void *context, struct outbox **outbox_r,
		 char **error_r)
{
	struct outbox *outbox = xcalloc(1, sizeof(*outbox));
	int started = -1;

	outbox->folder = xstrdup(folder);
	outbox->tried = tried;
	outbox->context = context;
	pthread_mutex_init(&outbox->lock, NULL);
	clock_init_condition(&outbox->changed);
	if (load(outbox, error_r) == 0) {
		pthread_mutex_lock(&outbox->lock);
		started = start_threads(outbox, error_r);
		pthread_mutex_unlock(&outbox->lock);
	}
	*outbox_r = outbox;
	if (started < 0)
		outbox_stop(outbox_r);
	return started;
}

/* Returns whether all threads have ended. The lock is held. */
static bool drain(struct outbox *outbox)
{
	struct timespec until;
	int error = 0;

	outbox->stopping = true;
	pthread_cond_broadcast(&outbox->changed);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += OUTBOX_DRAIN_S;
	while (outbox->running > 0 && error == 0)
		error = pthread_cond_timedwait(&outbox->changed, &outbox->lock, &until);
	outbox->abandoned = outbox->running > 0;
	return !outbox->abandoned;
}

void outbox_stop(struct outbox **outbox_p)
{
	struct outbox *outbox = *outbox_p;
	unsigned threads;
	bool ended;

	*outbox_p = NULL;
	if (outbox == NULL)
		return;
	pthread_mutex_lock(&outbox->lock);
	threads = outbox->running;
	ended = drain(outbox);
	pthread_mutex_unlock(&outbox->lock);
	if (!ended) {
		msg_warn(
			"outbox: Dovecot does not answer; what waits is done after the next start");
		return;
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(outbox->threads[i], NULL);
	free_outbox(outbox);
}

/* ---- what comes ---- */

static int put(struct outbox *outbox, const struct retrain_entry *entry, struct span message,
	       char **error_r)
{
	char *name = NULL;

	if (retrain_spool_write_named(outbox->folder, entry, message, &name, error_r) < 0)
		return -1;
	pthread_mutex_lock(&outbox->lock);
	enqueue(outbox, entry->user, name);
	pthread_mutex_unlock(&outbox->lock);
	return 0;
}

int outbox_release(struct outbox *outbox, const char *user, const char *signature,
		   const char *event, char **error_r)
{
	const struct retrain_entry entry = {
		.user = user,
		.class = RETRAIN_INNOCENT,
		.signature = signature,
		.source = SOURCE_RELEASE,
		.mailbox = event,
		.durable = true,
	};

	return put(outbox, &entry, (struct span){NULL, 0}, error_r);
}

int outbox_mail(struct outbox *outbox, const char *user, struct span message, char **error_r)
{
	const struct retrain_entry entry = {
		.user = user,
		.class = RETRAIN_NONE,
		.source = SOURCE_MAIL,
		.durable = true,
	};

	return put(outbox, &entry, message, error_r);
}
