#include "spamtrain/classifier/fault_store.h"

#include "spamtrain/classifier/classifier_internal.h"
#include "spamtrain/user/quarantine.h"

#include "lib/xalloc.h"
#include "schema/exchange.h"
#include "schema/store_backup.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ALICE "alice@example.test"
#define DAY   86400
#define START ((time_t)20000 * DAY)

/* In memory: what is synced is modelled, and a disk would take minutes. */
static char folder[] = "/dev/shm/fault_test.XXXXXX";
static char *users, *saved; /* the store, and as it was before the step */

/* ---- a store ---- */

static struct classifier_site *site_make(void)
{
	struct classifier_settings settings;
	char *error = NULL;

	classifier_settings_init(&settings);
	settings.users_directory = users;
	assert_true(preferences_set(&settings.preferences, "trainingMode", "TEFT", &error));
	return classifier_site_create(&settings);
}

static struct classifier_message *message_make(unsigned number)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_printf(&text, "Subject: subject %u\nMessage-ID: <%u@example.test>\n\n", number % 2,
		      number);
	for (unsigned i = 0; i < 12; i++)
		strbuf_printf(&text, "word%u\n\n", number % 2 * 1000 + number / 2 * 3 + i);
	struct classifier_message *m = classifier_message_read(strbuf_span(&text), text.size);
	strbuf_free(&text);
	return m;
}

/* ---- the steps: 0, or -1 when they were refused ---- */

static int result(bool good, char **error)
{
	free(*error);
	return good ? 0 : -1;
}

static int process(struct classifier *c, unsigned number)
{
	struct classifier_envelope envelope = {.received = START + (time_t)number * DAY / 10};
	struct classifier_message *m = message_make(number);
	struct classifier_verdict v = {0};
	char *error = NULL;
	bool good = classifier_process(c, m, &envelope, &v, &error) == CLASSIFIER_OK;

	classifier_verdict_free(&v);
	classifier_message_free(&m);
	return result(good, &error);
}

static int correct(struct classifier *c, unsigned number, enum store_class class)
{
	struct classifier_message *m = message_make(number);
	struct classifier_correction correction = {
		.teaching = CLASSIFIER_TRAIN, .class = class, .message = m, .source = "test"};
	enum classifier_corrected corrected;
	char *error = NULL;
	bool good = classifier_correct(c, &correction, &corrected, &error) == CLASSIFIER_OK;

	classifier_message_free(&m);
	return result(good, &error);
}

static int step_process(struct classifier *c)
{
	return process(c, 100);
}

static int step_correct(struct classifier *c)
{
	return correct(c, 6, STORE_SPAM);
}

static int step_merge(struct classifier *c)
{
	char *error = NULL;
	bool good = dictionary_refresh(c->store, &error) == STORE_OK &&
		    dictionary_merge(c->store, false, &error) == STORE_OK;

	return result(good, &error);
}

static int step_purge(struct classifier *c)
{
	char *error = NULL;

	return result(classifier_purge(c, START + 40 * DAY, &error) == CLASSIFIER_OK, &error);
}

static int step_preference(struct classifier *c)
{
	char *error = NULL;

	return result(classifier_preference_set(c, "spamSubject", "[x]", &error) == CLASSIFIER_OK,
		      &error);
}

static struct store_quarantined quarantined = {.signature = "0123456789abcdef01234567",
					       .sender = (char[]){"a@example.test"},
					       .recipient = (char[]){ALICE},
					       .added = START};

struct content {
	struct span_source source;
	int pieces;
};

static bool next_piece(struct span_source *source, struct span *piece_r)
{
	struct content *content = (struct content *)source;

	*piece_r = span_of("Subject: held\r\n\r\nheld\r\n");
	return content->pieces++ < 3;
}

static int step_hold(struct classifier *c)
{
	struct content content = {{next_piece}, 0};
	char *error = NULL;

	return result(quarantine_put(c->store, &quarantined, &content.source, &error) == STORE_OK,
		      &error);
}

static int step_delete(struct classifier *c)
{
	struct store_quarantined row;
	char *error = NULL;
	enum store_status status =
		store_quarantine_get(c->store, quarantined.signature, &row, &error);

	if (status == STORE_NOT_FOUND)
		return 0;
	if (status == STORE_OK) {
		status = quarantine_delete(c->store, &row, STORE_OUTCOME_DELETED, &error);
		store_quarantined_free(&row);
	}
	return result(status == STORE_OK, &error);
}

static struct strbuf exported = STRBUF_INIT;

static int step_import(struct classifier *c)
{
	char *error = NULL;
	enum store_status status = store_import(store_directory(c->store), strbuf_span(&exported),
						FEATURES_VERSION, true, &error);

	return result(status == STORE_OK, &error);
}

