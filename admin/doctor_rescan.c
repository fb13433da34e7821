/* Did the weekly re-scan run, and how did it end? */
#include "doctor.h"
#include "probe.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MAX_AGE_DAYS 9 /* a week, the timer's random delay, and a long run */

/* What shoveler-rescan.service noted: the exit status of the last run, "0" if all was scanned. */
static void judge_last(struct doctor *doctor, FILE *file, const char *path)
{
	char status[32] = "", day[32];
	struct stat st;
	struct tm tm;

	if (fstat(fileno(file), &st) < 0 || fgets(status, sizeof(status), file) == NULL) {
		doctor_report(doctor, FINDING_WARNING, "rescan-unknown",
			      "systemctl start shoveler-rescan, which writes it",
			      "%s cannot be read", path);
		return;
	}
	status[strcspn(status, "\n")] = '\0';
	strftime(day, sizeof(day), "%Y-%m-%d %H:%M", localtime_r(&st.st_mtime, &tm));
	if (strcmp(status, "0") != 0)
		doctor_report(
			doctor, FINDING_WARNING, "rescan-failed",
			"journalctl -u shoveler-rescan says why; then systemctl start shoveler-rescan",
			"the last weekly re-scan ended %s with status %s: not all was scanned", day,
			status);
	else if (time(NULL) - st.st_mtime > MAX_AGE_DAYS * 86400)
		doctor_report(
			doctor, FINDING_WARNING, "rescan-late",
			"systemctl restart shoveler-rescan.timer; systemctl start shoveler-rescan",
			"the last weekly re-scan ended long ago: %s", day);
	else
		doctor_ok(doctor, "the last weekly re-scan ended %s", day);
}

void doctor_check_rescan(struct doctor *doctor, const struct conf *conf)
{
	char *path;
	FILE *file;

	if (!service_wanted(conf, &services[0]) || !service_wanted(conf, &services[1]) ||
	    !conf_bool(conf, P_VIRUS_SCAN))
		return;
	path = xasprintf("%s/rescan.last", conf_text(conf, P_STATE_DIRECTORY));
	file = fopen(path, "re");
	if (!doctor_timer_enabled("shoveler-rescan.timer"))
		doctor_report(doctor, FINDING_WARNING, "rescan-disabled",
			      "systemctl enable --now shoveler-rescan.timer",
			      "nothing runs the weekly re-scan of the mailboxes");
	else if (file == NULL)
		doctor_ok(doctor, "the weekly re-scan is enabled, and did not run yet");
	if (file != NULL) {
		judge_last(doctor, file, path);
		fclose(file);
	}
	free(path);
}
