#include "doctor.h"
#include "probe.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENABLED_FOLDER "/etc/systemd/system/timers.target.wants"

bool doctor_timer_enabled(const char *timer)
{
	char *path = xasprintf(ENABLED_FOLDER "/%s", timer);
	bool enabled = access(path, F_OK) == 0;

	free(path);
	return enabled;
}

#define REPORT_AGE_S 900 /* it runs each minute */

static void check_report(struct doctor *doctor, const struct conf *conf)
{
	char *path = xasprintf("%s/report/host.json", conf_text(conf, P_STATE_DIRECTORY));
	struct stat st;

	if (service_wanted(conf, &services[3]) && stat(path, &st) == 0 &&
	    time(NULL) - st.st_mtime > REPORT_AGE_S)
		doctor_report(
			doctor, FINDING_WARNING, "report-old",
			"systemctl start shoveler-report; if that does not help, journalctl -u shoveler-report",
			"what the web page shows of the host is %lld minutes old",
			(long long)(time(NULL) - st.st_mtime) / 60);
	free(path);
}

#define BACKUP_MANIFEST "/var/backups/shoveler/manifest" /* of shoveler-backup.service */
#define BACKUP_AGE_S	(2 * 86400)			 /* it runs each night */

/* Who backs up in another way does not enable it. */
static void check_backup(struct doctor *doctor)
{
	struct stat st;
	char day[32];
	struct tm tm;

	if (!doctor_timer_enabled("shoveler-backup.timer"))
		return;
	if (stat(BACKUP_MANIFEST, &st) < 0) {
		doctor_ok(doctor, "the nightly backup is enabled, and did not run yet");
		return;
	}
	strftime(day, sizeof(day), "%Y-%m-%d %H:%M", localtime_r(&st.st_mtime, &tm));
	if (time(NULL) - st.st_mtime > BACKUP_AGE_S)
		doctor_report(
			doctor, FINDING_WARNING, "backup-old",
			"systemctl start shoveler-backup; if that does not help, journalctl -u shoveler-backup",
			"the last backup is of %s, and one is made each night", day);
	else
		doctor_ok(doctor, "the last backup is of %s", day);
}

/* Those that look after themselves: doctor_rescan.c, doctor_mx2.c. */
void doctor_check_timers(struct doctor *doctor, const struct conf *conf)
{
	static const struct {
		unsigned service; /* index in services */
		const char *timer, *advice, *missing;
	} timers[] = {
		{2, "shoveler-sharing.timer", "systemctl enable --now shoveler-sharing.timer",
		 "nothing checks each night who shares with whom"},
		{3, "shoveler-report.timer", "systemctl enable --now shoveler-report.timer",
		 "nothing tells the web page of the queue and of these checks"},
	};

	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		if (!service_wanted(conf, &services[timers[i].service]) ||
		    (i == 0 && !conf_bool(conf, P_SHARING_PLUGINS)))
			continue;
		if (doctor_timer_enabled(timers[i].timer))
			doctor_ok(doctor, "%s is enabled", timers[i].timer);
		else
			doctor_report(doctor, FINDING_WARNING, "timer-disabled", timers[i].advice,
				      "%s", timers[i].missing);
	}
	check_report(doctor, conf);
	check_backup(doctor);
}
