/*
 * help_compile - writes the help for users as C (help.h): help_compile OUT.c docs/user.md
 * docs/user.fr.md... Pictures are looked for beside the pages. Runs at build time; what is wrong
 * with a page ends the build.
 */
#include "web/markdown.h"

#include "lib/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define MAX_PICTURES 32
#define PNG_HEADER   24 /* bytes, up to width and height */

struct compiler {
	FILE *out;
	char *folder; /* of the pages */
	char *addresses[MAX_PICTURES];
	unsigned pictures;
};

static bool read_file(const char *path, struct strbuf *content)
{
	FILE *file = fopen(path, "re");
	size_t got;

	if (file == NULL)
		return false;
	do {
		strbuf_reserve(content, BUFSIZ);
		got = fread(content->data + content->size, 1, BUFSIZ, file);
		content->size += got;
	} while (got > 0);
	return fclose(file) == 0;
}

/* FNV-1a: tells versions of a picture apart, no more. */
static uint64_t hash(const struct strbuf *bytes)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < bytes->size; i++)
		value = (value ^ (unsigned char)bytes->data[i]) * UINT64_C(0x100000001b3);
	return value;
}

static unsigned big_endian(const char *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes;

	return (unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | b[3];
}

static void put_picture(struct compiler *c, const struct strbuf *bytes)
{
	fprintf(c->out, "static const unsigned char picture_%u[] = {", c->pictures);
	for (size_t i = 0; i < bytes->size; i++)
		fprintf(c->out, "%s%u,", i % 24 == 0 ? "\n\t" : "", (unsigned char)bytes->data[i]);
	fputs("};\n\n", c->out);
}

static bool is_known(const struct compiler *c, const char *address)
{
	for (unsigned i = 0; i < c->pictures; i++) {
		if (strcmp(c->addresses[i], address) == 0)
			return true;
	}
	return false;
}

static bool take_picture(void *context, struct span address, struct markdown_picture *picture_r)
{
	struct compiler *c = context;
	struct strbuf bytes = STRBUF_INIT;
	char *path = xasprintf("%s/%.*s", c->folder, SPAN_ARG(address)), *name;
	bool is_read = read_file(path, &bytes) && bytes.size >= PNG_HEADER &&
		       memcmp(bytes.data, "\x89PNG", 4) == 0 && c->pictures < MAX_PICTURES;

	if (is_read) {
		name = xasprintf("%016" PRIx64, hash(&bytes));
		picture_r->address = xasprintf("picture?%s", name);
		picture_r->width = big_endian(bytes.data + 16);
		picture_r->height = big_endian(bytes.data + 20);
		if (is_known(c, name)) {
			free(name);
		} else {
			put_picture(c, &bytes);
			c->addresses[c->pictures++] = name;
		}
	}
	free(path);
	strbuf_free(&bytes);
	return is_read;
}

/* "docs/user.fr.md" is "fr", "docs/user.md" is "en". */
static char *language_of(struct span path)
{
	size_t end = path.size - 3, begin = end;

	while (begin > 0 && path.data[begin - 1] != '.' && path.data[begin - 1] != '/')
		begin--;
	if (begin == 0 || path.data[begin - 1] == '/')
		return xstrdup("en");
	return xstrndup(path.data + begin, end - begin);
}

/* The same page in another language; what else lies in docs/ is not for users. */
static char *take_link(void *context, struct span address)
{
	char *language, *link;

	(void)context;
	if (address.size > 0 && address.data[0] == '#')
		return xstrndup(address.data, address.size);
	if (address.size < 7 || memcmp(address.data, "user.", 5) != 0)
		return NULL;
	language = language_of(address);
	link = xasprintf("help?language=%s", language);
	free(language);
	return link;
}

static void put_string(FILE *out, const struct strbuf *text)
{
	fputs("\n\t \"", out);
	for (size_t i = 0; i < text->size; i++) {
		unsigned char byte = (unsigned char)text->data[i];

		if (byte == '\n')
			fputs("\\n\"\n\t \"", out);
		else if (byte < ' ' || byte >= 0x7f || strchr("\"\\?", byte) != NULL)
			fprintf(out, "\\%03o", byte);
		else
			putc(byte, out);
	}
	putc('"', out);
}

static bool put_page(struct compiler *c, const char *path, struct strbuf *rows)
{
	const struct markdown_host host = {
		.context = c, .link = take_link, .picture = take_picture};
	struct strbuf text = STRBUF_INIT, html = STRBUF_INIT;
	char *error = NULL, *language = language_of(span_of(path));
	bool is_good = read_file(path, &text);

	if (!is_good) {
		perror(path);
	} else if (markdown_to_html(strbuf_span(&text), &host, &html, &error) < 0) {
		fprintf(stderr, "%s, %s\n", path, error);
		is_good = false;
	} else {
		fprintf(c->out, "static const char page_%s[] =", language);
		put_string(c->out, &html);
		fputs(";\n\n", c->out);
		strbuf_printf(rows, "\t{\"%s\", page_%s},\n", language, language);
	}
	free(error);
	free(language);
	strbuf_free(&text);
	strbuf_free(&html);
	return is_good;
}

static void put_tables(struct compiler *c, struct strbuf *rows)
{
	fprintf(c->out, "const struct help_page help_pages[] = {\n%s\t{NULL, NULL}};\n\n",
		strbuf_text(rows));
	fputs("const struct help_picture help_pictures[] = {\n", c->out);
	for (unsigned i = 0; i < c->pictures; i++) {
		fprintf(c->out,
			"\t{\"%s\", {\"image/png\", \"%s\", sizeof(picture_%u), (const char *)picture_%u}},\n",
			c->addresses[i], c->addresses[i], i, i);
		free(c->addresses[i]);
	}
	fputs("\t{NULL, {NULL, NULL, 0, NULL}}};\n", c->out);
}

int main(int argc, char **argv)
{
	struct compiler c = {0};
	struct strbuf rows = STRBUF_INIT;
	bool is_good = argc > 2;

	if (!is_good || (c.out = fopen(argv[1], "we")) == NULL) {
		perror("usage: help_compile OUT.c PAGE.md...");
		return EX_USAGE;
	}
	fputs("/* Made by help_compile of docs/user*.md. */\n#include \"web/help.h\"\n\n", c.out);
	for (int i = 2; i < argc && is_good; i++) {
		const char *slash = strrchr(argv[i], '/');

		c.folder =
			slash == NULL ? xstrdup(".") : xstrndup(argv[i], (size_t)(slash - argv[i]));
		is_good = put_page(&c, argv[i], &rows);
		free(c.folder);
	}
	put_tables(&c, &rows);
	strbuf_free(&rows);
	if (fclose(c.out) != 0)
		is_good = false;
	if (!is_good)
		remove(argv[1]);
	return is_good ? EX_OK : EX_DATAERR;
}
