/*
 * notice.h - the mail that tells a domain's contact what waits for it.
 */
#ifndef SHOVELER_MX2_NOTICE_H
#define SHOVELER_MX2_NOTICE_H

#include "domains.h"

/* The whole message, lines ended by LF as sendmail(1) takes them; RFC 3834 automatic. */
void notice_format(struct strbuf *out, const struct mx2_domain *domain, const char *myhostname,
		   int64_t now);

/* The same, of a list of recipients that the primary did not renew. */
void notice_stale_format(struct strbuf *out, const struct mx2_domain *domain,
			 const char *myhostname, int64_t now);

/* By sendmail(1), from the null sender, to the contact. Returns 0, or -1 and *error_r. */
int notice_send(const struct mx2_domain *domain, const char *postfix_directory, struct span mail,
		char **error_r);

/* "2026-12-31 23:59" in local time, and "3 d 4 h"; both malloc'ed. */
char *notice_date(int64_t when);
char *notice_span(int64_t seconds);
/* "12 KB" */
char *notice_size(uint64_t bytes);

#endif
