#include "inbox.h"

#include "lib/child.h"
#include "lib/file.h"
#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FETCH_TIMEOUT_MS 70000
#define FETCH_SECONDS	 "60"
#define FETCH_SIZE	 "1048576" /* LIST_MAX_SIZE */
#define MAX_REFUSAL	 500

int inbox_make(const char *folder, int64_t user, int64_t group, char **error_r)
{
	if ((mkdir(folder, 0700) < 0 && errno != EEXIST) ||
	    (user >= 0 && lchown(folder, (uid_t)user, (gid_t)group) < 0)) {
		*error_r = xasprintf("cannot make %s: %s", folder, strerror(errno));
		return -1;
	}
	return 0;
}

static int write_file(const char *folder, const char *domain, const char *suffix, struct span text,
		      char **error_r)
{
	char *path = xasprintf("%s/%s.%s", folder, domain, suffix);
	int ret = file_replace(path, text, 0600, true);

	if (ret < 0)
		*error_r = xasprintf("cannot write %s: %s", path, strerror(errno));
	free(path);
	return ret;
}

/* A regular file of at most LIST_MAX_SIZE bytes. Returns 0, or -1 with errno. */
static int read_file(const char *folder, const char *name, struct strbuf *text, struct stat *st)
{
	char *path = xasprintf("%s/%s", folder, name), block[16384];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size = -1;

	free(path);
	if (fd < 0)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)) {
		while ((size = read(fd, block, sizeof(block))) > 0 && text->size <= LIST_MAX_SIZE)
			strbuf_append(text, block, (size_t)size);
	}
	close(fd);
	return size < 0 ? -1 : 0;
}

static void note_refusal(const char *folder, const char *domain, const char *reason)
{
	char *error = NULL;

	/* Only a hint for the admin. */
	if (write_file(folder, domain, "refused", span_first(span_of(reason), MAX_REFUSAL),
		       &error) < 0)
		free(error);
}

static enum inbox_result check_domain(struct policy *policy, const struct recipient_list *list,
				      int64_t now_ms, char **error_r)
{
	struct policy_mx2 mx2;
	enum policy_status status = policy_mx2_get(policy, list->domain, &mx2, error_r);

	if (status == POLICY_FAILED)
		return INBOX_FAILED;
	if (status != POLICY_OK || list_verify(list, mx2.list_key, now_ms, error_r) < 0)
		return INBOX_REFUSED;
	if (list->serial > mx2.list_serial)
		return INBOX_OK;
	*error_r = xasprintf("%s: this list of recipients is not newer than the one that is known",
			     list->domain);
	return INBOX_REFUSED;
}

static bool is_ours(struct policy *policy, const char *domain)
{
	struct policy_mx2 mx2;
	char *error = NULL;
	bool ours = domain[0] != '\0' && policy_mx2_get(policy, domain, &mx2, &error) == POLICY_OK;

	free(error);
	return ours;
}

enum inbox_result inbox_check(struct policy *policy, const char *folder, struct span text,
			      int64_t now_ms, struct recipient_list *list_r, char **error_r)
{
	enum inbox_result result = INBOX_REFUSED;

	if (list_parse(text, list_r, error_r) == 0)
		result = check_domain(policy, list_r, now_ms, error_r);
	if (result == INBOX_REFUSED && is_ours(policy, list_r->domain))
		note_refusal(folder, list_r->domain, *error_r);
	return result;
}

int inbox_put(const char *folder, const char *domain, struct span text, char **error_r)
{
	return write_file(folder, domain, "list", text, error_r);
}

static enum inbox_result install_text(struct policy *policy, const char *folder, struct span text,
				      int64_t now_ms, size_t *count_r, char **error_r)
{
	struct recipient_list list;
	enum inbox_result result = inbox_check(policy, folder, text, now_ms, &list, error_r);

	if (result == INBOX_OK) {
		enum policy_status status = policy_mx2_list_install(
			policy, list.domain, list.serial, (const char *const *)list.addresses,
			list.count, error_r);

		*count_r = list.count;
		if (status != POLICY_OK)
			result = status == POLICY_FAILED ? INBOX_FAILED : INBOX_REFUSED;
	}
	list_free(&list);
	return result;
}

static enum inbox_result install_file(struct policy *policy, const char *folder, const char *name,
				      int64_t now_ms, FILE *log, char **error_r)
{
	struct strbuf text = STRBUF_INIT;
	enum inbox_result result = INBOX_FAILED;
	struct stat st;
	size_t count = 0;
	char *path;

	if (read_file(folder, name, &text, &st) < 0)
		*error_r = xasprintf("%s/%s: %s", folder, name, strerror(errno));
	else
		result = install_text(policy, folder, strbuf_span(&text), now_ms, &count, error_r);
	if (result == INBOX_OK)
		fprintf(log, "domain=%.*s, recipients=%zu, action=list\n",
			(int)(strlen(name) - strlen(".list")), name, count);
	if (result != INBOX_FAILED) {
		path = xasprintf("%s/%s", folder, name);
		unlink(path);
		free(path);
	}
	strbuf_free(&text);
	return result;
}

