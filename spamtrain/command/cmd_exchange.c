/*
 * cmd_exchange.c - spamtrain export and import: between users, hosts and other filters.
 */
#include "spamtrain/command/command.h"

#include "lib/xalloc.h"
#include "spamtrain/formats/bogofilter.h"
#include "spamtrain/classifier/classifier_internal.h"
#include "spamtrain/formats/spamassassin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define SECONDS_PER_DAY 86400

/* As result_of(), with the file's name in front. */
static int file_result(const char *path, enum store_status status, char **error)
{
	if (*error != NULL) {
		char *text = xasprintf("%s: %s", path, *error);
		free(*error);
		*error = text;
	}
	return result_of(status_of_store(status), error);
}

/* ---- export ---- */

/* named: it is synced. */
static int export_to(struct classifier *classifier, const char *path, bool named)
{
	char *error = NULL;
	int fd = named ? file_open_as_root(path, O_WRONLY | O_CREAT | O_TRUNC) : dup(STDOUT_FILENO);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (out == NULL) {
		complain("%s: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	int code = file_result(
		path, store_export(classifier_store(classifier), FEATURES_VERSION, out, &error),
		&error);
	if (code == EX_OK && named && fsync(fd) != 0 && errno != EINVAL) {
		complain("%s: %s", path, strerror(errno));
		code = EX_IOERR;
	}
	fclose(out);
	return code;
}

/*
 * A file gets its name when it is whole: what was there before is lost by nothing that goes wrong.
 */
static int export_to_file(struct classifier *classifier, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return export_to(classifier, path, true);
	char *part = xasprintf("%s.part", path);
	int code = export_to(classifier, part, true);
	if (code == EX_OK && file_rename_as_root(part, path) != 0) {
		complain("%s: %s", path, strerror(errno));
		code = EX_CANTCREAT;
	}
	if (code != EX_OK && code != EX_CANTCREAT)
		file_rename_as_root(part, NULL);
	free(part);
	return code;
}

int command_export(struct session *session, int argc, char **argv)
{
	struct classifier *classifier = NULL;
	int code = open_user(session, argv[0], true, &classifier);
	bool named = argc > 1 && strcmp(argv[1], "-") != 0;

	if (code == EX_OK)
		code = named ? export_to_file(classifier, argv[1])
			     : export_to(classifier, "standard output", false);
	classifier_close(&classifier);
	return code;
}

/* ---- import ---- */

enum origin { ORIGIN_SHOVELER, ORIGIN_BOGOFILTER, ORIGIN_SPAMASSASSIN };

struct import {
	struct session *session;
	enum origin origin;
	bool replace;
	const char *user, *path;
	char **mail; /* SpamAssassin: where the messages are */
	int mail_count;
	char *directory; /* the user's */
	struct strbuf file;
};

/* Filters whose words nobody can have back, so that there is nothing to import. */
static const struct {
	const char *name, *advice;
} hashed[] = {
	{"rspamd",
	 "rspamd keeps hashes of words, not words, and its messages are not listed: nothing "
	 "of it can be taken over. \"spamtrain learn-folders\" learns from the users' own "
	 "folders instead"},
	{"dspam", "DSPAM keeps hashes of words, not words: nothing of them can be taken over. "
		  "\"spamtrain learn-folders\" learns from the users' own folders instead, and "
		  "\"spamtrain import-preferences\" takes over what users had chosen"},
};

static void origin_refuse(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(hashed) / sizeof(*hashed); i++) {
		if (strcmp(name, hashed[i].name) == 0) {
			complain("%s", hashed[i].advice);
			return;
		}
	}
	complain("--from is followed by bogofilter or spamassassin");
}

static bool origin_read(const char *name, enum origin *origin_r)
{
	if (name != NULL && strcmp(name, "bogofilter") == 0)
		*origin_r = ORIGIN_BOGOFILTER;
	else if (name != NULL && strcmp(name, "spamassassin") == 0)
		*origin_r = ORIGIN_SPAMASSASSIN;
	else
		return false;
	return true;
}

/* Options may stand anywhere. */
static int options_read(struct import *import, int *argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < *argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0) {
			argv[kept++] = argv[i];
		} else if (strcmp(argv[i], "--replace") == 0) {
			import->replace = true;
		} else if (strcmp(argv[i], "--from") != 0) {
			complain("import has no option %s", argv[i]);
			return EX_USAGE;
		} else if (++i == *argc || !origin_read(argv[i], &import->origin)) {
			origin_refuse(i == *argc ? NULL : argv[i]);
			return EX_USAGE;
		}
	}
	*argc = kept;
	return EX_OK;
}

static int arguments_read(struct import *import, int argc, char **argv)
{
	int code = options_read(import, &argc, argv);

	if (code != EX_OK)
		return code;
	if (argc < 2 || (argc > 2 && import->origin != ORIGIN_SPAMASSASSIN)) {
		complain("import wants a USER and a FILE");
		return EX_USAGE;
	}
	import->user = argv[0];
	import->path = argv[1];
	import->mail = argv + 2;
	import->mail_count = argc - 2;
	return EX_OK;
}

