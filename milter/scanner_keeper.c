#include "scanner_keeper.h"

#include "lib/child.h"
#include "lib/clock.h"
#include "lib/endpoint.h"
#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/watchdog.h"
#include "lib/xalloc.h"
#include "folder.h"
#include "kept.h"
#include "scanner_process.h"
#include "scanner_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOAD_TIMEOUT_S	  300 /* seconds to load the signatures; 2 million take 7 */
#define TICK_MS		  1000
#define RETRY_PAUSE_MS	  2000 /* after a generation died or failed to load */
#define STOP_GRACE_MS	  5000
#define WARN_INTERVAL_MS  86400000
#define PURGE_INTERVAL_MS 600000
#define MAX_OLD_PROCESSES 16
#define PULSE_S		  120 /* it comes round each TICK_MS; files of a folder may be many */

METRIC_COUNTER(started, "shoveler_milter_scanner_started_total", "Scanner processes started");
METRIC_COUNTER(died, "shoveler_milter_scanner_died_total", "Scanner processes that died");
METRIC_COUNTER(workers_died, "shoveler_milter_scanner_workers_died_total",
	       "Scanner workers that crashed or were killed");
METRIC_COUNTER(load_failed, "shoveler_milter_scanner_load_failed_total",
	       "Signature databases that could not be loaded");
METRIC_GAUGE(signatures, "shoveler_milter_scanner_signatures", "Signatures loaded");
METRIC_GAUGE(database_time, "shoveler_milter_scanner_database_timestamp_seconds",
	     "When the newest file of signatures was written");
METRIC_GAUGE(stale, "shoveler_milter_scanner_database_stale",
	     "1: the newest signatures are older than scanner_max_age");
METRIC_GAUGE(loaded_at, "shoveler_milter_scanner_loaded_timestamp_seconds",
	     "When the signatures were loaded");

struct process {
	pid_t pid; /* 0: none */
	int control_fd;
};

struct scanner_keeper {
	pthread_t thread;
	pthread_mutex_t lock; /* of settings and reload_wanted */
	struct scanner_settings settings;
	bool reload_wanted;
	char *keep_directory;
	atomic_bool ready, stopping;
	int listen_fd;
	int wake_fd;
	_Atomic int64_t interval_ms, max_age_s, keep_s;

	struct pulse pulse;

	/* the thread's own */
	struct process current, fresh;
	pid_t old[MAX_OLD_PROCESSES]; /* on their way out, to be reaped */
	uint64_t loaded_fingerprint, seen_fingerprint;
	int64_t purge_at_ms, warn_at_ms, next_look_ms, retry_at_ms, fresh_until_ms;
};

static int spawn_process(int control_fd, int listen_fd, pid_t *pid_r)
{
	const char *const arguments[] = {"shoveler-milter", SCANNER_OPTION, NULL};
	const struct child_program program = {.file = "/proc/self/exe",
					      .arguments = arguments,
					      .descriptors = {{control_fd, SCANNER_CONTROL_FD},
							      {listen_fd, SCANNER_LISTEN_FD}},
					      .count = 2,
					      .close_from = SCANNER_LISTEN_FD + 1};

	return child_start(&program, pid_r);
}

static void send_settings(struct scanner_keeper *keeper, int control_fd)
{
	struct strbuf packet = STRBUF_INIT;

	pthread_mutex_lock(&keeper->lock);
	scanner_settings_write(&keeper->settings, &packet);
	keeper->reload_wanted = false;
	pthread_mutex_unlock(&keeper->lock);
	/* A process that is gone already shows as end of file. */
	(void)packet_send(control_fd, &packet, -1);
	strbuf_free(&packet);
}

/* Descriptors 3 and 4 of the child are targets of dup2: sources must lie above them. */
static int high_descriptor(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, SCANNER_LISTEN_FD + 1);

	close(fd);
	return high;
}

static int start_process(struct scanner_keeper *keeper, struct process *process_r, char **error_r)
{
	int pair[2], error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		*error_r = xasprintf("cannot make a socket pair: %s", strerror(errno));
		return -1;
	}
	pair[1] = high_descriptor(pair[1]);
	error = spawn_process(pair[1], keeper->listen_fd, &process_r->pid);
	close(pair[1]);
	if (error != 0) {
		*error_r = xasprintf("cannot start the scanner: %s", strerror(error));
		close(pair[0]);
		process_r->pid = 0;
		return -1;
	}
	process_r->control_fd = pair[0];
	send_settings(keeper, pair[0]);
	metric_add(&started, 1);
	return 0;
}

