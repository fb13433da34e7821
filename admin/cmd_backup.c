/* `shoveler backup`: all state as a folder for other tools to carry away, or as a tar stream. */
#include "backup.h"

#include "backup_tree.h"
#include "command.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* ---- as a stream ---- */

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};

static void ending_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigaddset(&set, ending[i]);
	sigprocmask(how, &set, NULL);
}

char *backup_temporary(const struct conf *conf)
{
	char *path = xasprintf("%s/shoveler-backup.XXXXXX", conf_text(conf, P_TEMPORARY_DIRECTORY));

	ending_signals(SIG_BLOCK);
	if (mkdtemp(path) != NULL)
		return path;
	complain("cannot make %s: %s", path, strerror(errno));
	ending_signals(SIG_UNBLOCK);
	free(path);
	return NULL;
}

void backup_temporary_remove(char **path)
{
	if (*path != NULL && tree_remove(AT_FDCWD, *path) < 0)
		complain("cannot remove %s: %s", *path, strerror(errno));
	free(*path);
	*path = NULL;
}

static volatile sig_atomic_t child;

static void pass_on(int number)
{
	if (child > 0)
		kill((pid_t)child, number);
}

int backup_temporary_run(int (*work)(void *context, const char *folder), void *context,
			 const char *folder)
{
	struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int code;

		ending_signals(SIG_UNBLOCK);
		code = work(context, folder);
		exit(fflush(stdout) == 0 ? code : EX_IOERR);
	}
	child = (sig_atomic_t)pid;
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigaction(ending[i], &action, NULL);
	ending_signals(SIG_UNBLOCK);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	child = 0;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EX_OSERR;
}

int backup_tar(const char *folder, bool write)
{
	static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	const char *const arguments[] = {"tar",
					 "-C",
					 folder,
					 "--numeric-owner",
					 write ? "-cf" : "-xf",
					 "-",
					 write ? "--sort=name" : "--no-same-owner",
					 write ? "." : "--no-same-permissions",
					 NULL};
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execve("/usr/bin/tar", (char *const *)(uintptr_t)arguments,
		       (char *const *)(uintptr_t)environment);
		execve("/bin/tar", (char *const *)(uintptr_t)arguments,
		       (char *const *)(uintptr_t)environment);
		_exit(EX_OSERR);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return EX_OK;
	complain("tar failed%s", write ? "" : ": it is no archive, or there is no room for it");
	return write ? EX_IOERR : EX_DATAERR;
}

/* ---- what came of it ---- */

static void print_result(const struct admin *admin, const struct backup_result *r, double seconds,
			 FILE *out)
{
	if (admin->json) {
		fprintf(out,
			"{\"users\": %" PRIu64 ", \"users_copied\": %" PRIu64
			", \"messages\": %" PRIu64 ", \"quarantined\": %" PRIu64
			", \"files\": %" PRIu64 ", \"files_copied\": %" PRIu64
			", \"bytes_written\": %" PRIu64 ", \"failed\": %" PRIu64
			", \"seconds\": %.3f}\n",
			r->users, r->users_copied, r->messages, r->quarantined, r->files,
			r->files_copied, r->bytes_written, r->failed, seconds);
		return;
	}
	fprintf(out,
		"%" PRIu64 " users (%" PRIu64 " had changed), %" PRIu64 " messages in quarantine, "
		"%" PRIu64 " files; wrote %.1f MB in %.1f s\n",
		r->users, r->users_copied, r->quarantined, r->files, (double)r->bytes_written / 1e6,
		seconds);
	if (r->failed > 0)
		fprintf(out,
			"%" PRIu64 " could not be copied: what the last backup had of them "
			"was kept\n",
			r->failed);
}

static int make(struct admin *admin, const char *folder, FILE *out)
{
	static const struct backup_choice everything = {NULL, NULL};
	struct backup_result result = {0};
	struct timespec start, end;
	int code;

	clock_gettime(CLOCK_MONOTONIC, &start);
	code = backup_make(admin->conf, folder, &everything, &result);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (code == EX_OK || code == EX_TEMPFAIL)
		print_result(admin, &result,
			     (double)(end.tv_sec - start.tv_sec) +
				     (double)(end.tv_nsec - start.tv_nsec) / 1e9,
			     out);
	return code;
}

static int stream_write(void *context, const char *folder)
{
	int code = make(context, folder, stderr);

	if (code == EX_OK || code == EX_TEMPFAIL) {
		int sent = backup_tar(folder, true);
		code = sent != EX_OK ? sent : code;
	}
	return code;
}

static int make_stream(struct admin *admin)
{
	char *folder;
	int code;

	if (isatty(STDOUT_FILENO)) {
		complain("a backup is not written to a terminal: shoveler backup - >FILE.tar");
		return EX_USAGE;
	}
	folder = backup_temporary(admin->conf);
	if (folder == NULL)
		return EX_CANTCREAT;
	code = backup_temporary_run(stream_write, admin, folder);
	backup_temporary_remove(&folder);
	return code;
}

static int verify(struct admin *admin, const char *path)
{
	static const struct backup_choice everything = {NULL, NULL};
	struct backup_set set;
	char taken[32] = "";
	size_t count = 0;
	int code = backup_set_open(&set, path);

	if (code == EX_OK) {
		code = backup_set_check(&set, &everything, &count);
		time_t when = (time_t)set.manifest.taken;
		strftime(taken, sizeof(taken), "%Y-%m-%d %H:%M:%S", localtime(&when));
	}
	if (code == EX_OK && admin->json)
		printf("{\"entries\": %zu, \"taken\": %" PRId64 ", \"interrupted\": %s}\n", count,
		       set.manifest.taken, set.interrupted ? "true" : "false");
	else if (code == EX_OK)
		printf("%s: whole, %zu entries, taken %s%s\n", path, count, taken,
		       set.interrupted ? "; the backup after it was interrupted" : "");
	backup_set_close(&set);
	return code;
}

static const char *treatment(const struct state_place *place)
{
	return state_is_copied(place) ? "copied" : place->kind == STATE_MAIL ? "mail" : "left";
}

static int list(struct admin *admin)
{
	json_t *rows = json_array();

	for (const struct state_place *place = state_places; place->name != NULL; place++) {
		char *path = state_path(place, admin->conf);
		if (admin->json)
			json_array_append_new(rows,
					      json_pack("{s:s, s:s, s:s, s:s}", "name", place->name,
							"backup", treatment(place), "path", path,
							"what", place->what));
		else
			printf("%-7s %-18s %s\n%27s%s\n", treatment(place), place->name, path, "",
			       place->what);
		free(path);
	}
	if (admin->json) {
		json_dumpf(rows, stdout, JSON_INDENT(1));
		putchar('\n');
	}
	json_decref(rows);
	return EX_OK;
}

int command_backup(struct admin *admin, int argc, char **argv)
{
	bool verifies = strcmp(argv[0], "--verify") == 0;

	if (strcmp(argv[0], "--list") == 0 && argc == 1)
		return list(admin);
	if ((argc == 2) != verifies || (argv[argc - 1][0] == '-' && argv[argc - 1][1] != '\0')) {
		complain("backup wants a FOLDER or -, or --verify FOLDER, or --list");
		return EX_USAGE;
	}
	if (geteuid() != 0) {
		complain("only root can read all that belongs to a backup");
		return EX_NOPERM;
	}
	umask(077);
	if (verifies)
		return verify(admin, argv[1]);
	return strcmp(argv[0], "-") == 0 ? make_stream(admin) : make(admin, argv[0], stdout);
}
