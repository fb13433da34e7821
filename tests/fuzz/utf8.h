/* utf8.h - what fuzz targets require. */
#ifndef SHOVELER_FUZZ_UTF8_H
#define SHOVELER_FUZZ_UTF8_H

#include "lib/span.h"

#include <stdlib.h>

static inline void require(bool condition)
{
	if (!condition)
		abort();
}

/* RFC 3629, 4; written apart from the code that is tested. */
static inline bool is_utf8(struct span text)
{
	static const unsigned lowest[] = {0, 0x80, 0x800, 0x10000};

	for (size_t i = 0; i < text.size;) {
		unsigned char first = (unsigned char)text.data[i++];
		size_t more = first < 0x80   ? 0
			      : first < 0xc0 ? 9
			      : first < 0xe0 ? 1
			      : first < 0xf0 ? 2
			      : first < 0xf8 ? 3
					     : 9;
		unsigned c = more == 0 ? first : first & (0x3fU >> more);

		if (more > 3 || more > text.size - i)
			return false;
		for (size_t k = 0; k < more; k++, i++) {
			if (((unsigned char)text.data[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | ((unsigned char)text.data[i] & 0x3f);
		}
		if (c < lowest[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}

#endif
