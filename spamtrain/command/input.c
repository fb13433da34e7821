/*
 * input.c - messages from files, mboxes, Maildirs and folders of these.
 */
#include "spamtrain/command/command.h"

#include "lib/xalloc.h"
#include "spamtrain/formats/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define READ_SIZE ((size_t)65536)
#define DRAIN_MAX ((uint64_t)1 << 30) /* bytes of a pipe: its writer shall not die of SIGPIPE */
#define FILE_MAX  ((size_t)1 << 30)   /* bytes of a file that is read as a whole */
#define DEPTH_MAX 16		      /* folders in folders */

int file_open_as_root(const char *path, int flags)
{
	uid_t user = geteuid();
	bool switched = user != 0 && getuid() == 0 && seteuid(0) == 0;
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int saved = errno;

	if (switched && seteuid(user) != 0)
		abort();
	errno = saved;
	return fd;
}

int file_rename_as_root(const char *from, const char *to)
{
	uid_t user = geteuid();
	bool switched = user != 0 && getuid() == 0 && seteuid(0) == 0;
	int result = to == NULL ? unlink(from) : rename(from, to);
	int saved = errno;

	if (switched && seteuid(user) != 0)
		abort();
	errno = saved;
	return result;
}

static int open_input(const char *path, int flags)
{
	bool standard = strcmp(path, "-") == 0;

	if (standard && isatty(STDIN_FILENO))
		complain("reading a message from the terminal; ctrl-D ends it");
	return standard ? dup(STDIN_FILENO) : file_open_as_root(path, O_RDONLY | flags);
}

/* The first bytes of a message; *size_r is the size of all of it. */
static int read_fd(int fd, struct strbuf *out, uint64_t *size_r)
{
	struct stat st;
	char ignored[65536];
	ssize_t n = 1;

	while (n > 0 && out->size < MAILBOX_MESSAGE_MAX) {
		strbuf_reserve(out, READ_SIZE);
		n = read(fd, out->data + out->size, READ_SIZE);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			out->size += (size_t)n;
	}
	*size_r = out->size;
	if (n > 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*size_r = st.st_size > (off_t)out->size ? (uint64_t)st.st_size : out->size;
		return 0;
	}
	while (n > 0 && *size_r < DRAIN_MAX) {
		n = read(fd, ignored, sizeof(ignored));
		*size_r += n > 0 ? (uint64_t)n : 0;
	}
	return n < 0 ? -1 : 0;
}

int message_file_read(const char *path, struct strbuf *out, uint64_t *size_r)
{
	int fd = open_input(path, 0);
	int result = fd < 0 ? -1 : read_fd(fd, out, size_r);

	if (result != 0)
		complain("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return result == 0 ? EX_OK : EX_NOINPUT;
}

int file_read_whole(const char *path, struct strbuf *out)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : file_open_as_root(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0 && out->size <= FILE_MAX) {
		strbuf_reserve(out, READ_SIZE);
		n = read(fd, out->data + out->size, READ_SIZE);
		out->size += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		complain("%s: %s", path, strerror(errno));
	else if (n > 0)
		complain("%s: larger than %zu bytes", path, FILE_MAX);
	if (fd >= 0)
		close(fd);
	return n == 0 ? EX_OK : n < 0 ? EX_NOINPUT : EX_DATAERR;
}

int message_open(const char *path, struct classifier_message **message_r)
{
	struct strbuf bytes = STRBUF_INIT;
	uint64_t size = 0;
	int code = message_file_read(path, &bytes, &size);

	if (code == EX_OK)
		*message_r = classifier_message_read(strbuf_span(&bytes), size);
	strbuf_free(&bytes);
	return code;
}

/* ---- many ---- */

static void unreadable(struct walk *walk, const char *path, const char *why)
{
	walk->unreadable++;
	if (!walk->only_count)
		complain("%s: %s", path, why);
}

static bool walk_file(struct walk *walk, int fd, const char *path)
{
	struct mailbox mailbox;
	struct strbuf message = STRBUF_INIT;
	uint64_t size, before = walk->bytes;
	int found;
	bool go_on = true;

	mailbox_open(&mailbox, fd);
	while (go_on && (found = mailbox_next(&mailbox, &message, &size)) > 0) {
		go_on = walk->each(walk->context, strbuf_span(&message), size);
		walk->bytes = before + mailbox.position;
	}
	if (go_on && found < 0)
		unreadable(walk, path, strerror(errno));
	mailbox_close(&mailbox);
	strbuf_free(&message);
	return go_on;
}

struct names {
	char **list;
	size_t count;
	bool maildir; /* cur and new are among them */
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_read(struct names *names, int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	unsigned found = 0;

	*names = (struct names){NULL, 0, false};
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "tmp") == 0)
			continue;
		found += strcmp(name, "cur") == 0 || strcmp(name, "new") == 0;
		if ((names->count & (names->count + 1)) == 0)
			names->list = xrealloc(names->list,
					       2 * (names->count + 1) * sizeof(*names->list));
		names->list[names->count++] = xstrdup(name);
	}
	if (dir != NULL)
		closedir(dir);
	if (names->count > 1)
		qsort(names->list, names->count, sizeof(*names->list), by_name);
	names->maildir = found == 2;
}

static bool walk_path(struct walk *walk, const char *path, unsigned depth, bool folders_only);

/*
 * Of a Maildir only its folders: what lies beside cur and new is the server's. Elsewhere names that
 * start with a dot are no mail.
 */
static bool walk_folder(struct walk *walk, int fd, const char *path, unsigned depth)
{
	struct names names;
	bool go_on = true;

	names_read(&names, fd);
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.list[i];
		if (go_on && (names.maildir || name[0] != '.') &&
		    strncmp(name, "dovecot", strlen("dovecot")) != 0) {
			char *inner = xasprintf("%s/%s", path, name);
			go_on = walk_path(walk, inner, depth + 1, names.maildir);
			free(inner);
		}
		free(names.list[i]);
	}
	free(names.list);
	return go_on;
}

/* Only what was named is followed if it is a link: folders may be a user's, and we may be root. */
static bool walk_path(struct walk *walk, const char *path, unsigned depth, bool folders_only)
{
	struct stat st;
	bool named = depth == 0, go_on = true;
	int fd = depth > DEPTH_MAX ? -1 : open_input(path, named ? 0 : O_NONBLOCK | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, &st) != 0) {
		unreadable(walk, path,
			   depth > DEPTH_MAX ? "too many folders in folders"
			   : errno == ELOOP  ? "a symbolic link, which is not followed"
					     : strerror(errno));
		if (fd >= 0)
			close(fd);
		return true;
	}
	if (S_ISDIR(st.st_mode))
		return walk_folder(walk, fd, path, depth); /* closes fd */
	bool regular = S_ISREG(st.st_mode);
	if (walk->only_count)
		walk->bytes += regular && !folders_only ? (uint64_t)st.st_size : 0;
	else if ((regular && !folders_only) || named)
		go_on = walk_file(walk, fd, path);
	close(fd);
	return go_on;
}

bool messages_walk(struct walk *walk, const char *path)
{
	if (walk->only_count && strcmp(path, "-") == 0)
		return true;
	return walk_path(walk, path, 0, false);
}

/* ---- interruption ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

void interrupt_catch(void)
{
	/* The second one ends us at once. */
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool interrupt_came(void)
{
	return interrupted != 0;
}
