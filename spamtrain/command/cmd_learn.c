/*
 * cmd_learn.c - spamtrain learn-folders: filters learn what their users' folders hold.
 *
 * One user after the other; what goes wrong for one is told, and the next one's turn comes.
 */
#include "spamtrain/command/command.h"

#include "lib/params.h"
#include "lib/xalloc.h"
#include "spamtrain/folders/folder_session.h"
#include "spamtrain/folders/learn_folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define NAMES_MAX	32 /* of --spam-folder, and of --skip-folder */
#define NICE		10 /* deliveries come first */
#define DAYS_DEFAULT	365
#define SETTLED_DEFAULT 3
#define MAX_DEFAULT	1000
#define DAYS_MAX	36500
#define CLASS_MIN	5 /* a filter that knows fewer of a class blocks nothing */

struct learn_command {
	struct session *session;
	struct learn_options options;
	const char *spam[NAMES_MAX + 1], *skip[NAMES_MAX + 1];
	bool all;
	char **users;
	size_t count, turn; /* whose turn it is */
	size_t failed;
	struct progress progress;
	json_t *json; /* array of results; NULL: text */
	int code;     /* of the first failure */
};

/* ---- arguments ---- */

static int number_option(const char *text, long long max, unsigned *number_r)
{
	long long number = 0;
	int code = EX_OK;

	if (strcmp(text, "0") != 0)
		code = number_read(text, max, &number);
	*number_r = (unsigned)number;
	return code;
}

static int name_option(const char **names, const char *text)
{
	size_t count = 0;

	while (names[count] != NULL)
		count++;
	if (count == NAMES_MAX) {
		complain("more than %d folders are named", NAMES_MAX);
		return EX_USAGE;
	}
	names[count] = text;
	return EX_OK;
}

static int option_read(struct learn_command *c, const char *name, const char *value)
{
	unsigned max = 0;
	int code;

	if (strcmp(name, "--days") == 0)
		return number_option(value, DAYS_MAX, &c->options.days);
	if (strcmp(name, "--settled") == 0)
		return number_option(value, DAYS_MAX, &c->options.settled_days);
	if (strcmp(name, "--spam-folder") == 0)
		return name_option(c->spam, value);
	if (strcmp(name, "--skip-folder") == 0)
		return name_option(c->skip, value);
	if (strcmp(name, "--max") == 0) {
		code = number_option(value, 1000000, &max);
		c->options.max = max;
		return code;
	}
	complain("learn-folders has no option %s", name);
	return EX_USAGE;
}

/* Options may stand anywhere; what remains are users. */
static int options_read(struct learn_command *c, int *argc, char **argv)
{
	int kept = 0, code = EX_OK;

	for (int i = 0; i < *argc && code == EX_OK; i++) {
		if (strncmp(argv[i], "--", 2) != 0) {
			argv[kept++] = argv[i];
		} else if (strcmp(argv[i], "--all") == 0) {
			c->all = true;
		} else if (strcmp(argv[i], "--dry-run") == 0) {
			c->options.dry_run = true;
		} else if (i + 1 == *argc) {
			complain("learn-folders has no option %s without a value", argv[i]);
			code = EX_USAGE;
		} else {
			code = option_read(c, argv[i], argv[i + 1]);
			i++;
		}
	}
	*argc = kept;
	if (code == EX_OK && c->all == (kept > 0)) {
		complain("learn-folders wants a USER, or --all");
		code = EX_USAGE;
	}
	return code;
}

/* ---- users ---- */

static void user_append(struct learn_command *c, const char *name, size_t size)
{
	if ((c->count & (c->count + 1)) == 0)
		c->users = xrealloc(c->users, 2 * (c->count + 1) * sizeof(*c->users));
	c->users[c->count++] = xstrndup(name, size);
}

static int users_all(struct learn_command *c)
{
	struct strbuf list = STRBUF_INIT;
	char *error = NULL;
	int code = EX_OK;

	if (folder_users_list(&list, &error) != 0) {
		complain("%s", error);
		free(error);
		code = EX_TEMPFAIL;
	}
	for (struct span rest = strbuf_span(&list); code == EX_OK && rest.size > 0;) {
		const char *end = memchr(rest.data, '\n', rest.size);
		size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
		if (size > 0)
			user_append(c, rest.data, size);
		rest = span_from(rest, size + 1);
	}
	strbuf_free(&list);
	return code;
}

/* What Dovecot calls users may lack the domain. NULL after a complaint. */
static char *store_user(const struct learn_command *c, const char *login)
{
	const char *domain = conf_text(c->session->conf, P_TRAINING_LOGIN_DOMAIN);

	if (strchr(login, '@') != NULL || domain[0] == '\0')
		return user_of(c->session, login);
	char *address = xasprintf("%s@%s", login, domain);
	char *user = user_of(c->session, address);
	free(address);
	return user;
}

/* ---- what is told ---- */

