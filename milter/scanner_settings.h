/*
 * scanner_settings.h - what a scanner process needs to know.
 *
 * The scanner runs as an exec'ed process of its own and never reads main.cf: the milter sends it
 * these settings as the first packet of its control socket, so both always agree.
 */
#ifndef SHOVELER_SCANNER_SETTINGS_H
#define SHOVELER_SCANNER_SETTINGS_H

#include "lib/conf.h"

#include <stdint.h>
#include <sys/types.h>

#define SCANNER_MAX_CLIENTS 16

struct packet;
struct strbuf;

struct scanner_settings {
	char *database_directory;
	char *temp_directory;
	int64_t workers;
	int64_t timeout_s;     /* a worker that takes longer is killed */
	int64_t max_time_s;    /* 0: no limit */
	int64_t max_memory;    /* bytes beside the signatures; 0: no limit */
	int64_t max_file_size; /* bytes */
	int64_t max_scan_size; /* bytes */
	int64_t max_files;
	int64_t max_recursion;
	size_t client_count;
	uid_t clients[SCANNER_MAX_CLIENTS]; /* who may ask */
};

/* Users of scanner_clients that this host does not have are left out. Freed by _free(). */
void scanner_settings_from_conf(struct scanner_settings *settings, const struct conf *conf);

void scanner_settings_write(const struct scanner_settings *settings, struct strbuf *out);
/* Returns 0, or -1 and *error_r. */
int scanner_settings_read(struct scanner_settings *settings_r, const struct packet *packet,
			  char **error_r);
void scanner_settings_free(struct scanner_settings *settings);

#endif