static void remove_temp(struct scanner_keeper *keeper, pid_t pid)
{
	char *path;

	pthread_mutex_lock(&keeper->lock);
	path = xasprintf("%s/%d", keeper->settings.temp_directory, (int)pid);
	pthread_mutex_unlock(&keeper->lock);
	folder_remove(path);
	free(path);
}

/* Lets a process go: its end of the control socket sees end of file, it drains and exits. */
static void dismiss(struct scanner_keeper *keeper, struct process *process)
{
	if (process->pid == 0)
		return;
	close(process->control_fd);
	for (size_t i = 0; i < MAX_OLD_PROCESSES; i++) {
		if (keeper->old[i] == 0) {
			keeper->old[i] = process->pid;
			break;
		}
	}
	process->pid = 0;
}

static bool reap_old(struct scanner_keeper *keeper)
{
	bool any = false;

	for (size_t i = 0; i < MAX_OLD_PROCESSES; i++) {
		if (keeper->old[i] == 0)
			continue;
		if (waitpid(keeper->old[i], NULL, WNOHANG) == 0) {
			any = true;
			continue;
		}
		remove_temp(keeper, keeper->old[i]);
		keeper->old[i] = 0;
	}
	return any;
}

static const char *value_or(const struct packet *packet, const char *name, const char *otherwise)
{
	const char *value = packet_get(packet, name);

	return value != NULL ? value : otherwise;
}

/* Returns 1: ready, 0: went on, -1: it is gone or failed, and *error_r. */
static int take_event(const struct process *process, char **error_r)
{
	struct packet packet;
	const char *event;
	int fd = -1, ret = packet_receive(process->control_fd, &packet, &fd, error_r);

	if (ret == 0)
		*error_r = xstrdup("the scanner process died");
	if (ret <= 0)
		return -1;
	if (fd >= 0)
		close(fd);
	event = value_or(&packet, "event", "");
	ret = 0;
	if (strcmp(event, "ready") == 0) {
		metric_set(&signatures, atoll(value_or(&packet, "signatures", "0")));
		metric_set(&loaded_at, (int64_t)time(NULL));
		msg_info("scanner: action=ready, process=%d, signatures=%s", (int)process->pid,
			 value_or(&packet, "signatures", "0"));
		ret = 1;
	} else if (strcmp(event, "worker-died") == 0) {
		metric_add(&workers_died, 1);
		msg_warn("scanner: action=worker-died, signal=%s, busy_ms=%s%s%s",
			 value_or(&packet, "signal", "0"), value_or(&packet, "busy", "0"),
			 packet_get(&packet, "reason") != NULL ? ", reason=" : "",
			 value_or(&packet, "reason", ""));
	} else {
		*error_r = xstrdup(value_or(&packet, "reason", "the scanner does not start"));
		ret = -1;
	}
	packet_free(&packet);
	return ret;
}

static void warn_of_age(struct scanner_keeper *keeper, time_t newest)
{
	int64_t age_s = (int64_t)(time(NULL) - newest), limit_s = keeper->max_age_s;

	metric_set(&stale, limit_s > 0 && age_s > limit_s);
	if (limit_s == 0 || age_s <= limit_s || clock_ms() < keeper->warn_at_ms)
		return;
	msg_warn("scanner: the newest virus signatures are %lld days old; does freshclam run?",
		 (long long)(age_s / 86400));
	keeper->warn_at_ms = clock_ms() + WARN_INTERVAL_MS;
}

static void look_at_folder(struct scanner_keeper *keeper, uint64_t *fingerprint_r)
{
	char *directory, *error = NULL;
	time_t newest = 0;

	pthread_mutex_lock(&keeper->lock);
	directory = xstrdup(keeper->settings.database_directory);
	pthread_mutex_unlock(&keeper->lock);
	if (folder_fingerprint(directory, fingerprint_r, &newest, &error) < 0) {
		msg_warn("scanner: %s", error);
		free(error);
	} else {
		metric_set(&database_time, newest);
		warn_of_age(keeper, newest);
	}
	free(directory);
}

static void start_fresh(struct scanner_keeper *keeper, const char *why)
{
	char *error = NULL;

	look_at_folder(keeper, &keeper->loaded_fingerprint);
	keeper->seen_fingerprint = keeper->loaded_fingerprint;
	keeper->fresh_until_ms = clock_ms() + LOAD_TIMEOUT_S * 1000;
	if (start_process(keeper, &keeper->fresh, &error) < 0) {
		msg_error("scanner: action=start-failed, reason=%s", error);
		keeper->retry_at_ms = clock_ms() + RETRY_PAUSE_MS;
		free(error);
	} else {
		msg_info("scanner: action=load, process=%d, cause=%s", (int)keeper->fresh.pid, why);
	}
}