static int import_shoveler(struct import *import)
{
	char *error = NULL;
	int code = file_result(import->path,
			       store_import(import->directory, strbuf_span(&import->file),
					    FEATURES_VERSION, import->replace, &error),
			       &error);
	if (code == EX_OK && import->session->json)
		json_print(json_pack("{s:I}", "bytes", (json_int_t)import->file.size));
	return code;
}

static int import_bogofilter(struct import *import)
{
	struct bogofilter dump;
	char *error = NULL;
	uint16_t today = (uint16_t)(time(NULL) / SECONDS_PER_DAY);

	if (bogofilter_read(&dump, strbuf_span(&import->file), today, &error) != 0)
		return file_result(import->path, STORE_INVALID, &error);
	int code = file_result(
		import->path,
		store_import_counts(import->directory, &dump.counts, import->replace, &error),
		&error);
	free((void *)(uintptr_t)dump.counts.tokens);
	if (code != EX_OK)
		return code;
	printf(import->session->json
		       ? "{\"taken\": %llu, \"left_out\": %llu, \"spam\": %lld, \"innocent\": %lld}\n"
		       : "took over %llu tokens, left out %llu; of %lld spam, %lld innocent\n",
	       (unsigned long long)dump.taken, (unsigned long long)dump.left_out,
	       (long long)dump.counts.spam, (long long)dump.counts.innocent);
	return EX_OK;
}

/* ---- SpamAssassin: its labels, on the user's mail ---- */

struct labelling {
	struct spamassassin backup;
	struct classifier *classifier;
	uint64_t learned, already, unknown;
	int code;
};

static bool label_one(void *context, struct span bytes, uint64_t size)
{
	struct labelling *l = context;
	struct classifier_correction correction = {.teaching = CLASSIFIER_TRAIN,
						   .class = spamassassin_class(&l->backup, bytes),
						   .source = "import"};
	enum classifier_corrected corrected;
	char *error = NULL;

	if (correction.class == STORE_NONE) {
		l->unknown++;
		return true;
	}
	struct classifier_message *message = classifier_message_read(bytes, size);
	correction.message = message;
	l->code = result_of(classifier_correct(l->classifier, &correction, &corrected, &error),
			    &error);
	classifier_message_free(&message);
	if (l->code == EX_OK && corrected == CLASSIFIER_ALREADY)
		l->already++;
	else if (l->code == EX_OK)
		l->learned++;
	return l->code == EX_OK && !interrupt_came();
}

static int import_spamassassin(struct import *import)
{
	struct labelling l = {.code = EX_OK};
	struct walk walk = {.each = label_one, .context = &l};
	char *error = NULL;

	if (spamassassin_read(&l.backup, strbuf_span(&import->file), &error) != 0)
		return file_result(import->path, STORE_INVALID, &error);
	if (import->mail_count == 0) {
		complain("SpamAssassin's tokens are hashes, not words. Name the mail that it was "
			 "taught (folders, mboxes) behind %s, or teach with spamtrain train",
			 import->path);
		spamassassin_free(&l.backup);
		return EX_USAGE;
	}
	int code = open_user(import->session, import->user, false, &l.classifier);
	interrupt_catch();
	for (int i = 0; i < import->mail_count && code == EX_OK; i++) {
		messages_walk(&walk, import->mail[i]);
		code = l.code;
	}
	classifier_close(&l.classifier);
	spamassassin_free(&l.backup);
	if (code != EX_OK)
		return code;
	printf(import->session->json ? "{\"learned\": %llu, \"already\": %llu, \"unknown\": %llu}\n"
				     : "learned %llu, known already %llu, unknown to SpamAssassin "
				       "%llu\n",
	       (unsigned long long)l.learned, (unsigned long long)l.already,
	       (unsigned long long)l.unknown);
	if (interrupt_came()) {
		complain("interrupted; the same command again goes on where it stopped");
		return EX_TEMPFAIL;
	}
	return walk.unreadable > 0 ? EX_NOINPUT : EX_OK;
}

int command_import(struct session *session, int argc, char **argv)
{
	static int (*const importers[])(struct import *) = {import_shoveler, import_bogofilter,
							    import_spamassassin};
	struct import import = {.session = session, .file = STRBUF_INIT};
	const char *users = classifier_site_settings(session->site)->users_directory;
	int code = arguments_read(&import, argc, argv);

	if (code != EX_OK)
		return code;
	char *user = user_of(session, import.user);
	if (user == NULL)
		return EX_USAGE;
	import.directory = store_user_directory(users, user);
	code = file_read_whole(import.path, &import.file);
	if (code == EX_OK)
		code = importers[import.origin](&import);
	strbuf_free(&import.file);
	free(import.directory);
	free(user);
	return code;
}
