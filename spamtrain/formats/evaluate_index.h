/*
 * evaluate_index.h - the list of a labelled archive: lines "spam<TAB>path" or "ham<TAB>path".
 *
 * Lines end with LF or CRLF; empty lines and a byte order mark are let be. A path may hold blanks.
 */
#ifndef SHOVELER_EVALUATE_INDEX_H
#define SHOVELER_EVALUATE_INDEX_H

#include "lib/span.h"

#include <stdint.h>

struct evaluate_item {
	char *path;
	uint64_t line; /* from 1 */
	bool spam;
};

struct evaluate_index {
	struct evaluate_item *list;
	size_t count;
};

/* 0; or -1 and *error_r, which names the line: nothing is to be freed then. */
int evaluate_index_read(struct evaluate_index *index, struct span text, char **error_r);
void evaluate_index_free(struct evaluate_index *index);

/*
 * Makes relative paths ready to be opened: what is not there in the working folder is looked for in
 * the folder of the index. 0; or -1 and *error_r for the first file that cannot be read.
 */
int evaluate_index_locate(struct evaluate_index *index, const char *index_path, char **error_r);

#endif
