#include "spamtrain/daemon/spamtraind_site.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "spamtrain/shared/site_build.h"

#include <stdlib.h>

#define USER_PAUSE_MS 5

METRIC_GAUGE(last_site, "shoveler_spamtraind_site_dictionary_timestamp_seconds",
	     "When the site dictionary was made last, seconds since 1970");
METRIC_GAUGE(site_tokens, "shoveler_spamtraind_site_dictionary_tokens",
	     "Features that enough users have taught");
METRIC_GAUGE(site_users, "shoveler_spamtraind_site_dictionary_users",
	     "Users who taught the site dictionary");

static bool next_user(void *ticker)
{
	return ticker_sleep(ticker, USER_PAUSE_MS);
}

void site_round(const struct spamtraind *service, struct ticker *ticker)
{
	const struct site_build build = {
		.users_directory = service->users_directory,
		.file = service->site_file,
		.quorum = service->site_users,
		.site = service->site,
		.next = next_user,
		.context = ticker,
	};
	struct site_header header;
	char *error = NULL;

	if (service->site_file == NULL)
		return;
	if (site_build(&build, &header, &error) != 0) {
		msg_warn("site: action=build, outcome=failed, reason=%s", error);
		free(error);
		return;
	}
	metric_set(&last_site, header.built);
	metric_set(&site_tokens, (int64_t)header.entries);
	metric_set(&site_users, header.users);
	msg_info("site: action=build, users=%u, spam=%llu, innocent=%llu, tokens=%llu, solid=%s",
		 header.users, (unsigned long long)header.spam, (unsigned long long)header.innocent,
		 (unsigned long long)header.entries, site_header_is_solid(&header) ? "yes" : "no");
}
