/*
 * cmd_user.c - spamtrain stats, history, preference, quarantine, forget, purge.
 */
#include "spamtrain/command/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

int number_read(const char *text, long long max, long long *number_r)
{
	char *end;

	*number_r = strtoll(text, &end, 10);
	if (*text != '\0' && *end == '\0' && *number_r > 0 && *number_r <= max)
		return EX_OK;
	complain("\"%s\" is not a number from 1 to %lld", text, max);
	return EX_USAGE;
}

/* ---- stats ---- */

static void stats_print(const char *user, const struct classifier_stats *s,
			const struct dictionary_group *group, unsigned site_weight)
{
	printf("user      %s\n"
	       "learned   %llu spam, %llu innocent\n"
	       "tokens    %llu\n"
	       "history   %llu messages, %llu of them correctable\n"
	       "store     %llu bytes\n",
	       user, (unsigned long long)s->spam_learned, (unsigned long long)s->innocent_learned,
	       (unsigned long long)s->tokens, (unsigned long long)s->history,
	       (unsigned long long)s->signatures, (unsigned long long)s->store_bytes);
	fputs("judged by his own lessons", stdout);
	if (group != NULL)
		printf(", those of the %zu other members of group %s", group->count - 1,
		       group->name);
	if (site_weight > 0)
		printf(", the site dictionary (worth %u messages of each class)", site_weight);
	putchar('\n');
}

int command_stats(struct session *session, int argc, char **argv)
{
	struct classifier *classifier = NULL;
	struct classifier_stats s;
	char *error = NULL;

	if (argc == 0)
		return command_site_stats(session);
	char *user = user_of(session, argv[0]);
	int code = user == NULL ? EX_USAGE : open_user(session, user, true, &classifier);
	if (code == EX_OK)
		code = result_of(classifier_stats(classifier, &s, &error), &error);
	const struct dictionary_group *group = NULL;
	unsigned site_weight = 0;
	if (code == EX_OK)
		group = classifier_group(classifier, &site_weight);
	if (code == EX_OK && session->json)
		json_print(json_pack(
			"{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:s?, s:i}", "user", json_text(user),
			"spam_learned", (json_int_t)s.spam_learned, "innocent_learned",
			(json_int_t)s.innocent_learned, "tokens", (json_int_t)s.tokens, "history",
			(json_int_t)s.history, "signatures", (json_int_t)s.signatures,
			"store_bytes", (json_int_t)s.store_bytes, "group",
			group == NULL ? NULL : group->name, "site_weight", (int)site_weight));
	else if (code == EX_OK)
		stats_print(user, &s, group, site_weight);
	classifier_close(&classifier);
	free(user);
	return code;
}

/* ---- history ---- */

static const char *result_name(int result)
{
	return result < 0 ? "Trained" : classifier_result_name((enum classifier_result)result);
}

static bool history_print(void *context, const struct store_message *row)
{
	char date[32];
	struct tm tm;
	time_t received = row->received;

	(void)context;
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M", localtime_r(&received, &tm));
	printf("%s  %s  %-11s %6.3f  %-11s %-8s  ", row->signature, date, result_name(row->result),
	       row->probability, store_outcome_name(row->outcome),
	       row->corrected == STORE_NONE ? "" : store_class_name(row->corrected));
	text_print(stdout, row->from);
	fputs(" | ", stdout);
	text_print(stdout, row->subject);
	if (row->virus[0] != '\0') {
		fputs(" | ", stdout);
		text_print(stdout, row->virus);
	}
	putchar('\n');
	return true;
}

static bool history_json(void *context, const struct store_message *row)
{
	json_array_append_new(
		context,
		json_pack("{s:s, s:I, s:s, s:f, s:f, s:f, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, "
			  "s:o}",
			  "signature", row->signature, "received", (json_int_t)row->received,
			  "result", result_name(row->result), "probability", row->probability,
			  "confidence", row->confidence, "score", row->score, "outcome",
			  store_outcome_name(row->outcome), "taught", store_class_name(row->taught),
			  "corrected", store_class_name(row->corrected), "source", row->source,
			  "from", json_text(row->from), "subject", json_text(row->subject),
			  "message_id", json_text(row->message_id), "size", (json_int_t)row->size,
			  "virus", json_text(row->virus)));
	return true;
}

