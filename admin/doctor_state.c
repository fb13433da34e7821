/* doctor_state.c - the disks, the clock, and corrections that wait. */
#include "doctor.h"
#include "probe.h"

#include "lib/xalloc.h"

#include <dirent.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

/* ---- space ---- */

#define WARN_PERCENT  5
#define ERROR_PERCENT 1
#define PLENTY_BYTES  (UINT64_C(20) << 30) /* is enough, however large the disk is */
#define PLACES_MAX    8

/* What does not count is room that only root may fill. */
static void judge_room(struct doctor *doctor, const char *path, const char *what, uint64_t left,
		       uint64_t all)
{
	uint64_t percent = all > 0 ? left * 100 / all : 100;
	enum finding finding = percent < ERROR_PERCENT	? FINDING_ERROR
			       : percent < WARN_PERCENT ? FINDING_WARNING
							: FINDING_OK;

	if (finding == FINDING_OK)
		doctor_ok(doctor, "%s: %" PRIu64 "%% of the %s are free", path, percent, what);
	else
		doctor_report(doctor, finding, "disk-full",
			      "make room: mail is put off when there is none",
			      "%s: %" PRIu64 "%% of the %s are free", path, percent, what);
}

static void judge_disk(struct doctor *doctor, const char *path, const struct statvfs *disk)
{
	uint64_t free_bytes = (uint64_t)disk->f_bavail * disk->f_frsize;

	if (free_bytes >= PLENTY_BYTES)
		doctor_ok(doctor, "%s: %" PRIu64 " GiB are free", path, free_bytes >> 30);
	else
		judge_room(doctor, path, "bytes", disk->f_bavail,
			   disk->f_blocks - disk->f_bfree + disk->f_bavail);
	/* btrfs and others have no number of inodes. */
	if (disk->f_files > 0)
		judge_room(doctor, path, "inodes", disk->f_favail, disk->f_files);
}

void doctor_check_space(struct doctor *doctor, const struct conf *conf)
{
	char *queue = doctor_postconf(doctor, conf, "queue_directory");
	const char *const places[PLACES_MAX] = {
		conf_text(conf, P_STATE_DIRECTORY),
		conf_text(conf, P_USERS_DIRECTORY),
		conf_text(conf, P_RETRAIN_SPOOL),
		conf_text(conf, P_VIRUS_KEEP_DIRECTORY),
		conf_text(conf, P_SCANNER_TEMP_DIRECTORY),
		conf_text(conf, P_TEMPORARY_DIRECTORY),
		queue,
	};
	unsigned long seen[PLACES_MAX];
	size_t count = 0, known;

	for (size_t i = 0; i < PLACES_MAX && places[i] != NULL; i++) {
		struct statvfs disk;

		if (statvfs(places[i], &disk) < 0)
			continue;
		for (known = 0; known < count && seen[known] != disk.f_fsid; known++)
			;
		if (known < count)
			continue;
		seen[count++] = disk.f_fsid;
		judge_disk(doctor, places[i], &disk);
	}
	free(queue);
}

/* ---- clock ---- */

#define AHEAD_S 3600

/* Whether this process could set it: in a container that is the machine's business. */
static bool is_our_clock(void)
{
	return prctl(PR_CAPBSET_READ, CAP_SYS_TIME, 0, 0, 0) == 1;
}

/* What was written tomorrow was written before the clock went back. */
static bool check_ahead(struct doctor *doctor, const struct conf *conf, const char *name)
{
	char *path = xasprintf("%s/%s", conf_text(conf, P_STATE_DIRECTORY), name);
	struct stat st;
	bool ahead = stat(path, &st) == 0 && st.st_mtime > time(NULL) + AHEAD_S;

	if (ahead)
		doctor_report(doctor, FINDING_ERROR, "clock-back",
			      doctor_advice(doctor,
					    "set the clock right; if it is right now: touch %s",
					    path),
			      "%s is from the future: the clock has gone back", path);
	free(path);
	return ahead;
}

void doctor_check_clock(struct doctor *doctor, const struct conf *conf)
{
	static const char *const names[] = {"users",	   "policy.sqlite", "mx2.state",
					    "rescan.last", "milter",	    "report/host.json"};
	struct timex timex = {.modes = 0};
	bool ahead = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ahead = check_ahead(doctor, conf, names[i]) || ahead;
	if (!is_our_clock())
		doctor_ok(doctor,
			  "who sets the clock is not seen from here: a container, or a unit");
	else if (adjtimex(&timex) == TIME_ERROR || (timex.status & STA_UNSYNC) != 0)
		doctor_report(
			doctor, FINDING_WARNING, "clock-unsynchronised",
			"run an NTP client: apt install systemd-timesyncd, or chrony",
			"the clock is not synchronised: certificates, signatures and retention "
			"need it");
	else
		doctor_ok(doctor, "the clock is synchronised");
}

/* ---- spool ---- */

#define WAIT_S 900

struct folder {
	size_t files;
	time_t oldest;
};

static struct folder look_into(const struct conf *conf, const char *name)
{
	char *path = xasprintf("%s/%s", conf_text(conf, P_RETRAIN_SPOOL), name), *file;
	struct folder folder = {0, time(NULL)};
	DIR *dir = opendir(path);
	const struct dirent *entry;
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		file = xasprintf("%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && stat(file, &st) == 0) {
			folder.files++;
			if (st.st_mtime < folder.oldest)
				folder.oldest = st.st_mtime;
		}
		free(file);
	}
	if (dir != NULL)
		closedir(dir);
	free(path);
	return folder;
}

static void check_waiting(struct doctor *doctor, const struct conf *conf, const char *name,
			  const char *what)
{
	struct folder folder = look_into(conf, name);
	long long minutes = (long long)(time(NULL) - folder.oldest) / 60;

	if (minutes * 60 >= WAIT_S)
		doctor_report(doctor, FINDING_WARNING, "spool-waits",
			      doctor_advice(doctor,
					    "systemctl restart spamtraind; if that does not help, "
					    "journalctl -u spamtraind, and ls %s/%s: what is not "
					    "named as the others is nobody's",
					    conf_text(conf, P_RETRAIN_SPOOL), name),
			      "%zu %s wait, the oldest for %lld minutes", folder.files, what,
			      minutes);
	else
		doctor_ok(doctor, "%zu %s wait", folder.files, what);
}

static void check_bad(struct doctor *doctor, const struct conf *conf, const char *name)
{
	struct folder bad = look_into(conf, name);

	if (bad.files > 0)
		doctor_report(
			doctor, FINDING_WARNING, "spool-bad",
			doctor_advice(
				doctor,
				"look at them (plugin and spamtraind of different versions?), then rm %s/%s/*",
				conf_text(conf, P_RETRAIN_SPOOL), name),
			"%s/%s has %zu files that could not be read",
			conf_text(conf, P_RETRAIN_SPOOL), name, bad.files);
}

void doctor_check_spool(struct doctor *doctor, const struct conf *conf)
{
	if (!service_wanted(conf, &services[2]))
		return;
	check_waiting(doctor, conf, "new", "corrections");
	check_waiting(doctor, conf, "outbox/new", "releases and answers");
	check_bad(doctor, conf, "bad");
	check_bad(doctor, conf, "outbox/bad");
}
