/* `shoveler report`: what the web page shows of the host, and what was asked for there. */
#include "report.h"

#include "cmd_mx2.h"
#include "lib/child.h"
#include "lib/file.h"
#include "lib/xalloc.h"
#include "mx2/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define CHILD_TIMEOUT_MS 180000
#define QUEUES_MAX	 8

/* ---- the folder ---- */

static int make_folder(const char *path, mode_t mode, gid_t group)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		complain("cannot make %s: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	/* Through no link, and what was changed by hand is put right. */
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || lchown(path, geteuid(), group) < 0 ||
	    chmod(path, mode) < 0) {
		complain("%s must be a folder of root's: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	return EX_OK;
}

static int write_report(const struct report *report, const char *path, const json_t *json)
{
	char *fresh = xasprintf("%s.new", path), *text = json_dumps(json, JSON_INDENT(1));
	int fd, ret = EX_OK;

	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0 || text == NULL || file_write_all(fd, span_of(text)) < 0 ||
	    fchown(fd, (uid_t)-1, report->web_gid) < 0 || rename(fresh, path) < 0) {
		complain("cannot write %s: %s", path, strerror(errno));
		ret = EX_CANTCREAT;
	}
	if (fd >= 0)
		close(fd);
	free(text);
	free(fresh);
	return ret;
}

/* ---- what is in it ---- */

struct queues {
	struct mx2_domains *domains;
	struct {
		char name[16];
		json_int_t messages, bytes, oldest;
	} list[QUEUES_MAX];
	size_t count;
};

static void count(void *context, const struct queued *message)
{
	struct queues *queues = context;
	size_t i = 0;

	mx2_domains_count(queues->domains, message);
	while (i < queues->count && strcmp(queues->list[i].name, message->queue) != 0)
		i++;
	if (i == QUEUES_MAX)
		return;
	if (i == queues->count)
		snprintf(queues->list[queues->count++].name, sizeof(queues->list[i].name), "%s",
			 message->queue);
	queues->list[i].messages++;
	queues->list[i].bytes += (json_int_t)message->size;
	if (queues->list[i].oldest == 0 || message->arrival < queues->list[i].oldest)
		queues->list[i].oldest = message->arrival;
}

static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);

	return json != NULL ? json : json_string("");
}

/* While a message is being tried Postfix does not say why it waits: what it said before counts. */
static const char *last_error(const struct mx2_domain *domain, const json_t *old)
{
	const char *name, *said;
	json_t *each;
	size_t i;

	if (domain->waiting.messages == 0 || domain->waiting.reason[0] != '\0')
		return domain->waiting.reason;
	json_array_foreach(json_object_get(old, "mx2"), i, each)
	{
		name = json_string_value(json_object_get(each, "domain"));
		said = json_string_value(json_object_get(each, "last_error"));
		if (name != NULL && said != NULL && strcmp(name, domain->mx2.domain) == 0)
			return said;
	}
	return "";
}

static json_t *domain_json(const struct report *report, const struct mx2_domain *domain,
			   const json_t *old)
{
	const struct mx2_waiting *waiting = &domain->waiting;
	int64_t most = conf_number(report->admin->conf, P_MX2_CONTACT_EXTENSION);

	return json_pack(
		"{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I}", "domain",
		text_json(domain->mx2.domain), "contact", text_json(domain->mx2.contact),
		"messages", (json_int_t)waiting->messages, "bytes", (json_int_t)waiting->bytes,
		"held", (json_int_t)waiting->held, "refused", (json_int_t)waiting->refused,
		"oldest", (json_int_t)waiting->oldest, "expires", (json_int_t)waiting->expires,
		"last_error", text_json(last_error(domain, old)), "retention",
		(json_int_t)domain->mx2.retention, "until", (json_int_t)domain->mx2.retention_until,
		"extension_max", (json_int_t)most);
}

static json_t *domains_json(const struct report *report, const json_t *old)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->domains.count; i++)
		json_array_append_new(list, domain_json(report, &report->domains.list[i], old));
	return list;
}

static json_t *queue_json(const struct queues *queues)
{
	json_t *list = json_array();

	for (size_t i = 0; i < queues->count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I, s:I}", "queue", queues->list[i].name,
					"messages", queues->list[i].messages, "bytes",
					queues->list[i].bytes, "oldest", queues->list[i].oldest));
	return list;
}

