/*
 * list_internal.h - what list.c and list_key.c share.
 */
#ifndef SHOVELER_MX2_LIST_INTERNAL_H
#define SHOVELER_MX2_LIST_INTERNAL_H

#include "list.h"

/* Base64 of exactly size bytes; false: it is not. */
bool list_decode(struct span text, unsigned char *out, size_t size);
/* The lines from domain to the last address, as they are signed. */
void list_body(const struct recipient_list *list, struct strbuf *out);
/* The whole text. */
void list_frame(const struct recipient_list *list, const char *signature, struct strbuf *out);

#endif
