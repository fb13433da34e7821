/*
 * libFuzzer: files with messages, and the list of an archive. The messages of a file put together
 * are the file; its lines read again are the same.
 */
#include "lib/xalloc.h"
#include "spamtrain/formats/evaluate_index.h"
#include "spamtrain/formats/mailbox.h"
#include "tests/fuzz/utf8.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How often the text is written one after the other: pieces are read of 64 KB. */
static void read_mailbox(struct span text, size_t times)
{
	struct mailbox mailbox;
	struct strbuf message = STRBUF_INIT, whole = STRBUF_INIT;
	uint64_t size, count = 0;
	int fd = memfd_create("mail", MFD_CLOEXEC);
	bool mbox = text.size >= 5 && memcmp(text.data, "From ", 5) == 0;

	for (size_t i = 0; i < times; i++)
		strbuf_append_span(&whole, text);
	require(fd >= 0 && write(fd, whole.data, whole.size) == (ssize_t)whole.size);
	require(lseek(fd, 0, SEEK_SET) == 0);
	struct span rest = strbuf_span(&whole);
	mailbox_open(&mailbox, fd);
	while (mailbox_next(&mailbox, &message, &size) > 0) {
		require(size <= rest.size && message.size <= size);
		require(message.size == size || message.size == MAILBOX_MESSAGE_MAX);
		require(memcmp(message.data, rest.data, message.size) == 0);
		require(!mbox || memcmp(rest.data, "From ", 5) == 0);
		rest = span_from(rest, size);
		require(mailbox.position == whole.size - rest.size);
		count++;
	}
	require(rest.size == 0 && (mbox || count <= 1));
	mailbox_close(&mailbox);
	strbuf_free(&message);
	strbuf_free(&whole);
	close(fd);
}

static void read_index(struct span text)
{
	struct evaluate_index index, again;
	struct strbuf lines = STRBUF_INIT;
	char *error = NULL;

	if (evaluate_index_read(&index, text, &error) != 0) {
		require(error != NULL && index.count == 0);
		free(error);
		return;
	}
	for (size_t i = 0; i < index.count; i++) {
		require(index.list[i].path[0] != '\0');
		require(i == 0 || index.list[i].line > index.list[i - 1].line);
		strbuf_printf(&lines, "%s\t%s\r\n", index.list[i].spam ? "SPAM" : "ham",
			      index.list[i].path);
	}
	require(evaluate_index_read(&again, strbuf_span(&lines), &error) == 0);
	require(again.count == index.count);
	for (size_t i = 0; i < index.count; i++)
		require(strcmp(index.list[i].path, again.list[i].path) == 0 &&
			index.list[i].spam == again.list[i].spam);
	evaluate_index_free(&index);
	evaluate_index_free(&again);
	strbuf_free(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {(const char *)data, size};

	read_index(text);
	if (size == 0)
		return 0;
	read_mailbox(text, 1);
	read_mailbox(text, 70000 / size + 1);
	return 0;
}
