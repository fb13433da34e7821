#include "text_list.h"

#include "xalloc.h"

#include <stdlib.h>

static size_t size_of(const char *const *list)
{
	size_t size = 0;

	while (list[size] != NULL)
		size++;
	return size;
}

char **text_list_join(const char *const *first, const char *const *second)
{
	char **list = xcalloc(size_of(first) + size_of(second) + 1, sizeof(*list));
	size_t size = 0;

	for (; *first != NULL; first++)
		list[size++] = xstrdup(*first);
	for (; *second != NULL; second++)
		list[size++] = xstrdup(*second);
	return list;
}

char **text_list_copy(const char *const *list)
{
	const char *nothing = NULL;

	return text_list_join(list, &nothing);
}

static void make_lower(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
	}
}

char **text_list_lower(char **list)
{
	for (char **each = list; *each != NULL; each++)
		make_lower(*each);
	return list;
}

void text_list_free(char **list)
{
	for (char **each = list; each != NULL && *each != NULL; each++)
		free(*each);
	free(list);
}

char *text_lower(const char *text)
{
	char *copy = xstrdup(text);

	make_lower(copy);
	return copy;
}
