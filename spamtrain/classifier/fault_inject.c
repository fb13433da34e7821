#include "spamtrain/classifier/fault_inject.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	enum fault_kind kind;
	unsigned at, calls;
	bool armed;
} fault;

/* ---- what was not synced yet, newest first ---- */

enum undo_kind { UNDO_WRITE, UNDO_CREATE, UNDO_RENAME };

struct undo {
	struct undo *next;
	enum undo_kind kind;
	ino_t inode;		 /* of the file, or of the folder */
	int fd;			 /* UNDO_WRITE: its own */
	off_t offset, size;	 /* where; how large the file was */
	char *path, *other_path; /* UNDO_CREATE; UNDO_RENAME: from, to */
	size_t count;
	char bytes[]; /* that were there */
};

static struct undo *undos;

static struct undo *undo_add(enum undo_kind kind, ino_t inode, size_t count)
{
	struct undo *undo = calloc(1, sizeof(*undo) + count);

	if (undo == NULL)
		abort();
	*undo = (struct undo){
		.next = undos, .kind = kind, .inode = inode, .fd = -1, .count = count};
	undos = undo;
	return undo;
}

static ino_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static ino_t folder_inode(const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	snprintf(folder, sizeof(folder), "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return 0;
	*slash = '\0';
	return stat(folder, &st) == 0 ? st.st_ino : 0;
}

static void path_of(int fd, char *path)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t size = readlink(link, path, PATH_MAX - 1);
	path[size > 0 ? size : 0] = '\0';
}

static bool is_modelled(void)
{
	return fault.armed && fault.kind == FAULT_POWER;
}

static void note_write(int fd, off_t offset, size_t count)
{
	struct stat st;

	if (!is_modelled() || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	off_t end = offset + (off_t)count < st.st_size ? offset + (off_t)count : st.st_size;
	struct undo *undo =
		undo_add(UNDO_WRITE, st.st_ino, end > offset ? (size_t)(end - offset) : 0);
	char path[PATH_MAX];
	path_of(fd, path);
	undo->path = strdup(path);
	undo->offset = offset;
	undo->size = st.st_size;
	if (undo->count > 0) {
		int reading = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
		if (pread(reading, undo->bytes, undo->count, offset) != (ssize_t)undo->count)
			undo->count = 0;
		/* Not closed: that would drop the locks of SQLite on the file. */
	}
}

static void note_create(const char *path)
{
	if (is_modelled())
		undo_add(UNDO_CREATE, folder_inode(path), 0)->path = strdup(path);
}

static void note_rename(const char *from, const char *to)
{
	if (!is_modelled())
		return;
	struct undo *undo = undo_add(UNDO_RENAME, folder_inode(to), 0);
	undo->path = strdup(from);
	undo->other_path = strdup(to);
}

/* Of a file its writes are safe now, of a folder its names. */
static void note_sync(int fd)
{
	ino_t inode = inode_of(fd);

	for (struct undo *undo = undos; undo != NULL; undo = undo->next)
		if (undo->inode == inode)
			undo->inode = 0;
}

static void write_back(const struct undo *undo)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, undo->path, O_WRONLY, 0);

	if (fd < 0)
		return;
	syscall(SYS_pwrite64, fd, undo->bytes, undo->count, undo->offset);
	syscall(SYS_ftruncate, fd, undo->size);
	close(fd);
}

static void undo_all(void)
{
	for (struct undo *undo = undos; undo != NULL; undo = undo->next) {
		if (undo->inode == 0)
			continue;
		if (undo->kind == UNDO_WRITE)
			write_back(undo);
		else if (undo->kind == UNDO_CREATE)
			syscall(SYS_unlinkat, AT_FDCWD, undo->path, 0);
		else
			syscall(SYS_renameat, AT_FDCWD, undo->other_path, AT_FDCWD, undo->path);
	}
}

/* ---- faults ---- */

static void die(void)
{
	if (fault.kind == FAULT_POWER)
		undo_all();
	syscall(SYS_kill, getpid(), SIGKILL);
}

/* Counts a call. True: it fails, with errno. grows: takes room on the disk. */
static bool fails(bool grows)
{
	if (!fault.armed)
		return false;
	fault.calls++;
	if (fault.kind == FAULT_FULL && fault.calls >= fault.at && grows) {
		errno = ENOSPC;
		return true;
	}
	if (fault.calls != fault.at)
		return false;
	if (fault.kind == FAULT_KILL || fault.kind == FAULT_POWER)
		die();
	errno = EIO;
	return fault.kind == FAULT_IO;
}

void fault_arm(enum fault_kind kind, unsigned at)
{
	fault.kind = kind;
	fault.at = at;
	fault.calls = 0;
	fault.armed = true;
}

unsigned fault_disarm(void)
{
	fault.armed = false;
	return fault.calls;
}

/* ---- the calls ---- */

static bool dies_in_next(void)
{
	return fault.armed && fault.calls + 1 == fault.at &&
	       (fault.kind == FAULT_KILL || fault.kind == FAULT_POWER);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	note_write(fd, offset, size);
	if (dies_in_next())
		syscall(SYS_pwrite64, fd, data, size / 2, offset);
	if (fails(true))
		return -1;
	return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return pwrite64(fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
	note_write(fd, lseek(fd, 0, SEEK_CUR), size);
	if (dies_in_next())
		syscall(SYS_write, fd, data, size / 2);
	if (fails(true))
		return -1;
	return syscall(SYS_write, fd, data, size);
}

int fsync(int fd)
{
	if (fails(false))
		return -1;
	if (is_modelled())
		note_sync(fd);
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fsync(fd);
}

int ftruncate64(int fd, off64_t size)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size > size)
		note_write(fd, size, (size_t)(st.st_size - size));
	else
		note_write(fd, 0, 0);
	return fails(false) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
	struct stat st;
	bool creates =
		(flags & O_CREAT) != 0 && fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) != 0;

	if (creates && fails(true))
		return -1;
	int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
	if (creates && fd >= 0) {
		char real[PATH_MAX];
		path_of(fd, real);
		note_create(real);
	}
	return fd;
}

static mode_t mode_of(int flags, va_list args)
{
	return (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                                          \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, flags);                                                             \
		mode_t mode = mode_of(flags, args);                                                \
		va_end(args);                                                                      \
		return open_at(AT_FDCWD, path, flags, mode);                                       \
	}

DEFINE_OPEN(open)
DEFINE_OPEN(open64)

int openat(int folder, const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	return open_at(folder, path, flags, mode);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	char from_path[PATH_MAX], to_path[PATH_MAX];

	if (fails(true))
		return -1;
	path_of(from_folder, from_path);
	path_of(to_folder, to_path);
	strncat(from_path, "/", sizeof(from_path) - strlen(from_path) - 1);
	strncat(from_path, from, sizeof(from_path) - strlen(from_path) - 1);
	strncat(to_path, "/", sizeof(to_path) - strlen(to_path) - 1);
	strncat(to_path, to, sizeof(to_path) - strlen(to_path) - 1);
	note_rename(from_path, to_path);
	return (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
}

int unlink(const char *path)
{
	return fails(false) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
	return fails(false) ? -1 : (int)syscall(SYS_unlinkat, folder, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
	return fails(true) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
