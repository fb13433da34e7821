/*
 * cmd_evaluate.c - spamtrain evaluate: replays a labelled archive in order, and measures.
 *
 * Works on a throw-away store (or in an empty folder that is kept) with the very code that
 * delivers and corrects, except that commits are not synced.
 */
#include "spamtrain/command/command.h"

#include "lib/xalloc.h"
#include "schema/exchange.h"
#include "spamtrain/classifier/classifier_internal.h"
#include "spamtrain/formats/evaluate_index.h"
#include "spamtrain/classifier/message.h"
#include "spamtrain/shared/site_dictionary.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#define EVALUATE_USER	"evaluate@localhost"
#define SECONDS_PER_DAY 86400
#define DAYS_MAX	3650
#define MESSAGES_MAX	1000000000
#define RANDOM_SEED                                                                                \
	UINT64_C(0x9e3779b97f4a7c15) /* which errors stay unreported: always the same \
						    */

struct outcome {
	double score;
	bool spam, verdict;
};

struct evaluation {
	const char *index, *results, *store, *mode, *sensitivity, *site_file, *start;
	double unreported;
	unsigned families;
	struct classifier_site *site;
	struct outcome *outcomes;
	size_t count;
	uint64_t random, corrections;
	long long learn_first; /* the messages after these are only scored; 0: all are learned */
	double classify_ms, train_ms; /* CPU, sums */
	double judged;		      /* cpu_ms() when the verdict was there */
	long long days;		      /* over which the archive is spread; 0: all of it now */
	time_t now;		      /* 0: the clock's */
};

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* xorshift64*: Vigna, 2016 */
static double random_next(struct evaluation *e)
{
	e->random ^= e->random >> 12;
	e->random ^= e->random << 25;
	e->random ^= e->random >> 27;
	return (double)(e->random * UINT64_C(2685821657736338717) >> 11) / 9007199254740992.0;
}

static void judged(void *context)
{
	((struct evaluation *)context)->judged = cpu_ms();
}

/* ---- one message ---- */

/* Its time, in the archive's time; the purge of each day that ends. */
static int clock_advance(struct evaluation *e, struct classifier *c, double share)
{
	time_t span = e->days * SECONDS_PER_DAY, before = e->now;
	char *error = NULL;

	if (e->days == 0)
		return EX_OK;
	e->now = time(NULL) - span + (time_t)(share * (double)span);
	store_set_now(classifier_store(c), e->now);
	if (before == 0 || before / SECONDS_PER_DAY == e->now / SECONDS_PER_DAY)
		return EX_OK;
	double started = cpu_ms();
	int code = result_of(classifier_purge(c, e->now, &error), &error);
	e->train_ms += cpu_ms() - started;
	return code;
}

static int evaluate_bytes(struct evaluation *e, struct classifier *c, struct span bytes,
			  uint64_t size, bool spam)
{
	struct classifier_verdict verdict = {0};
	enum classifier_corrected corrected;
	char *error = NULL;
	double started = cpu_ms();
	struct classifier_message *message = message_read(bytes, size, e->families);
	e->judged = started;
	bool learn = e->learn_first == 0 || e->count < (size_t)e->learn_first;
	int code = result_of(learn ? classifier_process(c, message, NULL, &verdict, &error)
				   : classifier_score(c, message, &verdict, &error),
			     &error);
	if (!learn)
		e->judged = cpu_ms();
	e->classify_ms += e->judged - started;
	struct outcome outcome = {verdict.score, spam, verdict.result == CLASSIFIER_SPAM};
	e->outcomes[e->count++] = outcome;
	if (code == EX_OK && learn && outcome.verdict != spam && random_next(e) >= e->unreported) {
		struct classifier_correction correction = {.teaching = CLASSIFIER_CORRECT,
							   .class = spam ? STORE_SPAM
									 : STORE_INNOCENT,
							   .signature = verdict.signature,
							   .source = "evaluate"};
		code = result_of(classifier_correct(c, &correction, &corrected, &error), &error);
		e->corrections++;
	}
	e->train_ms += cpu_ms() - e->judged;
	classifier_verdict_free(&verdict);
	classifier_message_free(&message);
	return code;
}

