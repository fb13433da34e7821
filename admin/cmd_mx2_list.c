/*
 * `shoveler mx2 key|sign|push` at the primary, `mx2 accept|fetch` at the fallback: lists of
 * recipients that the primary signs (mx2/list.h).
 *
 * A list goes by mail, to shoveler-recipients@ the fallback: no other port is open there, Postfix
 * encrypts and tries again, and what is refused comes back to the primary's postmaster. Or it lies
 * behind an https:// address of the primary and is fetched.
 */
#include "cmd_mx2.h"

#include "lib/child.h"
#include "lib/clock.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "mx2/inbox.h"
#include "mx2/ours.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define SEND_TIMEOUT_MS 60000
#define FETCH_EVERY	3600 /* seconds */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *inbox_folder(struct admin *admin)
{
	return xasprintf("%s/recipients", conf_text(admin->conf, P_STATE_DIRECTORY));
}

int make_inbox(struct admin *admin)
{
	const char *name = conf_text(admin->conf, P_LDA_USER);
	const struct passwd *user = geteuid() == 0 ? getpwnam(name) : NULL;
	char *folder = inbox_folder(admin), *error = NULL;
	int ret = EX_OK;

	if (inbox_make(folder, user != NULL ? (int64_t)user->pw_uid : -1,
		       user != NULL ? (int64_t)user->pw_gid : -1, &error) < 0) {
		complain("%s", error);
		ret = EX_CANTCREAT;
	}
	free(error);
	free(folder);
	return ret;
}

int mx2_key(struct admin *admin, int argc, char **argv)
{
	char *error = NULL, *key = list_key(conf_text(admin->conf, P_MX2_KEY_FILE), true, &error);

	(void)argc;
	(void)argv;
	if (key == NULL) {
		complain("%s", error);
		free(error);
		return EX_CANTCREAT;
	}
	printf("%s\n", key);
	fprintf(stderr, "At the fallback: shoveler mx2 set DOMAIN recipients=list key=%s\n", key);
	free(key);
	return EX_OK;
}

static int read_list(FILE *file, const char *path, struct recipient_list *list)
{
	char *line = NULL, *error = NULL;
	size_t capacity = 0;
	int ret = EX_OK;

	while (ret == EX_OK && getline(&line, &capacity, file) > 0) {
		struct span address = span_trim(span_of(line));

		if (address.size == 0 || address.data[0] == '#')
			continue;
		if (list_add(list, address, &error) < 0) {
			complain("%s: %s", path, error);
			free(error);
			ret = EX_DATAERR;
		}
	}
	/* getline() marks no error where it has no memory. */
	if (ret == EX_OK && (!feof(file) || list->count == 0)) {
		complain("%s: %s", path, !feof(file) ? "cannot be read" : "no address in it");
		ret = EX_DATAERR;
	}
	free(line);
	list_sort(list);
	return ret;
}

/* path NULL: whom this host knows. */
static int fill_list(struct admin *admin, const char *path, struct recipient_list *list)
{
	bool standard = path != NULL && strcmp(path, "-") == 0;
	char *error = NULL;
	FILE *file;
	int ret;

	if (path == NULL) {
		if (ours_list(conf_text(admin->conf, P_POSTFIX_CONFIG_DIRECTORY), list, &error) ==
		    0)
			return EX_OK;
		complain("%s", error);
		free(error);
		return EX_UNAVAILABLE;
	}
	file = standard ? stdin : fopen(path, "re");
	if (file == NULL) {
		complain("%s: %s", path, strerror(errno));
		return EX_NOINPUT;
	}
	ret = read_list(file, path, list);
	if (!standard)
		fclose(file);
	return ret;
}

