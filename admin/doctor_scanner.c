/* Are the signatures of viruses there, loaded and fresh? */
#include "doctor.h"
#include "probe.h"

#include "milter/folder.h"

#include <stdlib.h>
#include <time.h>

#define DAY_S 86400

#define LOAD_S 900 /* loading takes a minute on a slow host */

/* New signatures on the disk are of no use until the scanner has loaded them. */
static void check_loaded(struct doctor *doctor, const struct conf *conf, time_t newest)
{
	static const char name[] = "\nshoveler_milter_scanner_loaded_timestamp_seconds ";
	const char *address = conf_text(conf, P_MILTER_METRICS_LISTEN), *found = NULL;
	struct strbuf page = STRBUF_INIT;
	char *error = NULL;
	int64_t loaded;

	if (address[0] != '\0' && probe_metrics(address, &page, &error) == 0)
		found = strstr(strbuf_text(&page), name);
	loaded = found != NULL ? strtoll(found + sizeof(name) - 1, NULL, 10) : 0;
	if (loaded > 0 && newest - loaded > conf_number(conf, P_SCANNER_RELOAD_INTERVAL) &&
	    time(NULL) - newest > LOAD_S)
		doctor_report(doctor, FINDING_ERROR, "signatures-not-loaded",
			      "journalctl -u shoveler-milter says why: a damaged file, no memory?",
			      "the scanner has not loaded the newest virus signatures for %lld "
			      "minutes",
			      (long long)(time(NULL) - newest) / 60);
	free(error);
	strbuf_free(&page);
}

/* How old is what the scanner finds viruses by? */
void doctor_check_scanner(struct doctor *doctor, const struct conf *conf)
{
	const char *directory = conf_text(conf, P_SCANNER_DATABASE_DIRECTORY);
	int64_t age_s, limit_s = conf_number(conf, P_SCANNER_MAX_AGE);
	uint64_t fingerprint;
	char *error = NULL;
	time_t newest;

	if (!service_wanted(conf, &services[0]) || !conf_bool(conf, P_VIRUS_SCAN))
		return;
	if (folder_fingerprint(directory, &fingerprint, &newest, &error) < 0) {
		doctor_report(
			doctor, FINDING_ERROR, "signatures-unreadable",
			"apt install clamav-freshclam; scanner_database_directory says where they lie",
			"%s", error);
		free(error);
		return;
	}
	age_s = (int64_t)(time(NULL) - newest);
	if (newest == 0)
		doctor_report(
			doctor, FINDING_ERROR, "signatures-missing",
			"apt install clamav-freshclam; systemctl enable --now clamav-freshclam, whose log says what it got",
			"%s has no virus signatures: mail for mailboxes is put off", directory);
	else if (limit_s > 0 && age_s > limit_s)
		doctor_report(
			doctor, FINDING_WARNING, "signatures-old",
			"systemctl enable --now clamav-freshclam; journalctl -u clamav-freshclam says why nothing comes",
			"the newest virus signatures are %lld days old",
			(long long)(age_s / DAY_S));
	else
		doctor_ok(doctor, "the newest virus signatures are %lld days old",
			  (long long)(age_s / DAY_S));
	if (newest != 0)
		check_loaded(doctor, conf, newest);
}