static void handle_current(struct scanner_keeper *keeper)
{
	char *error = NULL;

	if (take_event(&keeper->current, &error) >= 0)
		return;
	atomic_store(&keeper->ready, false);
	metric_add(&died, 1);
	msg_error("scanner: action=died, process=%d, reason=%s", (int)keeper->current.pid, error);
	free(error);
	dismiss(keeper, &keeper->current);
}

static void handle_fresh(struct scanner_keeper *keeper)
{
	char *error = NULL;
	int ret = take_event(&keeper->fresh, &error);

	if (ret == 1) {
		dismiss(keeper, &keeper->current);
		keeper->current = keeper->fresh;
		keeper->fresh.pid = 0;
		atomic_store(&keeper->ready, true);
	} else if (ret < 0) {
		metric_add(&load_failed, 1);
		msg_error("scanner: action=load-failed, reason=%s%s", error,
			  keeper->current.pid != 0 ? ", the old signatures stay in use" : "");
		dismiss(keeper, &keeper->fresh);
		keeper->retry_at_ms = clock_ms() + RETRY_PAUSE_MS;
	}
	free(error);
}

/* A folder that is still being written changes from look to look: loaded when it stands still. */
static bool folder_changed(struct scanner_keeper *keeper)
{
	uint64_t fingerprint = keeper->seen_fingerprint;
	bool still;

	if (clock_ms() < keeper->next_look_ms)
		return false;
	look_at_folder(keeper, &fingerprint);
	still = fingerprint == keeper->seen_fingerprint;
	keeper->seen_fingerprint = fingerprint;
	keeper->next_look_ms = clock_ms() + (still ? keeper->interval_ms : TICK_MS);
	return still && fingerprint != keeper->loaded_fingerprint;
}

static bool take_reload_wanted(struct scanner_keeper *keeper)
{
	bool wanted;

	pthread_mutex_lock(&keeper->lock);
	wanted = keeper->reload_wanted;
	pthread_mutex_unlock(&keeper->lock);
	return wanted;
}

static void decide_fresh(struct scanner_keeper *keeper)
{
	if (keeper->fresh.pid != 0) {
		if (clock_ms() > keeper->fresh_until_ms)
			kill(keeper->fresh.pid, SIGKILL);
		return;
	}
	if (take_reload_wanted(keeper))
		start_fresh(keeper, "reload");
	else if (keeper->current.pid == 0 && clock_ms() >= keeper->retry_at_ms)
		start_fresh(keeper, "restart");
	else if (keeper->current.pid != 0 && folder_changed(keeper))
		start_fresh(keeper, "new-signatures");
}

/* Copies of suppressed messages that have become too old. */
static void purge_kept(struct scanner_keeper *keeper)
{
	char *directory;
	unsigned count;

	if (clock_ms() < keeper->purge_at_ms)
		return;
	keeper->purge_at_ms = clock_ms() + PURGE_INTERVAL_MS;
	pthread_mutex_lock(&keeper->lock);
	directory = xstrdup(keeper->keep_directory);
	pthread_mutex_unlock(&keeper->lock);
	count = kept_purge(directory, keeper->keep_s);
	if (count > 0)
		msg_info("kept messages: action=purge, count=%u", count);
	free(directory);
}

static void *keep(void *argument)
{
	struct scanner_keeper *keeper = argument;
	uint64_t ignored;

	pulse_start(&keeper->pulse, "the scanner's keeper", PULSE_S);
	while (!atomic_load(&keeper->stopping)) {
		struct pollfd wait[3] = {
			{.fd = keeper->wake_fd, .events = POLLIN},
			{.fd = keeper->current.pid != 0 ? keeper->current.control_fd : -1,
			 .events = POLLIN},
			{.fd = keeper->fresh.pid != 0 ? keeper->fresh.control_fd : -1,
			 .events = POLLIN}};

		if (poll(wait, 3, TICK_MS) > 0) {
			if (wait[0].revents != 0 &&
			    read(keeper->wake_fd, &ignored, sizeof(ignored)) < 0)
				continue;
			if (wait[1].revents != 0)
				handle_current(keeper);
			if (wait[2].revents != 0)
				handle_fresh(keeper);
		}
		reap_old(keeper);
		decide_fresh(keeper);
		purge_kept(keeper);
		pulse_beat(&keeper->pulse, PULSE_S);
	}
	pulse_stop(&keeper->pulse);
	return NULL;
}

