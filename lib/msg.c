#include "msg.h"

#include "strbuf.h"
#include "xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *program_name = "shoveler";
static char *file_path; /* NULL: syslog or standard error */
static int file_fd = STDERR_FILENO;
static bool to_syslog;
static bool verbose_lines;

static int open_log_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

static void use_destination(int fd, char *path, bool syslog_wanted)
{
	pthread_mutex_lock(&lock);
	if (file_path != NULL) {
		close(file_fd);
		free(file_path);
	}
	file_fd = fd;
	file_path = path;
	to_syslog = syslog_wanted;
	pthread_mutex_unlock(&lock);
}

int msg_open(const char *program, const char *destination)
{
	int fd;

	program_name = program;
	if (strcmp(destination, "stderr") == 0) {
		use_destination(STDERR_FILENO, NULL, false);
		return 0;
	}
	if (strcmp(destination, "syslog") == 0) {
		openlog(program, LOG_PID, LOG_MAIL);
		use_destination(STDERR_FILENO, NULL, true);
		return 0;
	}
	fd = open_log_file(destination);
	if (fd < 0)
		return -1;
	use_destination(fd, xstrdup(destination), false);
	return 0;
}

int msg_reopen(void)
{
	int fd;

	if (file_path == NULL)
		return 0;
	fd = open_log_file(file_path);
	if (fd < 0)
		return -1;
	use_destination(fd, xstrdup(file_path), false);
	return 0;
}

int msg_give_file(uid_t user, gid_t group)
{
	struct stat st;

	if (file_path == NULL)
		return 0;
	if (fstat(file_fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_uid != 0)
		return 0;
	return fchown(file_fd, user, group);
}

void msg_set_verbose(bool verbose)
{
	verbose_lines = verbose;
}

/* Foreign text must not forge a line or drive a terminal. */
static void escape_control_bytes(struct strbuf *out, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c < ' ' || c == 0x7f)
			strbuf_printf(out, "\\x%02x", c);
		else
			strbuf_append_char(out, (char)c);
	}
}

static void write_line(const char *text)
{
	struct strbuf line = STRBUF_INIT;
	struct timespec now;
	struct tm local;
	char stamp[40];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(stamp, sizeof(stamp), "%b %d %H:%M:%S", &local);
	strbuf_printf(&line, "%s.%03ld %s[%ld]: %s\n", stamp, now.tv_nsec / 1000000, program_name,
		      (long)getpid(), text);
	if (write(file_fd, line.data, line.size) < 0) {
		/* The log itself has nowhere to complain. */
	}
	strbuf_free(&line);
}

static void log_line(int priority, const char *severity, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static void log_line(int priority, const char *severity, const char *format, va_list args)
{
	struct strbuf text = STRBUF_INIT, line = STRBUF_INIT;
	int saved_errno = errno;

	strbuf_vprintf(&text, format, args);
	strbuf_append_text(&line, severity);
	escape_control_bytes(&line, strbuf_span(&text));
	pthread_mutex_lock(&lock);
	if (to_syslog)
		syslog(priority, "%s", strbuf_text(&line));
	else
		write_line(strbuf_text(&line));
	pthread_mutex_unlock(&lock);
	strbuf_free(&text);
	strbuf_free(&line);
	errno = saved_errno;
}

#define LOG_LINE(priority, severity, format)                                                       \
	do {                                                                                       \
		va_list args;                                                                      \
		va_start(args, format);                                                            \
		log_line(priority, severity, format, args);                                        \
		va_end(args);                                                                      \
	} while (0)

void msg_debug(const char *format, ...)
{
	if (verbose_lines)
		LOG_LINE(LOG_DEBUG, "debug: ", format);
}

void msg_info(const char *format, ...)
{
	LOG_LINE(LOG_INFO, "", format);
}

void msg_warn(const char *format, ...)
{
	LOG_LINE(LOG_WARNING, "warning: ", format);
}

void msg_error(const char *format, ...)
{
	LOG_LINE(LOG_ERR, "error: ", format);
}

void msg_fatal(int exit_code, const char *format, ...)
{
	LOG_LINE(LOG_CRIT, "fatal: ", format);
	exit(exit_code);
}

void msg_panic(const char *format, ...)
{
	LOG_LINE(LOG_CRIT, "panic: ", format);
	abort();
}
