/*
 * text_list.h - lists of texts with NULL at their end, as settings give them (conf_list()): copies
 * that outlive the settings. All is malloc'ed.
 */
#ifndef SHOVELER_TEXT_LIST_H
#define SHOVELER_TEXT_LIST_H

char **text_list_copy(const char *const *list);
/* The one, then the other. */
char **text_list_join(const char *const *first, const char *const *second);
/* ASCII letters become lower case, in place. Returns the list. */
char **text_list_lower(char **list);
/* NULL is no list. */
void text_list_free(char **list);

/* A copy in lower case, ASCII letters only. */
char *text_lower(const char *text);

#endif