static enum classifier_status of_store(enum store_status status)
{
	return status == STORE_OK	   ? CLASSIFIER_OK
	       : status == STORE_NOT_FOUND ? CLASSIFIER_INVALID
	       : status == STORE_DEFER	   ? CLASSIFIER_DEFER
					   : CLASSIFIER_FAILED;
}

int command_history(struct session *session, int argc, char **argv)
{
	struct store_filter filter = {.result = -1, .contains = argc > 2 ? argv[2] : NULL};
	struct classifier *classifier = NULL;
	long long count = 50;
	char *error = NULL;
	int code = argc > 1 ? number_read(argv[1], 1000000, &count) : EX_OK;

	filter.limit = (size_t)count;
	if (code == EX_OK)
		code = open_user(session, argv[0], true, &classifier);
	if (code != EX_OK)
		return code;
	json_t *list = json_array();
	code = result_of(of_store(store_message_list(classifier_store(classifier), &filter,
						     session->json ? history_json : history_print,
						     list, &error)),
			 &error);
	if (session->json && code == EX_OK)
		json_print(json_incref(list));
	json_decref(list);
	classifier_close(&classifier);
	return code;
}

/* ---- preference ---- */

static void preferences_print(const struct preferences *preferences, json_t *json)
{
	char value[PREFERENCE_TEXT_MAX + 1];

	for (size_t i = 0; preferences_name(i) != NULL; i++) {
		preferences_get(preferences, preferences_name(i), value, sizeof(value));
		if (json != NULL)
			json_object_set_new(json, preferences_name(i), json_text(value));
		else
			printf("%s = %s\n    %s\n", preferences_name(i), value,
			       preferences_help(i));
	}
}

static int preference_get(const struct session *session, const struct preferences *preferences,
			  const char *name)
{
	char value[PREFERENCE_TEXT_MAX + 1];

	if (preferences_get(preferences, name, value, sizeof(value)) == NULL) {
		complain("there is no preference \"%s\"; \"preference list\" shows all", name);
		return EX_USAGE;
	}
	if (session->json)
		json_print(json_pack("{s:o}", preferences_canonical(name), json_text(value)));
	else
		puts(value);
	return EX_OK;
}

/* Of a user who has no store yet: what counts for him until then. */
static int preference_show(struct session *session, const char *user, const char *name)
{
	struct classifier *classifier = NULL;
	struct preferences defaults;
	char *error = NULL;
	int code = find_user(session, user, &classifier);

	if (code == EX_OK && classifier == NULL)
		code = result_of(classifier_user_defaults(session->site, user, &defaults, &error),
				 &error);
	if (code != EX_OK)
		return code;
	const struct preferences *preferences =
		classifier != NULL ? classifier_preferences(classifier) : &defaults;
	if (name != NULL) {
		code = preference_get(session, preferences, name);
	} else if (session->json) {
		json_t *json = json_object();
		preferences_print(preferences, json);
		json_print(json);
	} else {
		preferences_print(preferences, NULL);
	}
	classifier_close(&classifier);
	return code;
}

static int preference_set(struct session *session, const char *user, const char *name,
			  const char *value)
{
	struct preferences checked = *classifier_site_preferences(session->site);
	struct classifier *classifier = NULL;
	char *error = NULL;
	int code = EX_OK;

	/* Before a store is made for it. */
	if (preferences_canonical(name) == NULL || value != NULL)
		code = preferences_set(&checked, name, value == NULL ? "" : value, &error)
			       ? EX_OK
			       : EX_USAGE;
	if (code != EX_OK) {
		complain("%s", error);
		free(error);
		return code;
	}
	code = open_user(session, user, false, &classifier);
	if (code == EX_OK)
		code = result_of(classifier_preference_set(classifier, name, value, &error),
				 &error);
	if (code == EX_OK && session->json)
		code = preference_get(session, classifier_preferences(classifier), name);
	classifier_close(&classifier);
	return code;
}

int command_preference(struct session *session, int argc, char **argv)
{
	if (strcmp(argv[0], "list") == 0 && argc == 2)
		return preference_show(session, argv[1], NULL);
	if (strcmp(argv[0], "get") == 0 && argc == 3)
		return preference_show(session, argv[1], argv[2]);
	if (strcmp(argv[0], "set") == 0 && argc >= 3)
		return preference_set(session, argv[1], argv[2], argc > 3 ? argv[3] : NULL);
	complain("preference list USER | get USER NAME | set USER NAME [VALUE]");
	return EX_USAGE;
}

