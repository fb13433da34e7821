/*
 * mac.h - what only this host can have written: HMAC-SHA256 (RFC 2104) with one of its secrets.
 *
 * Who uses one secret for several purposes lets each text begin with another word.
 */
#ifndef SHOVELER_MAC_H
#define SHOVELER_MAC_H

#include "span.h"

#include <stdbool.h>

#define MAC_SIZE     32
#define MAC_HEX_SIZE (2 * MAC_SIZE + 1) /* with its NUL */

/* Ends the process where there is no memory for it (xalloc.h). */
void mac_make(struct span secret, struct span text, unsigned char mac_r[MAC_SIZE]);
/* In lower case. */
void mac_make_hex(struct span secret, struct span text, char mac_r[MAC_HEX_SIZE]);

/* Takes the same time wherever they differ. */
bool mac_equal(const char mac[MAC_HEX_SIZE], struct span other);

#endif
