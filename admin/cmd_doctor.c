#include "command.h"
#include "doctor.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

struct doctor {
	bool json;
	const char *check;
	enum finding worst;
	json_t *findings;
};

static const char *const finding_names[] = {"ok", "warning", "error"};

static const struct {
	const char *name;
	void (*check)(struct doctor *doctor, const struct conf *conf);
} checks[] = {
	{"daemons", doctor_check_daemons},   {"sockets", doctor_check_sockets},
	{"metrics", doctor_check_metrics},   {"permissions", doctor_check_permissions},
	{"postfix", doctor_check_postfix},   {"maps", doctor_check_maps},
	{"delivery", doctor_check_delivery}, {"dovecot", doctor_check_dovecot},
	{"policy", doctor_check_policy},     {"stores", doctor_check_stores},
	{"rescan", doctor_check_rescan},
};

static void print_finding(const char *check, enum finding finding, const char *advice,
			  const char *text)
{
	printf("%-8s %-12s %s\n", finding_names[finding], check, text);
	if (finding != FINDING_OK && advice != NULL)
		printf("%-8s %-12s   -> %s\n", "", "", advice);
}

void doctor_report(struct doctor *doctor, enum finding finding, const char *advice,
		   const char *format, ...)
{
	json_t *row, *text;
	va_list args;

	va_start(args, format);
	text = json_vsprintf(format, args);
	va_end(args);
	/* Foreign text that is no UTF-8 has no JSON form. */
	if (text == NULL)
		text = json_string("(text that is no UTF-8)");
	if (finding > doctor->worst)
		doctor->worst = finding;
	if (!doctor->json)
		print_finding(doctor->check, finding, advice, json_string_value(text));
	row = json_pack("{s:s, s:s, s:o}", "check", doctor->check, "finding",
			finding_names[finding], "text", text);
	if (finding != FINDING_OK && advice != NULL)
		json_object_set_new(row, "advice", json_string(advice));
	json_array_append_new(doctor->findings, row);
}

static void check_configuration(struct doctor *doctor, struct admin *admin)
{
	char *error = NULL;

	doctor->check = "configuration";
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
	struct doctor doctor = {admin->json, "", FINDING_OK, json_array()};

	(void)argc;
	(void)argv;
	check_configuration(&doctor, admin);
	for (size_t i = 0; admin->conf != NULL && i < sizeof(checks) / sizeof(checks[0]); i++) {
		doctor.check = checks[i].name;
		checks[i].check(&doctor, admin->conf);
	}
	if (admin->json) {
		json_dumpf(doctor.findings, stdout, JSON_INDENT(1));
		putchar('\n');
	}
	json_decref(doctor.findings);
	return (int)doctor.worst;
}
