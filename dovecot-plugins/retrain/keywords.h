/*
 * keywords.h - the marks by which mail programs call a message junk or not: $Junk and $NotJunk (RFC
 * 5788's registry), and Thunderbird's Junk and NonJunk.
 *
 * Some programs mark every message they have looked at as $NotJunk, so that alone says nothing: it
 * must contradict the $Junk that was there, or the folder.
 */
#ifndef SHOVELER_RETRAIN_KEYWORDS_H
#define SHOVELER_RETRAIN_KEYWORDS_H

#include "folder.h"
#include "lib/retrain_spool.h"

enum keyword_mark { KEYWORD_NONE, KEYWORD_JUNK, KEYWORD_NOT_JUNK };

/* keywords: NULL-terminated. Both marks at once are none. */
enum keyword_mark keyword_mark(const char *const *keywords);

/* Does this change, of a message in such a folder, teach something? */
bool keyword_lesson(enum keyword_mark before, enum keyword_mark after, enum folder_kind folder,
		    enum retrain_class *class_r);

#endif
