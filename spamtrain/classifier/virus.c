#include "spamtrain/classifier/virus.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "spamtrain/classifier/classifier_internal.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/*
 * Of the find, not of the message: should the admin release that, it is another row. Without
 * Message-ID for the same reason.
 */
static void find_digest(const struct classifier_virus *virus, char digest_r[STORE_DIGEST_SIZE])
{
	struct strbuf text = STRBUF_INIT;
	XXH128_hash_t hash;

	strbuf_printf(&text, "virus\n%s\n%s\n%s", virus->name, virus->sender, virus->id);
	hash = XXH3_128bits(text.data, text.size);
	snprintf(digest_r, STORE_DIGEST_SIZE, "%016llx%016llx", (unsigned long long)hash.high64,
		 (unsigned long long)hash.low64);
	strbuf_free(&text);
}

static enum store_status find_delivered(struct store *store,
					const struct classifier_message *message,
					struct store_message *row_r, char **error_r)
{
	enum store_status status = STORE_NOT_FOUND;

	if (message->signature[0] != '\0')
		status = store_message_by_signature(store, message->signature, row_r, error_r);
	if (status == STORE_NOT_FOUND && message->message_id[0] != '\0')
		status = store_message_by_message_id(store, message->message_id, false, row_r,
						     error_r);
	return status;
}

static enum store_status add_row(struct store *store, const struct classifier_virus *virus,
				 const struct classifier_message *message, const char *digest,
				 char signature_r[STORE_SIGNATURE_SIZE], char **error_r)
{
	struct store_message row = {
		.received = virus->found,
		.size = virus->size,
		.sender = (char *)(uintptr_t)virus->sender,
		.queue_id = (char *)(uintptr_t)(virus->in_mailbox ? "" : virus->id),
		.from = message->from,
		.subject = message->subject,
		.result = -1,
		.outcome = STORE_OUTCOME_VIRUS,
		.virus = (char *)(uintptr_t)virus->name,
	};

	memset(row.scores, 0xff, sizeof(row.scores));
	signature_make(row.signature, virus->found);
	memcpy(row.digest, digest, STORE_DIGEST_SIZE);
	memcpy(signature_r, row.signature, STORE_SIGNATURE_SIZE);
	return store_message_add(store, &row, error_r);
}

/* In a transaction. */
static enum store_status note(struct store *store, const struct classifier_virus *virus,
			      const struct classifier_message *message,
			      char signature_r[STORE_SIGNATURE_SIZE], bool *again_r, char **error_r)
{
	char digest[STORE_DIGEST_SIZE];
	struct store_message row;
	enum store_status status;

	find_digest(virus, digest);
	status = store_message_by_digest(store, digest, &row, error_r);
	if (status == STORE_NOT_FOUND && virus->in_mailbox)
		status = find_delivered(store, message, &row, error_r);
	if (status == STORE_NOT_FOUND)
		return add_row(store, virus, message, digest, signature_r, error_r);
	if (status != STORE_OK)
		return status;
	*again_r = row.outcome == STORE_OUTCOME_VIRUS;
	memcpy(signature_r, row.signature, STORE_SIGNATURE_SIZE);
	if (!*again_r)
		status = store_message_virus(store, row.signature, virus->name, error_r);
	store_message_free(&row);
	return status;
}

enum classifier_status classifier_virus(struct classifier *classifier,
					const struct classifier_virus *virus,
					char signature_r[STORE_SIGNATURE_SIZE], bool *again_r,
					char **error_r)
{
	struct classifier_message *message = message_read(virus->message, virus->size, 0);
	enum store_status status = store_begin(classifier->store, error_r);

	*again_r = false;
	if (status == STORE_OK)
		status = note(classifier->store, virus, message, signature_r, again_r, error_r);
	if (status == STORE_OK)
		status = store_commit(classifier->store, error_r);
	else
		store_rollback(classifier->store);
	classifier_message_free(&message);
	return status_of_store(status);
}
