/*
 * cmd_restore.c - `shoveler restore`: all or a part of a backup, into a host that may be running.
 *
 * First everything is looked at and nothing touched. Then what is about to be replaced is backed up
 * into "before-restore" in state_directory (restore_back.c). Then users one by one, each in a
 * transaction of his own, and files by rename. If something fails, what was done is put back the
 * same way, in room that was reserved for it; only if that fails too, or we were killed,
 * "before-restore" stays, and says what to do. One user alone needs none of that: his transaction
 * is done, or nothing is.
 */
#include "restore.h"

#include "backup_tree.h"
#include "command.h"
#include "lib/file.h"
#include "lib/xalloc.h"
#include "schema/migrate.h"
#include "schema/store_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define PART_NAME   ".shoveler-restore"
#define NANOSECONDS INT64_C(1000000000)

struct arguments {
	const char *path;
	const char *user;
	const char *only[32];
	size_t only_count;
	bool dry_run;
};

/* ---- files ---- */

static int rights_set(int fd, const struct manifest_entry *entry)
{
	uid_t uid;
	gid_t gid;

	if (!tree_ids(entry, &uid, &gid)) {
		errno = EINVAL;
		return -1;
	}
	return fchown(fd, uid, gid) < 0 || fchmod(fd, entry->mode) < 0 ? -1 : 0;
}

/*
 * Beside the place and renamed: nobody who watches a folder in it sees a file by halves. *done_r:
 * it is there, whatever else fails.
 */
static int file_put(int base, const char *path, int from, const struct manifest_entry *entry,
		    bool *done_r)
{
	struct timespec times[2];
	struct manifest_entry copied;
	const char *name;
	int parent = tree_open_parent(base, path, false, &name), fd = -1, ret = -1, saved;

	if (parent < 0)
		return -1;
	unlinkat(base, PART_NAME, 0);
	fd = openat(base, PART_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	times[0] = times[1] = (struct timespec){.tv_sec = entry->mtime / NANOSECONDS,
						.tv_nsec = entry->mtime % NANOSECONDS};
	if (fd >= 0 && tree_copy(from, fd, &copied) == 0 && rights_set(fd, entry) == 0 &&
	    futimens(fd, times) == 0 && fsync(fd) == 0)
		*done_r = renameat(base, PART_NAME, parent, name) == 0;
	if (*done_r)
		ret = fsync(parent);
	saved = errno;
	if (!*done_r)
		unlinkat(base, PART_NAME, 0);
	if (fd >= 0)
		close(fd);
	close(parent);
	errno = saved;
	return ret;
}

static int folder_put(int base, const char *path, const struct manifest_entry *entry)
{
	const char *name;
	int parent = tree_open_parent(base, path, false, &name), fd = -1, ret = -1, saved;

	if (parent < 0)
		return -1;
	/* One that is there has the rights that this host gave it. */
	if (mkdirat(parent, name, 0700) < 0) {
		ret = errno == EEXIST ? 0 : -1;
	} else {
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		ret = fd < 0 ? -1 : rights_set(fd, entry);
	}
	saved = errno;
	if (fd >= 0)
		close(fd);
	close(parent);
	errno = saved;
	return ret;
}

int restore_place_base(const struct state_place *place, const struct conf *conf, const char *path,
		       char **below_r)
{
	char *where = state_path(place, conf), *slash = strrchr(where, '/');
	const char *rest = path + strlen(place->name);
	int fd;

	if (*rest == '/') {
		*below_r = xstrdup(rest + 1);
		fd = tree_open_base(where);
	} else {
		*below_r = xstrdup(slash + 1);
		*slash = '\0';
		fd = tree_open_base(where[0] == '\0' ? "/" : where);
	}
	free(where);
	return fd;
}

static int put_entry(struct restore *restore, const struct state_place *place,
		     const struct manifest_entry *entry, bool *done_r, char **error_r)
{
	char *below;
	int base = restore_place_base(place, restore->admin->conf, entry->path, &below), from = -1;
	int ret = -1;

	if (base >= 0 && entry->type == MANIFEST_FOLDER)
		ret = folder_put(base, below, entry);
	else if (base >= 0 && (from = backup_set_file(restore->set, entry->path, error_r)) >= 0)
		ret = file_put(base, below, from, entry, done_r);
	if (ret < 0 && *error_r == NULL)
		*error_r =
			xasprintf("cannot put %s into its place: %s", entry->path, strerror(errno));
	restore->files += ret == 0 && entry->type == MANIFEST_ONE_FILE;
	restore->in_memory = restore->in_memory || (ret == 0 && place->in_memory);
	if (from >= 0)
		close(from);
	if (base >= 0)
		close(base);
	free(below);
	return ret;
}

int restore_policy_remove(const struct conf *conf)
{
	static const char *const suffixes[] = {"-journal", "-wal", "-shm", ""};
	int ret = 0;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes) && ret == 0; i++) {
		char *path = xasprintf("%s/policy.sqlite%s", conf_text(conf, P_STATE_DIRECTORY),
				       suffixes[i]);
		ret = unlink(path) < 0 && errno != ENOENT ? -1 : 0;
		free(path);
	}
	return ret;
}

