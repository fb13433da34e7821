#include "primary.h"

#include "lib/clock.h"
#include "lib/endpoint.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* "[host]" or "[host]:port" */
static void take_named(const struct policy_mx2 *mx2, struct primary *primary)
{
	struct primary_host *host = &primary->hosts[primary->count++];
	const char *start = mx2->primary + (mx2->primary[0] == '['), *end = strchr(start, ']');
	size_t size = end != NULL ? (size_t)(end - start) : strlen(start);

	snprintf(host->name, sizeof(host->name), "%.*s", (int)size, start);
	snprintf(host->port, sizeof(host->port), "%s",
		 end != NULL && end[1] == ':' ? end + 2 : "25");
	host->preference = -1;
}

static int by_preference(const void *a, const void *b)
{
	return ((const struct primary_host *)a)->preference -
	       ((const struct primary_host *)b)->preference;
}

/* The MX hosts without this one and those that are no better. */
static void take_better(const struct dns_answer *answer, const char *myhostname,
			struct primary *primary)
{
	unsigned ours = 65536;

	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *record = &answer->records[i];

		if (strcasecmp(record->text, myhostname) == 0 && record->preference < ours) {
			ours = record->preference;
			primary->listed = true;
		}
	}
	for (size_t i = 0; i < answer->count && primary->count < PRIMARY_MAX_HOSTS; i++) {
		const struct dns_record *record = &answer->records[i];
		struct primary_host *host = &primary->hosts[primary->count];

		if (record->preference >= ours || record->text[0] == '\0' ||
		    strcasecmp(record->text, myhostname) == 0)
			continue;
		snprintf(host->name, sizeof(host->name), "%s", record->text);
		strcpy(host->port, "25");
		host->preference = (int)record->preference;
		primary->count++;
	}
	qsort(primary->hosts, primary->count, sizeof(primary->hosts[0]), by_preference);
}

int primary_find(const struct policy_mx2 *mx2, const char *myhostname, struct dns *dns,
		 struct primary *primary_r, char **error_r)
{
	struct dns_query *query = dns_start(dns, mx2->domain, DNS_MX);
	const struct dns_answer *answer = dns_wait(query, clock_ms() + PRIMARY_TIMEOUT_MS);
	bool known = answer != NULL && answer->status != DNS_FAILED;

	memset(primary_r, 0, sizeof(*primary_r));
	if (known)
		take_better(answer, myhostname, primary_r);
	dns_release(&query);
	if (mx2->primary[0] != '\0') {
		primary_r->count = 0;
		take_named(mx2, primary_r);
	}
	if (primary_r->count > 0)
		return 0;
	*error_r = known ? xasprintf("%s has no MX host that is better than this one (%s)",
				     mx2->domain, myhostname)
			 : xasprintf("DNS does not say which MX hosts %s has", mx2->domain);
	return -1;
}

int primary_greets(const struct primary_host *host, char **error_r)
{
	struct endpoint endpoint = {.is_unix = false};
	char greeting[512];
	ssize_t size;
	int fd;

	snprintf(endpoint.host, sizeof(endpoint.host), "%s", host->name);
	snprintf(endpoint.port, sizeof(endpoint.port), "%s", host->port);
	fd = endpoint_connect(&endpoint, SOCK_STREAM, PRIMARY_TIMEOUT_MS, error_r);
	if (fd < 0)
		return -1;
	endpoint_set_timeout(fd, PRIMARY_TIMEOUT_MS / 1000);
	size = recv(fd, greeting, sizeof(greeting) - 1, 0);
	if (size >= 3 && strncmp(greeting, "220", 3) == 0)
		(void)send(fd, "QUIT\r\n", 6, MSG_NOSIGNAL);
	close(fd);
	if (size >= 3 && strncmp(greeting, "220", 3) == 0)
		return 0;
	if (size <= 0) {
		*error_r = xstrdup("connected, but no greeting came");
	} else {
		greeting[size] = '\0';
		greeting[strcspn(greeting, "\r\n")] = '\0';
		*error_r = xasprintf("greets with \"%s\"", greeting);
	}
	return -1;
}
