#include "spamtrain/daemon/spamtraind_request.h"

#include "lib/file.h"
#include "lib/msg.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- attributes ---- */

const char *request_text(const struct request *request, const char *name)
{
	return packet_text(request->packet, name);
}

bool request_number(struct request *request, const char *name, int64_t missing, int64_t minimum,
		    int64_t maximum, int64_t *number_r)
{
	const char *text = request_text(request, name);
	char *end, *reason;
	long long number;

	*number_r = missing;
	if (text[0] == '\0')
		return true;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && number >= minimum &&
	    number <= maximum) {
		*number_r = number;
		return true;
	}
	reason = xasprintf("%s must be a number from %lld to %lld", name, (long long)minimum,
			   (long long)maximum);
	reply_error(request, "invalid", reason);
	free(reason);
	return false;
}

bool request_signature(struct request *request, char signature_r[STORE_SIGNATURE_SIZE])
{
	const char *text = request_text(request, "signature");

	if (!classifier_is_signature(text)) {
		reply_error(request, "invalid", "signature must be 24 hex digits");
		return false;
	}
	memcpy(signature_r, text, STORE_SIGNATURE_SIZE);
	return true;
}

/* Read, not mapped: the peer could cut the file. Only a regular file (or memfd) never blocks. */
bool request_message_read(struct request *request, size_t max, struct strbuf *message,
			  uint64_t *size_r)
{
	struct stat file;
	ssize_t size;

	*size_r = 0;
	if (request->fd < 0)
		return true;
	if (fstat(request->fd, &file) < 0 || !S_ISREG(file.st_mode)) {
		reply_error(request, "invalid", "the descriptor is no regular file");
		return false;
	}
	strbuf_reserve(message, max);
	size = pread(request->fd, message->data, max, 0);
	if (size < 0) {
		reply_error(request, "invalid", strerror(errno));
		strbuf_free(message);
		return false;
	}
	message->size = (size_t)size;
	*size_r = (uint64_t)file.st_size;
	return true;
}

static bool has_signature(const struct signatures *signatures, const char *text)
{
	for (size_t i = 0; i < signatures->count; i++) {
		if (strcmp(signatures->list[i], text) == 0)
			return true;
	}
	return false;
}

/* Returns what is wrong, or NULL. */
static const char *take_signatures(struct signatures *signatures, const char *text)
{
	char signature[STORE_SIGNATURE_SIZE];

	for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
		size_t size = strcspn(text, " ");

		if (size != STORE_SIGNATURE_SIZE - 1)
			return "a signature must be 24 hex digits";
		memcpy(signature, text, size);
		signature[size] = '\0';
		text += size;
		if (!classifier_is_signature(signature))
			return "a signature must be 24 hex digits";
		if (has_signature(signatures, signature))
			continue;
		if (signatures->count == REQUEST_SIGNATURES_MAX)
			return "too many signatures";
		memcpy(signatures->list[signatures->count++], signature, sizeof(signature));
	}
	return signatures->count > 0 ? NULL : "no signature";
}

struct signatures *request_signatures(struct request *request)
{
	struct signatures *signatures = xcalloc(1, sizeof(*signatures));
	const char *problem;

	signatures->single = packet_get(request->packet, "signatures") == NULL;
	problem = take_signatures(
		signatures, request_text(request, signatures->single ? "signature" : "signatures"));
	if (problem == NULL && signatures->single && signatures->count > 1)
		problem = "signature names only one";
	if (problem == NULL)
		return signatures;
	reply_error(request, "invalid", problem);
	free(signatures);
	return NULL;
}

/* ---- reply ---- */

void reply_error(struct request *request, const char *outcome, const char *reason)
{
	strbuf_reset(&request->reply);
	request->outcome = outcome;
	packet_put(&request->reply, "status", "error");
	packet_put(&request->reply, "outcome", outcome);
	packet_put(&request->reply, "reason", reason);
}

void reply_unknown(struct request *request)
{
	reply_error(request, "unknown", "this user has no such message");
}

void reply_store_error(struct request *request, enum store_status status, char *reason)
{
	if (status == STORE_NOT_FOUND) {
		reply_unknown(request);
	} else {
		msg_warn("user=<%s>, request=%s, outcome=deferred, reason=%s",
			 strbuf_text(&request->user), request_text(request, "request"),
			 reason != NULL ? reason : "unknown");
		reply_error(request, "deferred",
			    reason != NULL ? reason : "the store is in trouble");
	}
	free(reason);
}

void reply_ok(struct request *request)
{
	strbuf_reset(&request->reply);
	packet_put(&request->reply, "status", "ok");
}

void reply_number(struct request *request, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	packet_put(&request->reply, name, text);
}

int reply_content_open(struct request *request)
{
	int fd = memfd_create("reply", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		reply_error(request, "deferred", strerror(errno));
	return fd;
}

void reply_content(struct request *request, const char *content, int fd)
{
	struct stat st;

	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0 ||
	    fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		reply_error(request, "deferred", strerror(errno));
		close(fd);
		return;
	}
	if (request->reply.size == 0)
		reply_ok(request);
	packet_put(&request->reply, "content", content);
	reply_number(request, "size", st.st_size);
	request->reply_fd = fd;
}

void reply_json(struct request *request, json_t *json)
{
	int fd = reply_content_open(request);
	char *text;

	if (fd >= 0) {
		text = json_dumps(json, JSON_COMPACT);
		if (text == NULL || file_write_all(fd, span_of(text)) < 0) {
			reply_error(request, "deferred", "no room for the reply");
			close(fd);
		} else {
			reply_content(request, "json", fd);
		}
		free(text);
	}
	json_decref(json);
}

/* jansson refuses what is no UTF-8; envelope addresses may be anything. */
json_t *json_text(const char *text)
{
	char *copy = xstrdup(text != NULL ? text : "");
	json_t *json;

	for (char *c = copy; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
	json = json_string(copy);
	for (char *c = copy; json == NULL && *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	if (json == NULL)
		json = json_string(copy);
	free(copy);
	return json;
}

/* ---- the user's store ---- */

bool request_open(struct request *request, bool create, struct classifier **classifier_r)
{
	char *reason = NULL;
	enum classifier_status status = classifier_open(
		request->service->site, strbuf_text(&request->user), create, classifier_r, &reason);

	if (status == CLASSIFIER_OK)
		return true;
	if (status == CLASSIFIER_INVALID) {
		reply_error(request, "invalid", reason);
		free(reason);
	} else {
		reply_store_error(request, STORE_DEFER, reason);
	}
	return false;
}

bool request_open_known(struct request *request, struct classifier **classifier_r)
{
	if (!request_open(request, false, classifier_r))
		return false;
	if (*classifier_r != NULL)
		return true;
	reply_unknown(request);
	return false;
}

bool request_row(struct request *request, struct store *store, struct store_message *row_r)
{
	char signature[STORE_SIGNATURE_SIZE], *reason = NULL;
	enum store_status status;

	if (!request_signature(request, signature))
		return false;
	status = store_message_by_signature(store, signature, row_r, &reason);
	if (status == STORE_OK)
		return true;
	reply_store_error(request, status, reason);
	return false;
}
