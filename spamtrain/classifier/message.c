/*
 * message.c - a message as the classifier sees it: features, digest, and a few fields for the
 * history.
 */
#include "spamtrain/classifier/message.h"

#include "lib/header.h"
#include "lib/mime.h"
#include "lib/xalloc.h"
#include "spamtrain/classifier/sender.h"
#include "spamtrain/classifier/correspondents.h"

#include <ctype.h>
#include <stdio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIELD_TEXT_MAX 500	    /* bytes of a field in the history */
#define DIGEST_MAX     (128 * 1024) /* bytes of body that count for the digest */

/* Fields that differ between two sights of one message. */
static const char *const unstable_prefixes[] = {
	"Received",    "Return-Path", "Delivered-To", "X-Original-To", "Resent-",    "X-DSPAM-",
	"X-Shoveler-", "Status",      "X-Status",     "X-UID",	       "X-Keywords", "X-Mozilla-",
	"X-Virus-",    NULL};

static bool is_unstable(struct span name)
{
	for (const char *const *prefix = unstable_prefixes; *prefix != NULL; prefix++)
		if (span_starts_nocase(name, span_of(*prefix)))
			return true;
	return false;
}

bool classifier_is_signature(const char *signature)
{
	size_t n = strspn(signature, "0123456789abcdef");

	return n == STORE_SIGNATURE_SIZE - 1 && signature[n] == '\0';
}

/* Without carriage returns: files, IMAP and LMTP write line ends in their own ways. */
static bool digest_text(EVP_MD_CTX *state, struct span text)
{
	bool done = true;

	while (done && text.size > 0) {
		const char *cr = memchr(text.data, '\r', text.size);
		size_t size = cr == NULL ? text.size : (size_t)(cr - text.data);
		if (size > 0)
			done = EVP_DigestUpdate(state, text.data, size) == 1;
		text = span_from(text, size + 1);
	}
	return done;
}

struct digest {
	struct span message;
	char *out; /* STORE_DIGEST_SIZE */
};

/*
 * By SHA-256: whoever could make two messages with one digest would choose the verdict of the
 * second. False: libcrypto has no memory for it.
 */
static bool digest_try(void *context)
{
	const struct digest *digest = context;
	struct span message = digest->message;
	unsigned char hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *state = EVP_MD_CTX_new();
	struct header_field field;
	bool done = state != NULL && EVP_DigestInit_ex(state, EVP_sha256(), NULL) == 1;

	while (done && header_next(&message, &field)) {
		if (!is_unstable(field.name))
			done = digest_text(state, field.raw);
	}
	message = span_first(message, DIGEST_MAX);
	while (message.size > 0 && strchr("\r\n", message.data[message.size - 1]) != NULL &&
	       message.data[message.size - 1] != '\0')
		message.size--;
	done = done && digest_text(state, message) && EVP_DigestFinal_ex(state, hash, NULL) == 1;
	EVP_MD_CTX_free(state);
	OPENSSL_thread_stop(); /* what it keeps for a thread that may end with the process */
	for (size_t i = 0; done && i < STORE_DIGEST_SIZE / 2; i++)
		snprintf(digest->out + 2 * i, 3, "%02x", hash[i]);
	return done;
}

static void digest_compute(char *out, struct span message)
{
	xalloc_call(digest_try, &(struct digest){.message = message, .out = out});
}

static char *field_text(struct charsets *charsets, struct span message, const char *name)
{
	struct strbuf text = STRBUF_INIT;
	struct header_field field;

	if (header_find(message, name, &field))
		mime_field_decode(&text, charsets, span_trim(field.body), FIELD_TEXT_MAX);
	return strbuf_steal(&text);
}

static void signature_find(struct charsets *charsets, char *out, struct span message)
{
	char *text = field_text(charsets, message, "X-DSPAM-Signature");

	out[0] = '\0';
	for (char *c = text; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (classifier_is_signature(text))
		memcpy(out, text, STORE_SIGNATURE_SIZE);
	free(text);
}

struct classifier_message *message_read(struct span bytes, uint64_t full_size, unsigned families)
{
	struct classifier_message *m = xcalloc(1, sizeof(*m));
	struct charsets charsets = CHARSETS_INIT;

	bytes = mime_skip_mbox_line(span_first(bytes, CLASSIFIER_MESSAGE_MAX));
	m->full_size = full_size;
	features_extract(&m->features, bytes, full_size, families);
	m->count = m->features.count;
	m->hashes = xmalloc((m->count + 1) * sizeof(*m->hashes));
	for (size_t i = 0; i < m->count; i++)
		m->hashes[i] = m->features.list[i].hash;
	digest_compute(m->digest, bytes);
	signature_find(&charsets, m->signature, bytes);
	m->from = field_text(&charsets, bytes, "From");
	m->subject = field_text(&charsets, bytes, "Subject");
	m->message_id = field_text(&charsets, bytes, "Message-ID");
	charsets_free(&charsets);
	m->sender_key = sender_key(m->from);
	m->route_key = sender_route_key(m->from, bytes);
	m->from_key = correspondent_key_of_field(span_of(m->from));
	return m;
}

struct classifier_message *classifier_message_read(struct span bytes, uint64_t full_size)
{
	return message_read(bytes, full_size, FEATURES_ALL);
}

void classifier_message_free(struct classifier_message **message)
{
	struct classifier_message *m = *message;

	if (m == NULL)
		return;
	features_free(&m->features);
	free(m->hashes);
	free(m->from);
	free(m->subject);
	free(m->message_id);
	free(m);
	*message = NULL;
}

const char *classifier_message_from(const struct classifier_message *message)
{
	return message->from;
}

const char *classifier_message_subject(const struct classifier_message *message)
{
	return message->subject;
}

const char *classifier_message_id(const struct classifier_message *message)
{
	return message->message_id;
}

const char *classifier_message_digest(const struct classifier_message *message)
{
	return message->digest;
}

const char *classifier_message_signature(const struct classifier_message *message)
{
	return message->signature;
}
