#include "backup_manifest.h"

#include "state.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define MANIFEST_SIZE_MAX ((off_t)1 << 30)
#define FIELDS_MAX	  8

/* ---- paths ---- */

static void path_escape(struct strbuf *out, const char *path)
{
	for (; *path != '\0'; path++) {
		unsigned char c = (unsigned char)*path;
		if (c <= ' ' || c == '%' || c == 127)
			strbuf_printf(out, "%%%02X", c);
		else
			strbuf_append_char(out, *path);
	}
}

/* malloc'ed; NULL when it is not escaped as it should be. */
static char *path_unescape(const char *text)
{
	char *path = xmalloc(strlen(text) + 1), *end = path;

	for (; *text != '\0'; text++) {
		if (*text == '%') {
			int high = span_hex_digit(text[1]);
			int low = high < 0 ? -1 : span_hex_digit(text[2]);
			if (low < 0 || high * 16 + low == 0) {
				free(path);
				return NULL;
			}
			*end++ = (char)(high * 16 + low);
			text += 2;
		} else {
			*end++ = *text;
		}
	}
	*end = '\0';
	return path;
}

/* Relative, without "." and "..", of a place that backups have. */
static bool path_is_good(const char *path)
{
	size_t first = strcspn(path, "/");
	const struct state_place *place = state_find(path, first);

	if (place == NULL || !state_is_copied(place) || strlen(path) >= PATH_MAX)
		return false;
	while (path != NULL) {
		size_t size = strcspn(path, "/");
		if (size == 0 || size > NAME_MAX || (size == 1 && path[0] == '.') ||
		    (size == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path = path[size] == '\0' ? NULL : path + size + 1;
	}
	return true;
}

/* ---- in memory ---- */

void manifest_add(struct manifest *manifest, const struct manifest_entry *entry)
{
	if (manifest->count == manifest->capacity) {
		manifest->capacity = manifest->capacity == 0 ? 256 : 2 * manifest->capacity;
		manifest->list =
			xrealloc(manifest->list, manifest->capacity * sizeof(*manifest->list));
	}
	manifest->list[manifest->count++] = *entry;
}

static int compare_paths(const void *a, const void *b, void *list)
{
	const struct manifest_entry *entries = list;

	return strcmp(entries[*(const size_t *)a].path, entries[*(const size_t *)b].path);
}

void manifest_sort(struct manifest *manifest)
{
	free(manifest->by_path);
	manifest->by_path = xmalloc((manifest->count + 1) * sizeof(size_t));
	for (size_t i = 0; i < manifest->count; i++)
		manifest->by_path[i] = i;
	qsort_r(manifest->by_path, manifest->count, sizeof(size_t), compare_paths, manifest->list);
}

const struct manifest_entry *manifest_find(const struct manifest *manifest, const char *path)
{
	size_t low = 0, high = manifest->by_path == NULL ? 0 : manifest->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct manifest_entry *entry = &manifest->list[manifest->by_path[middle]];
		int order = strcmp(entry->path, path);
		if (order == 0)
			return entry;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

size_t manifest_user_end(const struct manifest *manifest, size_t i)
{
	const char *folder = manifest->list[i].path;
	size_t size = strlen(folder);

	for (i++; i < manifest->count; i++) {
		const char *path = manifest->list[i].path;
		if (strncmp(path, folder, size) != 0 || path[size] != '/')
			break;
	}
	return i;
}

void manifest_free(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->count; i++)
		free(manifest->list[i].path);
	free(manifest->list);
	free(manifest->by_path);
	*manifest = (struct manifest){0};
}

/* ---- reading ---- */

static bool number_read(const char *text, int base, uint64_t max, uint64_t *number_r)
{
	char *end;

	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	*number_r = strtoull(text, &end, base);
	return errno == 0 && *end == '\0' && *number_r <= max;
}

static bool name_read(const char *text, char *name)
{
	if (strlen(text) >= MANIFEST_NAME_SIZE || *text == '\0')
		return false;
	strcpy(name, text);
	return true;
}

/* MODE OWNER GROUP */
static bool rights_read(char **fields, struct manifest_entry *entry)
{
	uint64_t mode;

	if (!number_read(fields[0], 8, 07777, &mode))
		return false;
	entry->mode = (mode_t)mode;
	return name_read(fields[1], entry->owner) && name_read(fields[2], entry->group);
}

static bool file_read(char **fields, struct manifest_entry *entry)
{
	uint64_t mtime;

	if (!number_read(fields[0], 10, INT64_MAX, &entry->size) ||
	    strlen(fields[1]) != MANIFEST_DIGEST_SIZE - 1 ||
	    !number_read(fields[2], 10, INT64_MAX, &mtime))
		return false;
	strcpy(entry->digest, fields[1]);
	entry->mtime = (int64_t)mtime;
	return rights_read(fields + 3, entry);
}

static bool user_read(char **fields, struct manifest_entry *entry)
{
	uint64_t schema;

	if (!number_read(fields[0], 10, INT32_MAX, &schema) ||
	    strlen(fields[1]) >= sizeof(entry->stamp) ||
	    !number_read(fields[2], 10, INT64_MAX, &entry->messages) ||
	    !number_read(fields[3], 10, INT64_MAX, &entry->quarantined))
		return false;
	entry->schema = (int)schema;
	strcpy(entry->stamp, fields[1]);
	return true;
}

static const struct {
	const char *name;
	size_t fields; /* without name and path */
	bool (*read)(char **fields, struct manifest_entry *entry);
} types[] = {
	[MANIFEST_FOLDER] = {"folder", 3, rights_read},
	[MANIFEST_ONE_FILE] = {"file", 6, file_read},
	[MANIFEST_USER] = {"user", 4, user_read},
};

#define TYPES (sizeof(types) / sizeof(types[0]))

/* line is cut into pieces. */
static bool entry_read(struct manifest *manifest, char *line)
{
	struct manifest_entry entry = {0};
	char *fields[FIELDS_MAX + 1], *field;
	size_t count = 0, type = 0;

	while (count <= FIELDS_MAX && (field = strsep(&line, " ")) != NULL)
		fields[count++] = field;
	while (type < TYPES && strcmp(types[type].name, fields[0]) != 0)
		type++;
	if (line != NULL || type == TYPES || count != types[type].fields + 2 ||
	    !types[type].read(fields + 1, &entry))
		return false;
	entry.type = (enum manifest_type)type;
	entry.path = path_unescape(fields[count - 1]);
	if (entry.path == NULL)
		return false;
	if (!path_is_good(entry.path)) {
		free(entry.path);
		return false;
	}
	manifest_add(manifest, &entry);
	return true;
}

static void digest_format(char *digest, XXH128_hash_t hash)
{
	snprintf(digest, MANIFEST_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
		 (uint64_t)hash.low64);
}

static bool head_read(struct manifest *manifest, size_t number, const char *line)
{
	uint64_t taken;

	if (number == 0)
		return strcmp(line, "shoveler-backup 1") == 0;
	if (strncmp(line, "taken ", 6) != 0 || !number_read(line + 6, 10, INT64_MAX, &taken))
		return false;
	manifest->taken = (int64_t)taken;
	return true;
}

static bool end_is_right(const char *line, size_t lines, struct span before)
{
	char digest[MANIFEST_DIGEST_SIZE], wanted[MANIFEST_DIGEST_SIZE + 32];

	digest_format(digest, XXH3_128bits(before.data, before.size));
	snprintf(wanted, sizeof(wanted), "end %zu %s", lines, digest);
	return strcmp(line, wanted) == 0;
}

/* The whole text, with a NUL behind it. */
static int parse(struct manifest *manifest, char *text, size_t size, bool unfinished,
		 char **error_r)
{
	size_t number = 0;

	for (char *line = text, *end; line < text + size; line = end + 1, number++) {
		end = memchr(line, '\n', (size_t)(text + size - line));
		if (end == NULL)
			break;
		if (strncmp(line, "end ", 4) == 0) {
			/* Lines before were cut into pieces: the digest is of a copy. */
			return 0;
		}
		*end = '\0';
		if (!(number < 2 ? head_read(manifest, number, line)
				 : entry_read(manifest, line))) {
			*error_r = xasprintf("line %zu is not valid", number + 1);
			return -1;
		}
	}
	if (unfinished && number >= 2)
		return 0;
	*error_r = xstrdup("it is cut short");
	return -1;
}

/* Is the last line the end of all before it? */
static bool is_whole(const char *text, size_t size)
{
	size_t lines = 0, last = 0;

	if (size == 0 || text[size - 1] != '\n' || memchr(text, '\0', size) != NULL)
		return false;
	for (size_t i = 0; i + 1 < size; i++)
		if (text[i] == '\n') {
			lines++;
			last = i + 1;
		}
	char *line = xstrndup(text + last, size - last - 1);
	bool whole = end_is_right(line, lines, (struct span){text, last});
	free(line);
	return whole;
}

static char *text_read(int fd, size_t *size_r)
{
	struct stat st;
	size_t used = 0;

	if (fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode) || st.st_size > MANIFEST_SIZE_MAX) {
		errno = EFBIG;
		return NULL;
	}
	char *text = xmalloc((size_t)st.st_size + 1);
	while (used < (size_t)st.st_size) {
		ssize_t got = read(fd, text + used, (size_t)st.st_size - used);
		if (got < 0 && errno != EINTR) {
			free(text);
			return NULL;
		}
		if (got == 0)
			break;
		used += got < 0 ? 0 : (size_t)got;
	}
	text[used] = '\0';
	*size_r = used;
	return text;
}

int manifest_load(struct manifest *manifest, int folder, const char *name, bool unfinished,
		  char **error_r)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), saved;
	size_t size = 0;
	char *text = fd < 0 ? NULL : text_read(fd, &size);

	saved = errno;
	*manifest = (struct manifest){0};
	if (fd >= 0)
		close(fd);
	if (text == NULL) {
		*error_r = xasprintf("%s: %s", name, strerror(saved));
		errno = saved;
		return -1;
	}
	char *why = NULL;
	int ret = -1;
	if (!unfinished && !is_whole(text, size))
		why = xstrdup("it is damaged or cut short");
	else
		ret = parse(manifest, text, size, unfinished, &why);
	free(text);
	if (ret < 0) {
		*error_r = xasprintf("%s: %s", name, why);
		manifest_free(manifest);
		errno = EBADMSG;
	} else {
		manifest_sort(manifest);
	}
	free(why);
	return ret;
}

