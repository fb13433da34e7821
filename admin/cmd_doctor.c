/* `shoveler doctor`: the table of its checks, and which are wished; each is in doctor_NAME.c. */
#include "command.h"
#include "doctor.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* With side effects, or more than a second of work: not with --quick. */
#define SLOW true

#define WAIT_MAX_S 3600

static const struct {
	const char *name;
	void (*check)(struct doctor *doctor, const struct conf *conf);
	bool slow;
} checks[] = {
	{"daemons", doctor_check_daemons, SLOW},
	{"units", doctor_check_units, false},
	{"sockets", doctor_check_sockets, false},
	{"metrics", doctor_check_metrics, false},
	{"permissions", doctor_check_permissions, false},
	{"milters", doctor_check_milters, false},
	{"postfix", doctor_check_postfix, false},
	{"limits", doctor_check_limits, false},
	{"maps", doctor_check_maps, false},
	{"delivery", doctor_check_delivery, false},
	{"dovecot", doctor_check_dovecot, false},
	{"former", doctor_check_former, false},
	{"certificates", doctor_check_certificates, false},
	{"dns", doctor_check_dns, SLOW},
	{"scanner", doctor_check_scanner, false},
	{"policy", doctor_check_policy, false},
	{"stores", doctor_check_stores, SLOW},
	{"spool", doctor_check_spool, false},
	{"space", doctor_check_space, false},
	{"clock", doctor_check_clock, false},
	{"rescan", doctor_check_rescan, false},
	{"timers", doctor_check_timers, false},
	{"mx2", doctor_check_mx2, false},
	{"mail", doctor_check_mail, SLOW},
};
#define CHECKS (sizeof(checks) / sizeof(checks[0]))

struct wish {
	bool quick, slow, all;
	const char *user;
	unsigned wait_s;
	bool named[CHECKS], any_named;
};

static void check_configuration(struct doctor *doctor, struct admin *admin, bool slow)
{
	char *error = NULL;

	doctor_begin(doctor, "configuration");
	if (conf_load(admin->directory, &admin->conf, &error) < 0) {
		doctor_report(doctor, FINDING_ERROR, "configuration-invalid",
			      "mend it; `shoveler conf -d` lists all settings", "%s", error);
	} else if (!slow) {
		doctor_ok(doctor, "%s/main.cf is readable and valid", admin->directory);
		doctor_check_accepted(doctor, admin->conf);
	}
	free(error);
}

static int take_name(struct wish *wish, const char *name)
{
	for (size_t i = 0; i < CHECKS; i++) {
		if (strcmp(checks[i].name, name) == 0) {
			wish->named[i] = wish->any_named = true;
			return EX_OK;
		}
	}
	complain("there is no check \"%s\"; `shoveler doctor --help` lists them", name);
	return EX_USAGE;
}

static int take_value(struct wish *wish, const char *option, const char *value)
{
	char *end = NULL;
	long seconds = value == NULL ? 0 : strtol(value, &end, 10);

	if (strcmp(option, "--user") == 0 && value != NULL && strchr(value, '@') != NULL) {
		wish->user = value;
		return EX_OK;
	}
	if (strcmp(option, "--wait") == 0 && seconds > 0 && seconds <= WAIT_MAX_S && *end == '\0') {
		wish->wait_s = (unsigned)seconds;
		return EX_OK;
	}
	complain("--user ADDRESS: a mailbox for tests; --wait SECONDS: that its mail may take");
	return EX_USAGE;
}

static int take_arguments(struct wish *wish, int argc, char **argv)
{
	int ret = EX_OK;

	for (int i = 0; i < argc && ret == EX_OK; i++) {
		if (strcmp(argv[i], "--quick") == 0) {
			wish->quick = true;
		} else if (strcmp(argv[i], "--slow") == 0) {
			wish->slow = true;
		} else if (strcmp(argv[i], "--all") == 0) {
			wish->all = true;
		} else if (strcmp(argv[i], "--user") == 0 || strcmp(argv[i], "--wait") == 0) {
			ret = take_value(wish, argv[i], argv[i + 1]);
			i++;
		} else {
			ret = take_name(wish, argv[i]);
		}
	}
	return ret;
}

static bool is_wished(const struct wish *wish, size_t i)
{
	if (wish->any_named)
		return wish->named[i];
	return checks[i].slow ? !wish->quick : !wish->slow;
}

int command_doctor(struct admin *admin, int argc, char **argv)
{
	struct doctor *doctor;
	struct wish wish = {.wait_s = DOCTOR_WAIT_S};

	if (take_arguments(&wish, argc, argv) != EX_OK)
		return EX_USAGE;
	/* Who names a check wants to see what it says. */
	doctor = doctor_new(admin, wish.all || wish.any_named);
	doctor_set_wait(doctor, wish.wait_s);
	check_configuration(doctor, admin, wish.slow);
	if (admin->conf != NULL)
		doctor_set_user(doctor, wish.user != NULL ? wish.user
							  : conf_text(admin->conf, P_DOCTOR_USER));
	for (size_t i = 0; admin->conf != NULL && i < CHECKS; i++) {
		if (!is_wished(&wish, i))
			continue;
		doctor_begin(doctor, checks[i].name);
		checks[i].check(doctor, admin->conf);
	}
	return doctor_end(&doctor);
}