/* The signed text for a domain. */
static int make_list(struct admin *admin, const char *domain, const char *path, struct strbuf *out,
		     size_t *count_r)
{
	struct recipient_list list = {.serial = now_ms()};
	char *error = NULL;
	int ret = EX_OK;

	if (policy_name_domain(domain, list.domain, &error) < 0)
		return policy_result(POLICY_INVALID, &error);
	ret = fill_list(admin, path, &list);
	if (ret == EX_OK &&
	    list_sign(&list, conf_text(admin->conf, P_MX2_KEY_FILE), out, &error) < 0) {
		complain("%s", error);
		ret = EX_NOPERM;
	}
	if (ret == EX_OK && out->size > LIST_MAX_SIZE / 2) {
		complain("%s: %zu recipients are too many for one list", list.domain, list.count);
		ret = EX_DATAERR;
	}
	*count_r = list.count;
	free(error);
	list_free(&list);
	return ret;
}

int mx2_sign(struct admin *admin, int argc, char **argv)
{
	struct strbuf text = STRBUF_INIT;
	size_t count;
	int ret = make_list(admin, argv[0], argc > 1 ? argv[1] : NULL, &text, &count);

	if (ret == EX_OK)
		fputs(strbuf_text(&text), stdout);
	strbuf_free(&text);
	return ret;
}

/* From the domain's postmaster, who learns of it when the fallback does not take the list. */
static int mail_list(struct admin *admin, const char *domain, const char *host, struct span text)
{
	char *from = xasprintf("postmaster@%s", domain), *error = NULL;
	char *to = xasprintf("shoveler-recipients@%s", host);
	const char *const arguments[] = {
		"sendmail", "-C", conf_text(admin->conf, P_POSTFIX_CONFIG_DIRECTORY),
		"-i",	    "-f", from,
		"--",	    to,	  NULL};
	struct strbuf mail = STRBUF_INIT, said = STRBUF_INIT;
	int code;

	strbuf_printf(&mail,
		      "From: <%s>\nTo: <%s>\nSubject: Recipients of %s\n"
		      "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		      "Content-Type: text/plain; charset=us-ascii\n\n",
		      from, to, domain);
	strbuf_append_span(&mail, text);
	code = child_run(arguments, strbuf_span(&mail), SEND_TIMEOUT_MS, &said, &said, &error);
	if (code != 0)
		complain("sendmail: %s", code < 0 ? error : strbuf_text(&said));
	free(error);
	strbuf_free(&mail);
	strbuf_free(&said);
	free(from);
	free(to);
	return code == 0 ? EX_OK : EX_TEMPFAIL;
}

int mx2_push(struct admin *admin, int argc, char **argv)
{
	char host[POLICY_NAME_MAX + 1], *error = NULL;
	struct strbuf text = STRBUF_INIT;
	size_t count;
	int ret;

	if (policy_name_domain(argv[1], host, &error) < 0)
		return policy_result(POLICY_INVALID, &error);
	ret = make_list(admin, argv[0], argc > 2 ? argv[2] : NULL, &text, &count);
	if (ret == EX_OK)
		ret = mail_list(admin, argv[0], host, strbuf_span(&text));
	if (ret == EX_OK)
		printf("%zu recipients of %s on their way to %s\n", count, argv[0], host);
	strbuf_free(&text);
	return ret;
}

static int read_mail(struct strbuf *text)
{
	char block[16384];
	size_t size;

	while ((size = fread(block, 1, sizeof(block), stdin)) > 0) {
		if (text->size <= LIST_MAX_SIZE)
			strbuf_append(text, block, size);
	}
	return ferror(stdin) ? EX_TEMPFAIL : EX_OK;
}

/* Is it the postmaster of a domain that we hold mail for? Nobody else gets an answer from us. */
static bool may_be_told(struct policy *policy, const char *sender)
{
	const char *at = strrchr(sender, '@');
	struct policy_mx2 mx2;
	char *error = NULL;
	bool ours = at != NULL && policy_mx2_get(policy, at + 1, &mx2, &error) == POLICY_OK;

	free(error);
	return ours;
}

