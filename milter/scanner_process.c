#include "scanner_process.h"

#include "lib/clock.h"
#include "lib/packet.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "folder.h"
#include "scanner_worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define TICK_MS		 1000
#define RESPAWN_PAUSE_MS 1000 /* a worker that died sooner than this after its start waits */
#define KILL_GRACE_MS	 2000

struct slot {
	pid_t pid; /* 0: none */
	char *temp_directory;
	int64_t started_ms;
	int64_t start_at_ms; /* pid 0: not before */
	bool killed;
};

struct generation {
	struct scanner_settings settings;
	struct scanner_engine *engine;
	unsigned signatures;
	char database[48]; /* see scanner_worker.h */
	struct slot *slots;
	_Atomic int64_t *busy_since; /* one a slot, in memory shared with the workers */
	char *temp_directory;
	int signal_fd;
	bool draining;
	int64_t drain_until_ms;
};

static void report(const char *event, const char *name, const char *value)
{
	struct strbuf packet = STRBUF_INIT;

	packet_put(&packet, "event", event);
	packet_put(&packet, name, value);
	/* A milter that is gone shows as end of file in the loop. */
	(void)packet_send(SCANNER_CONTROL_FD, &packet, -1);
	strbuf_free(&packet);
}

static void spawn(struct generation *generation, size_t i)
{
	struct slot *slot = &generation->slots[i];
	struct scanner_worker worker = {
		.settings = &generation->settings,
		.engine = generation->engine,
		.database = generation->database,
		.listen_fd = SCANNER_LISTEN_FD,
		.temp_directory = slot->temp_directory,
		.busy_since = &generation->busy_since[i],
	};

	folder_remove(slot->temp_directory);
	atomic_store(&generation->busy_since[i], 0);
	slot->started_ms = clock_ms();
	slot->killed = false;
	slot->pid = mkdir(slot->temp_directory, 0700) < 0 ? -1 : fork();
	if (slot->pid == 0) {
		close(SCANNER_CONTROL_FD);
		close(generation->signal_fd);
		scanner_worker_run(&worker);
	}
	if (slot->pid < 0) {
		slot->pid = 0;
		slot->start_at_ms = slot->started_ms + RESPAWN_PAUSE_MS;
	}
}

static void report_death(struct generation *generation, size_t i, int status)
{
	int64_t busy_since = atomic_load(&generation->busy_since[i]);
	struct strbuf packet = STRBUF_INIT;
	char number[32];

	packet_put(&packet, "event", "worker-died");
	snprintf(number, sizeof(number), "%d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	packet_put(&packet, "signal", number);
	snprintf(number, sizeof(number), "%lld",
		 busy_since == 0 ? 0LL : (long long)(clock_ms() - busy_since));
	packet_put(&packet, "busy", number);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SCANNER_WORKER_NO_MEMORY)
		packet_put(&packet, "reason", "not enough memory (scanner_max_memory)");
	(void)packet_send(SCANNER_CONTROL_FD, &packet, -1);
	strbuf_free(&packet);
}

static void reap(struct generation *generation)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < (size_t)generation->settings.workers; i++) {
			struct slot *slot = &generation->slots[i];
			int64_t now = clock_ms();

			if (slot->pid != pid)
				continue;
			slot->pid = 0;
			slot->start_at_ms = now - slot->started_ms < RESPAWN_PAUSE_MS
						    ? now + RESPAWN_PAUSE_MS
						    : now;
			if (!generation->draining)
				report_death(generation, i, status);
		}
	}
}

static void kill_hung(struct generation *generation, int64_t now)
{
	for (size_t i = 0; i < (size_t)generation->settings.workers; i++) {
		struct slot *slot = &generation->slots[i];
		int64_t busy_since = atomic_load(&generation->busy_since[i]);

		if (slot->pid > 0 && !slot->killed && busy_since != 0 &&
		    now - busy_since > generation->settings.timeout_s * 1000) {
			kill(slot->pid, SIGKILL);
			slot->killed = true;
		}
	}
}

static void start_missing(struct generation *generation, int64_t now)
{
	for (size_t i = 0; i < (size_t)generation->settings.workers; i++) {
		struct slot *slot = &generation->slots[i];

		if (slot->pid == 0 && now >= slot->start_at_ms)
			spawn(generation, i);
	}
}

