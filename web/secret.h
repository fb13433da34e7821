/*
 * secret.h - the key that signs what browsers bring back, and random bytes.
 */
#ifndef SHOVELER_WEB_SECRET_H
#define SHOVELER_WEB_SECRET_H

#include "lib/span.h"

#define SECRET_SIZE 32 /* bytes */

struct secret {
	char bytes[SECRET_SIZE];
};

/* For mac.h. */
static inline struct span secret_span(const struct secret *secret)
{
	return (struct span){secret->bytes, SECRET_SIZE};
}

/*
 * Reads the key from path; makes it (mode 0600, synced) when there is none. Returns 0, or -1 and
 * *error_r.
 */
int secret_open(const char *path, struct secret *secret_r, char **error_r);

/* size - 1 hex digits and a NUL; size is odd. */
void secret_random_hex(char *out, size_t size);

#endif