static int put_policy(struct restore *restore, const struct manifest_entry *entry, char **error_r)
{
	const struct conf *conf = restore->admin->conf;
	char *from = xasprintf("%s/%s", restore->set->path, entry->path);
	char *to = xasprintf("%s/policy.sqlite", conf_text(conf, P_STATE_DIRECTORY));
	bool created = access(to, F_OK) < 0 && errno == ENOENT;
	struct policy *policy = NULL;
	int ret = -1;

	if (open_policy(restore->admin, POLICY_CREATE, &policy) == EX_OK) {
		policy_close(&policy);
		if (sqlite_restore(from, migrations_policy, to, error_r) == STORE_OK)
			ret = 0;
	}
	if (ret < 0 && *error_r == NULL)
		*error_r = xasprintf("%s cannot be written", to);
	if (ret < 0 && created)
		restore_policy_remove(conf);
	restore->files += ret == 0;
	free(to);
	free(from);
	return ret;
}

/* ---- all that is chosen ---- */

/* *done_r: there is something to go back on; users and the policy are done whole or not at all. */
static int apply_entry(struct restore *restore, const struct manifest_entry *entry, bool *done_r,
		       char **error_r)
{
	const struct state_place *place = state_find(entry->path, strcspn(entry->path, "/"));
	int ret = 0;

	if (entry->type == MANIFEST_USER) {
		ret = restore_user(restore, entry, error_r);
		restore->users += ret == 0;
		*done_r = ret == 0;
	} else if (place->kind == STATE_POLICY) {
		ret = put_policy(restore, entry, error_r);
		*done_r = ret == 0;
	} else if (place->kind != STATE_STORES || strchr(entry->path, '/') == NULL) {
		ret = put_entry(restore, place, entry, done_r, error_r);
	}
	return ret;
}

size_t restore_apply(struct restore *restore)
{
	char *user_path = backup_user_path(restore->choice.user);
	size_t failed = 0;

	restore->done = xcalloc(restore->set->manifest.count + 1, sizeof(*restore->done));
	for (size_t i = 0; i < restore->set->manifest.count; i++) {
		const struct manifest_entry *entry = &restore->set->manifest.list[i];
		char *error = NULL;
		if (!backup_is_chosen(&restore->choice, user_path, entry->path) ||
		    (restore->undoes != NULL && !restore_did(restore->undoes, entry->path)) ||
		    apply_entry(restore, entry, &restore->done[i], &error) == 0)
			continue;
		complain("%s", error);
		free(error);
		failed++;
		if (restore->undoes == NULL)
			break;
	}
	free(user_path);
	return failed;
}

bool restore_did(const struct restore *restore, const char *path)
{
	const struct manifest_entry *entry = manifest_find(&restore->set->manifest, path);

	return entry != NULL && restore->done[entry - restore->set->manifest.list];
}

/* ---- the command ---- */

