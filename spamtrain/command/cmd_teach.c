/*
 * cmd_teach.c - spamtrain train, retrain, unlearn.
 */
#include "spamtrain/command/command.h"

#include "spamtrain/daemon/spamtraind_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define ARCHIVE_MIN	   20 /* messages learned at once that are an archive */
#define RESCORE_PER_LESSON 4

struct training {
	struct classifier *classifier;
	enum store_class class;
	struct walk walk;
	uint64_t total; /* bytes; 0: not known */
	uint64_t learned, already;
	struct progress progress;
	int code;
};

static void training_show(struct training *t)
{
	char what[40];

	snprintf(what, sizeof(what), "%llu messages",
		 (unsigned long long)(t->learned + t->already));
	progress_show(&t->progress, t->total == 0 ? 0 : (double)t->walk.bytes / (double)t->total,
		      what);
}

static bool train_one(void *context, struct span bytes, uint64_t size)
{
	struct training *t = context;
	struct classifier_message *message = classifier_message_read(bytes, size);
	struct classifier_correction correction = {.teaching = CLASSIFIER_TRAIN,
						   .class = t->class,
						   .message = message,
						   .source = "cli"};
	enum classifier_corrected corrected;
	char *error = NULL;
	enum classifier_status status =
		classifier_correct(t->classifier, &correction, &corrected, &error);

	classifier_message_free(&message);
	if (status != CLASSIFIER_OK)
		progress_end(&t->progress);
	t->code = result_of(status, &error);
	if (t->code == EX_OK && corrected == CLASSIFIER_ALREADY)
		t->already++;
	else if (t->code == EX_OK)
		t->learned++;
	training_show(t);
	return t->code == EX_OK && !interrupt_came();
}

static void train_paths(struct training *t, int argc, char **argv)
{
	bool whole = true;

	interrupt_catch();
	progress_start(&t->progress, false);
	t->walk.only_count = true;
	for (int i = 0; i < argc && t->progress.terminal; i++) {
		messages_walk(&t->walk, argv[i]);
		whole = whole && strcmp(argv[i], "-") != 0;
	}
	t->total = whole ? t->walk.bytes : 0;
	t->walk = (struct walk){.each = train_one, .context = t};
	progress_start(&t->progress, false);
	for (int i = 0; i < argc && t->code == EX_OK && !interrupt_came(); i++)
		messages_walk(&t->walk, argv[i]);
	progress_end(&t->progress);
}

static void compare_archive(struct training *t)
{
	char *error = NULL;

	if (t->code != EX_OK || t->learned < ARCHIVE_MIN || interrupt_came())
		return;
	if (t->progress.terminal)
		fputs("comparing what was learned ...\n", stderr);
	t->code = result_of(classifier_rescore(t->classifier, RESCORE_PER_LESSON * t->learned,
					       interrupt_came, &error),
			    &error);
}

static int train_result(const struct session *session, const struct training *t)
{
	bool resume = interrupt_came();

	printf(session->json ? "{\"learned\": %llu, \"already\": %llu, \"unreadable\": %u, "
			       "\"interrupted\": %s}\n"
			     : "learned %llu, known already %llu, unreadable %u\n",
	       (unsigned long long)t->learned, (unsigned long long)t->already, t->walk.unreadable,
	       resume ? "true" : "false");
	if (t->code != EX_OK)
		return t->code;
	if (resume) {
		complain("interrupted; the same command again goes on where it stopped");
		return EX_TEMPFAIL;
	}
	return t->walk.unreadable > 0 ? EX_NOINPUT : EX_OK;
}

/*
 * A path that is not there is more likely a mistake in typing than a lesson: nothing is taught
 * then.
 */
static int paths_check(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		int fd = strcmp(argv[i], "-") == 0 ? 0 : file_open_as_root(argv[i], O_PATH);
		if (fd < 0) {
			complain("%s: %s", argv[i], strerror(errno));
			return EX_NOINPUT;
		}
		if (fd > 0)
			close(fd);
	}
	return EX_OK;
}

int command_train(struct session *session, int argc, char **argv)
{
	struct training t = {.code = EX_OK};

	if (!class_read(argv[1], &t.class))
		return EX_USAGE;
	int code = paths_check(argc - 2, argv + 2);
	if (code == EX_OK)
		code = find_user(session, argv[0], &t.classifier);
	if (code == EX_OK && t.classifier == NULL) {
		code = open_user(session, argv[0], false, &t.classifier);
		if (code == EX_OK)
			complain("%s had no filter: starting a new one", argv[0]);
	}
	if (code != EX_OK)
		return code;
	train_paths(&t, argc - 2, argv + 2);
	compare_archive(&t);
	classifier_close(&t.classifier);
	return train_result(session, &t);
}

/* ---- retrain ---- */

static int reply_print(const struct session *session, const struct packet *reply)
{
	const char *status = packet_get(reply, "status"), *outcome = packet_get(reply, "outcome");
	const char *reason = packet_get(reply, "reason"), *released = packet_get(reply, "released");
	bool free_again = released != NULL && strcmp(released, "yes") == 0;

	if (status == NULL || strcmp(status, "ok") != 0) {
		complain("%s", reason != NULL ? reason : "spamtraind refused");
		return EX_DATAERR;
	}
	if (outcome == NULL)
		outcome = "done";
	if (session->json)
		json_print(json_pack("{s:o, s:b}", "outcome", json_text(outcome), "released",
				     free_again));
	else
		printf("%s%s\n", outcome, free_again ? ", released" : "");
	return EX_OK;
}

static int retrain(struct session *session, const char *user, enum store_class class,
		   const char *signature)
{
	struct strbuf request = STRBUF_INIT;
	struct packet reply;
	char *error = NULL;
	int code = EX_TEMPFAIL;

	packet_put(&request, "request", "retrain");
	packet_put(&request, "user", user);
	packet_put(&request, "class", store_class_name(class));
	packet_put(&request, "signature", signature);
	packet_put(&request, "source", "cli");
	int fd = spamtraind_connect(session->conf, &error);
	if (fd >= 0 && spamtraind_ask(fd, &request, -1, &reply, &error) == 0) {
		code = reply_print(session, &reply);
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

int command_retrain(struct session *session, int argc, char **argv)
{
	enum store_class class;

	(void)argc;
	if (!class_read(argv[1], &class))
		return EX_USAGE;
	if (!classifier_is_signature(argv[2])) {
		complain("\"%s\" is no signature: those have %d hex digits", argv[2],
			 STORE_SIGNATURE_SIZE - 1);
		return EX_USAGE;
	}
	char *user = user_of(session, argv[0]);
	int code = user == NULL ? EX_USAGE : retrain(session, user, class, argv[2]);
	free(user);
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
	int code = open_user(session, argv[0], true, &classifier);
	if (code == EX_OK && !signature)
		code = message_open(argv[1], &message);
	correction.signature = signature ? argv[1] : NULL;
	correction.message = message;
	if (code == EX_OK)
		code = result_of(classifier_correct(classifier, &correction, &corrected, &error),
				 &error);
	if (code == EX_OK && corrected == CLASSIFIER_UNKNOWN) {
		complain("%s: %s never had this message, or its signature has expired", argv[1],
			 argv[0]);
		code = EX_DATAERR;
	} else if (code == EX_OK) {
		outcome_print(session, classifier_corrected_name(corrected));
	}
	classifier_close(&classifier);
	classifier_message_free(&message);
	return code;
}
