/*
 * help.h - the help for users: docs/user.md and docs/user.LANGUAGE.md with their pictures, made
 * into C at build time by help_compile.
 */
#ifndef SHOVELER_WEB_HELP_H
#define SHOVELER_WEB_HELP_H

#include "web/assets.h"

struct help_page {
	const char *language; /* "fr" */
	const char *html;     /* what stands below the title */
};

struct help_picture {
	const char *address; /* behind "picture?": has a hash of its bytes */
	struct asset asset;
};

/* English first; both end with a row of NULLs. */
extern const struct help_page help_pages[];
extern const struct help_picture help_pictures[];

#endif