/* Returns a descriptor that keeps other restores out, or -1 and an exit code. */
static int lock_take(const struct conf *conf, int *code_r)
{
	const char *state = conf_text(conf, P_STATE_DIRECTORY);
	int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	*code_r = errno == EWOULDBLOCK ? EX_TEMPFAIL : EX_CANTCREAT;
	complain("%s: %s", state,
		 errno == EWOULDBLOCK ? "another restore is under way" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Who asks us to end waits until it is done, or undone; who no longer listens does not end it. */
static void signals_block(void)
{
	sigset_t wait;

	sigemptyset(&wait);
	sigaddset(&wait, SIGINT);
	sigaddset(&wait, SIGTERM);
	sigaddset(&wait, SIGHUP);
	sigaddset(&wait, SIGPIPE);
	sigprocmask(SIG_BLOCK, &wait, NULL);
}

static int replace(struct restore *restore)
{
	int code = EX_OK, lock = lock_take(restore->admin->conf, &code);
	struct restore_back *back = NULL;

	if (lock < 0)
		return code;
	signals_block();
	code = restore_set_aside_damaged(restore);
	if (code == EX_OK)
		code = restore_back_prepare(&back, restore);
	if (code == EX_OK && restore_apply(restore) > 0) {
		code = EX_IOERR;
		restore_back_go(back, restore);
	}
	restore_damaged_finish(restore, code != EX_OK);
	restore_back_finish(&back);
	restore_created_free(restore);
	free(restore->done);
	close(lock);
	return code;
}

static void print_done(const struct restore *restore, const struct arguments *arguments,
		       size_t entries)
{
	if (restore->admin->json)
		printf("{\"entries\": %zu, \"users\": %" PRIu64 ", \"files\": %" PRIu64
		       ", \"dry_run\": %s, \"restart\": %s}\n",
		       entries, restore->users, restore->files,
		       arguments->dry_run ? "true" : "false",
		       restore->in_memory ? "true" : "false");
	else if (arguments->dry_run)
		printf("whole: %zu entries can be restored; nothing was changed\n", entries);
	else
		printf("restored %" PRIu64 " users and %" PRIu64 " files\n%s", restore->users,
		       restore->files,
		       restore->in_memory ? "restart the daemons: they keep secrets and settings "
					    "in memory\n"
					  : "");
}

/* Is there anything of what was asked for? */
static int choice_check(const struct backup_set *set, const struct arguments *arguments,
			size_t entries)
{
	if (entries > 0)
		return EX_OK;
	if (arguments->user != NULL)
		complain("%s: it has no store of %s", set->path, arguments->user);
	else
		complain("%s: it has nothing of that", set->path);
	return EX_NOUSER;
}

static int restore_from(struct admin *admin, const struct arguments *arguments, const char *path)
{
	struct backup_set set;
	struct restore restore = {
		.admin = admin,
		.set = &set,
		.choice = {arguments->user, arguments->only_count > 0 ? arguments->only : NULL}};
	size_t entries = 0;
	int code = backup_set_open(&set, path);

	if (code == EX_OK)
		code = backup_set_check(&set, &restore.choice, &entries);
	if (code == EX_OK)
		code = choice_check(&set, arguments, entries);
	else if (code == EX_DATAERR)
		complain("nothing was changed");
	if (code == EX_OK && set.interrupted)
		complain("the backup was interrupted: some of it is of the one before");
	if (code == EX_OK && !arguments->dry_run)
		code = replace(&restore);
	if (code == EX_OK)
		print_done(&restore, arguments, entries);
	backup_set_close(&set);
	return code;
}

struct stream {
	struct admin *admin;
	const struct arguments *arguments;
};

static int stream_read(void *context, const char *folder)
{
	const struct stream *stream = context;
	int code = backup_tar(folder, false);

	return code == EX_OK ? restore_from(stream->admin, stream->arguments, folder) : code;
}

static int restore_stream(struct admin *admin, const struct arguments *arguments)
{
	struct stream stream = {admin, arguments};
	char *folder = backup_temporary(admin->conf);
	int code;

	if (folder == NULL)
		return EX_CANTCREAT;
	code = backup_temporary_run(stream_read, &stream, folder);
	backup_temporary_remove(&folder);
	return code;
}

static int option_read(struct arguments *arguments, const char *option, const char *value)
{
	const struct state_place *place;

	if (value == NULL) {
		complain("restore: %s wants a value", option);
		return EX_USAGE;
	}
	if (strcmp(option, "--user") == 0) {
		char *path = backup_user_path(value);
		if (path == NULL)
			complain("\"%s\" is not a user's mail address", value);
		arguments->user = value;
		free(path);
		return path == NULL ? EX_USAGE : EX_OK;
	}
	place = state_find(value, strlen(value));
	if (place == NULL || !state_is_copied(place) ||
	    arguments->only_count + 1 == sizeof(arguments->only) / sizeof(*arguments->only)) {
		complain("there is no \"%s\" in a backup; `shoveler backup --list` names all",
			 value);
		return EX_USAGE;
	}
	arguments->only[arguments->only_count++] = place->name;
	return EX_OK;
}

static int arguments_read(struct arguments *arguments, int argc, char **argv)
{
	int code = EX_OK;

	for (int i = 0; i < argc && code == EX_OK; i++) {
		if (strcmp(argv[i], "--dry-run") == 0) {
			arguments->dry_run = true;
		} else if (strcmp(argv[i], "--user") == 0 || strcmp(argv[i], "--only") == 0) {
			code = option_read(arguments, argv[i], argv[i + 1]);
			i++;
		} else if (arguments->path != NULL || (argv[i][0] == '-' && argv[i][1] != '\0')) {
			complain("restore: \"%s\" is one too many", argv[i]);
			code = EX_USAGE;
		} else {
			arguments->path = argv[i];
		}
	}
	if (code == EX_OK && arguments->path == NULL) {
		complain("restore wants the FOLDER of a backup, or -");
		code = EX_USAGE;
	}
	if (code == EX_OK && arguments->user != NULL && arguments->only_count > 0) {
		complain("restore: --user and --only exclude each other");
		code = EX_USAGE;
	}
	return code;
}

int command_restore(struct admin *admin, int argc, char **argv)
{
	struct arguments arguments = {0};
	int code = arguments_read(&arguments, argc, argv);

	if (code != EX_OK)
		return code;
	if (geteuid() != 0) {
		complain("only root can restore");
		return EX_NOPERM;
	}
	umask(077);
	return strcmp(arguments.path, "-") == 0 ? restore_stream(admin, &arguments)
						: restore_from(admin, &arguments, arguments.path);
}
