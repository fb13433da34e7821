/*
 * words.h - splits UTF-8 text into words, and undoes the ways spammers hide them.
 */
#ifndef SHOVELER_WORDS_H
#define SHOVELER_WORDS_H

#include "lib/span.h"
#include "lib/strbuf.h"

#include <stdbool.h>

#define WORD_MAX 60 /* bytes; longer runs are not words */

/*
 * Takes the next word off *rest: a run of letters, digits, bytes above 127 and some inner
 * punctuation; every ideograph, kana and Thai letter is a word of its own. False at the end.
 */
bool word_next(struct span *rest, struct span *word_r);

/*
 * Appends text (valid UTF-8) without characters that are not seen (zero-width, soft hyphen,
 * direction marks), with all kinds of blanks as a space and full-width forms as ASCII.
 * Returns the number of characters that were removed.
 */
size_t text_normalize(struct strbuf *out, struct span text);

/*
 * Latin (ASCII, Latin-1), Greek and Cyrillic letters in lower case into to (WORD_MAX bytes), which
 * takes as many bytes; false if nothing changed.
 */
bool word_lower(char *to, struct span word);

/*
 * The word without disguise in lower case: digits and signs that stand for letters, dots between
 * letters, Cyrillic and Greek letters that look Latin in a word that has no others. Returns its
 * size, 0 if the word is not disguised. to: WORD_MAX bytes.
 */
size_t word_unmask(char *to, struct span word);

#endif
