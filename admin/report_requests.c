/* What the web page asked of root: judged as if a stranger had written it, done, answered. */
#include "report.h"

#include "cmd_mx2.h"
#include "lib/xalloc.h"
#include "mx2/queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* outcome: done, denied, invalid, soon, failed */
static void note(struct report *report, const struct packet *packet, const char *outcome,
		 int64_t until)
{
	static const char *const names[] = {"request", "user", "domain"};
	json_t *action = json_pack("{s:I, s:s, s:I}", "time", (json_int_t)report->now, "outcome",
				   outcome, "until", (json_int_t)until);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *text = json_string(packet_text(packet, names[i]));

		json_object_set_new(action, names[i], text != NULL ? text : json_string(""));
	}
	json_array_insert_new(report->actions, 0, action);
	while (json_array_size(report->actions) > REPORT_ACTIONS_MAX)
		json_array_remove(report->actions, json_array_size(report->actions) - 1);
}

static bool was_flushed(const struct report *report, const char *domain)
{
	size_t i;
	json_t *each;

	json_array_foreach(report->actions, i, each)
	{
		const char *name = json_string_value(json_object_get(each, "domain"));
		const char *what = json_string_value(json_object_get(each, "request"));
		const char *outcome = json_string_value(json_object_get(each, "outcome"));
		json_int_t when = json_integer_value(json_object_get(each, "time"));

		if (name != NULL && what != NULL && outcome != NULL &&
		    strcasecmp(name, domain) == 0 && strcmp(what, "flush") == 0 &&
		    strcmp(outcome, "done") == 0 && report->now - when < REPORT_FLUSH_SECONDS)
			return true;
	}
	return false;
}

static const char *flush(struct report *report, const struct mx2_domain *domain)
{
	const struct conf *conf = report->admin->conf;
	char *error = NULL;

	if (was_flushed(report, domain->mx2.domain))
		return "soon";
	if (queue_flush(conf_text(conf, P_POSTFIX_CONFIG_DIRECTORY), domain->mx2.domain, &error) ==
	    0)
		return "done";
	complain("%s", error);
	free(error);
	return "failed";
}

/* Only further into the future, and no further than the admin allows. */
static const char *extend(struct report *report, struct mx2_domain *domain, int64_t until)
{
	int64_t most = conf_number(report->admin->conf, P_MX2_CONTACT_EXTENSION);
	struct policy *policy;
	struct policy_mx2 mx2;
	char *error = NULL;
	int ret;

	if (until <= report->now || until <= domain->mx2.retention_until)
		return "invalid";
	if (until > report->now + most)
		return "denied";
	ret = open_domain(report->admin, domain->mx2.domain, &policy, &mx2);
	if (ret == EX_OK) {
		mx2.retention_until = until;
		ret = policy_result(policy_mx2_update(policy, &mx2, &error), &error);
	}
	policy_close(&policy);
	if (ret != EX_OK)
		return "failed";
	domain->mx2.retention_until = until;
	return "done";
}

static int64_t number_of(const struct packet *packet, const char *name)
{
	const char *text = packet_get(packet, name);
	char *end;
	long long number;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	number = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' ? number : 0;
}

static void work(struct report *report, const struct packet *packet)
{
	const char *what = packet_get(packet, "request"), *user = packet_get(packet, "user"),
		   *name = packet_get(packet, "domain");
	int64_t until = number_of(packet, "until");
	struct mx2_domain *domain;

	if (what == NULL || user == NULL || name == NULL || user[0] == '\0') {
		note(report, packet, "invalid", 0);
		return;
	}
	if (strcmp(what, "preferences") == 0) {
		note(report, packet, report_preferences(report, user, name, packet), 0);
		return;
	}
	domain = mx2_domains_find(&report->domains, span_of(name));
	if (domain == NULL || strcasecmp(domain->mx2.contact, user) != 0)
		note(report, packet, "denied", until);
	else if (strcmp(what, "flush") == 0)
		note(report, packet, flush(report, domain), 0);
	else if (strcmp(what, "extend") == 0)
		note(report, packet, extend(report, domain, until), until);
	else
		note(report, packet, "invalid", 0);
}

/* A regular file of web_user's, and nothing else that he could have put there. */
static bool read_request(const struct report *report, int folder, const char *name,
			 char text_r[REPORT_REQUEST_SIZE], size_t *size_r)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t size = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == report->web_uid &&
	    st.st_size <= REPORT_REQUEST_SIZE)
		size = read(fd, text_r, REPORT_REQUEST_SIZE);
	close(fd);
	*size_r = size > 0 ? (size_t)size : 0;
	return size > 0;
}

static void take(struct report *report, int folder, const char *name)
{
	char text[REPORT_REQUEST_SIZE], *error = NULL;
	struct packet packet;
	size_t size;

	if (!read_request(report, folder, name, text, &size)) {
		complain("request %s is no file of the web page's", name);
	} else if (packet_parse(&packet, (struct span){text, size}, NULL, &error) < 0) {
		complain("request %s: %s", name, error);
		free(error);
	} else {
		work(report, &packet);
		packet_free(&packet);
	}
	/* Before anything else: one that cannot be worked on is not tried again. */
	if (unlinkat(folder, name, 0) < 0 && errno == EISDIR)
		(void)unlinkat(folder, name, AT_REMOVEDIR);
}

static bool is_request(const char *name)
{
	size_t size = strlen(name);

	return name[0] != '.' && size > 8 && strcmp(name + size - 8, ".request") == 0;
}

void report_requests(struct report *report, const char *folder)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;
	int taken = 0;

	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL && taken < REPORT_REQUESTS_MAX) {
		if (!is_request(entry->d_name))
			continue;
		take(report, dirfd(directory), entry->d_name);
		taken++;
	}
	closedir(directory);
}
