#include "spamtrain/daemon/spamtraind_spool_internal.h"

#include "lib/clock.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#define SCAN_INTERVAL_MS  60000
#define CLEAN_INTERVAL_MS 3600000
#define TURN_MS		  5000 /* how often the thread comes round when nothing comes */
#define PULSE_S		  300  /* for one correction: its store may be slow or locked */
#define EVENT_BUFFER	  (64 * 1024)

METRIC_GAUGE(depth, "shoveler_spamtraind_spool_files", "Corrections that wait in the spool");
METRIC_COUNTER(malformed, "shoveler_spamtraind_spool_malformed_total",
	       "Files of the spool that were put aside as malformed");

/* ---- one file ---- */

static void refuse_file(struct spool_worker *worker, const char *name, const char *problem)
{
	char *error = NULL;

	metric_add(&malformed, 1);
	msg_warn("%s: moved to bad/: %s", name, problem);
	if (retrain_spool_refuse(worker->spool, name, &error) < 0)
		msg_error("%s", error);
	free(error);
}

void spool_delete_file(struct spool_worker *worker, const char *name)
{
	char *error = NULL;

	if (retrain_spool_delete(worker->spool, name, &error) < 0)
		msg_error("%s", error);
	free(error);
}

static enum store_class class_of(enum retrain_class class)
{
	switch (class) {
	case RETRAIN_SPAM:
		return STORE_SPAM;
	case RETRAIN_INNOCENT:
		return STORE_INNOCENT;
	case RETRAIN_NONE:
		break;
	}
	return STORE_NONE;
}

/* Mail to a training address has the queue id where the others name a mailbox. */
static struct correction correction_of(const char *name, const struct retrain_file *file)
{
	time_t accepted = file->entry.accepted;
	bool by_mail = strcmp(file->entry.source, SPOOL_SOURCE_MAIL) == 0;

	return (struct correction){
		.user = file->entry.user,
		.class = class_of(file->entry.class),
		.signature = file->entry.signature,
		.message = file->message,
		.source = file->entry.source,
		.event = by_mail ? file->entry.mailbox : "",
		.said = accepted != 0 ? accepted : retrain_spool_time(name),
	};
}

/*
 * What is to be released is in the outbox, synced, before the file goes; and who waits is told of
 * the lesson before he can be told of the release. Returns false when the file stays.
 */
static bool finish_file(struct spool_worker *worker, const char *name, const char *user,
			struct correction_result *result)
{
	struct correction_result deferred = {.status = CORRECTION_DEFERRED};
	bool done = result->status != CORRECTION_DEFERRED;
	char held[STORE_SIGNATURE_SIZE], *error = NULL;

	memcpy(held, result->held, sizeof(held));
	spool_tell_lesson(worker, name, result);
	if (held[0] == '\0' || outbox_release(worker->outbox, user, held, name, &error) == 0)
		return done;
	msg_error("%s: user=<%s>, cannot be released yet: %s", name, user, error);
	free(error);
	spool_tell_lesson(worker, name, &deferred);
	return false;
}

/* Returns false when the file stays. */
static bool apply_file(struct spool_worker *worker, const char *name,
		       const struct retrain_file *file)
{
	struct correction correction = correction_of(name, file);
	struct spamtraind *service = spamtraind_current();
	struct strbuf user = STRBUF_INIT;
	struct correction_result result;
	bool deferred;
	int64_t delay;

	correction_apply(service, &correction, &result);
	spamtraind_user(service, correction.user, &user);
	spamtraind_drop(&service);
	deferred = !finish_file(worker, name, strbuf_text(&user), &result);
	strbuf_free(&user);
	if (deferred) {
		delay = backoff_failed(&worker->backoff, correction.user, clock_ms());
		msg_warn("%s: user=<%s>, waits for %lld s", name, correction.user,
			 (long long)delay / 1000);
	} else {
		backoff_succeeded(&worker->backoff, correction.user);
		spool_delete_file(worker, name);
	}
	return !deferred;
}

/*
 * fresh: seen by inotify; then older ones of the same user may wait, and the next scan takes them
 * in order. Returns false when the file stays.
 */
static bool apply_in_turn(struct spool_worker *worker, const char *name,
			  const struct retrain_file *file, bool fresh)
{
	struct correction_result deferred = {.status = CORRECTION_DEFERRED};
	const char *user = file->entry.user;

	if (fresh ? !backoff_is_known(&worker->backoff, user)
		  : !backoff_is_waiting(&worker->backoff, user, clock_ms()))
		return apply_file(worker, name, file);
	spool_tell_lesson(worker, name, &deferred);
	return false;
}

static bool process_file(struct spool_worker *worker, const char *name, bool fresh)
{
	struct retrain_file file;
	char *error = NULL;
	bool done = true;

	switch (retrain_spool_read(worker->spool, name, &file, &error)) {
	case RETRAIN_OK:
		done = apply_in_turn(worker, name, &file, fresh);
		retrain_file_free(&file);
		break;
	case RETRAIN_GONE:
		break;
	case RETRAIN_MALFORMED:
		refuse_file(worker, name, error);
		break;
	case RETRAIN_ERROR:
		msg_warn("%s: cannot be read: %s", name, error);
		done = false;
		break;
	}
	free(error);
	return done;
}

/* ---- many files ---- */