static unsigned percent(size_t part, size_t whole)
{
	return whole == 0 ? 0 : (unsigned)(part * 100 / whole);
}

static void progress_print(void *context, const struct learn_result *r)
{
	struct learn_command *c = context;
	char what[300];
	double part = r->choice.count == 0 ? 1 : (double)r->done / (double)r->choice.count;
	int n = 0;

	if (c->count > 1)
		n = snprintf(what, sizeof(what), "%zu of %zu users, ", c->turn, c->count);
	snprintf(what + n, sizeof(what) - (size_t)n, "%.200s: %zu of %zu messages, %.0f/s",
		 c->users[c->turn], r->done, r->choice.count,
		 (double)r->done / (progress_seconds(&c->progress) + 0.001));
	progress_show(&c->progress, ((double)c->turn + part) / (double)c->count, what);
}

static const char *const left_out_names[FOLDER_VERDICTS] = {
	[FOLDER_TAKEN] = "taken",	[FOLDER_TOO_NEW] = "too new",
	[FOLDER_TOO_OLD] = "too old",	[FOLDER_NOT_READ] = "not read",
	[FOLDER_DOUBTFUL] = "doubtful", [FOLDER_TOO_MANY] = "more than needed"};

static const char *use_name(enum folder_use use)
{
	static const char *const names[] = {"left alone", "spam", "innocent", "sent"};

	return names[use];
}

static void folders_print(const struct learn_result *r)
{
	for (size_t i = 0; i < r->folder_count; i++) {
		const struct learn_folder *f = &r->folders[i];
		struct strbuf name = STRBUF_INIT;
		imap_name_text(&name, span_of(f->name));
		fputs("    ", stdout);
		text_print(stdout, strbuf_text(&name));
		strbuf_free(&name);
		if (f->use == FOLDER_USE_SPAM || f->use == FOLDER_USE_INNOCENT)
			printf(": %s, %zu messages, %zu fit\n", use_name(f->use), f->messages,
			       f->taken);
		else
			printf(": %s\n", use_name(f->use));
	}
	const char *separator = "    left out: ";
	for (int i = 0; i < FOLDER_VERDICTS; i++) {
		if (r->choice.left_out[i] == 0)
			continue;
		printf("%s%zu %s", separator, r->choice.left_out[i], left_out_names[i]);
		separator = ", ";
	}
	if (separator[0] == ',')
		putchar('\n');
}

static void estimate_print(const struct learn_estimate *e)
{
	if (e->spam + e->innocent > 0)
		printf("    the newest %zu, judged before they were learned: %zu of %zu spam caught "
		       "(%u %%), %zu of %zu innocent taken for spam\n",
		       e->spam + e->innocent, e->caught, e->spam, percent(e->caught, e->spam),
		       e->wrong, e->innocent);
}

static void result_print(const struct learn_command *c, const char *user,
			 const struct learn_result *r)
{
	const size_t *found = r->choice.of_class;

	text_print(stdout, user);
	if (r->not_filtered) {
		puts(": is not filtered (optOut, lda_opt_in): left alone");
		return;
	}
	if (c->options.dry_run) {
		printf(": would teach %zu spam, %zu innocent\n", found[0], found[1]);
		folders_print(r);
	} else {
		printf(": learned %zu spam, %zu innocent; known already %zu, judged at delivery "
		       "%zu, doubtful %zu, gone %zu",
		       r->learned_spam, r->learned_innocent - r->suspects, r->already, r->judged,
		       r->doubtful + r->suspects, r->gone);
		printf(c->options.sent ? "; recipients of %zu sent\n" : "\n", r->sent);
		estimate_print(&r->estimate);
	}
	if (!r->interrupted && (found[0] < CLASS_MIN || found[1] < CLASS_MIN))
		printf("    too little %s: until a filter knows %d messages of each class it lets "
		       "everything through\n",
		       found[0] < CLASS_MIN ? "spam" : "innocent mail", CLASS_MIN);
}

static json_t *folders_json(const struct learn_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->folder_count; i++) {
		const struct learn_folder *f = &r->folders[i];
		struct strbuf name = STRBUF_INIT;
		imap_name_text(&name, span_of(f->name));
		json_array_append_new(list, json_pack("{s:o, s:s, s:I, s:I}", "name",
						      json_text(strbuf_text(&name)), "use",
						      use_name(f->use), "messages",
						      (json_int_t)f->messages, "fit",
						      (json_int_t)f->taken));
		strbuf_free(&name);
	}
	return list;
}

static json_t *left_out_json(const struct learn_result *r)
{
	json_t *object = json_object();

	for (int i = FOLDER_TAKEN + 1; i < FOLDER_VERDICTS; i++)
		json_object_set_new(object, left_out_names[i],
				    json_integer((json_int_t)r->choice.left_out[i]));
	return object;
}

