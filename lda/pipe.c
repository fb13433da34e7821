#include "lda/pipe.h"

#include "lib/child.h"
#include "lib/conf.h"
#include "lib/file.h"
#include "lib/lmtp_content.h"
#include "lib/packet.h"
#include "lib/rewrite.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define READ_SIZE	16384
#define CONNECT_MS	10000
#define VERDICT_SECONDS 120
#define LOOKUP_MS	30000

struct options {
	const char *directory, *sender, *recipient;
	char **more; /* for the delivery command; NULL-terminated */
};

bool pipe_is_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-d") == 0)
			return true;
	}
	return false;
}

/* What could be taken for an option, or for more than one word, is none. */
static bool is_address(const char *address)
{
	if (*address == '-')
		return false;
	for (; *address != '\0'; address++) {
		if ((unsigned char)*address <= ' ' || strchr("<>\x7f", *address) != NULL)
			return false;
	}
	return true;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	int option;

	while ((option = getopt(argc, argv, "+c:f:d:")) != -1) {
		switch (option) {
		case 'c':
			options->directory = optarg;
			break;
		case 'f':
			options->sender = optarg;
			break;
		case 'd':
			options->recipient = optarg;
			break;
		default:
			return false;
		}
	}
	options->more = argv + optind;
	return options->recipient[0] != '\0' && is_address(options->recipient) &&
	       is_address(options->sender);
}

/* ---- standard input, whose lines end with LF, becomes content, whose lines end with CRLF ---- */

struct lines {
	struct lmtp_content content;
	char last; /* byte before */
	bool first_line, skip_line;
};

/* The line that mbox puts before a message ("From sender date") is not part of it. */
static bool is_mbox_line(struct span line)
{
	return line.size >= 5 && memcmp(line.data, "From ", 5) == 0;
}

/* part: up to and with an LF, or the last bytes that were read. */
static int append_part(struct lines *lines, struct span part)
{
	bool ends = part.data[part.size - 1] == '\n';
	struct span text = {part.data, ends ? part.size - 1 : part.size};
	char before = text.size > 0 ? text.data[text.size - 1] : lines->last;

	lines->skip_line = lines->skip_line || (lines->first_line && is_mbox_line(part));
	lines->last = part.data[part.size - 1];
	lines->first_line = false;
	if (lines->skip_line) {
		lines->skip_line = !ends;
		return 0;
	}
	if (lmtp_content_append(&lines->content, text) < 0)
		return -1;
	if (!ends)
		return 0;
	return lmtp_content_append(&lines->content,
				   before == '\r' ? SPAN_LITERAL("\n") : SPAN_LITERAL("\r\n"));
}

static int append_bytes(struct lines *lines, struct span bytes)
{
	const char *newline;
	struct span part;

	while (bytes.size > 0) {
		newline = memchr(bytes.data, '\n', bytes.size);
		part = newline != NULL ? span_first(bytes, (size_t)(newline - bytes.data) + 1)
				       : bytes;
		if (append_part(lines, part) < 0)
			return -1;
		bytes = span_from(bytes, part.size);
	}
	return 0;
}

static int read_input(struct lines *lines)
{
	char buffer[READ_SIZE];
	ssize_t size;

	for (;;) {
		size = read(STDIN_FILENO, buffer, sizeof(buffer));
		if (size == 0)
			return 0;
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 || append_bytes(lines, (struct span){buffer, (size_t)size}) < 0)
			return -1;
	}
}

/* ---- asking the running shoveler-lda ---- */

/* What it prints goes to the sender or into the log of the mail server. */
static int say(int code, const char *text)
{
	printf("%s\n", text);
	return code;
}

