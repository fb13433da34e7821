#include "spamtrain/daemon/spamtraind_correct.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "spamtrain/user/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIME_FILE "last"

/* ---- metrics ---- */

#define OUTCOMES 6 /* of a source, in the order of outcome_index() */

#define CORRECTIONS(source, outcome)                                                               \
	METRIC_COUNTER(source##_##outcome,                                                         \
		       "shoveler_spamtraind_corrections_total{source=\"" #source                   \
		       "\",outcome=\"" #outcome "\"}",                                             \
		       "Corrections by the way they came and what became of them")
#define SOURCE(source)                                                                             \
	CORRECTIONS(source, learned);                                                              \
	CORRECTIONS(source, already);                                                              \
	CORRECTIONS(source, taken_back);                                                           \
	CORRECTIONS(source, unknown);                                                              \
	CORRECTIONS(source, invalid);                                                              \
	CORRECTIONS(source, deferred)
#define SOURCE_ROW(source)                                                                         \
	{                                                                                          \
#source,                                                                           \
		{                                                                                  \
			&source##_learned, &source##_already, &source##_taken_back,                \
				&source##_unknown, &source##_invalid, &source##_deferred           \
		}                                                                                  \
	}

SOURCE(imap);
SOURCE(address);
SOURCE(cli);
SOURCE(web);
SOURCE(digest);
SOURCE(other);
/* An empty file: its time of modification is the metric, and outlives a restart. */
static int time_fd = -1;
METRIC_GAUGE(last_correction, "shoveler_spamtraind_last_correction_timestamp_seconds",
	     "Time of the last correction that was done, seconds since 1970");

static const struct {
	const char *source;
	struct metric *counters[OUTCOMES];
} sources[] = {SOURCE_ROW(imap), SOURCE_ROW(address), SOURCE_ROW(cli),
	       SOURCE_ROW(web),	 SOURCE_ROW(digest),  SOURCE_ROW(other)};

static size_t outcome_index(const struct correction_result *result)
{
	switch (result->status) {
	case CORRECTION_DONE:
		return result->corrected == CLASSIFIER_LEARNED	 ? 0
		       : result->corrected == CLASSIFIER_ALREADY ? 1
								 : 2;
	case CORRECTION_UNKNOWN:
		return 3;
	case CORRECTION_INVALID:
		return 4;
	default:
		return 5;
	}
}

static void count(const char *source, const struct correction_result *result)
{
	size_t row = 0, last = sizeof(sources) / sizeof(sources[0]) - 1;

	while (row < last && strcmp(sources[row].source, source) != 0)
		row++;
	metric_add(sources[row].counters[outcome_index(result)], 1);
	if (result->status == CORRECTION_DONE) {
		metric_set(&last_correction, (int64_t)time(NULL));
		if (time_fd >= 0)
			(void)futimens(time_fd, NULL);
	}
}

/* A new one says "never". */
static int open_time(const char *path)
{
	const struct timespec never[2] = {{0, 0}, {0, 0}};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)futimens(fd, never);
	else if (errno == EEXIST)
		fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

void correction_time_open(const char *spool)
{
	char *path = xasprintf("%s/" TIME_FILE, spool);
	struct stat st;

	time_fd = open_time(path);
	if (time_fd < 0)
		msg_warn("%s: %s: when mail was last corrected is not known after a restart", path,
			 strerror(errno));
	else if (fstat(time_fd, &st) == 0)
		metric_set(&last_correction, (int64_t)st.st_mtime);
	free(path);
}

void correction_time_close(void)
{
	if (time_fd >= 0)
		close(time_fd);
	time_fd = -1;
}

const char *correction_outcome(const struct correction_result *result)
{
	static const char *const names[OUTCOMES] = {"learned", "already", "taken_back",
						    "unknown", "invalid", "deferred"};

	return result->status == CORRECTION_WAITING ? "waiting" : names[outcome_index(result)];
}

/* ---- correcting ---- */

static enum correction_status status_of(enum classifier_status status)
{
	return status == CLASSIFIER_INVALID ? CORRECTION_INVALID : CORRECTION_DEFERRED;
}

/* What is to be taught: the message given, else (until freed) the one that waits in quarantine. */
struct lesson {
	struct span bytes;
	struct strbuf held;
	bool quarantined;
};

static void read_held(const struct quarantined_file *file, struct lesson *lesson)
{
	size_t size = file->row.size < CLASSIFIER_MESSAGE_MAX ? (size_t)file->row.size
							      : CLASSIFIER_MESSAGE_MAX;
	ssize_t got;

	if (file->fd < 0 || file->damaged || size == 0)
		return;
	strbuf_reserve(&lesson->held, size);
	got = read(file->fd, lesson->held.data, size);
	lesson->held.size = got > 0 ? (size_t)got : 0;
	lesson->bytes = strbuf_span(&lesson->held);
}