static void process_names(struct spool_worker *worker, char **names, size_t count, bool fresh)
{
	size_t left = 0;

	for (size_t i = 0; i < count && !atomic_load(&worker->stopping); i++) {
		pulse_beat(&worker->pulse, PULSE_S);
		if (!process_file(worker, names[i], fresh))
			left++;
		if (!fresh)
			metric_set(&depth, (int64_t)(count - i - 1 + left));
	}
	if (fresh)
		metric_add(&depth, (int64_t)left);
}

/* The watch is set again each time: the folder may have been removed and made anew. */
static void watch(struct spool_worker *worker)
{
	if (inotify_add_watch(worker->inotify_fd, worker->folder, IN_MOVED_TO | IN_ONLYDIR) < 0)
		msg_warn("cannot watch %s: %s", worker->folder, strerror(errno));
}

static void scan(struct spool_worker *worker)
{
	int64_t start = clock_ms();
	char **names = NULL, *error = NULL;
	size_t count = 0;

	watch(worker);
	worker->next_scan_ms = start + SCAN_INTERVAL_MS;
	if (retrain_spool_list(worker->spool, &names, &count, &error) < 0) {
		msg_error("%s", error);
		free(error);
		return;
	}
	process_names(worker, names, count, false);
	retrain_names_free(names);
	backoff_forget(&worker->backoff, start);
	if (worker->next_clean_ms <= start) {
		retrain_spool_clean(worker->spool);
		worker->next_clean_ms = start + CLEAN_INTERVAL_MS;
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Returns the names seen; *overflow_r: some were lost. */
static char **read_events(int fd, size_t *count_r, bool *overflow_r)
{
	_Alignas(struct inotify_event) char buffer[EVENT_BUFFER];
	ssize_t size = read(fd, buffer, sizeof(buffer));
	char **names = xcalloc(sizeof(buffer) / sizeof(struct inotify_event) + 1, sizeof(*names));

	*count_r = 0;
	for (ssize_t at = 0; at < size;) {
		const struct inotify_event *event = (const void *)(buffer + at);

		if (event->mask & IN_Q_OVERFLOW)
			*overflow_r = true;
		else if (event->len > 0 && retrain_spool_is_name(event->name))
			names[(*count_r)++] = xstrdup(event->name);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return names;
}

static void process_events(struct spool_worker *worker)
{
	bool overflow = false;
	size_t count;
	char **names = read_events(worker->inotify_fd, &count, &overflow);

	qsort(names, count, sizeof(*names), compare_names);
	process_names(worker, names, count, true);
	retrain_names_free(names);
	if (overflow)
		scan(worker);
}

static int wait_time(const struct spool_worker *worker)
{
	int64_t next = backoff_next(&worker->backoff), now = clock_ms();

	if (next < 0 || next > worker->next_scan_ms)
		next = worker->next_scan_ms;
	return next <= now ? 0 : next - now < TURN_MS ? (int)(next - now) : TURN_MS;
}

static void *run(void *argument)
{
	struct spool_worker *worker = argument;
	struct pollfd wait[2] = {{.fd = worker->inotify_fd, .events = POLLIN},
				 {.fd = worker->wake_fd, .events = POLLIN}};

	pulse_start(&worker->pulse, "the thread of corrections", PULSE_S);
	scan(worker);
	while (!atomic_load(&worker->stopping)) {
		int ready;

		pulse_beat(&worker->pulse, PULSE_S);
		ready = poll(wait, 2, wait_time(worker));

		if (ready > 0 && wait[0].revents != 0)
			process_events(worker);
		if (wait_time(worker) == 0)
			scan(worker);
	}
	pulse_stop(&worker->pulse);
	return NULL;
}

/* ---- start and stop ---- */

static void free_worker(struct spool_worker *worker)
{
	outbox_stop(&worker->outbox); /* it tells who waits */
	if (worker->inotify_fd >= 0)
		close(worker->inotify_fd);
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	backoff_free(&worker->backoff);
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	free(worker->folder);
	free(worker->spool);
	free(worker);
}

static int start_outbox(struct spool_worker *worker, char **error_r)
{
	char *folder = xasprintf("%s/" OUTBOX_FOLDER_NAME, worker->spool);
	int started = outbox_start(folder, spool_tell_release, worker, &worker->outbox, error_r);

	free(folder);
	return started;
}

int spool_worker_start(const char *spool, struct spool_worker **worker_r, char **error_r)
{
	struct spool_worker *worker = xcalloc(1, sizeof(*worker));
	bool failed = false;
	int error = 0;

	worker->spool = xstrdup(spool);
	worker->folder = xasprintf("%s/new", spool);
	pthread_mutex_init(&worker->lock, NULL);
	clock_init_condition(&worker->changed);
	worker->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->inotify_fd < 0 || worker->wake_fd < 0)
		error = errno;
	else if (start_outbox(worker, error_r) < 0)
		failed = true;
	else
		error = pthread_create(&worker->thread, NULL, run, worker);
	if (error != 0)
		*error_r = xasprintf("cannot work off %s: %s", spool, strerror(error));
	if (error != 0 || failed) {
		free_worker(worker);
		return -1;
	}
	*worker_r = worker;
	return 0;
}

void spool_worker_stop(struct spool_worker **worker)
{
	uint64_t one = 1;

	if (*worker == NULL)
		return;
	atomic_store(&(*worker)->stopping, true);
	if (write((*worker)->wake_fd, &one, sizeof(one)) < 0)
		msg_panic("cannot write to an eventfd: %s", strerror(errno));
	pthread_join((*worker)->thread, NULL);
	free_worker(*worker);
	*worker = NULL;
}
