/*
 * The header and body of a message as they come in: forged fields are noted, and a copy for the
 * scanner is kept if a mailbox is among the recipients.
 */
#include "session.h"

#include "lib/span.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <string.h>

static const char *const own_prefixes[] = {"X-Shoveler-", "X-Virus-"};

/*
 * Nobody but us writes these. In mail that only passes through (a redirect, a relayed domain) the
 * X-Virus-* fields are those of the next host, and none of our business.
 */
static bool is_forged(const struct transaction *transaction, struct span name)
{
	if (span_starts_nocase(name, span_of(own_prefixes[0])))
		return true;
	return (transaction->classes & (CLASS_MAILBOX | CLASS_EXEMPT)) != 0 &&
	       span_starts_nocase(name, span_of(own_prefixes[1]));
}

static void note_forged(struct transaction *transaction, const char *name)
{
	struct forged_field *field;
	int index = 1;

	if (transaction->forged_count == SESSION_MAX_FORGED) {
		transaction->too_forged = true;
		return;
	}
	for (size_t i = 0; i < transaction->forged_count; i++) {
		if (strcasecmp(transaction->forged[i].name, name) == 0)
			index++;
	}
	field = &transaction->forged[transaction->forged_count++];
	field->name = xstrdup(name);
	field->index = index;
}

static void begin_spool(struct session *session)
{
	struct transaction *transaction = session->transaction;

	if (transaction->spool != NULL || transaction->too_large || transaction->spool_error != 0)
		return;
	if (!verdict_wants_scan(session->policy, transaction->classes, transaction->login != NULL))
		return;
	if (transaction->digest == NULL)
		transaction->digest = XXH3_createState();
	if (transaction->digest == NULL) {
		transaction->spool_error = ENOMEM;
		return;
	}
	XXH3_128bits_reset(transaction->digest);
	transaction->spool =
		spool_new(session->policy->temp_directory, session->policy->max_file_size);
}

static void add(struct transaction *transaction, const void *data, size_t size)
{
	if (transaction->spool == NULL || spool_write(transaction->spool, data, size) == 0)
		return;
	transaction->too_large = errno == EFBIG;
	transaction->spool_error = transaction->too_large ? 0 : errno;
	spool_free(&transaction->spool);
}

void session_header(struct session *session, const char *name, const char *value)
{
	struct transaction *transaction = session->transaction;
	struct span name_span = span_of(name);
	bool is_trace = span_equal_nocase(name_span, SPAN_LITERAL("Received"));

	if (is_forged(transaction, name_span))
		note_forged(transaction, name);
	begin_spool(session);
	add(transaction, name, name_span.size);
	add(transaction, ":", 1);
	add(transaction, value, strlen(value));
	add(transaction, "\r\n", 2);
	/* A second attempt may come by another way, but is the same content. */
	if (transaction->spool != NULL && !is_trace)
		XXH3_128bits_update(transaction->digest, value, strlen(value));
}

void session_body(struct session *session, struct span data)
{
	begin_spool(session);
	add(session->transaction, data.data, data.size);
	if (session->transaction->spool != NULL)
		XXH3_128bits_update(session->transaction->digest, data.data, data.size);
}
