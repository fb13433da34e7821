#include "compat.h"
#include "keywords.h"

static bool is_one_of(const char *keyword, const char *a, const char *b)
{
	return strcasecmp(keyword, a) == 0 || strcasecmp(keyword, b) == 0;
}

enum keyword_mark keyword_mark(const char *const *keywords)
{
	bool junk = false, not_junk = false;

	for (; *keywords != NULL; keywords++) {
		junk = junk || is_one_of(*keywords, "$Junk", "Junk");
		not_junk = not_junk || is_one_of(*keywords, "$NotJunk", "NonJunk");
	}
	if (junk == not_junk)
		return KEYWORD_NONE;
	return junk ? KEYWORD_JUNK : KEYWORD_NOT_JUNK;
}

bool keyword_lesson(enum keyword_mark before, enum keyword_mark after, enum folder_kind folder,
		    enum retrain_class *class_r)
{
	if (before == after || folder == FOLDER_FOREIGN || folder == FOLDER_TRASH)
		return false;
	if (after == KEYWORD_JUNK) {
		*class_r = RETRAIN_SPAM;
		return folder != FOLDER_JUNK;
	}
	*class_r = RETRAIN_INNOCENT;
	if (folder == FOLDER_JUNK)
		return after == KEYWORD_NOT_JUNK;
	return before == KEYWORD_JUNK;
}
