/*
 * folder_hint.c - what the header of a message in a folder tells of who has handled it.
 */
#include "spamtrain/folders/learn_folders.h"

#include "lib/header.h"

bool learn_other_says_spam(struct span message)
{
	static const struct {
		const char *name, *value;
	} fields[] = {{"X-Spam-Flag", "yes"}, {"X-Spam-Status", "yes"}, {"X-Spam", "yes"},
		      {"X-Bogosity", "spam"}, {"X-Bogosity", "yes"},	{"X-DSPAM-Result", "spam"}};
	struct header_field field;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (header_find(message, fields[i].name, &field) &&
		    span_starts_nocase(span_trim(field.body), span_of(fields[i].value)))
			return true;
	return false;
}

bool learn_is_ours(struct span message)
{
	struct header_field field;

	if (!header_find(message, "X-Auto-Response-Suppress", &field) ||
	    !header_find(message, "Message-ID", &field))
		return false;
	struct span id = span_trim(field.body);
	return span_starts_nocase(id, SPAN_LITERAL("<digest.")) ||
	       span_starts_nocase(id, SPAN_LITERAL("<training."));
}
