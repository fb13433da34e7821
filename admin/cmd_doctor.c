#include "command.h"
#include "doctor.h"

#include <stdlib.h>

static const struct {
	const char *name;
	void (*check)(struct doctor *doctor, const struct conf *conf);
} checks[] = {
	{"daemons", doctor_check_daemons},   {"sockets", doctor_check_sockets},
	{"metrics", doctor_check_metrics},   {"permissions", doctor_check_permissions},
	{"postfix", doctor_check_postfix},   {"maps", doctor_check_maps},
	{"delivery", doctor_check_delivery}, {"dovecot", doctor_check_dovecot},
	{"policy", doctor_check_policy},     {"stores", doctor_check_stores},
	{"retrain", doctor_check_retrain},   {"scanner", doctor_check_scanner},
	{"rescan", doctor_check_rescan},     {"timers", doctor_check_timers},
	{"mx2", doctor_check_mx2},
};

static void check_configuration(struct doctor *doctor, struct admin *admin)
{
	char *error = NULL;

	doctor_begin(doctor, "configuration");
	if (conf_load(admin->directory, &admin->conf, &error) == 0)
		doctor_report(doctor, FINDING_OK, NULL, "%s/main.cf is readable and valid",
			      admin->directory);
	else
		doctor_report(doctor, FINDING_ERROR,
			      "mend it; `shoveler conf -d` lists all settings", "%s", error);
	free(error);
}

int command_doctor(struct admin *admin, int argc, char **argv)
{
	struct doctor *doctor = doctor_new(admin->json);

	(void)argc;
	(void)argv;
	check_configuration(doctor, admin);
	for (size_t i = 0; admin->conf != NULL && i < sizeof(checks) / sizeof(checks[0]); i++) {
		doctor_begin(doctor, checks[i].name);
		checks[i].check(doctor, admin->conf);
	}
	return doctor_end(&doctor);
}