/*
 * A message may wait in quarantine for longer than its signature is good for: then it is learned
 * from the file.
 */
static enum correction_status find_held(struct classifier *classifier, const char *signature,
					struct lesson *lesson, char **reason_r)
{
	struct quarantined_file file;

	if (signature[0] == '\0')
		return CORRECTION_DONE;
	switch (quarantine_open(classifier_store(classifier), signature, &file, reason_r)) {
	case STORE_OK:
		lesson->quarantined = true;
		if (lesson->bytes.size == 0)
			read_held(&file, lesson);
		quarantine_close(&file);
		return CORRECTION_DONE;
	case STORE_NOT_FOUND:
		return CORRECTION_DONE;
	default:
		return CORRECTION_DEFERRED;
	}
}

static enum correction_status teach(struct classifier *classifier,
				    const struct correction *correction,
				    const struct classifier_message *message,
				    struct correction_result *result)
{
	const struct classifier_correction lesson = {
		.teaching =
			correction->class == STORE_NONE ? CLASSIFIER_UNLEARN : CLASSIFIER_CORRECT,
		.class = correction->class,
		.signature = correction->signature,
		.message = message,
		.source = correction->source,
		.said = correction->said,
	};
	enum classifier_status status =
		classifier_correct(classifier, &lesson, &result->corrected, &result->reason);

	if (status != CLASSIFIER_OK)
		return status_of(status);
	return result->corrected == CLASSIFIER_UNKNOWN ? CORRECTION_UNKNOWN : CORRECTION_DONE;
}

static void correct(struct classifier *classifier, const struct correction *correction,
		    struct correction_result *result)
{
	struct lesson lesson = {.bytes = correction->message};
	const char *signature = correction->signature;
	struct classifier_message *message = NULL;

	if (lesson.bytes.size > 0) {
		message = classifier_message_read(lesson.bytes, lesson.bytes.size);
		if (signature[0] == '\0')
			signature = classifier_message_signature(message);
	}
	result->status = CORRECTION_DONE;
	if (correction->class == STORE_INNOCENT)
		result->status = find_held(classifier, signature, &lesson, &result->reason);
	if (message == NULL && lesson.bytes.size > 0)
		message = classifier_message_read(lesson.bytes, lesson.bytes.size);
	if (result->status == CORRECTION_DONE)
		result->status = teach(classifier, correction, message, result);
	if (result->status == CORRECTION_DONE && lesson.quarantined)
		snprintf(result->held, sizeof(result->held), "%s", signature);
	classifier_message_free(&message);
	strbuf_free(&lesson.held);
}

static void apply_for_user(struct spamtraind *service, const char *user,
			   const struct correction *correction, struct correction_result *result)
{
	struct classifier *classifier = NULL;
	enum classifier_status status;

	/*
	 * A user without a store has issued no signature; only a message can teach him something.
	 */
	status = classifier_open(service->site, user, correction->message.size > 0, &classifier,
				 &result->reason);
	if (status != CLASSIFIER_OK) {
		result->status = status_of(status);
		return;
	}
	if (classifier == NULL) {
		result->status = CORRECTION_UNKNOWN;
		return;
	}
	correct(classifier, correction, result);
	classifier_close(&classifier);
}

static void log_result(const char *user, const struct correction *correction,
		       const struct correction_result *result)
{
	const char *event = correction->event[0] != '\0' ? correction->event : "correct";
	const char *class = store_class_name(correction->class);
	const char *outcome = correction_outcome(result);

	if (result->reason == NULL)
		msg_info("%s: user=<%s>, action=correct, class=%s, source=%s, signature=%s, "
			 "outcome=%s",
			 event, user, class, correction->source, correction->signature, outcome);
	else
		msg_warn("%s: user=<%s>, action=correct, class=%s, source=%s, signature=%s, "
			 "outcome=%s, reason=%s",
			 event, user, class, correction->source, correction->signature, outcome,
			 result->reason);
}

void correction_apply(struct spamtraind *service, const struct correction *correction,
		      struct correction_result *result_r)
{
	struct strbuf user = STRBUF_INIT;

	*result_r = (struct correction_result){.status = CORRECTION_INVALID};
	if (spamtraind_user(service, correction->user, &user))
		apply_for_user(service, strbuf_text(&user), correction, result_r);
	else
		result_r->reason = xasprintf("\"%s\" is no user", correction->user);
	count(correction->source, result_r);
	log_result(user.size > 0 ? strbuf_text(&user) : correction->user, correction, result_r);
	strbuf_free(&user);
}

void correction_result_free(struct correction_result *result)
{
	free(result->reason);
	result->reason = NULL;
}