static char *copied; /* a backup */

static int step_restore(struct classifier *c)
{
	struct store_restore *restore = NULL;
	char *error = NULL;
	enum store_status status = store_restore_open(&restore, copied, &error);

	if (status == STORE_OK)
		status = store_restore_install(restore, store_directory(c->store), &error);
	store_restore_close(&restore);
	return result(status == STORE_OK, &error);
}

static const struct step steps[] = {
	{"create and process", step_process, true, true},
	{"process", step_process, false, false},
	{"correct", step_correct, false, false},
	{"preference", step_preference, false, false},
	{"quarantine", step_hold, false, false},
	{"delete from the quarantine", step_delete, false, false},
	{"merge", step_merge, false, false},
	{"import", step_import, false, false},
	{"restore", step_restore, false, false},
	{"purge", step_purge, false, true},
};

int step_run(const struct step *step, void (*opened)(void))
{
	struct classifier_site *site = site_make();
	struct classifier *c = NULL;
	char *error = NULL;
	int code = -1;

	if (classifier_open(site, ALICE, step->creates, &c, &error) == CLASSIFIER_OK && c != NULL) {
		store_set_now(c->store, START + 10 * DAY);
		if (opened != NULL)
			opened();
		code = step->run(c);
	}
	classifier_close(&c);
	classifier_site_free(&site);
	free(error);
	return code;
}

/* ---- what a store holds, as text ---- */

static bool print_row(void *context, const struct store_message *row)
{
	strbuf_printf(context, "message %s %d %d %d %d\n", row->digest, row->result, row->taught,
		      row->corrected, row->counted);
	return true;
}

static bool print_quarantined(void *context, const struct store_quarantined *row)
{
	strbuf_printf(context, "held %s %s\n", row->signature, row->recipient);
	return true;
}

static bool print_preference(void *context, const char *name, const char *value)
{
	strbuf_printf(context, "preference %s=%s\n", name, value);
	return true;
}

static void print_dictionary(struct strbuf *out, const struct store *store)
{
	const struct dictionary_sums *sums = dictionary_sums(store);
	struct token_counts counts[500];

	strbuf_printf(out, "sums %lld %lld", (long long)sums->spam, (long long)sums->innocent);
	for (int learner = 0; learner < STORE_LEARNERS; learner++)
		for (int bin = 0; bin < DICTIONARY_BINS; bin++)
			for (int class = 0; class < 2; class ++)
				if (sums->scores[learner][class][bin] != 0)
					strbuf_printf(out, " %d:%d:%d=%d", learner, class, bin,
						      sums->scores[learner][class][bin]);
	for (unsigned number = 0; number < 12; number++) {
		struct classifier_message *m = message_make(number == 11 ? 100 : number);
		assert_true(m->count <= 500);
		dictionary_counts(store, m->hashes, m->count, counts);
		for (size_t i = 0; i < m->count; i++) {
			assert_true(counts[i].spam >= 0 && counts[i].innocent >= 0);
			strbuf_printf(out, " %d/%d/%d", counts[i].spam, counts[i].innocent,
				      counts[i].gradient);
		}
		classifier_message_free(&m);
	}
	strbuf_append_char(out, '\n');
}

char *fault_store_fingerprint(void)
{
	struct store_filter filter = {.limit = 1000, .result = -1};
	struct strbuf out = STRBUF_INIT;
	struct classifier_site *site = site_make();
	struct classifier *c = NULL;
	char *error = NULL;

	assert_int_equal(classifier_open(site, ALICE, false, &c, &error), CLASSIFIER_OK);
	if (c != NULL) {
		assert_int_equal(dictionary_refresh(c->store, &error), STORE_OK);
		assert_int_equal(store_message_list(c->store, &filter, print_row, &out, &error),
				 STORE_OK);
		assert_int_equal(store_quarantine_list(c->store, print_quarantined, &out, &error),
				 STORE_OK);
		assert_int_equal(store_preference_list(c->store, print_preference, &out, &error),
				 STORE_OK);
		print_dictionary(&out, c->store);
	}
	classifier_close(&c);
	classifier_site_free(&site);
	return strbuf_steal(&out);
}

/* ---- copies of it ---- */

static void folder_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) != 0) {
			char *below = xasprintf("%s/%s", path, entry->d_name);
			folder_remove(below);
			free(below);
		}
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

static void file_copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(in >= 0 && out >= 0);
	while (sendfile(out, in, NULL, 1 << 20) > 0)
		;
	close(in);
	close(out);
}