/* ---- quarantine ---- */

struct quarantine_list {
	struct store *store;
	json_t *json; /* NULL: print */
};

static void quarantined_line(const struct store_quarantined *held, const char *date, double score,
			     const char *from, const char *subject)
{
	printf("%s  %s  %8llu  %6.2f  ", held->signature, date, (unsigned long long)held->size,
	       score);
	text_print(stdout, from);
	fputs(" | ", stdout);
	text_print(stdout, subject);
	putchar('\n');
}

static bool quarantined_print(void *context, const struct store_quarantined *held)
{
	struct quarantine_list *list = context;
	struct store_message row = {0};
	char *error = NULL;
	char date[32];
	struct tm tm;
	time_t added = held->added;

	store_message_by_signature(list->store, held->signature, &row, &error);
	free(error);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M", localtime_r(&added, &tm));
	const char *from = row.from == NULL ? "" : row.from;
	const char *subject = row.subject == NULL ? "" : row.subject;
	if (list->json != NULL)
		json_array_append_new(list->json,
				      json_pack("{s:s, s:I, s:I, s:f, s:o, s:o, s:o}", "signature",
						held->signature, "added", (json_int_t)held->added,
						"size", (json_int_t)held->size, "score", row.score,
						"sender", json_text(held->sender), "from",
						json_text(from), "subject", json_text(subject)));
	else
		quarantined_line(held, date, row.score, from, subject);
	store_message_free(&row);
	return true;
}

int command_quarantine_list(struct session *session, int argc, char **argv)
{
	struct classifier *classifier = NULL;
	char *error = NULL;

	(void)argc;
	int code = open_user(session, argv[1], true, &classifier);
	if (code != EX_OK)
		return code;
	struct quarantine_list list = {classifier_store(classifier),
				       session->json ? json_array() : NULL};
	code = result_of(
		of_store(store_quarantine_list(list.store, quarantined_print, &list, &error)),
		&error);
	if (list.json != NULL)
		json_print(list.json);
	classifier_close(&classifier);
	return code;
}

/* ---- forget, purge ---- */

static int forget_all(struct session *session, const char *address)
{
	char *user = user_of(session, address), *error = NULL;
	struct classifier *classifier = NULL;
	int code = user == NULL ? EX_USAGE : open_user(session, user, true, &classifier);

	classifier_close(&classifier);
	if (code == EX_OK)
		code = result_of(classifier_forget_user(session->site, user, &error), &error);
	if (code == EX_OK && session->json)
		json_print(json_pack("{s:o, s:b}", "user", json_text(user), "forgotten", 1));
	else if (code == EX_OK)
		printf("forgot %s: the store is gone\n", user);
	free(user);
	return code;
}

int command_forget(struct session *session, int argc, char **argv)
{
	long long days = 0;
	struct classifier *classifier = NULL;
	uint64_t forgotten = 0;
	char *error = NULL;
	int code = argc > 1 ? number_read(argv[1], 36500, &days) : EX_OK;

	if (code == EX_OK && days == 0)
		return forget_all(session, argv[0]);
	if (code == EX_OK)
		code = open_user(session, argv[0], true, &classifier);
	if (code == EX_OK)
		code = result_of(classifier_forget_since(classifier, time(NULL) - days * 86400,
							 &forgotten, &error),
				 &error);
	if (code == EX_OK)
		printf(session->json ? "{\"messages\": %llu}\n" : "forgot %llu messages\n",
		       (unsigned long long)forgotten);
	classifier_close(&classifier);
	return code;
}

int command_purge(struct session *session, int argc, char **argv)
{
	int result = EX_OK, purged = 0;

	for (int i = 0; i < argc; i++) {
		struct classifier *classifier = NULL;
		char *error = NULL;
		int code = open_user(session, argv[i], true, &classifier);
		if (code == EX_OK)
			code = result_of(classifier_purge(classifier, time(NULL), &error), &error);
		classifier_close(&classifier);
		purged += code == EX_OK;
		result = result == EX_OK ? code : result;
	}
	printf(session->json ? "{\"purged\": %d}\n" : "purged %d stores\n", purged);
	return result;
}
