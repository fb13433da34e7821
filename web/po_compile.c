/*
 * po_compile - writes the catalogues as C: po_compile OUT.c PO/fr.po... Runs at build time.
 */
#include "web/po.h"

#include "lib/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static void put_string(FILE *out, const char *text)
{
	if (text == NULL) {
		fputs("0", out);
		return;
	}
	putc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\' || c == '?')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			fprintf(out, "\\%03o", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static int complain(const char *path, const char *problem)
{
	fprintf(stderr, "%s: %s\n", path, problem);
	return -1;
}

static int put_catalogue(FILE *out, unsigned number, const struct po *po, const char *path)
{
	char *plural = po_plural_expression(po), *language = po_header(po, "Language");
	char *name = po_header(po, "X-Language-Name");
	int ret = 0;

	if (plural == NULL || language == NULL || name == NULL) {
		ret = complain(path, "the header lacks Plural-Forms, Language or X-Language-Name");
	} else {
		fprintf(out,
			"static unsigned form_%u(unsigned long n)\n{\n\treturn (unsigned)(%s);\n}\n\n",
			number, plural);
		fprintf(out, "static const struct catalogue_entry entries_%u[] = {\n", number);
		for (size_t i = 0; i < po->count; i++) {
			fputs("\t{", out);
			put_string(out, po->entries[i].message);
			fputs(", {", out);
			for (unsigned form = 0; form < CATALOGUE_FORMS; form++) {
				put_string(out, po->entries[i].translated[form]);
				fputs(form + 1 < CATALOGUE_FORMS ? ", " : "}},\n", out);
			}
		}
		fprintf(out, "\t{0, {0}}};\n\nstatic const struct catalogue catalogue_%u = {",
			number);
		put_string(out, language);
		fputs(", ", out);
		put_string(out, name);
		fprintf(out, ", %zu, entries_%u, form_%u};\n\n", po->count, number, number);
	}
	free(plural);
	free(language);
	free(name);
	return ret;
}

static int read_file(const char *path, struct strbuf *text)
{
	FILE *in = fopen(path, "r");
	char piece[4096];
	size_t size;

	if (in == NULL)
		return complain(path, "cannot be read");
	while ((size = fread(piece, 1, sizeof(piece), in)) > 0)
		strbuf_append(text, piece, size);
	fclose(in);
	return 0;
}

static int put_file(FILE *out, unsigned number, const char *path)
{
	struct strbuf file = STRBUF_INIT;
	struct po po = {0};
	char *error = NULL;
	int ret = -1;

	if (read_file(path, &file) == 0) {
		if (po_read(&po, strbuf_span(&file), &error) < 0)
			complain(path, error);
		else
			ret = put_catalogue(out, number, &po, path);
	}
	po_free(&po);
	strbuf_free(&file);
	free(error);
	return ret;
}

static int put_all(FILE *out, int count, char **paths)
{
	fputs("/* Made by po_compile of the .po files. */\n#include \"web/catalogue.h\"\n\n"
	      "static unsigned form_english(unsigned long n)\n{\n\treturn n != 1;\n}\n\n"
	      "static const struct catalogue english = {\"en\", \"English\", 0, 0, form_english};\n\n",
	      out);
	for (int i = 0; i < count; i++) {
		if (put_file(out, (unsigned)i, paths[i]) < 0)
			return -1;
	}
	fputs("const struct catalogue *const catalogues[] = {&english, ", out);
	for (int i = 0; i < count; i++)
		fprintf(out, "&catalogue_%d, ", i);
	fputs("0};\n", out);
	return 0;
}

int main(int argc, char **argv)
{
	FILE *out;
	int ret;

	if (argc < 2) {
		fprintf(stderr, "usage: po_compile OUT.c [FILE.po...]\n");
		return EX_USAGE;
	}
	out = fopen(argv[1], "w");
	if (out == NULL) {
		complain(argv[1], "cannot be written");
		return EX_CANTCREAT;
	}
	ret = put_all(out, argc - 2, argv + 2);
	if (fclose(out) != 0)
		ret = complain(argv[1], "cannot be written");
	if (ret < 0)
		remove(argv[1]);
	return ret < 0 ? EX_DATAERR : EX_OK;
}
