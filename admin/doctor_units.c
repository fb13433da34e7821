/* doctor_units.c - what systemd says of what we need; nothing where there is no systemd. */
#include "doctor.h"
#include "probe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMD_RUNS "/run/systemd/system"
#define UNITS_MAX    24

/* One paragraph of `systemctl show`. */
struct unit {
	char id[128], load[32], active[32], enabled[32], reload[8];
	unsigned restarts;
};

static void take(struct unit *unit, const char *line)
{
	(void)(sscanf(line, "Id=%127s", unit->id) == 1 ||
	       sscanf(line, "LoadState=%31s", unit->load) == 1 ||
	       sscanf(line, "ActiveState=%31s", unit->active) == 1 ||
	       sscanf(line, "UnitFileState=%31s", unit->enabled) == 1 ||
	       sscanf(line, "NeedDaemonReload=%7s", unit->reload) == 1 ||
	       sscanf(line, "NRestarts=%u", &unit->restarts) == 1);
}

/*
 * wanted: it must run, and start with the host; else only failing is a fault, and not running what
 * is enabled.
 */
static void judge(struct doctor *doctor, const struct unit *unit, bool wanted)
{
	bool runs = strcmp(unit->active, "active") == 0 || strcmp(unit->active, "reloading") == 0;

	if (strcmp(unit->load, "loaded") != 0)
		return;
	if (strcmp(unit->active, "failed") == 0)
		doctor_report(doctor, FINDING_ERROR, "unit-failed",
			      doctor_advice(doctor,
					    "journalctl -u %s says why; then systemctl restart %s",
					    unit->id, unit->id),
			      "%s has failed", unit->id);
	else if (wanted && !runs)
		doctor_report(
			doctor, FINDING_ERROR, "unit-stopped",
			doctor_advice(
				doctor,
				"systemctl enable --now %s; if that does not help, journalctl -u %s",
				unit->id, unit->id),
			"%s is %s", unit->id, unit->active);
	else if (strcmp(unit->enabled, "enabled") == 0 && !runs)
		doctor_report(
			doctor, FINDING_WARNING, "unit-inactive",
			doctor_advice(
				doctor,
				"systemctl start %s; or, if nobody wants it, systemctl disable %s",
				unit->id, unit->id),
			"%s is enabled, and %s", unit->id, unit->active);
	else if (wanted && strcmp(unit->enabled, "disabled") == 0)
		doctor_report(doctor, FINDING_WARNING, "unit-disabled",
			      doctor_advice(doctor, "systemctl enable %s", unit->id),
			      "%s runs, and will not after the next boot", unit->id);
	else if (unit->restarts > 0)
		doctor_report(
			doctor, FINDING_WARNING, "unit-restarted",
			doctor_advice(
				doctor,
				"journalctl -u %s says why it ended; once that is mended, systemctl restart %s counts anew",
				unit->id, unit->id),
			"%s had to be restarted %u times", unit->id, unit->restarts);
	else if (strcmp(unit->reload, "yes") == 0)
		doctor_report(doctor, FINDING_WARNING, "unit-changed",
			      doctor_advice(doctor, "systemctl daemon-reload; systemctl restart %s",
					    unit->id),
			      "the file of %s has changed since it was read", unit->id);
	else
		doctor_ok(doctor, "%s is %s", unit->id, unit->active);
}

/* Whether somebody wants it to run on a host with these services. */
static bool is_wanted(const struct conf *conf, const char *id)
{
	for (const struct service *service = services; service->program != NULL; service++) {
		size_t size = strlen(service->program);

		if (strncmp(id, service->program, size) == 0 && strcmp(id + size, ".service") == 0)
			return service_wanted(conf, service);
	}
	return false;
}

static void judge_all(struct doctor *doctor, const struct conf *conf, char *said)
{
	struct unit unit = {0};
	char *line;

	while ((line = strsep(&said, "\n")) != NULL) {
		take(&unit, line);
		if (line[0] == '\0' && unit.id[0] != '\0') {
			judge(doctor, &unit, is_wanted(conf, unit.id));
			unit = (struct unit){0};
		}
	}
}

void doctor_check_units(struct doctor *doctor, const struct conf *conf)
{
	static const char *const argv[UNITS_MAX] = {
		"systemctl",
		"show",
		"--property=Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload,NRestarts",
		"shoveler-milter.service",
		"shoveler-lda.service",
		"spamtraind.service",
		"shoveler-web.service",
		"shoveler-rescan.service",
		"shoveler-mx2.service",
		"shoveler-sharing.service",
		"shoveler-report.service",
		"shoveler-backup.service",
		"clamav-freshclam.service",
		"dovecot.service",
		"postfix@-.service", /* Debian 12 */
		"postfix.service",
	};
	struct strbuf said = STRBUF_INIT;

	if (access(SYSTEMD_RUNS, F_OK) < 0) {
		doctor_ok(doctor, "no systemd runs here");
		return;
	}
	if (doctor_run(argv, &said) == 0) {
		strbuf_append_text(&said, "\n\n");
		judge_all(doctor, conf, said.data);
	} else {
		doctor_report(
			doctor, FINDING_ERROR, "systemctl-fails",
			"as root, on the host itself: systemctl is-system-running; systemctl daemon-reexec",
			"systemctl: %.*s", SPAN_ARG(span_trim(strbuf_span(&said))));
	}
	strbuf_free(&said);
}