static void begin_drain(struct generation *generation)
{
	generation->draining = true;
	generation->drain_until_ms =
		clock_ms() + generation->settings.timeout_s * 1000 + KILL_GRACE_MS;
	close(SCANNER_LISTEN_FD);
	for (size_t i = 0; i < (size_t)generation->settings.workers; i++) {
		if (generation->slots[i].pid > 0)
			kill(generation->slots[i].pid, SIGTERM);
	}
}

static bool all_ended(const struct generation *generation)
{
	for (size_t i = 0; i < (size_t)generation->settings.workers; i++) {
		if (generation->slots[i].pid > 0)
			return false;
	}
	return true;
}

/* Returns when this generation is over. */
static void supervise(struct generation *generation)
{
	struct pollfd wait[2] = {{.fd = generation->signal_fd, .events = POLLIN},
				 {.fd = SCANNER_CONTROL_FD, .events = POLLIN}};
	struct signalfd_siginfo info;

	for (;;) {
		int64_t now;

		if (poll(wait, generation->draining ? 1 : 2, TICK_MS) > 0 &&
		    (wait[0].revents & POLLIN) != 0 &&
		    read(generation->signal_fd, &info, sizeof(info)) < 0)
			continue;
		if (!generation->draining && wait[1].revents != 0)
			begin_drain(generation);
		reap(generation);
		now = clock_ms();
		kill_hung(generation, now);
		if (!generation->draining)
			start_missing(generation, now);
		else if (all_ended(generation) || now > generation->drain_until_ms)
			return;
	}
}

static int prepare_folders(struct generation *generation, char **error_r)
{
	generation->temp_directory =
		xasprintf("%s/%d", generation->settings.temp_directory, (int)getpid());
	folder_remove(generation->temp_directory);
	if (mkdir(generation->temp_directory, 0700) < 0) {
		*error_r = xasprintf("cannot make %s: %s", generation->temp_directory,
				     strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < (size_t)generation->settings.workers; i++)
		generation->slots[i].temp_directory =
			xasprintf("%s/%zu", generation->temp_directory, i);
	return 0;
}

static int prepare(struct generation *generation, char **error_r)
{
	size_t workers = (size_t)generation->settings.workers;
	sigset_t handled;

	generation->slots = xcalloc(workers, sizeof(*generation->slots));
	generation->busy_since = mmap(NULL, workers * sizeof(int64_t), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigemptyset(&handled);
	sigaddset(&handled, SIGCHLD);
	sigprocmask(SIG_SETMASK, &handled, NULL);
	signal(SIGPIPE, SIG_IGN);
	generation->signal_fd = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
	if (generation->busy_since == MAP_FAILED || generation->signal_fd < 0) {
		*error_r = xasprintf("cannot start the scanner: %s", strerror(errno));
		return -1;
	}
	return prepare_folders(generation, error_r);
}

static int receive_settings(struct scanner_settings *settings, char **error_r)
{
	struct packet packet;
	int fd = -1, ret = packet_receive(SCANNER_CONTROL_FD, &packet, &fd, error_r);

	if (ret == 0)
		*error_r = xstrdup("the milter is gone");
	if (ret <= 0)
		return -1;
	ret = scanner_settings_read(settings, &packet, error_r);
	packet_free(&packet);
	if (fd >= 0)
		close(fd);
	return ret;
}

static int start(struct generation *generation, char **error_r)
{
	uint64_t fingerprint;
	time_t newest;

	/* Before they are loaded: what changes meanwhile makes the next generation another one. */
	if (receive_settings(&generation->settings, error_r) < 0 ||
	    folder_fingerprint(generation->settings.database_directory, &fingerprint, &newest,
			       error_r) < 0 ||
	    scanner_engine_load(&generation->settings, &generation->engine, &generation->signatures,
				error_r) < 0)
		return -1;
	snprintf(generation->database, sizeof(generation->database), "%u-%016llx",
		 generation->signatures, (unsigned long long)fingerprint);
	return prepare(generation, error_r);
}

void scanner_process_main(void)
{
	struct generation generation = {0};
	char count[16];
	char *error = NULL;

	prctl(PR_SET_NAME, "scanner");
	close_range(SCANNER_LISTEN_FD + 1, ~0u, 0);
	if (start(&generation, &error) < 0) {
		report("failed", "reason", error);
		_exit(EX_CONFIG);
	}
	start_missing(&generation, clock_ms());
	snprintf(count, sizeof(count), "%u", generation.signatures);
	report("ready", "signatures", count);
	supervise(&generation);
	folder_remove(generation.temp_directory);
	/* Nothing is freed: the signatures alone would take a second. */
	_exit(EX_OK);
}