static json_t *result_json(const struct learn_command *c, const char *user,
			   const struct learn_result *r)
{
	const struct learn_estimate *e = &r->estimate;
	json_t *json =
		json_pack("{s:o, s:b, s:b, s:b, s:I, s:I}", "user", json_text(user), "filtered",
			  !r->not_filtered, "dry_run", c->options.dry_run, "interrupted",
			  r->interrupted, "chosen_spam", (json_int_t)r->choice.of_class[0],
			  "chosen_innocent", (json_int_t)r->choice.of_class[1]);

	json_object_set_new(json, "folders", folders_json(r));
	json_object_set_new(json, "left_out", left_out_json(r));
	if (r->trouble != NULL)
		json_object_set_new(json, "error", json_text(r->trouble));
	if (c->options.dry_run || r->not_filtered)
		return json;
	json_object_update_new(
		json, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "learned_spam",
				(json_int_t)r->learned_spam, "learned_innocent",
				(json_int_t)r->learned_innocent, "already", (json_int_t)r->already,
				"judged", (json_int_t)r->judged, "doubtful",
				(json_int_t)r->doubtful, "suspects", (json_int_t)r->suspects,
				"gone", (json_int_t)r->gone, "sent", (json_int_t)r->sent));
	json_object_set_new(json, "estimate",
			    json_pack("{s:I, s:I, s:I, s:I}", "spam", (json_int_t)e->spam, "caught",
				      (json_int_t)e->caught, "innocent", (json_int_t)e->innocent,
				      "wrong", (json_int_t)e->wrong));
	return json;
}

/* ---- one after the other ---- */

static void failed(struct learn_command *c, int code)
{
	c->failed++;
	if (c->code == EX_OK)
		c->code = code;
}

static void nothing_learned(struct learn_command *c, const char *login, int code, const char *error)
{
	failed(c, code);
	if (c->json != NULL)
		json_array_append_new(c->json, json_pack("{s:o, s:o}", "user", json_text(login),
							 "error", json_text(error)));
}

static void learn_user(struct learn_command *c, const char *login)
{
	struct learn_result result;
	char *error = NULL, *user = store_user(c, login);

	if (user == NULL) {
		nothing_learned(c, login, EX_USAGE, "is not a user's mail address");
		return;
	}
	enum classifier_status status =
		learn_folders(c->session->site, user, login, &c->options, &result, &error);
	progress_end(&c->progress);
	if (status != CLASSIFIER_OK) {
		complain("%s: %s", user, error);
		nothing_learned(c, user, EX_TEMPFAIL, error);
	} else if (c->json != NULL) {
		json_array_append_new(c->json, result_json(c, user, &result));
	} else if (!result.interrupted || result.done > 0) {
		result_print(c, user, &result);
		fflush(stdout);
	}
	if (status == CLASSIFIER_OK && result.trouble != NULL) {
		complain("%s: %s", user, result.trouble);
		failed(c, EX_TEMPFAIL);
	}
	learn_result_free(&result);
	free(error);
	free(user);
}

static int learn_all(struct learn_command *c)
{
	interrupt_catch();
	if (nice(NICE) == -1)
		complain("cannot be nice to others"); /* -1 is no priority we could have then */
	progress_start(&c->progress, true);
	for (c->turn = 0; c->turn < c->count && !interrupt_came(); c->turn++)
		learn_user(c, c->users[c->turn]);
	if (c->json != NULL)
		json_print(
			json_pack("{s:o, s:b}", "users", c->json, "interrupted", interrupt_came()));
	else if (c->all)
		printf("%zu users, %zu of them failed\n", c->turn, c->failed);
	if (interrupt_came()) {
		complain("interrupted; the same command again goes on where it stopped");
		return EX_TEMPFAIL;
	}
	return c->code;
}

int command_learn_folders(struct session *session, int argc, char **argv)
{
	const struct conf *conf = session->conf;
	struct learn_command c = {.session = session,
				  .options = {.junk = conf_list(conf, P_JUNK_FOLDERS),
					      .trash = conf_list(conf, P_TRASH_FOLDERS),
					      .days = DAYS_DEFAULT,
					      .settled_days = SETTLED_DEFAULT,
					      .max = MAX_DEFAULT,
					      .sent = conf_bool(conf, P_LEARN_SENT_RECIPIENTS),
					      .opt_in = conf_bool(conf, P_LDA_OPT_IN),
					      .now = time(NULL),
					      .stop = interrupt_came,
					      .progress = progress_print},
				  .json = session->json ? json_array() : NULL};
	int code = options_read(&c, &argc, argv);

	c.options.spam = c.spam;
	c.options.skip = c.skip;
	c.options.context = &c;
	for (int i = 0; i < argc && code == EX_OK; i++)
		user_append(&c, argv[i], strlen(argv[i]));
	if (code == EX_OK && c.all)
		code = users_all(&c);
	if (code == EX_OK)
		code = learn_all(&c);
	else
		json_decref(c.json);
	for (size_t i = 0; i < c.count; i++)
		free(c.users[i]);
	free(c.users);
	return code;
}