static bool is_list(const char *name)
{
	const char *suffix = strrchr(name, '.');

	return name[0] != '.' && suffix != NULL && strcmp(suffix, ".list") == 0;
}

int inbox_install(struct policy *policy, const char *folder, int64_t now_ms, FILE *log,
		  char **error_r)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;
	int ret = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char *error = NULL;

		if (!is_list(entry->d_name) ||
		    install_file(policy, folder, entry->d_name, now_ms, log, &error) == INBOX_OK)
			continue;
		if (ret == 0)
			*error_r = error;
		else
			free(error);
		ret = -1;
	}
	if (directory != NULL)
		closedir(directory);
	return ret;
}

/* Privacy is the connection's business, truth the signature's. */
static int run_curl(const struct policy_mx2 *mx2, struct strbuf *text, char **error_r)
{
	const char *arguments[20] = {"curl",	       "-q",	  "-sS",	"--fail",
				     "--proto",	       "=https",  "--max-time", FETCH_SECONDS,
				     "--max-filesize", FETCH_SIZE};
	struct strbuf errors = STRBUF_INIT;
	size_t count = 10;
	int code;

	if (mx2->tls_cafile[0] != '\0') {
		arguments[count++] = "--cacert";
		arguments[count++] = mx2->tls_cafile;
	}
	arguments[count++] = "--url";
	arguments[count] = mx2->list_url;
	code = child_run(arguments, (struct span){NULL, 0}, FETCH_TIMEOUT_MS, text, &errors,
			 error_r);
	if (code > 0) {
		struct span said = span_trim(strbuf_span(&errors));

		*error_r = code == 127 ? xstrdup("curl is not installed")
				       : xasprintf("%s: %.*s", mx2->list_url, SPAN_ARG(said));
	}
	strbuf_free(&errors);
	return code == 0 ? 0 : -1;
}

/* The list that is known: the same or an older one than last time. */
static bool is_known(const struct policy_mx2 *mx2, struct span text, int64_t now_ms)
{
	struct recipient_list list;
	char *error = NULL;
	bool known = list_parse(text, &list, &error) == 0 &&
		     strcmp(list.domain, mx2->domain) == 0 && list.serial <= mx2->list_serial &&
		     list_verify(&list, mx2->list_key, now_ms, &error) == 0;

	free(error);
	list_free(&list);
	return known;
}

static enum inbox_result take_fetched(struct policy *policy, const char *folder,
				      const struct policy_mx2 *mx2, struct span text,
				      int64_t now_ms, size_t *count_r, char **error_r)
{
	struct recipient_list list;
	char *error = NULL;
	bool other = list_parse(text, &list, &error) == 0 && strcmp(list.domain, mx2->domain) != 0;

	free(error);
	if (other)
		*error_r = xasprintf("%s: has the list of %s", mx2->list_url, list.domain);
	list_free(&list);
	if (other)
		return INBOX_REFUSED;
	if (is_known(mx2, text, now_ms))
		return INBOX_OK;
	return install_text(policy, folder, text, now_ms, count_r, error_r);
}

enum inbox_result inbox_fetch(struct policy *policy, const char *folder,
			      const struct policy_mx2 *mx2, int64_t now_ms, size_t *count_r,
			      char **error_r)
{
	struct strbuf text = STRBUF_INIT;
	enum inbox_result result = INBOX_FAILED;
	char *error = NULL;

	*count_r = 0;
	if (write_file(folder, mx2->domain, "fetched", span_of(""), &error) < 0)
		free(error);
	if (run_curl(mx2, &text, error_r) == 0)
		result = take_fetched(policy, folder, mx2, strbuf_span(&text), now_ms, count_r,
				      error_r);
	if (result != INBOX_OK)
		note_refusal(folder, mx2->domain, *error_r);
	strbuf_free(&text);
	return result;
}

static int64_t changed(const char *folder, const char *domain, const char *suffix)
{
	char *path = xasprintf("%s/%s.%s", folder, domain, suffix);
	struct stat st;
	int64_t when = lstat(path, &st) == 0 ? st.st_mtime : 0;

	free(path);
	return when;
}

int64_t inbox_fetched(const char *folder, const char *domain)
{
	return changed(folder, domain, "fetched");
}

char *inbox_refusal(const char *folder, const char *domain, int64_t since, int64_t *when_r)
{
	char *name = xasprintf("%s.refused", domain), *reason = NULL;
	struct strbuf text = STRBUF_INIT;
	struct stat st;

	if (read_file(folder, name, &text, &st) == 0 && st.st_mtime >= since && text.size > 0) {
		*when_r = st.st_mtime;
		reason = xstrndup(text.data, text.size < MAX_REFUSAL ? text.size : MAX_REFUSAL);
	}
	strbuf_free(&text);
	free(name);
	return reason;
}
