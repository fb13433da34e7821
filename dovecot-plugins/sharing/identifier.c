#include "compat.h"
#include "identifier.h"

static const char *const group_prefixes[] = {"group:", "group=", "$"};

const char *identifier_fold(const char *text)
{
	for (size_t i = 0; i < N_ELEMENTS(group_prefixes); i++) {
		size_t size = strlen(group_prefixes[i]);

		if (strncasecmp(text, group_prefixes[i], size) == 0)
			return t_strconcat("$", t_str_lcase(text + size), NULL);
	}
	return t_str_lcase(text);
}
