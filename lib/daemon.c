#include "daemon.h"

#include "clock.h"
#include "listener.h"
#include "metrics.h"
#include "msg.h"
#include "watchdog.h"
#include "xalloc.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct options {
	const char *directory;
	bool check;
	bool prepare;
	bool verbose;
};

static void print_usage(const struct daemon *daemon, FILE *out)
{
	fprintf(out,
		"usage: %s [-c DIR] [--check | --prepare] [--verbose]\n"
		"%s\n\n"
		"  -c, --config DIR  folder of main.cf (default: $%s, else %s)\n"
		"      --check       check the configuration, say what is wrong, exit\n"
		"      --prepare     as root: make the folders that are needed, exit\n"
		"  -v, --verbose     log details for debugging\n"
		"      --version     print the version\n"
		"      --help        print this\n\n"
		"Runs in the foreground. SIGHUP reads the configuration again, SIGTERM ends it.\n",
		daemon->name, daemon->summary, CONF_DIRECTORY_VARIABLE, CONF_DEFAULT_DIRECTORY);
}

/* Returns -1 to go on, or an exit code. */
static int parse_options(int argc, char **argv, const struct daemon *daemon,
			 struct options *options)
{
	enum { OPTION_CHECK = 256, OPTION_PREPARE, OPTION_HELP, OPTION_VERSION };
	static const struct option long_options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, OPTION_CHECK},
		{"prepare", no_argument, NULL, OPTION_PREPARE},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, OPTION_HELP},
		{"version", no_argument, NULL, OPTION_VERSION},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:v", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->directory = optarg;
			break;
		case OPTION_CHECK:
			options->check = true;
			break;
		case OPTION_PREPARE:
			options->prepare = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		case OPTION_HELP:
			print_usage(daemon, stdout);
			return EX_OK;
		case OPTION_VERSION:
			printf("%s %s\n", daemon->name, SHOVELER_VERSION);
			return EX_OK;
		default:
			print_usage(daemon, stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected argument \"%s\"\n", daemon->name, argv[optind]);
		return EX_USAGE;
	}
	return -1;
}

static int load_and_check(const struct daemon *daemon, const char *directory, struct conf **conf_r,
			  char **error_r)
{
	if (conf_load(directory, conf_r, error_r) < 0)
		return -1;
	if (daemon->check != NULL && daemon->check(*conf_r, error_r) < 0) {
		conf_free(conf_r);
		return -1;
	}
	return 0;
}

static void block_signals(sigset_t *handled)
{
	sigset_t all;

	sigemptyset(handled);
	sigaddset(handled, SIGTERM);
	sigaddset(handled, SIGINT);
	sigaddset(handled, SIGHUP);
	sigfillset(&all);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void reload(const struct daemon *daemon, const char *directory, struct conf **conf)
{
	struct conf *fresh = NULL;
	char *error = NULL;

	sd_notify(0, "RELOADING=1");
	if (msg_reopen() < 0)
		msg_warn("cannot open the log again: %s", strerror(errno));
	if (load_and_check(daemon, directory, &fresh, &error) < 0 ||
	    daemon->reload(fresh, &error) < 0) {
		msg_error("reload refused, the old configuration stays: %s", error);
		sd_notifyf(0, "STATUS=reload refused, the old configuration stays: %s", error);
		conf_free(&fresh);
	} else {
		conf_free(conf);
		*conf = fresh;
		msg_info("reloaded");
		sd_notify(0, "STATUS=");
	}
	free(error);
	sd_notify(0, "READY=1");
}

/* Returns a signal, or -1 when it is time to look after ourselves. */
static int wait_for_signal(const sigset_t *handled, int64_t look_ms)
{
	int64_t left_ms = look_ms - clock_ms();
	struct timespec timeout = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};

	return left_ms <= 0 ? -1 : sigtimedwait(handled, NULL, &timeout);
}

static void wait_for_end(const struct daemon *daemon, const char *directory, struct conf **conf,
			 const sigset_t *handled)
{
	int64_t interval_ms = watchdog_interval_ms(), look_ms = clock_ms() + interval_ms;

	for (;;) {
		int received = interval_ms < 0 ? sigwaitinfo(handled, NULL)
					       : wait_for_signal(handled, look_ms);

		if (received == SIGHUP)
			reload(daemon, directory, conf);
		else if (received > 0)
			return;
		if (interval_ms >= 0 && clock_ms() >= look_ms) {
			watchdog_look();
			look_ms = clock_ms() + interval_ms;
		}
	}
}