static int evaluate_item(struct evaluation *e, struct classifier *c,
			 const struct evaluate_item *item, FILE *out)
{
	struct strbuf bytes = STRBUF_INIT;
	uint64_t size = 0;
	int code = message_file_read(item->path, &bytes, &size);

	if (code == EX_OK)
		code = evaluate_bytes(e, c, strbuf_span(&bytes), size, item->spam);
	strbuf_free(&bytes);
	if (code != EX_OK)
		return code;
	const struct outcome *o = &e->outcomes[e->count - 1];
	fprintf(out, "%s %.6f %s\n", o->spam ? "spam" : "ham", o->score,
		o->verdict ? "spam" : "ham");
	return EX_OK;
}

/* Reads and checks all of the index, so that nothing is found wrong after an hour. */
static int index_open(struct evaluation *e, struct evaluate_index *index)
{
	struct strbuf text = STRBUF_INIT;
	char *error = NULL;
	int code = file_read_whole(e->index, &text);

	if (code != EX_OK)
		return code;
	if (evaluate_index_read(index, strbuf_span(&text), &error) != 0) {
		code = EX_DATAERR;
	} else if (evaluate_index_locate(index, e->index, &error) != 0) {
		code = EX_NOINPUT;
		evaluate_index_free(index);
	}
	strbuf_free(&text);
	if (code != EX_OK)
		complain("%s: %s", e->index, error);
	free(error);
	return code;
}

static int evaluate_all(struct evaluation *e, struct classifier *c,
			const struct evaluate_index *index, FILE *out)
{
	int code = EX_OK;

	e->outcomes = xcalloc(index->count + 1, sizeof(*e->outcomes));
	interrupt_catch();
	for (size_t i = 0; i < index->count && code == EX_OK; i++) {
		code = clock_advance(e, c, (double)i / (double)index->count);
		if (code == EX_OK)
			code = evaluate_item(e, c, &index->list[i], out);
		if (code == EX_OK && interrupt_came()) {
			complain("interrupted after %zu of %zu messages", i + 1, index->count);
			code = EX_TEMPFAIL;
		}
	}
	return code;
}

/* ---- results ---- */

static int by_score(const void *a, const void *b)
{
	double x = ((const struct outcome *)a)->score, y = ((const struct outcome *)b)->score;

	return x < y ? -1 : x > y;
}

/* The area above the ROC curve in percent: how often a random spam is below a random ham (ties:
 * half). */
static double roc_area_above(const struct outcome *outcomes, size_t count)
{
	struct outcome *sorted = xmalloc((count + 1) * sizeof(*sorted));
	double hams = 0, spams = 0, area = 0;

	memcpy(sorted, outcomes, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_score);
	for (size_t i = 0, next; i < count; i = next) {
		double ham = 0, spam = 0;
		for (next = i; next < count && sorted[next].score <= sorted[i].score; next++) {
			ham += !sorted[next].spam;
			spam += sorted[next].spam;
		}
		area += spam * (hams + ham / 2);
		hams += ham;
		spams += spam;
	}
	free(sorted);
	return hams > 0 && spams > 0 ? 100 * (1 - area / (hams * spams)) : 0;
}

struct rates {
	double ham_wrong, spam_missed, roca; /* percent */
	size_t hams, spams;
};

static struct rates rates_of(const struct outcome *outcomes, size_t count)
{
	struct rates r = {0};
	double wrong = 0, missed = 0;

	for (size_t i = 0; i < count; i++) {
		r.spams += outcomes[i].spam;
		r.hams += !outcomes[i].spam;
		wrong += !outcomes[i].spam && outcomes[i].verdict;
		missed += outcomes[i].spam && !outcomes[i].verdict;
	}
	r.ham_wrong = r.hams > 0 ? 100 * wrong / (double)r.hams : 0;
	r.spam_missed = r.spams > 0 ? 100 * missed / (double)r.spams : 0;
	r.roca = roc_area_above(outcomes, count);
	return r;
}

#define EARLY 1000 /* messages that are left out of the second row of rates */

