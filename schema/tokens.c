#include "schema/tokens.h"

#include "lib/file.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKENS_MAGIC	   "SHVTOK1"
#define SCANNED		   16 /* entries that are looked at one by one */
#define ENTRIES_PER_SLOT   4
#define PREFETCH_INDEX	   24 /* look-ups ahead */
#define PREFETCH_ENTRY	   12
#define TOKENS_ENTRIES_MAX (UINT32_MAX / 2)
#define INDEX_BITS_MAX	   28
#define WRITER_ENTRIES	   4096 /* in memory */

struct header {
	char magic[8];
	uint64_t count;
	uint32_t bits;
	uint32_t entry_size;
};

static size_t index_size(unsigned bits)
{
	return ((((size_t)1 << bits) + 1) * sizeof(uint32_t) + 7) & ~(size_t)7;
}

static bool header_is_right(const struct header *header, size_t size)
{
	return memcmp(header->magic, TOKENS_MAGIC, 8) == 0 && header->bits <= INDEX_BITS_MAX &&
	       header->count <= TOKENS_ENTRIES_MAX && header->entry_size == sizeof(struct token) &&
	       size == sizeof(*header) + index_size(header->bits) +
			       header->count * sizeof(struct token);
}

static int map_file(struct tokens *tokens, int fd, const char *path, char **error_r)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || st.st_size < (off_t)sizeof(struct header)) {
		*error_r = xasprintf("%s: not a snapshot of a dictionary", path);
		errno = EBADMSG;
		return -1;
	}
	tokens->map_size = (size_t)st.st_size;
	tokens->map = mmap(NULL, tokens->map_size, PROT_READ, MAP_SHARED, fd, 0);
	if (tokens->map == MAP_FAILED) {
		*error_r = xasprintf("%s: %s", path, strerror(errno));
		tokens->map = NULL;
		return -1;
	}
	const struct header *header = tokens->map;
	if (!header_is_right(header, tokens->map_size)) {
		*error_r = xasprintf("%s: damaged snapshot of a dictionary", path);
		tokens_close(tokens);
		errno = EBADMSG;
		return -1;
	}
	tokens->bits = header->bits;
	tokens->count = header->count;
	tokens->index = (const uint32_t *)(header + 1);
	tokens->entries =
		(const struct token *)((const char *)(header + 1) + index_size(header->bits));
	return 0;
}

int tokens_open(struct tokens *tokens, const char *path, char **error_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	memset(tokens, 0, sizeof(*tokens));
	if (fd < 0) {
		*error_r = xasprintf("%s: %s", path, strerror(errno));
		return -1;
	}
	int result = map_file(tokens, fd, path, error_r);
	int saved = errno;
	close(fd);
	errno = saved;
	return result;
}

void tokens_close(struct tokens *tokens)
{
	if (tokens->map != NULL)
		munmap(tokens->map, tokens->map_size);
	memset(tokens, 0, sizeof(*tokens));
}

static size_t slot_of(uint32_t hash, unsigned bits)
{
	return bits == 0 ? 0 : hash >> (32 - bits);
}

const struct token *tokens_find(const struct tokens *tokens, uint32_t hash)
{
	size_t slot = slot_of(hash, tokens->bits);
	size_t at = tokens->index[slot], end = tokens->index[slot + 1];

	end = end < tokens->count ? end : tokens->count;
	/* Words can be chosen so that all of them share a slot. */
	while (at < end && end - at > SCANNED) {
		size_t middle = at + (end - at) / 2;
		if (tokens->entries[middle].hash <= hash)
			at = middle;
		else
			end = middle;
	}
	for (; at < end; at++)
		if (tokens->entries[at].hash >= hash)
			return tokens->entries[at].hash == hash ? &tokens->entries[at] : NULL;
	return NULL;
}

/* Hides the memory's latency, most of what a look-up costs: the file is larger than any cache. */
static void prefetch(const struct tokens *tokens, const uint32_t *hashes, size_t count, size_t i)
{
	if (i + PREFETCH_INDEX < count)
		__builtin_prefetch(
			&tokens->index[slot_of(hashes[i + PREFETCH_INDEX], tokens->bits)]);
	if (i + PREFETCH_ENTRY < count) {
		size_t at = tokens->index[slot_of(hashes[i + PREFETCH_ENTRY], tokens->bits)];
		if (at < tokens->count) {
			__builtin_prefetch(&tokens->entries[at]);
			__builtin_prefetch(&tokens->entries[at + 1].born);
		}
	}
}

