/*
 * assets.h - the files below static/, built into the program.
 */
#ifndef SHOVELER_WEB_ASSETS_H
#define SHOVELER_WEB_ASSETS_H

#include <stddef.h>

struct asset {
	const char *type; /* Content-Type */
	const char *hash; /* of its bytes: part of its address, so that browsers may keep it */
	size_t size;
	const char *data;
};

struct request;

/* The answer is that file; browsers keep it if they asked for this version: "?HASH". */
void send_asset(struct request *r, const struct asset *asset);

extern const struct asset asset_style, asset_script, asset_logo;

#endif
