/*
 * site.h - everything that the configuration decides, made once at start and again at each reload.
 * A session holds the site it began with until it ends; the last one that lets go frees it.
 */
#ifndef SHOVELER_LDA_SITE_H
#define SHOVELER_LDA_SITE_H

#include "lib/conf.h"
#include "lib/lmtp_server.h"
#include "spamtrain/classifier/classifier.h"

#include <stdatomic.h>
#include <sys/types.h>

struct lmtp_pool;

struct site {
	atomic_uint references;
	char *hostname, *nexthop, *recipient_delimiter, *temporary_directory;
	size_t classify_size; /* bytes */
	unsigned parallel;    /* recipients of a message at the same time */
	bool opt_in;
	uid_t mail_uid;		 /* of mail_user; (uid_t)-1: this host has none */
	uint64_t quarantine_max; /* bytes a user; 0: no limit */
	struct classifier_site *classifiers;
	struct lmtp_pool *pool;
	struct lmtp_server_settings lmtp;
};

/* Opens nothing. The caller holds one reference. Returns 0, or -1 and *error_r. */
int site_new(const struct conf *conf, struct site **site_r, char **error_r);
struct site *site_hold(struct site *site);
void site_release(struct site **site);

#endif