static void results_print(const struct evaluation *e, const struct classifier_stats *stats,
			  bool json)
{
	struct rates all = rates_of(e->outcomes, e->count);
	size_t skipped = e->count > EARLY ? EARLY : 0;
	struct rates late = rates_of(e->outcomes + skipped, e->count - skipped);
	double classify = e->classify_ms / (double)(e->count > 0 ? e->count : 1);
	double train = e->train_ms / (double)(e->count > 0 ? e->count : 1);

	if (json) {
		json_t *result =
			json_pack("{s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:I}", "messages",
				  (json_int_t)e->count, "ham", (json_int_t)all.hams, "spam",
				  (json_int_t)all.spams, "ham_wrong_percent", all.ham_wrong,
				  "spam_missed_percent", all.spam_missed, "roca_above_percent",
				  all.roca, "classify_ms", classify, "train_ms", train,
				  "store_bytes", (json_int_t)stats->store_bytes);
		json_dumpf(result, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(result);
		return;
	}
	printf("messages          %zu: %zu ham, %zu spam\n", e->count, all.hams, all.spams);
	printf("ham wrong         %.3f %%\n", all.ham_wrong);
	printf("spam missed       %.3f %%\n", all.spam_missed);
	printf("(1-ROCA)%%         %.4f\n", all.roca);
	if (skipped > 0)
		printf("without the first %zu: ham wrong %.3f %%, spam missed %.3f %%, (1-ROCA)%% %.4f\n",
		       skipped, late.ham_wrong, late.spam_missed, late.roca);
	printf("CPU ms classify   %.3f\n", classify);
	printf("CPU ms train      %.3f (recording, learning, snapshots, %llu corrections)\n", train,
	       (unsigned long long)e->corrections);
	printf("store             %llu bytes, %llu tokens\n",
	       (unsigned long long)stats->store_bytes, (unsigned long long)stats->tokens);
}

/* ---- set-up ---- */

static int family_remove(struct evaluation *e, const char *name)
{
	for (unsigned bit = 0; features_family_name(bit) != NULL; bit++) {
		if (strcmp(features_family_name(bit), name) == 0) {
			e->families &= ~(1U << bit);
			return EX_OK;
		}
	}
	complain("there is no family of features \"%s\"; there are:", name);
	for (unsigned bit = 0; features_family_name(bit) != NULL; bit++)
		complain("  %s", features_family_name(bit));
	return EX_USAGE;
}

static int fraction_read(const char *text, double *fraction_r)
{
	char *end;

	*fraction_r = strtod(text, &end);
	if (*text != '\0' && *end == '\0' && *fraction_r >= 0 && *fraction_r <= 1)
		return EX_OK;
	complain("--unreported is a fraction from 0 to 1, not \"%s\"", text);
	return EX_USAGE;
}

static int options_read(struct evaluation *e, int argc, char **argv)
{
	static const struct option options[] = {{"index", required_argument, NULL, 'i'},
						{"results", required_argument, NULL, 'r'},
						{"mode", required_argument, NULL, 'm'},
						{"sensitivity", required_argument, NULL, 's'},
						{"unreported", required_argument, NULL, 'u'},
						{"store", required_argument, NULL, 'd'},
						{"site", required_argument, NULL, 'f'},
						{"start", required_argument, NULL, 'S'},
						{"without", required_argument, NULL, 'w'},
						{"days", required_argument, NULL, 'D'},
						{"learn-first", required_argument, NULL, 'l'},
						{NULL, 0, NULL, 0}};
	int option, code = EX_OK;

	optind = 0;
	while (code == EX_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		const char **text = option == 'i'   ? &e->index
				    : option == 'r' ? &e->results
				    : option == 'm' ? &e->mode
				    : option == 's' ? &e->sensitivity
				    : option == 'd' ? &e->store
				    : option == 'f' ? &e->site_file
				    : option == 'S' ? &e->start
						    : NULL;
		if (text != NULL)
			*text = optarg;
		else if (option == 'u')
			code = fraction_read(optarg, &e->unreported);
		else if (option == 'D')
			code = number_read(optarg, DAYS_MAX, &e->days);
		else if (option == 'l')
			code = number_read(optarg, MESSAGES_MAX, &e->learn_first);
		else
			code = option == 'w' ? family_remove(e, optarg) : EX_USAGE;
	}
	if (code == EX_OK && (e->index == NULL || e->results == NULL || optind < argc)) {
		complain("evaluate needs --index FILE and --results OUT, and no other arguments");
		code = EX_USAGE;
	}
	return code;
}

static int site_check(const char *path)
{
	struct site_dictionary *dictionary = NULL;
	char *error = NULL;

	if (path == NULL)
		return EX_OK;
	int result = site_dictionary_open(&dictionary, path, FEATURES_VERSION, &error);
	if (result != 0)
		complain("%s", error);
	site_dictionary_unref(&dictionary);
	free(error);
	return result == 0 ? EX_OK : EX_NOINPUT;
}

static int settings_read(struct evaluation *e, struct classifier_settings *settings)
{
	char *error = NULL;

	classifier_settings_init(settings);
	settings->quick = true;
	settings->judged = judged;
	settings->judged_context = e;
	settings->site_file = e->site_file;
	if (preferences_set(&settings->preferences, "trainingMode", e->mode, &error) &&
	    preferences_set(&settings->preferences, "statisticalSedation", e->sensitivity, &error))
		return EX_OK;
	complain("%s", error);
	free(error);
	return EX_USAGE;
}

/* The folder of --store is empty, or can be made. */
static int store_check(const struct evaluation *e)
{
	DIR *dir = e->store == NULL ? NULL : opendir(e->store);
	unsigned entries = 0;

	if (e->store == NULL || (dir == NULL && errno == ENOENT))
		return EX_OK;
	if (dir == NULL) {
		complain("%s: %s", e->store, strerror(errno));
		return EX_CANTCREAT;
	}
	while (readdir(dir) != NULL)
		entries++;
	closedir(dir);
	if (entries <= 2)
		return EX_OK;
	complain("%s: not empty: evaluate starts with a new store", e->store);
	return EX_USAGE;
}

static int evaluate_run(struct evaluation *e, const struct evaluate_index *index, FILE *out,
			bool json)
{
	struct classifier *c = NULL;
	struct classifier_stats stats = {0};
	char *error = NULL;
	int code = result_of(classifier_open(e->site, EVALUATE_USER, true, &c, &error), &error);

	if (code == EX_OK)
		code = evaluate_all(e, c, index, out);
	if (code == EX_OK)
		code = result_of(classifier_stats(c, &stats, &error), &error);
	classifier_close(&c);
	if (code == EX_OK && (fflush(out) != 0 || ferror(out))) {
		complain("%s: %s", e->results, strerror(errno));
		code = EX_IOERR;
	}
	if (code == EX_OK)
		results_print(e, &stats, json);
	return code;
}

/* What an export holds is known from the start. */
static int start_import(const struct evaluation *e, const struct classifier_settings *settings)
{
	struct strbuf file = STRBUF_INIT;
	char *error = NULL;

	if (e->start == NULL)
		return EX_OK;
	char *directory = store_user_directory(settings->users_directory, EVALUATE_USER);
	int code = file_read_whole(e->start, &file);
	if (code == EX_OK)
		code = result_of(status_of_store(store_import(directory, strbuf_span(&file),
							      FEATURES_VERSION, true, &error)),
				 &error);
	strbuf_free(&file);
	free(directory);
	return code;
}

static int evaluate_in(struct evaluation *e, struct classifier_settings *settings,
		       const struct evaluate_index *index, FILE *out, bool json)
{
	const char *parent = getenv("TMPDIR");
	char *error = NULL,
	     *temporary = xasprintf("%s/spamtrain.XXXXXX", parent != NULL ? parent : "/tmp");

	if (e->store == NULL && mkdtemp(temporary) == NULL) {
		complain("%s: %s", temporary, strerror(errno));
		free(temporary);
		return EX_CANTCREAT;
	}
	settings->users_directory = e->store != NULL ? e->store : temporary;
	e->site = classifier_site_create(settings);
	int code = start_import(e, settings);
	if (code == EX_OK)
		code = evaluate_run(e, index, out, json);
	if (e->store == NULL) {
		classifier_forget_user(e->site, EVALUATE_USER, &error);
		free(error);
		char *domain = xasprintf("%s/localhost", temporary);
		rmdir(domain);
		rmdir(temporary);
		free(domain);
	}
	classifier_site_free(&e->site);
	free(temporary);
	return code;
}

int command_evaluate(struct session *session, int argc, char **argv)
{
	struct evaluation e = {
		.mode = "tum", .sensitivity = "5", .families = FEATURES_ALL, .random = RANDOM_SEED};
	struct evaluate_index index = {NULL, 0};
	struct classifier_settings settings;
	FILE *out = NULL;
	int code = options_read(&e, argc + 1, argv - 1);

	if (code == EX_OK)
		code = settings_read(&e, &settings);
	if (code == EX_OK)
		code = site_check(e.site_file);
	if (code == EX_OK)
		code = store_check(&e);
	if (code == EX_OK)
		code = index_open(&e, &index);
	if (code == EX_OK && (out = fopen(e.results, "w")) == NULL) {
		complain("%s: %s", e.results, strerror(errno));
		code = EX_CANTCREAT;
	}
	if (code == EX_OK)
		code = evaluate_in(&e, &settings, &index, out, session->json);
	if (out != NULL)
		fclose(out);
	evaluate_index_free(&index);
	free(e.outcomes);
	return code;
}
