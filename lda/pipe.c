#include "lda/pipe.h"

#include "lib/conf.h"
#include "lib/lmtp_client.h"
#include "lib/lmtp_content.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define READ_SIZE 16384

struct options {
	const char *directory, *sender, *recipient;
};

bool pipe_is_wanted(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-d") == 0)
			return true;
	}
	return false;
}

/* It goes between <> in a command. */
static bool is_address(const char *address)
{
	for (; *address != '\0'; address++) {
		if ((unsigned char)*address <= ' ' || strchr("<>\x7f", *address) != NULL)
			return false;
	}
	return true;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	int option;

	while ((option = getopt(argc, argv, "c:f:d:")) != -1) {
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
	return optind == argc && options->recipient[0] != '\0' && is_address(options->recipient) &&
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

/* ---- delivery ---- */

struct one_span {
	struct span_source source;
	struct span bytes;
};

static bool next_span(struct span_source *source, struct span *piece_r)
{
	struct one_span *one = (struct one_span *)source;

	*piece_r = one->bytes;
	one->bytes = (struct span){NULL, 0};
	return piece_r->size > 0;
}

static int exit_code(const struct lmtp_reply *reply)
{
	if (reply->code < 300)
		return EX_OK;
	if (reply->code < 500)
		return EX_TEMPFAIL;
	if (strncmp(reply->text, "5.1.", 4) == 0)
		return EX_NOUSER;
	return strncmp(reply->text, "5.2.2", 5) == 0 ? EX_CANTCREAT : EX_UNAVAILABLE;
}

static void deliver(const struct conf *conf, const struct options *options, struct span bytes,
		    struct lmtp_reply *reply)
{
	struct lmtp_envelope envelope = {options->sender, ""};
	struct lmtp_destination to = {
		.address = options->recipient, .parameters = "", .reply = reply};
	struct one_span content = {{next_span}, bytes};
	struct lmtp_pool *pool;
	struct endpoint endpoint;
	char *error = NULL;

	if (endpoint_parse(conf_text(conf, P_LDA_LISTEN), &endpoint, &error) < 0) {
		lmtp_reply_set(reply, 451, "4.3.5 lda_listen: %s", error);
		free(error);
		return;
	}
	pool = lmtp_pool_new(&endpoint, "localhost",
			     (int)conf_number(conf, P_LDA_NEXTHOP_TIMEOUT) + 60);
	lmtp_client_deliver(pool, &envelope, &to, &content.source);
	lmtp_pool_free(&pool);
}

static int run(const struct conf *conf, const struct options *options)
{
	struct lines lines = {.last = '\n', .first_line = true};
	struct lmtp_reply reply = {451, "4.3.0 Cannot read the message"};
	struct span bytes;

	lmtp_content_init(&lines.content, conf_text(conf, P_TEMPORARY_DIRECTORY));
	if (read_input(&lines) == 0 && lmtp_content_finish(&lines.content, &bytes) == 0)
		deliver(conf, options, bytes, &reply);
	lmtp_content_reset(&lines.content);
	printf("%d %s\n", reply.code, reply.text);
	return exit_code(&reply);
}

int pipe_main(int argc, char **argv)
{
	struct options options = {conf_default_directory(), "", ""};
	struct conf *conf;
	char *error = NULL;
	int code;

	signal(SIGPIPE, SIG_IGN);
	if (!parse_options(argc, argv, &options)) {
		fputs("usage: shoveler-lda [-c DIR] [-f SENDER] -d RECIPIENT <MESSAGE\n", stderr);
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
