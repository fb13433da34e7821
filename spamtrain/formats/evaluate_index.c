#include "spamtrain/formats/evaluate_index.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN_MAX 60 /* bytes of a wrong line */

static struct span line_take(struct span *text)
{
	const char *end = memchr(text->data, '\n', text->size);
	size_t size = end == NULL ? text->size : (size_t)(end - text->data);
	struct span line = span_first(*text, size);

	*text = span_from(*text, size + 1);
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	return line;
}

static bool item_read(struct span line, struct evaluate_item *item)
{
	struct span path;

	item->spam = span_starts_nocase(line, SPAN_LITERAL("spam\t"));
	if (!item->spam && !span_starts_nocase(line, SPAN_LITERAL("ham\t")))
		return false;
	path = span_from(line, strlen(item->spam ? "spam\t" : "ham\t"));
	if (path.size == 0 || memchr(path.data, '\0', path.size) != NULL)
		return false;
	item->path = xstrndup(path.data, path.size);
	return true;
}

int evaluate_index_read(struct evaluate_index *index, struct span text, char **error_r)
{
	uint64_t number = 0;

	*index = (struct evaluate_index){NULL, 0};
	if (span_starts_nocase(text, SPAN_LITERAL("\xef\xbb\xbf")))
		text = span_from(text, 3);
	while (text.size > 0) {
		struct evaluate_item item = {.line = ++number};
		struct span line = line_take(&text);
		if (line.size == 0)
			continue;
		if (!item_read(line, &item)) {
			line = span_first(line, SHOWN_MAX);
			*error_r = xasprintf("line %" PRIu64 ": \"%.*s\" is not \"spam<TAB>path\" "
					     "or \"ham<TAB>path\"",
					     number, SPAN_ARG(line));
			evaluate_index_free(index);
			return -1;
		}
		if ((index->count & (index->count + 1)) == 0)
			index->list = xrealloc(index->list,
					       2 * (index->count + 1) * sizeof(*index->list));
		index->list[index->count++] = item;
	}
	return 0;
}

void evaluate_index_free(struct evaluate_index *index)
{
	for (size_t i = 0; i < index->count; i++)
		free(index->list[i].path);
	free(index->list);
	*index = (struct evaluate_index){NULL, 0};
}

static int check(const char *path)
{
	struct stat st;

	if (access(path, R_OK) != 0 || stat(path, &st) != 0)
		return errno;
	return S_ISDIR(st.st_mode) ? EISDIR : 0;
}

int evaluate_index_locate(struct evaluate_index *index, const char *index_path, char **error_r)
{
	const char *slash = strrchr(index_path, '/');
	int folder_size = slash == NULL ? 0 : (int)(slash - index_path) + 1;

	for (size_t i = 0; i < index->count; i++) {
		struct evaluate_item *item = &index->list[i];
		int problem = check(item->path);
		if (problem == ENOENT && item->path[0] != '/' && folder_size > 0) {
			char *other = xasprintf("%.*s%s", folder_size, index_path, item->path);
			int found = check(other);
			if (found != ENOENT) {
				free(item->path);
				item->path = other;
				problem = found;
			} else {
				free(other);
			}
		}
		if (problem != 0) {
			*error_r = xasprintf("line %" PRIu64 ": %s: %s", item->line, item->path,
					     strerror(problem));
			return -1;
		}
	}
	return 0;
}