static int wait_for_first(struct scanner_keeper *keeper, char **error_r)
{
	int ret;

	look_at_folder(keeper, &keeper->loaded_fingerprint);
	keeper->seen_fingerprint = keeper->loaded_fingerprint;
	if (start_process(keeper, &keeper->current, error_r) < 0)
		return -1;
	endpoint_set_timeout(keeper->current.control_fd, LOAD_TIMEOUT_S);
	do
		ret = take_event(&keeper->current, error_r);
	while (ret == 0);
	endpoint_set_timeout(keeper->current.control_fd, 0);
	return ret < 0 ? -1 : 0;
}

static void take_conf(struct scanner_keeper *keeper, const struct conf *conf)
{
	scanner_settings_free(&keeper->settings);
	scanner_settings_from_conf(&keeper->settings, conf);
	keeper->interval_ms = conf_number(conf, P_SCANNER_RELOAD_INTERVAL) * 1000;
	keeper->keep_s = conf_number(conf, P_VIRUS_KEEP);
	free(keeper->keep_directory);
	keeper->keep_directory = xstrdup(conf_text(conf, P_VIRUS_KEEP_DIRECTORY));
	keeper->max_age_s = conf_number(conf, P_SCANNER_MAX_AGE);
}

static void wait_for_ends(struct scanner_keeper *keeper)
{
	int64_t until = clock_ms() + STOP_GRACE_MS;

	dismiss(keeper, &keeper->current);
	dismiss(keeper, &keeper->fresh);
	while (reap_old(keeper) && clock_ms() < until)
		poll(NULL, 0, 10);
	for (size_t i = 0; i < MAX_OLD_PROCESSES; i++) {
		if (keeper->old[i] != 0)
			kill(keeper->old[i], SIGKILL);
	}
	while (reap_old(keeper))
		poll(NULL, 0, 10);
}

static void free_keeper(struct scanner_keeper *keeper)
{
	wait_for_ends(keeper);
	close(keeper->listen_fd);
	if (keeper->wake_fd >= 0)
		close(keeper->wake_fd);
	scanner_settings_free(&keeper->settings);
	free(keeper->keep_directory);
	pthread_mutex_destroy(&keeper->lock);
	free(keeper);
}

int scanner_keeper_start(const struct conf *conf, int listen_fd, struct scanner_keeper **keeper_r,
			 char **error_r)
{
	struct scanner_keeper *keeper = xcalloc(1, sizeof(*keeper));
	int error;

	pthread_mutex_init(&keeper->lock, NULL);
	take_conf(keeper, conf);
	keeper->listen_fd = high_descriptor(listen_fd);
	keeper->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	folder_empty(keeper->settings.temp_directory);
	if (wait_for_first(keeper, error_r) < 0) {
		free_keeper(keeper);
		return -1;
	}
	atomic_store(&keeper->ready, true);
	error = pthread_create(&keeper->thread, NULL, keep, keeper);
	if (error != 0) {
		*error_r = xasprintf("cannot start a thread: %s", strerror(error));
		free_keeper(keeper);
		return -1;
	}
	*keeper_r = keeper;
	return 0;
}

static void wake(struct scanner_keeper *keeper)
{
	uint64_t one = 1;

	if (write(keeper->wake_fd, &one, sizeof(one)) < 0)
		msg_panic("cannot write to an eventfd: %s", strerror(errno));
}

void scanner_keeper_reload(struct scanner_keeper *keeper, const struct conf *conf)
{
	struct strbuf before = STRBUF_INIT, after = STRBUF_INIT;

	pthread_mutex_lock(&keeper->lock);
	scanner_settings_write(&keeper->settings, &before);
	take_conf(keeper, conf);
	scanner_settings_write(&keeper->settings, &after);
	/* Hundreds of megabytes are not loaded again for nothing. */
	keeper->reload_wanted |= !span_equal(strbuf_span(&before), strbuf_span(&after));
	pthread_mutex_unlock(&keeper->lock);
	strbuf_free(&before);
	strbuf_free(&after);
	wake(keeper);
}

bool scanner_keeper_ready(struct scanner_keeper *keeper)
{
	return atomic_load(&keeper->ready);
}

void scanner_keeper_stop(struct scanner_keeper **keeper_p)
{
	struct scanner_keeper *keeper = *keeper_p;

	if (keeper == NULL)
		return;
	*keeper_p = NULL;
	atomic_store(&keeper->stopping, true);
	wake(keeper);
	pthread_join(keeper->thread, NULL);
	free_keeper(keeper);
}
