/*
 * libFuzzer: lines of `postqueue -j`, whose addresses and reasons strangers write, and what is
 * decided and told of them. An id that is read is one that postsuper may be given.
 */
#include "lib/xalloc.h"
#include "mx2/domains.h"
#include "mx2/notice.h"
#include "tests/fuzz/utf8.h"

#include <ctype.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(struct mx2_domains *domains, const struct queued *message)
{
	struct strbuf mail = STRBUF_INIT;
	enum queue_action action;

	require(message->id[0] != '\0' && message->arrival > 0);
	for (const char *c = message->id; *c != '\0'; c++)
		require(isalnum((unsigned char)*c));
	require(message->count <= QUEUE_MAX_RECIPIENTS);
	mx2_domains_count(domains, message);
	action = mx2_judge(domains, message, 86400, 1700000000);
	require(action <= QUEUE_ACTIONS);
	/* A mail is for nobody: what is not for us is not thrown away. */
	require(message->count > 0 || action == QUEUE_ACTIONS);
	notice_format(&mail, &domains->list[0], "mx2.example.test", 1700000000);
	/* One header, whatever the reasons say. */
	require(strstr(strbuf_text(&mail), "\n\n") != NULL);
	strbuf_free(&mail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mx2_domain list[2] = {{.mx2.retention = 3600}, {.mx2.retention = 86400}};
	struct mx2_domains domains = {list, 2, 0};
	struct span rest = {(const char *)data, size}, line;

	policy_mx2_init(&list[0].mx2);
	policy_mx2_init(&list[1].mx2);
	strcpy(list[0].mx2.domain, "partner.test");
	strcpy(list[1].mx2.domain, "third.test");
	strcpy(list[1].mx2.refused, "drop");
	while (rest.size > 0) {
		const char *end = memchr(rest.data, '\n', rest.size);
		struct queued message;

		line = (struct span){rest.data,
				     end != NULL ? (size_t)(end - rest.data) + 1 : rest.size};
		rest = span_from(rest, line.size);
		if (queued_parse(line, &message) == 0)
			check_message(&domains, &message);
		queued_free(&message);
	}
	return 0;
}
