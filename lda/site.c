#include "lda/site.h"

#include "lda/delivery.h"
#include "lib/endpoint.h"
#include "lib/lmtp_client.h"
#include "lib/xalloc.h"

#include <pwd.h>
#include <stdlib.h>

static void set_lmtp(struct site *site, const struct conf *conf)
{
	site->lmtp = (struct lmtp_server_settings){
		.hostname = site->hostname,
		.temporary_directory = site->temporary_directory,
		.size_max = (uint64_t)conf_number(conf, P_LDA_MESSAGE_SIZE_LIMIT),
		.together = (size_t)conf_number(conf, P_LDA_BATCH_SIZE),
		.timeout_s = (int)conf_number(conf, P_LDA_TIMEOUT),
		.handler = delivery_handler,
	};
	site->lmtp.handler.context = site;
}

static uid_t uid_of(const char *name)
{
	const struct passwd *user = getpwnam(name);

	return user != NULL ? user->pw_uid : (uid_t)-1;
}

int site_new(const struct conf *conf, struct site **site_r, char **error_r)
{
	struct classifier_site *classifiers;
	struct endpoint nexthop;
	struct site *site;

	if (endpoint_parse(conf_text(conf, P_LDA_NEXTHOP), &nexthop, error_r) < 0)
		return -1;
	classifiers = classifier_site_new(conf, error_r);
	if (classifiers == NULL)
		return -1;
	site = xcalloc(1, sizeof(*site));
	site->references = 1;
	site->hostname = conf_hostname(conf);
	site->nexthop = xstrdup(conf_text(conf, P_LDA_NEXTHOP));
	site->recipient_delimiter = xstrdup(conf_text(conf, P_RECIPIENT_DELIMITER));
	site->temporary_directory = xstrdup(conf_text(conf, P_TEMPORARY_DIRECTORY));
	site->classify_size = (size_t)conf_number(conf, P_LDA_CLASSIFY_SIZE);
	site->parallel = (unsigned)conf_number(conf, P_LDA_PARALLEL);
	site->opt_in = conf_bool(conf, P_LDA_OPT_IN);
	site->mail_uid = uid_of(conf_text(conf, P_MAIL_USER));
	site->quarantine_max = (uint64_t)conf_number(conf, P_QUARANTINE_SIZE_LIMIT);
	site->classifiers = classifiers;
	site->pool = lmtp_pool_new(&nexthop, site->hostname,
				   (int)conf_number(conf, P_LDA_NEXTHOP_TIMEOUT));
	set_lmtp(site, conf);
	*site_r = site;
	return 0;
}

struct site *site_hold(struct site *site)
{
	atomic_fetch_add(&site->references, 1);
	return site;
}

void site_release(struct site **site_p)
{
	struct site *site = *site_p;

	*site_p = NULL;
	if (site == NULL || atomic_fetch_sub(&site->references, 1) != 1)
		return;
	lmtp_pool_free(&site->pool);
	classifier_site_free(&site->classifiers);
	free(site->hostname);
	free(site->nexthop);
	free(site->recipient_delimiter);
	free(site->temporary_directory);
	free(site);
}