static int accept_list(struct admin *admin, struct policy *policy, struct span text,
		       const char *sender)
{
	char *folder = inbox_folder(admin), *error = NULL;
	struct recipient_list list;
	enum inbox_result result = inbox_check(policy, folder, text, now_ms(), &list, &error);
	int ret = EX_OK;

	if (result == INBOX_OK && inbox_put(folder, list.domain, text, &error) < 0)
		result = INBOX_FAILED;
	if (result == INBOX_FAILED)
		ret = EX_TEMPFAIL;
	else if (result == INBOX_REFUSED && may_be_told(policy, sender))
		ret = EX_DATAERR;
	/* What a command says is not logged by pipe(8) when all is well. */
	if (ret != EX_OK)
		complain("%s", error);
	else if (result != INBOX_OK)
		msg_warn("from=<%s>, action=drop, reason=%s", sender, error);
	free(error);
	list_free(&list);
	free(folder);
	return ret;
}

int mx2_accept(struct admin *admin, int argc, char **argv)
{
	struct policy *policy = NULL;
	struct strbuf text = STRBUF_INIT;
	int ret = read_mail(&text);

	(void)msg_open("shoveler", conf_text(admin->conf, P_LOG_DESTINATION));
	if (ret == EX_OK)
		ret = open_policy(admin, POLICY_READ, &policy);
	if (ret == EX_OK && policy != NULL)
		ret = accept_list(admin, policy, strbuf_span(&text), argc > 0 ? argv[0] : "");
	else if (ret != EX_OK)
		ret = EX_TEMPFAIL;
	policy_close(&policy);
	strbuf_free(&text);
	return ret;
}

struct urls {
	struct policy_mx2 *list;
	size_t count;
};

static bool add_url(void *context, const struct policy_mx2 *mx2)
{
	struct urls *urls = context;

	if (mx2->list_url[0] != '\0') {
		urls->list = xrealloc(urls->list, (urls->count + 1) * sizeof(*urls->list));
		urls->list[urls->count++] = *mx2;
	}
	return true;
}

static int fetch_one(struct policy *policy, const char *folder, const struct policy_mx2 *mx2)
{
	char *error = NULL;
	size_t count = 0;
	enum inbox_result result = inbox_fetch(policy, folder, mx2, now_ms(), &count, &error);

	if (result != INBOX_OK)
		complain("%s", error);
	else if (count > 0)
		printf("domain=%s, recipients=%zu, action=list\n", mx2->domain, count);
	free(error);
	return result == INBOX_OK ? EX_OK : result == INBOX_FAILED ? EX_TEMPFAIL : EX_DATAERR;
}

int mx2_fetch(struct admin *admin, int argc, char **argv)
{
	char *folder = inbox_folder(admin);
	struct policy *policy;
	struct policy_mx2 mx2;
	int ret = open_domain(admin, argv[0], &policy, &mx2);

	(void)argc;
	if (ret == EX_OK)
		ret = make_inbox(admin);
	if (ret == EX_OK && mx2.list_url[0] == '\0') {
		complain("%s has no url=", mx2.domain);
		ret = EX_DATAERR;
	}
	if (ret == EX_OK)
		ret = fetch_one(policy, folder, &mx2);
	policy_close(&policy);
	free(folder);
	return ret;
}

/* Those that were not asked for an hour; a failure of one is said, and no more. */
static int fetch_due(struct policy *policy, const char *folder)
{
	struct urls urls = {NULL, 0};
	char *error = NULL;
	int ret = policy_result(policy_mx2_list(policy, add_url, &urls, &error), &error);

	for (size_t i = 0; ret == EX_OK && i < urls.count; i++) {
		if (time(NULL) - inbox_fetched(folder, urls.list[i].domain) >= FETCH_EVERY)
			(void)fetch_one(policy, folder, &urls.list[i]);
	}
	free(urls.list);
	return ret;
}

int take_lists(struct admin *admin)
{
	char *folder = inbox_folder(admin), *error = NULL;
	struct policy *policy = NULL;
	int ret = open_policy(admin, POLICY_CREATE, &policy);

	if (ret == EX_OK)
		ret = make_inbox(admin);
	if (ret == EX_OK) {
		/* A bad list keeps nobody's mail waiting: its domain's check tells of it. */
		if (inbox_install(policy, folder, now_ms(), stdout, &error) < 0)
			complain("%s", error);
		free(error);
		ret = fetch_due(policy, folder);
	}
	policy_close(&policy);
	free(folder);
	return ret;
}
