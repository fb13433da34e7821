/*
 * secret.h - the key that signs what browsers bring back, and random bytes.
 */
#ifndef SHOVELER_WEB_SECRET_H
#define SHOVELER_WEB_SECRET_H

#include "lib/span.h"

#define SECRET_SIZE	32 /* bytes */
#define SECRET_MAC_SIZE 65 /* HMAC-SHA256 in hex, and the NUL */

struct secret {
	unsigned char bytes[SECRET_SIZE];
};

/*
 * Reads the key from path; makes it (mode 0600, synced) when there is none. Returns 0, or -1 and
 * *error_r.
 */
int secret_open(const char *path, struct secret *secret_r, char **error_r);

void secret_mac(const struct secret *secret, struct span text, char mac_r[SECRET_MAC_SIZE]);
/* In constant time. */
bool secret_mac_equal(const char mac[SECRET_MAC_SIZE], struct span other);

/* size - 1 hex digits and a NUL; size is odd. */
void secret_random_hex(char *out, size_t size);

#endif