static void folder_copy(const char *from, const char *to)
{
	DIR *dir = opendir(from);
	struct dirent *entry;
	struct stat st;

	mkdir(to, 0700);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		char *source = xasprintf("%s/%s", from, entry->d_name);
		char *target = xasprintf("%s/%s", to, entry->d_name);
		assert_int_equal(stat(source, &st), 0);
		if (S_ISDIR(st.st_mode))
			folder_copy(source, target);
		else
			file_copy(source, target);
		free(source);
		free(target);
	}
	if (dir != NULL)
		closedir(dir);
}

void fault_store_restore(void)
{
	folder_remove(users);
	folder_copy(saved, users);
}

void fault_store_check(const struct step *step, const char *fault, enum step_end end,
		       const char *before, const char *after)
{
	char *now = fault_store_fingerprint();
	bool is_before = strcmp(now, before) == 0, is_after = strcmp(now, after) == 0;

	if ((end == STEP_ACKNOWLEDGED && !is_after) || (!step->parts && !is_before && !is_after))
		fail_msg("%s, %s, end %d: the store holds\n%s\nand not\n%s\nor\n%s", step->name,
			 fault, end, now, before, after);
	free(now);
	assert_int_equal(step_run(step, NULL), 0);
	now = fault_store_fingerprint();
	if (strcmp(now, after) != 0)
		fail_msg("%s, %s, done again: the store holds\n%s\nand not\n%s", step->name, fault,
			 now, after);
	free(now);
}

static void prepare_export(void)
{
	struct classifier_site *site = site_make();
	struct classifier *c = NULL;
	char *error = NULL;
	FILE *out = open_memstream(&exported.data, &exported.size);

	assert_int_equal(classifier_open(site, ALICE, false, &c, &error), CLASSIFIER_OK);
	assert_int_equal(store_export(c->store, FEATURES_VERSION, out, &error), STORE_OK);
	fclose(out);
	classifier_close(&c);
	classifier_site_free(&site);
}

static bool keep_row(void *context, const char *file, uint64_t size)
{
	(void)context;
	(void)file;
	return size > 0;
}

/* As `shoveler backup` does it. */
static void prepare_copy(void)
{
	char *live = store_user_directory(users, ALICE), *path, *error = NULL;
	struct store_snapshot *snapshot = NULL;
	struct store_copy counts;

	folder_remove(copied);
	assert_int_equal(mkdir(copied, 0700), 0);
	path = xasprintf("%s/" STORE_BACKUP_FILE, copied);
	assert_int_equal(store_snapshot_open(&snapshot, live, &error), STORE_OK);
	assert_true(store_snapshot_files(snapshot) > 0);
	for (size_t i = 0; i < store_snapshot_files(snapshot); i++) {
		char *from = xasprintf("%s/%s", live, store_snapshot_name(snapshot, i));
		char *to = xasprintf("%s/%s", copied, store_snapshot_name(snapshot, i));
		file_copy(from, to);
		free(from);
		free(to);
	}
	assert_int_equal(store_snapshot_write(snapshot, path, &error), STORE_OK);
	store_snapshot_close(&snapshot);
	assert_int_equal(store_copy_finish(path, keep_row, NULL, &counts, &error), STORE_OK);
	assert_int_equal(counts.quarantined, 1);
	free(path);
	free(live);
}

/* Messages of both classes, a snapshot and a log behind it. */
static void prepare(void)
{
	struct classifier_site *site = site_make();
	struct classifier *c = NULL;
	char *error = NULL;

	folder_remove(users);
	assert_int_equal(classifier_open(site, ALICE, true, &c, &error), CLASSIFIER_OK);
	store_set_now(c->store, START);
	for (unsigned i = 0; i < 12; i++) {
		assert_int_equal(process(c, i), 0);
		assert_int_equal(correct(c, i, i % 2 ? STORE_SPAM : STORE_INNOCENT), 0);
		if (i == 8)
			assert_int_equal(step_merge(c), 0);
	}
	classifier_close(&c);
	classifier_site_free(&site);
}

void fault_store_each(void (*check)(const struct step *step, void *context), void *context)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (steps[i].creates)
			folder_remove(users);
		else if (i == 1)
			prepare();
		if (steps[i].run == step_import && exported.size == 0)
			prepare_export();
		if (steps[i].run == step_delete)
			prepare_copy();
		folder_remove(saved);
		folder_copy(users, saved);
		check(&steps[i], context);
	}
	free(exported.data);
	exported = (struct strbuf)STRBUF_INIT;
}

int fault_store_setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	users = xasprintf("%s/users", folder);
	saved = xasprintf("%s/saved", folder);
	copied = xasprintf("%s/copied", folder);
	return 0;
}

int fault_store_teardown(void **state)
{
	(void)state;
	folder_remove(folder);
	free(users);
	free(saved);
	free(copied);
	return 0;
}
