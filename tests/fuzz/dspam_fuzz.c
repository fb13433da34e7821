/*
 * libFuzzer: files with DSPAM's preferences. The first byte chooses how the file is called: rows, a
 * dump, or lines of a user.
 */
#include "spamtrain/formats/dspam_preferences.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"rows", "data/x.test/bob/bob.prefs", "lines"};
	struct dspam_preferences p = {0};
	char *error = NULL;

	if (size == 0)
		return 0;
	int kind = data[0] % 3;
	struct span file = {(const char *)data + 1, size - 1};
	if (dspam_preferences_read(&p, file, paths[kind], kind == 2 ? "bob" : NULL, &error) != 0)
		require(error != NULL && strncmp(error, paths[kind], strlen(paths[kind])) == 0);
	free(error);
	dspam_preferences_sort(&p);
	for (size_t i = 0; i < p.count; i++) {
		const struct dspam_row *row = &p.rows[i];
		require(strlen(row->name) <= DSPAM_FIELD_MAX && row->line > 0);
		require(kind == 0 || strlen(dspam_preferences_user(&p, row)) >= 3);
		dspam_preferences_user(&p, row);
	}
	dspam_preferences_free(&p);
	return 0;
}