/* `shoveler COMMAND [OPTION] --json` of this very program: an array or object, or null. */
static json_t *ask_self(const struct report *report, const char *command, const char *option)
{
	const char *const arguments[] = {
		"/proc/self/exe", "-c", report->admin->directory, "--json", command, option, NULL};
	struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;
	json_t *answer = NULL;
	char *error = NULL;

	/* Its exit code says how bad it is, and so does its answer. */
	if (child_run(arguments, (struct span){NULL, 0}, CHILD_TIMEOUT_MS, &out, &errors, &error) <
	    0) {
		complain("%s: %s", command, error);
		free(error);
	} else {
		answer = json_loadb(strbuf_text(&out), out.size, 0, NULL);
	}
	strbuf_free(&out);
	strbuf_free(&errors);
	return answer != NULL ? answer : json_null();
}

/* Findings no older than max_age_s: those of the last report, or fresh ones. */
static json_t *findings(const struct report *report, const json_t *old, const char *key,
			const char *option, int64_t max_age_s, json_t *json)
{
	char *time_key = xasprintf("%s_time", key);
	json_int_t when = json_integer_value(json_object_get(old, time_key));
	json_t *list = json_object_get(old, key);

	if (json_is_array(list) && when <= report->now && report->now - when < max_age_s) {
		json_incref(list);
	} else {
		list = ask_self(report, "doctor", option);
		when = report->now;
	}
	json_object_set_new(json, key, list);
	json_object_set_new(json, time_key, json_integer(when));
	free(time_key);
	return list;
}

/* It takes seconds, and sends mail: not each minute. */
static void put_doctor(const struct report *report, json_t *json, const json_t *old)
{
	json_t *all = json_array();

	json_array_extend(
		all, findings(report, old, "doctor_quick", "--quick", REPORT_DOCTOR_AGE, json));
	json_array_extend(
		all, findings(report, old, "doctor_slow", "--slow", REPORT_DOCTOR_SLOW_AGE, json));
	json_object_set_new(json, "doctor", all);
	json_object_set(json, "doctor_time", json_object_get(json, "doctor_quick_time"));
}

static json_t *make_report(struct report *report, const json_t *old)
{
	struct queues queues = {.domains = &report->domains};
	char *error = NULL;
	json_t *json;
	bool read = queue_read(conf_text(report->admin->conf, P_POSTFIX_CONFIG_DIRECTORY), count,
			       &queues, &error) == 0;

	if (!read) {
		complain("%s", error);
		free(error);
	}
	json = json_pack("{s:I, s:b, s:o, s:o, s:O, s:O, s:o}", "made", (json_int_t)report->now,
			 "queue_read", read, "queue", queue_json(&queues), "mx2",
			 domains_json(report, old), "actions", report->actions, "preferences",
			 report->preferences, "services", ask_self(report, "status", NULL));
	put_doctor(report, json, old);
	return json;
}

static int report_in(struct report *report, const char *folder)
{
	char *path = xasprintf("%s/host.json", folder),
	     *requests = xasprintf("%s/requests", folder);
	json_t *old = NULL, *json = NULL;
	int ret = make_folder(folder, 0750, report->web_gid);

	if (ret == EX_OK)
		ret = make_folder(requests, 0730, report->web_gid);
	if (ret == EX_OK) {
		old = json_load_file(path, 0, NULL);
		report->actions = json_object_get(old, "actions");
		report->actions = json_is_array(report->actions) ? json_incref(report->actions)
								 : json_array();
		report->preferences = json_object_get(old, "preferences");
		report->preferences = json_is_object(report->preferences)
					      ? json_incref(report->preferences)
					      : json_object();
		/* The map is there before anybody names it. */
		ret = report_write_preferences(report);
	}
	if (ret == EX_OK) {
		ret = load_domains(report->admin, &report->domains);
	}
	if (ret == EX_OK) {
		report_requests(report, requests);
		json = make_report(report, old);
		ret = write_report(report, path, json);
	}
	mx2_domains_free(&report->domains);
	json_decref(json);
	json_decref(report->actions);
	json_decref(report->preferences);
	json_decref(old);
	free(path);
	free(requests);
	return ret;
}

int command_report(struct admin *admin, int argc, char **argv)
{
	const char *name = conf_text(admin->conf, P_WEB_USER);
	const struct passwd *user = getpwnam(name);
	struct report report = {.admin = admin, .now = time(NULL)};
	char *folder;
	int ret;

	(void)argc;
	(void)argv;
	if (user == NULL) {
		complain("web_user: there is no system user \"%s\"", name);
		return EX_CONFIG;
	}
	report.web_uid = user->pw_uid;
	report.web_gid = user->pw_gid;
	folder = xasprintf("%s/report", conf_text(admin->conf, P_STATE_DIRECTORY));
	ret = report_in(&report, folder);
	free(folder);
	return ret;
}
