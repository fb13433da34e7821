/*
 * finger.h - a look at a host as Postfix's smtp client would see it, by posttls-finger(1).
 */
#ifndef SHOVELER_MX2_FINGER_H
#define SHOVELER_MX2_FINGER_H

#include "primary.h"

#include "lib/strbuf.h"

struct finger {
	bool tls;		 /* a TLS session came about */
	bool tlsa;		 /* TLSA records behind DNSSEC say which certificate is right */
	char level[16];		 /* "Untrusted", "Trusted", "Verified": as Postfix logs it */
	int64_t certificate_end; /* of the host's own certificate, seconds since 1970; 0: unknown */
	struct strbuf said;	 /* what posttls-finger wrote, the chain of certificates among it */
};

/* Whom Postfix trusts where a domain has no CA of its own; "": nobody. */
struct finger_trust {
	const char *file; /* smtp_tls_CAfile */
	const char *path; /* smtp_tls_CApath */
};

/*
 * Looks with the domain's level, names and CA. Returns 0 when the program ran, or -1 and *error_r.
 * Free with finger_free().
 */
int finger_host(const struct policy_mx2 *mx2, const struct primary_host *host,
		const struct finger_trust *trust, struct finger *finger_r, char **error_r);
void finger_free(struct finger *finger);

/* Would Postfix hand mail over, at the domain's level? */
bool finger_suffices(const struct policy_mx2 *mx2, const struct finger *finger);

#endif