/* ---- writing ---- */

struct manifest_writer {
	FILE *file;
	XXH3_state_t *digest;
	size_t lines;
	struct strbuf line;
};

static void line_write(struct manifest_writer *writer)
{
	strbuf_append_char(&writer->line, '\n');
	XXH3_128bits_update(writer->digest, writer->line.data, writer->line.size);
	fwrite(writer->line.data, 1, writer->line.size, writer->file);
	writer->lines++;
	strbuf_reset(&writer->line);
}

struct manifest_writer *manifest_writer_open(int folder, const char *name, int64_t taken)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (file == NULL) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	struct manifest_writer *writer = xcalloc(1, sizeof(*writer));
	writer->file = file;
	writer->digest = XXH3_createState();
	XXH3_128bits_reset(writer->digest);
	strbuf_printf(&writer->line, "shoveler-backup %d", MANIFEST_FORMAT);
	line_write(writer);
	strbuf_printf(&writer->line, "taken %" PRId64, taken);
	line_write(writer);
	return writer;
}

void manifest_write(struct manifest_writer *writer, const struct manifest_entry *entry)
{
	struct strbuf *line = &writer->line;

	strbuf_append_text(line, types[entry->type].name);
	if (entry->type == MANIFEST_ONE_FILE)
		strbuf_printf(line, " %" PRIu64 " %s %" PRId64, entry->size, entry->digest,
			      entry->mtime);
	if (entry->type == MANIFEST_USER)
		strbuf_printf(line, " %d %s %" PRIu64 " %" PRIu64, entry->schema, entry->stamp,
			      entry->messages, entry->quarantined);
	else
		strbuf_printf(line, " %04o %s %s", (unsigned)entry->mode, entry->owner,
			      entry->group);
	strbuf_append_char(line, ' ');
	path_escape(line, entry->path);
	line_write(writer);
}

int manifest_flush(struct manifest_writer *writer)
{
	return fflush(writer->file) == 0 && ferror(writer->file) == 0 ? 0 : -1;
}

int manifest_writer_close(struct manifest_writer **writer_p, bool finished)
{
	struct manifest_writer *writer = *writer_p;
	char digest[MANIFEST_DIGEST_SIZE];
	int ret, saved;

	*writer_p = NULL;
	digest_format(digest, XXH3_128bits_digest(writer->digest));
	if (finished)
		fprintf(writer->file, "end %zu %s\n", writer->lines, digest);
	ret = manifest_flush(writer) < 0 || fsync(fileno(writer->file)) < 0 ? -1 : 0;
	saved = errno;
	fclose(writer->file);
	XXH3_freeState(writer->digest);
	strbuf_free(&writer->line);
	free(writer);
	errno = saved;
	return ret;
}
