/*
 * libFuzzer: what an IMAP server says, and what users type into commands. An answer is taken whole
 * or not at all; whatever is typed is one string of a command; a folder's name comes out as it is
 * or as UTF-8.
 */
#include "tests/fuzz/utf8.h"
#include "web/folders.h"
#include "lib/imap_reply.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replies(struct span input)
{
	struct imap_reply reply;
	ssize_t size;

	while ((size = imap_reply_size(input, 256 * 1024)) > 0) {
		struct strbuf value = STRBUF_INIT;
		size_t left;

		require((size_t)size <= input.size);
		if (imap_reply_split(span_first(input, (size_t)size), &reply)) {
			require(reply.tag.size > 0);
			do {
				left = reply.rest.size;
				(void)(imap_take_nstring(&reply.rest, &value) ||
				       imap_take_char(&reply.rest, '(') ||
				       imap_take_char(&reply.rest, ')'));
			} while (reply.rest.size < left);
			require(value.size <= (size_t)size);
		}
		strbuf_free(&value);
		input = span_from(input, (size_t)size);
	}
}

/* Quoted or literal, it is read back as the same string, with nothing behind it. */
static void strings(struct span typed)
{
	struct strbuf command = STRBUF_INIT, back = STRBUF_INIT;

	if (imap_put_string(&command, typed)) {
		struct span rest = strbuf_span(&command);

		require(imap_take_string(&rest, &back));
		require(rest.size == 0);
		require(span_equal(strbuf_span(&back), typed));
	} else {
		require(typed.size > 0 && memchr(typed.data, '\0', typed.size) != NULL);
		require(command.size == 0);
	}
	strbuf_free(&command);
	strbuf_free(&back);
}

static void names(struct span name)
{
	struct strbuf out = STRBUF_INIT;
	bool ascii = true;

	for (size_t i = 0; i < name.size; i++)
		ascii = ascii && (unsigned char)name.data[i] < 0x80;
	imap_name_text(&out, name);
	require(!ascii || is_utf8(strbuf_span(&out)));
	strbuf_free(&out);
}

/* All that the server says, at once; then it hangs up. */
static void session(struct span said)
{
	int ends[2];
	struct imap *imap = NULL;
	struct folders folders = {0};
	char *error = NULL;

	require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	require(write(ends[1], said.data, said.size) == (ssize_t)said.size);
	shutdown(ends[1], SHUT_WR);
	if (imap_begin(ends[0], "alice", "secret", &imap, &error) == IMAP_OPEN) {
		if (folders_load(imap, "alice", &folders, &error))
			require(folders.count <= FOLDERS_MAX);
		folders_free(&folders);
		imap_close(&imap);
	}
	require(imap == NULL);
	free(error);
	close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};

	replies(input);
	strings(input);
	names(input);
	session(input);
	return 0;
}
