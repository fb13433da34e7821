/*
 * report.h - what the web page shows of the host, and what it may ask for: the one place where
 * shoveler-web, which has no rights here, and root meet.
 *
 * In $state_directory/report, which belongs to root:
 *
 *	host.json	what root saw the last time; web_user may read it
 *	requests/	web_user may put files there, and cannot see what others there are
 *
 * A request is a file NAME.request of lib/packet.h attributes: request=, user= (who wants it; the
 * web page vouches for him), domain=, and what belongs to it. Whatever is in there is checked as
 * if it came from a stranger, worked on once, and removed; what came of it is told in host.json.
 */
#ifndef SHOVELER_ADMIN_REPORT_H
#define SHOVELER_ADMIN_REPORT_H

#include "command.h"
#include "lib/packet.h"
#include "mx2/domains.h"

#include <jansson.h>

#define REPORT_ACTIONS_MAX     20   /* that host.json tells of */
#define REPORT_REQUESTS_MAX    100  /* files that one run looks at */
#define REPORT_REQUEST_SIZE    8192 /* bytes of a file */
#define REPORT_FLUSH_SECONDS   60   /* a domain is flushed at most so often */
#define REPORT_DOCTOR_AGE      300  /* seconds: a doctor's findings are kept so long */
#define REPORT_DOCTOR_SLOW_AGE 3600 /* the same, where mail is sent */

struct report {
	struct admin *admin;
	struct mx2_domains domains;
	json_t *preferences; /* what users of a domain begin with: {domain: {name: value}} */
	json_t *actions;     /* what was done for the web page, latest first */
	int64_t now;
	uid_t web_uid;
	gid_t web_gid;
};

/*
 * What an administrator of that domain chose on the web page; outcome as in actions. Whether he is
 * one, and each name and value, is looked at here.
 */
const char *report_preferences(struct report *report, const char *user, const char *domain,
			       const struct packet *packet);
/* As a texthash: map for preference_maps. EX_OK, or an exit code after the complaint. */
int report_write_preferences(const struct report *report);

/* Does what the files in the folder ask for. Trouble with one is told in actions. */
void report_requests(struct report *report, const char *folder);

#endif
