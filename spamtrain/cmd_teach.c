/*
 * cmd_teach.c - spamtrain train, retrain, unlearn.
 */
#include "spamtrain/command.h"

#include "spamtrain/spamtraind_client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define PROGRESS_EVERY 0.2 /* seconds */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

struct training {
	struct session *session;
	struct classifier *classifier;
	enum store_class class;
	struct walk walk;
	uint64_t total; /* bytes */
	uint64_t learned, already;
	double started, shown;
	int code;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* "[#####     ]  52 %  12345 messages  00:42 left" on a terminal. */
static void progress_show(struct training *t)
{
	double time = now();
	double part = t->total == 0 ? 1 : (double)t->walk.bytes / (double)t->total;
	char bar[21];

	if (!isatty(STDERR_FILENO) || time - t->shown < PROGRESS_EVERY)
		return;
	t->shown = time;
	part = part > 1 ? 1 : part;
	unsigned left = part <= 0 ? 0 : (unsigned)((time - t->started) / part * (1 - part));
	for (int i = 0; i < 20; i++)
		bar[i] = i < (int)(part * 20) ? '#' : ' ';
	bar[20] = '\0';
	fprintf(stderr, "\r[%s] %3.0f %%  %llu messages  %02u:%02u left ", bar, part * 100,
		(unsigned long long)(t->learned + t->already), left / 60, left % 60);
}

static bool train_one(void *context, struct span bytes)
{
	struct training *t = context;
	struct classifier_message *message = classifier_message_read(bytes, bytes.size);
	struct classifier_correction correction = {.teaching = CLASSIFIER_TRAIN,
						   .class = t->class,
						   .message = message,
						   .source = "cli"};
	enum classifier_corrected corrected;
	char *error = NULL;

	t->code = result_of(classifier_correct(t->classifier, &correction, &corrected, &error),
			    &error);
	classifier_message_free(&message);
	if (t->code == EX_OK && corrected == CLASSIFIER_ALREADY)
		t->already++;
	else if (t->code == EX_OK)
		t->learned++;
	progress_show(t);
	return t->code == EX_OK && !interrupted;
}

static void train_paths(struct training *t, int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	t->walk.only_count = true;
	for (int i = 0; i < argc; i++)
		messages_walk(&t->walk, argv[i]);
	t->total = t->walk.bytes;
	t->walk = (struct walk){.each = train_one, .context = t};
	t->started = now();
	for (int i = 0; i < argc && t->code == EX_OK && !interrupted; i++)
		messages_walk(&t->walk, argv[i]);
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
}

int command_train(struct session *session, int argc, char **argv)
{
	struct training t = {.session = session};

	if (!class_read(argv[1], &t.class))
		return EX_USAGE;
	int code = open_user(session, argv[0], false, &t.classifier);
	if (code != EX_OK)
		return code;
	train_paths(&t, argc - 2, argv + 2);
	classifier_close(&t.classifier);
	printf(session->json ? "{\"learned\": %llu, \"already\": %llu, \"unreadable\": %u}\n"
			     : "learned %llu, known already %llu, unreadable %u\n",
	       (unsigned long long)t.learned, (unsigned long long)t.already, t.walk.unreadable);
	if (t.code != EX_OK)
		return t.code;
	if (interrupted) {
		complain("interrupted; the same command again goes on where it stopped");
		return EX_TEMPFAIL;
	}
	return t.walk.unreadable > 0 ? EX_NOINPUT : EX_OK;
}

/* ---- retrain ---- */

static int reply_print(const struct packet *reply)
{
	const char *status = packet_get(reply, "status"), *outcome = packet_get(reply, "outcome");
	const char *reason = packet_get(reply, "reason"), *released = packet_get(reply, "released");

	if (status != NULL && strcmp(status, "ok") == 0) {
		printf("%s%s\n", outcome == NULL ? "done" : outcome,
		       released != NULL && strcmp(released, "yes") == 0 ? ", released" : "");
		return EX_OK;
	}
	complain("%s", reason != NULL ? reason : "spamtraind refused");
	return EX_DATAERR;
}

int command_retrain(struct session *session, int argc, char **argv)
{
	struct strbuf request = STRBUF_INIT;
	struct packet reply;
	enum store_class class;
	char *error = NULL;
	int code = EX_TEMPFAIL;

	(void)argc;
	if (!class_read(argv[1], &class))
		return EX_USAGE;
	packet_put(&request, "request", "retrain");
	packet_put(&request, "user", argv[0]);
	packet_put(&request, "class", store_class_name(class));
	packet_put(&request, "signature", argv[2]);
	packet_put(&request, "source", "cli");
	int fd = spamtraind_connect(session->conf, &error);
	if (fd >= 0 && spamtraind_ask(fd, &request, -1, &reply, &error) == 0) {
		code = reply_print(&reply);
		packet_free(&reply);
	} else {
		complain("%s", error);
	}
	if (fd >= 0)
		close(fd);
	free(error);
	strbuf_free(&request);
	return code;
}

/* ---- unlearn ---- */

int command_unlearn(struct session *session, int argc, char **argv)
{
	struct classifier *classifier = NULL;
	struct classifier_message *message = NULL;
	struct classifier_correction correction = {.teaching = CLASSIFIER_UNLEARN, .source = "cli"};
	enum classifier_corrected corrected;
	char *error = NULL;
	bool signature = classifier_is_signature(argv[1]);

	(void)argc;
	int code = signature ? EX_OK : message_open(argv[1], &message);
	correction.signature = signature ? argv[1] : NULL;
	correction.message = message;
	if (code == EX_OK)
		code = open_user(session, argv[0], true, &classifier);
	if (code == EX_OK)
		code = result_of(classifier_correct(classifier, &correction, &corrected, &error),
				 &error);
	if (code == EX_OK && corrected == CLASSIFIER_UNKNOWN) {
		complain("%s: %s never had this message, or its signature has expired", argv[1],
			 argv[0]);
		code = EX_DATAERR;
	} else if (code == EX_OK) {
		puts(classifier_corrected_name(corrected));
	}
	classifier_close(&classifier);
	classifier_message_free(&message);
	return code;
}