void tokens_find_all(const struct tokens *tokens, const uint32_t *hashes, size_t count,
		     void (*found)(void *context, size_t i, const struct token *token),
		     void *context)
{
	for (size_t i = 0; i < count; i++) {
		prefetch(tokens, hashes, count, i);
		const struct token *token = tokens_find(tokens, hashes[i]);
		if (token != NULL)
			found(context, i, token);
	}
}

static unsigned index_bits(size_t count)
{
	unsigned bits = 0;

	while (bits < INDEX_BITS_MAX && ((size_t)ENTRIES_PER_SLOT << bits) < count)
		bits++;
	return bits;
}

/* ---- writing ---- */

struct tokens_writer {
	char *path;
	int fd;
	int error; /* errno of the first failure; what follows is ignored */
	unsigned bits;
	uint32_t *index;
	size_t slots; /* of the index, that are filled in */
	size_t count;
	size_t buffered;
	struct token buffer[WRITER_ENTRIES];
};

static void writer_write(struct tokens_writer *w, const void *data, size_t size)
{
	if (w->error == 0 && file_write_all(w->fd, (struct span){data, size}) != 0)
		w->error = errno;
}

static void writer_flush(struct tokens_writer *w)
{
	writer_write(w, w->buffer, w->buffered * sizeof(*w->buffer));
	w->buffered = 0;
}

/* Entries come behind the index, which is known at the end only. */
static void writer_seek(struct tokens_writer *w, size_t offset)
{
	if (w->error == 0 && lseek(w->fd, (off_t)offset, SEEK_SET) < 0)
		w->error = errno;
}

struct tokens_writer *tokens_writer_open(const char *path, size_t max, char **error_r)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		*error_r = xasprintf("%s: %s", path, strerror(errno));
		return NULL;
	}
	struct tokens_writer *w = xcalloc(1, sizeof(*w));
	w->path = xstrdup(path);
	w->fd = fd;
	w->bits = index_bits(max);
	w->index = xcalloc(1, index_size(w->bits));
	writer_seek(w, sizeof(struct header) + index_size(w->bits));
	return w;
}

static void fill_index(struct tokens_writer *w, size_t slots)
{
	while (w->slots < slots)
		w->index[w->slots++] = (uint32_t)w->count;
}

void tokens_writer_add(struct tokens_writer *w, const struct token *token)
{
	fill_index(w, slot_of(token->hash, w->bits) + 1);
	w->count++;
	w->buffer[w->buffered++] = *token;
	if (w->buffered == WRITER_ENTRIES)
		writer_flush(w);
}

static void writer_complete(struct tokens_writer *w)
{
	struct header header = {
		.count = w->count, .bits = w->bits, .entry_size = sizeof(struct token)};

	memcpy(header.magic, TOKENS_MAGIC, 8);
	fill_index(w, ((size_t)1 << w->bits) + 1);
	writer_flush(w);
	writer_seek(w, 0);
	writer_write(w, &header, sizeof(header));
	writer_write(w, w->index, index_size(w->bits));
	if (w->error == 0 && fsync(w->fd) != 0)
		w->error = errno;
	if (close(w->fd) != 0 && w->error == 0)
		w->error = errno;
	if (w->error == 0 && file_sync_parent(w->path) != 0)
		w->error = errno;
}

int tokens_writer_finish(struct tokens_writer **writer, char **error_r)
{
	struct tokens_writer *w = *writer;

	writer_complete(w);
	int error = w->error;
	if (error != 0) {
		*error_r = xasprintf("%s: %s", w->path, strerror(error));
		unlink(w->path);
	}
	free(w->index);
	free(w->path);
	free(w);
	*writer = NULL;
	errno = error;
	return error == 0 ? 0 : -1;
}

int tokens_write(const char *path, const struct token *entries, size_t count, char **error_r)
{
	struct tokens_writer *w = tokens_writer_open(path, count, error_r);

	if (w == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		tokens_writer_add(w, &entries[i]);
	return tokens_writer_finish(&w, error_r);
}