static int prepare(const struct daemon *daemon, const struct conf *conf, char **error_r)
{
	return daemon->prepare == NULL ? 0 : daemon->prepare(conf, error_r);
}

static int start(const struct daemon *daemon, const struct conf *conf, char **error_r)
{
	if (prepare(daemon, conf, error_r) < 0)
		return -1;
	if (metrics_serve(conf_text(conf, daemon->metrics_listen), error_r) < 0)
		return -1;
	return daemon->start(conf, error_r);
}

static int run(const struct daemon *daemon, const char *directory, struct conf **conf)
{
	sigset_t handled;
	char *error = NULL;

	block_signals(&handled);
	if (start(daemon, *conf, &error) < 0) {
		msg_error("cannot start: %s", error);
		fprintf(stderr, "%s: cannot start: %s\n", daemon->name, error);
		free(error);
		metrics_stop();
		return EX_UNAVAILABLE;
	}
	msg_info("started, version %s", SHOVELER_VERSION);
	sd_notify(0, "READY=1");
	wait_for_end(daemon, directory, conf, &handled);
	sd_notify(0, "STOPPING=1");
	daemon->stop();
	metrics_stop();
	msg_info("stopped");
	return EX_OK;
}

/* --check, --prepare. */
static int run_once(const struct daemon *daemon, const struct options *options,
		    const struct conf *conf)
{
	char *error = NULL;

	if (!options->prepare) {
		printf("%s: the configuration in %s is good\n", daemon->name, options->directory);
		return EX_OK;
	}
	if (prepare(daemon, conf, &error) == 0)
		return EX_OK;
	fprintf(stderr, "%s: %s\n", daemon->name, error);
	free(error);
	return EX_CANTCREAT;
}

int daemon_main(int argc, char **argv, const struct daemon *daemon)
{
	struct options options = {.directory = conf_default_directory()};
	struct conf *conf = NULL;
	char *error = NULL;
	int code = parse_options(argc, argv, daemon, &options);

	if (code >= 0)
		return code;
	if ((options.prepare ? conf_load(options.directory, &conf, &error)
			     : load_and_check(daemon, options.directory, &conf, &error)) < 0) {
		fprintf(stderr, "%s: %s\n", daemon->name, error);
		free(error);
		return EX_CONFIG;
	}
	if (options.check || options.prepare) {
		code = run_once(daemon, &options, conf);
		conf_free(&conf);
		return code;
	}
	msg_set_verbose(options.verbose);
	if (msg_open(daemon->name, conf_text(conf, P_LOG_DESTINATION)) < 0) {
		fprintf(stderr, "%s: cannot open log %s: %s\n", daemon->name,
			conf_text(conf, P_LOG_DESTINATION), strerror(errno));
		conf_free(&conf);
		return EX_CONFIG;
	}
	code = run(daemon, options.directory, &conf);
	conf_free(&conf);
	return code;
}

int daemon_become(const char *user, char **error_r)
{
	struct passwd *entry = getpwnam(user);

	if (listener_check_all_used(error_r) < 0)
		return -1;
	if (entry == NULL) {
		*error_r = xasprintf("there is no system user \"%s\"", user);
		return -1;
	}
	if (geteuid() == entry->pw_uid)
		return 0;
	if (msg_give_file(entry->pw_uid, entry->pw_gid) < 0)
		msg_warn("cannot give the log file to %s: %s", user, strerror(errno));
	if (initgroups(user, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0 ||
	    setuid(entry->pw_uid) < 0) {
		*error_r = xasprintf("cannot become %s: %s", user, strerror(errno));
		return -1;
	}
	if (msg_reopen() < 0)
		msg_warn("log_destination cannot be opened as %s, which rotation needs: %s", user,
			 strerror(errno));
#ifdef __SANITIZE_ADDRESS__
	/* LeakSanitizer looks at its own process from outside, which another uid may not. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
	return 0;
}
