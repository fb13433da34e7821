/*
 * libFuzzer: a file in the spool of corrections. What is taken has a user, a class, a signature or
 * a message, and the message is the file's last bytes.
 */
#include "lib/retrain_spool.h"

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
	struct retrain_file file;
	char *error = NULL;

	switch (retrain_file_parse(&file, (struct span){(const char *)data, size}, &error)) {
	case RETRAIN_OK:
		require(file.entry.user[0] != '\0' &&
			strlen(file.entry.user) <= RETRAIN_SPOOL_MAX_TEXT);
		require(file.entry.signature[0] != '\0' || file.message.size > 0);
		require(file.message.size <= size);
		require(file.message.size == 0 ||
			file.message.data + file.message.size == (const char *)data + size);
		retrain_file_free(&file);
		break;
	case RETRAIN_MALFORMED:
		require(error != NULL);
		break;
	default:
		abort();
	}
	free(error);
	return 0;
}
