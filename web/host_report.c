#include "web/host_report.h"

#include "web/secret.h"

#include "lib/file.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 33 /* hex digits of a request's file, and the NUL */

struct host_report {
	char *path, *requests;
	pthread_mutex_t lock;
	json_t *latest;
	struct stat read; /* of the file that latest came from */
};

struct host_report *host_report_new(const char *directory)
{
	struct host_report *report = xcalloc(1, sizeof(*report));

	report->path = xasprintf("%s/host.json", directory);
	report->requests = xasprintf("%s/requests", directory);
	pthread_mutex_init(&report->lock, NULL);
	return report;
}

void host_report_free(struct host_report **report)
{
	if (*report == NULL)
		return;
	json_decref((*report)->latest);
	pthread_mutex_destroy(&(*report)->lock);
	free((*report)->path);
	free((*report)->requests);
	free(*report);
	*report = NULL;
}

/* Root renames a new file into its place: another inode. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void read_again(struct host_report *report, const struct stat *st)
{
	json_error_t problem;
	json_t *fresh;

	if (st->st_size > HOST_REPORT_MAX)
		return;
	fresh = json_load_file(report->path, JSON_REJECT_DUPLICATES, &problem);
	report->read = *st;
	if (fresh == NULL) {
		msg_error("%s: %s", report->path, problem.text);
		return;
	}
	json_decref(report->latest);
	report->latest = fresh;
}

json_t *host_report_get(struct host_report *report)
{
	struct stat st;
	json_t *latest;

	pthread_mutex_lock(&report->lock);
	if (stat(report->path, &st) == 0 && !is_same(&st, &report->read))
		read_again(report, &st);
	latest = json_incref(report->latest);
	pthread_mutex_unlock(&report->lock);
	return latest;
}

int host_report_ask(struct host_report *report, const struct strbuf *attributes, char **error_r)
{
	char name[NAME_SIZE], *fresh, *path;
	int fd, ret = 0;

	secret_random_hex(name, sizeof(name));
	fresh = xasprintf("%s/.%s", report->requests, name);
	path = xasprintf("%s/%s.request", report->requests, name);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || file_write_all(fd, strbuf_span(attributes)) < 0 || fsync(fd) < 0 ||
	    rename(fresh, path) < 0) {
		*error_r = xasprintf("cannot write %s: %s", path, strerror(errno));
		if (fd >= 0)
			unlink(fresh);
		ret = -1;
	}
	if (fd >= 0)
		close(fd);
	free(fresh);
	free(path);
	return ret;
}
