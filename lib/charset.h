/*
 * charset.h - text in any charset as UTF-8.
 *
 * Never fails. UTF-8, UTF-16, UTF-32, Latin-1 and windows-1252 are read here; the others that mail
 * is written in by iconv(3). Opening one of its converters costs as much as converting 50 KB, and a
 * message can name another one in each of 60,000 words, so they are kept for the next text, and
 * only a few are opened for one message.
 */
#ifndef SHOVELER_CHARSET_H
#define SHOVELER_CHARSET_H

#include "span.h"
#include "strbuf.h"

#include <iconv.h>

#define CHARSETS_MAX	  8  /* converters of one message; text in further ones is windows-1252 */
#define CHARSET_NAME_SIZE 41 /* with the NUL; longer names are not known */

/* The converters of one message: of one thread. */
struct charsets {
	struct {
		char name[CHARSET_NAME_SIZE];
		iconv_t converter;
	} list[CHARSETS_MAX];
	size_t count;
};

#define CHARSETS_INIT                                                                              \
	{                                                                                          \
		.count = 0                                                                         \
	}

void charsets_free(struct charsets *charsets);

/*
 * Appends text as valid UTF-8, at most max bytes. Bytes that are wrong in the charset are read as
 * windows-1252; so is every byte outside of valid UTF-8 if the charset is not known.
 */
void charset_to_utf8(struct charsets *charsets, struct strbuf *out, struct span text,
		     struct span charset, size_t max);

#endif
