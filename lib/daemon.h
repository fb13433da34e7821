/*
 * daemon.h - what every daemon of ours does alike.
 *
 * Options: -c DIR, --check, --verbose, --help, --version. Runs in the foreground (systemd
 * Type=notify tells READY, RELOADING, STOPPING). The main thread only waits for signals; sessions
 * are other threads, which have every signal blocked. SIGTERM and SIGINT: stop() (drain), exit 0.
 * SIGHUP: the configuration is read again; if it is wrong the old one stays and the error is
 * logged. The log is opened again on SIGHUP.
 */
#ifndef SHOVELER_DAEMON_H
#define SHOVELER_DAEMON_H

#include "conf.h"

struct daemon {
	const char *name;    /* "shoveler-lda" */
	const char *summary; /* one line for --help */
	/* More than "the configuration is readable"; may be NULL. 0, or -1 and *error_r. */
	int (*check)(const struct conf *conf, char **error_r);
	/* Binds, drops privileges, starts its threads, returns. 0, or -1 and *error_r. */
	int (*start)(const struct conf *conf, char **error_r);
	/* Takes over the new configuration; the old one is freed afterwards. 0, or -1 and *error_r.
	 */
	int (*reload)(const struct conf *conf, char **error_r);
	/* Stops accepting, lets running sessions end within a bounded time, frees everything. */
	void (*stop)(void);
	/*
	 * Where metrics are served (an ADDRESS setting).
	 */
	enum conf_param metrics_listen;
};

/* Parses the options and runs until a signal ends it. Returns main()'s exit code (sysexits.h). */
int daemon_main(int argc, char **argv, const struct daemon *daemon);

/* Becomes the system user if we are root; a warning-free no-op if we already are that user. */
int daemon_become(const char *user, char **error_r);

#endif
