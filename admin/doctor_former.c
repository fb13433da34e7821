/* Does another filter still teach or deliver in our place (former.h)? */
#include "doctor.h"
#include "former.h"
#include "probe.h"

#include <stdlib.h>

/* Only a filter that works in Shoveler's place is a fault; one beside it is named. */
void doctor_check_former(struct doctor *doctor, const struct conf *conf)
{
	struct former former = {0};
	char *error = NULL;
	bool in_place = false;

	if (!service_wanted(conf, &services[2]))
		return;
	if (former_look(&former, conf, true, &error) < 0)
		doctor_report(doctor, FINDING_WARNING, "former-unreadable",
			      "mend it, then ask again", "%s", error);
	for (size_t i = 0; i < former.count; i++) {
		const struct former_finding *finding = &former.findings[i];

		if (finding->action == FORMER_REPLACED) {
			in_place = true;
			doctor_report(doctor, FINDING_WARNING, "former-works",
				      "the Ansible role switches it off "
				      "(shoveler_replace_former_filter), or take it out yourself",
				      "%s still works beside Shoveler: %s, %s", finding->system,
				      finding->where, finding->what);
		} else if (finding->action != FORMER_KEPT) {
			doctor_ok(doctor, "%s: %s, %s; %s", finding->system, finding->where,
				  finding->what, finding->advice);
		}
	}
	if (error == NULL && !in_place)
		doctor_ok(doctor, "no other filter teaches or delivers in Shoveler's place");
	free(error);
	former_free(&former);
}
