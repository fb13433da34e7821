#include "doctor.h"
#include "probe.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <unistd.h>

#define ENABLED_FOLDER "/etc/systemd/system/timers.target.wants"

bool doctor_timer_enabled(const char *timer)
{
	char *path = xasprintf(ENABLED_FOLDER "/%s", timer);
	bool enabled = access(path, F_OK) == 0;

	free(path);
	return enabled;
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
			doctor_report(doctor, FINDING_OK, NULL, "%s is enabled", timers[i].timer);
		else
			doctor_report(doctor, FINDING_WARNING, timers[i].advice, "%s",
				      timers[i].missing);
	}
}