/* The bytes as a file, read from its start; -1 with errno. The caller closes it. */
static int content_file(struct lmtp_content *content)
{
	int fd;

	if (content->fd >= 0) {
		fd = fcntl(content->fd, F_DUPFD_CLOEXEC, 0);
	} else {
		fd = memfd_create("message", MFD_CLOEXEC);
		if (fd >= 0 && file_write_all(fd, strbuf_span(&content->memory)) < 0) {
			close(fd);
			return -1;
		}
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Sends a request and waits for the reply. Returns 0, or -1 and *error_r. */
static int exchange(int socket, const struct strbuf *request, int message, struct packet *reply,
		    char **error_r)
{
	int received = packet_ask(socket, request, message, reply, NULL, error_r);

	if (received == 0)
		*error_r = xstrdup("shoveler-lda hung up");
	return received > 0 ? 0 : -1;
}

static int ask(int socket, const struct options *options, int message, bool known,
	       struct packet *reply, char **error_r)
{
	struct strbuf request = STRBUF_INIT;
	int result;

	packet_put(&request, "request", "deliver");
	packet_put(&request, "sender", options->sender);
	packet_put(&request, "recipient", options->recipient);
	packet_put(&request, "known", known ? "yes" : "no");
	result = exchange(socket, &request, message, reply, error_r);
	strbuf_free(&request);
	return result;
}

/* Whatever comes of it: the message is delivered or not. */
static void tell_code(int socket, int code)
{
	struct strbuf request = STRBUF_INIT;
	struct packet reply;
	char *error = NULL;

	packet_put(&request, "request", "done");
	strbuf_printf(&request, "code=%d\n", code);
	if (exchange(socket, &request, -1, &reply, &error) == 0)
		packet_free(&reply);
	free(error);
	strbuf_free(&request);
}

static bool is_status(const struct packet *reply, const char *status)
{
	return strcmp(packet_text(reply, "status"), status) == 0;
}

/* ---- commands ---- */

/* command, then the words of more; malloc'ed, the words are not copied. */
static const char **join_words(const char *const *command, const char *const *more)
{
	size_t count = 0, size = 0;
	const char **words;

	while (command[count] != NULL)
		count++;
	while (more[size] != NULL)
		size++;
	words = xcalloc(count + size + 1, sizeof(*words));
	memcpy(words, command, count * sizeof(*words));
	memcpy(words + count, more, size * sizeof(*words));
	return words;
}

/* Returns 0, 67 or 75. */
static int look_up(const struct conf *conf, const char *user)
{
	const char *const more[] = {user, NULL};
	const char **words = join_words(conf_list(conf, P_LDA_PIPE_LOOKUP), more);
	struct strbuf out = STRBUF_INIT;
	char *error = NULL;
	int code = EX_OK;

	if (words[1] != NULL)
		code = child_run(words, (struct span){NULL, 0}, LOOKUP_MS, &out, &out, &error);
	if (code == EX_NOUSER)
		printf("5.1.1 user unknown: %s\n", user);
	else if (code != EX_OK)
		printf("4.3.0 %s: %s%s\n", words[0], error != NULL ? error : strbuf_text(&out),
		       code < 0 ? "" : " failed");
	free(error);
	strbuf_free(&out);
	free(words);
	return code == EX_OK || code == EX_NOUSER ? code : EX_TEMPFAIL;
}

static int start_command(const char *const *words, int input, pid_t *pid_r)
{
	const struct child_program program = {.file = words[0],
					      .arguments = words,
					      .descriptors = {{input, STDIN_FILENO}},
					      .count = 1};

	return child_start(&program, pid_r);
}

/* Its exit code; 75 when it could not be started, or did not end by itself. */
static int run_command(const char *const *words, int input)
{
	int status, error;
	pid_t pid;

	fflush(stdout);
	error = start_command(words, input, &pid);
	if (error != 0) {
		printf("4.3.0 %s: %s\n", words[0], strerror(error));
		return EX_TEMPFAIL;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return EX_TEMPFAIL;
	}
	if (WIFEXITED(status))
		/* not there, or not to be executed */
		return WEXITSTATUS(status) < 126 ? WEXITSTATUS(status) : EX_TEMPFAIL;
	printf("4.3.0 %s: ended by signal %d\n", words[0], WTERMSIG(status));
	return EX_TEMPFAIL;
}

/* ---- delivery ---- */

/* The message with our fields, as a file; -1 with errno. */
static int marked_file(struct span bytes, const struct packet *reply, const char *directory)
{
	struct lmtp_content content;
	struct rewrite rewrite;
	struct span piece;
	int result = 0, fd = -1;

	lmtp_content_init(&content, directory);
	rewrite_init(&rewrite, bytes, span_of(packet_text(reply, "fields")),
		     packet_get(reply, "tag"));
	while (result == 0 && rewrite.source.next(&rewrite.source, &piece))
		result = lmtp_content_append(&content, piece);
	rewrite_free(&rewrite);
	if (result == 0 && lmtp_content_finish(&content, &piece) == 0)
		fd = content_file(&content);
	lmtp_content_reset(&content);
	return fd;
}

static int deliver(const struct conf *conf, const struct options *options, struct span bytes,
		   const struct packet *reply)
{
	const char *const more[] = {"-f", options->sender, "-d", options->recipient, NULL};
	int fd = marked_file(bytes, reply, conf_text(conf, P_TEMPORARY_DIRECTORY)), code;
	const char **words, **all;

	if (fd < 0)
		return say(EX_TEMPFAIL, "4.3.1 No room for the message");
	words = join_words(conf_list(conf, P_LDA_PIPE_COMMAND), more);
	all = join_words(words, (const char *const *)options->more);
	code = run_command(all, fd);
	free(words);
	free(all);
	close(fd);
	return code;
}

static int follow(const struct conf *conf, const struct options *options, struct span bytes,
		  int socket, const struct packet *reply)
{
	int code;

	if (is_status(reply, "refused"))
		return say(EX_UNAVAILABLE, packet_text(reply, "reason"));
	if (!is_status(reply, "ok"))
		return say(EX_TEMPFAIL, packet_text(reply, "reason"));
	if (strcmp(packet_text(reply, "action"), "quarantine") == 0)
		return say(EX_OK, packet_text(reply, "reason"));
	code = deliver(conf, options, bytes, reply);
	tell_code(socket, code);
	return code;
}

/* Asks, a second time when the user has to be looked up. */
static int talk(const struct conf *conf, const struct options *options, struct span bytes,
		int message, int socket)
{
	struct packet reply;
	char *error = NULL;
	int code = EX_OK, asked = ask(socket, options, message, false, &reply, &error);

	if (asked == 0 && is_status(&reply, "ask")) {
		packet_free(&reply);
		code = look_up(conf, options->recipient);
		if (code != EX_OK)
			return code;
		asked = ask(socket, options, message, true, &reply, &error);
	}
	if (asked == 0) {
		code = follow(conf, options, bytes, socket, &reply);
		packet_free(&reply);
	} else {
		code = say(EX_TEMPFAIL, error);
		free(error);
	}
	return code;
}

static int hand_over(const struct conf *conf, const struct options *options,
		     struct lmtp_content *content, struct span bytes)
{
	char *error = NULL;
	int message = content_file(content), code, socket;

	if (message < 0)
		return say(EX_TEMPFAIL, "4.3.1 No room for the message");
	socket = packet_connect(conf_text(conf, P_LDA_PIPE_LISTEN), CONNECT_MS, VERDICT_SECONDS,
				&error);
	if (socket < 0) {
		code = say(EX_TEMPFAIL, error);
		free(error);
	} else {
		code = talk(conf, options, bytes, message, socket);
		close(socket);
	}
	close(message);
	return code;
}

static int run(const struct conf *conf, const struct options *options)
{
	struct lines lines = {.last = '\n', .first_line = true};
	struct span bytes;
	int code;

	lmtp_content_init(&lines.content, conf_text(conf, P_TEMPORARY_DIRECTORY));
	if (read_input(&lines) == 0 && lmtp_content_finish(&lines.content, &bytes) == 0)
		code = hand_over(conf, options, &lines.content, bytes);
	else
		code = say(EX_TEMPFAIL, "4.3.0 Cannot read the message");
	lmtp_content_reset(&lines.content);
	return code;
}

int pipe_main(int argc, char **argv)
{
	struct options options = {
		.directory = conf_default_directory(), .sender = "", .recipient = ""};
	struct conf *conf;
	char *error = NULL;
	int code;

	signal(SIGPIPE, SIG_IGN);
	if (!parse_options(argc, argv, &options)) {
		fputs("usage: shoveler-lda [-c DIR] [-f SENDER] -d RECIPIENT [-- OPTION...] <MESSAGE\n",
		      stderr);
		return EX_USAGE;
	}
	if (conf_load(options.directory, &conf, &error) < 0) {
		/* Mail waits until the admin has mended it. */
		printf("4.3.5 %s\n", error);
		free(error);
		return EX_TEMPFAIL;
	}
	code = run(conf, &options);
	conf_free(&conf);
	return code;
}
