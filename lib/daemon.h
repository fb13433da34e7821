/*
 * daemon.h - what every daemon of ours does alike.
 *
 * Options: -c DIR, --check, --prepare, --verbose, --help, --version. Runs in the foreground
 * (systemd Type=notify tells READY, RELOADING, STOPPING, and by lib/watchdog.h WATCHDOG). The main
 * thread only waits for signals and looks whether all is well; sessions are other threads, which
 * have every signal blocked. SIGTERM and SIGINT: stop() (drain), exit 0. SIGHUP: the configuration
 * is read again; if it is wrong the old one stays and the error is logged, and told to systemd as
 * the status. The log is opened again on SIGHUP. SIGABRT is systemd's when it has not heard of us:
 * it ends us.
 *
 * Two ways to be started: as the daemon's user, with sockets that systemd has bound
 * (lib/listener.h) after root has run --prepare; or as root, which prepares, binds and becomes that
 * user.
 */
#ifndef SHOVELER_DAEMON_H
#define SHOVELER_DAEMON_H

#include "conf.h"

struct daemon {
	const char *name;    /* "shoveler-lda" */
	const char *summary; /* one line for --help */
	/* More than "the configuration is readable"; may be NULL. 0, or -1 and *error_r. */
	int (*check)(const struct conf *conf, char **error_r);
	/*
	 * Makes the folders it needs and gives them to its user if we are root; may be NULL. Before
	 * start(), or alone: --prepare. 0, or -1 and *error_r.
	 */
	int (*prepare)(const struct conf *conf, char **error_r);
	/* Binds, drops privileges, starts its threads, returns. 0, or -1 and *error_r. */
	int (*start)(const struct conf *conf, char **error_r);
	/*
	 * Takes over the new configuration; the old one is freed afterwards. 0, or -1 and *error_r.
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

/*
 * After the last socket is bound: becomes the system user if we are root; if we are that user
 * already nothing changes. 0, or -1 and *error_r, also when systemd has bound a socket that was not
 * opened (listener_check_all_used()).
 */
int daemon_become(const char *user, char **error_r);

#endif
