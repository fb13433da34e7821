/*
 * spamtraind_request.h - one request by the local socket (docs/spamtraind-socket.md): its
 * attributes, checked, and the reply. The table of handlers is in spamtraind_socket.c, each kind of
 * them in a file: spamtraind_{teach,history,quarantine,preferences,...}.c.
 *
 * A handler answers exactly once. Functions here that return false have answered with an error.
 */
#ifndef SHOVELER_SPAMTRAIND_REQUEST_H
#define SHOVELER_SPAMTRAIND_REQUEST_H

#include "lib/packet.h"
#include "spamtrain/daemon/spamtraind.h"
#include "spamtrain/daemon/spamtraind_spool.h"

#include <jansson.h>

#define REQUEST_SIGNATURES_MAX 1000 /* of a request */
#define REQUEST_PAGE_MAX       100  /* rows of a reply */
#define REQUEST_PAGE	       50
#define REQUEST_WAIT_MAX_S     30 /* how long a client is kept waiting for the outcome */

struct request {
	const struct packet *packet;
	int fd; /* the message that came along, or -1 */
	struct spool_worker *worker;
	struct spamtraind *service;
	struct strbuf user; /* as classifier_open() wants it; "" when the request names none */
	struct strbuf reply;
	const char *outcome; /* of an error; static */
	int reply_fd;	     /* passed with the reply, or -1 */
};

/* ---- attributes ---- */

/* "" when it is missing. */
const char *request_text(const struct request *request, const char *name);
/* missing: its value when it is missing. */
bool request_number(struct request *request, const char *name, int64_t missing, int64_t minimum,
		    int64_t maximum, int64_t *number_r);
/* signature=, well-formed. */
bool request_signature(struct request *request, char signature_r[STORE_SIGNATURE_SIZE]);

/*
 * Up to max bytes of the message that came along, none if there is none. *size_r: of the whole.
 * False: nothing is to be freed.
 */
bool request_message_read(struct request *request, size_t max, struct strbuf *message,
			  uint64_t *size_r);

struct signatures {
	size_t count;
	bool single; /* named by signature= */
	char list[REQUEST_SIGNATURES_MAX][STORE_SIGNATURE_SIZE];
};

/* signature= or signatures=, well-formed, each once. malloc'ed; NULL: answered. */
struct signatures *request_signatures(struct request *request);

/* ---- reply ---- */

/* outcome: static. */
void reply_error(struct request *request, const char *outcome, const char *reason);
/* The same for what a store or the classifier said; frees the reason. */
void reply_store_error(struct request *request, enum store_status status, char *reason);
void reply_unknown(struct request *request);
void reply_ok(struct request *request);
void reply_number(struct request *request, const char *name, int64_t number);

/* A memfd is sealed and passed: content= and size= follow. Takes the descriptor over. */
int reply_content_open(struct request *request);
void reply_content(struct request *request, const char *content, int fd);
/* Consumes the reference. */
void reply_json(struct request *request, json_t *json);

/* Text of strangers as JSON: valid UTF-8 without control characters. */
json_t *json_text(const char *text);

/* ---- the user's store ---- */

/* *classifier_r is NULL when the user has no store and none is made. */
bool request_open(struct request *request, bool create, struct classifier **classifier_r);
/* The same; the user without a store knows nothing: unknown. */
bool request_open_known(struct request *request, struct classifier **classifier_r);

/* The row of signature=; freed by the caller. A row of nobody, or of another user: unknown. */
bool request_row(struct request *request, struct store *store, struct store_message *row_r);

/* ---- what handlers share ---- */

/* Deletes a message from the quarantine. One that is not there is no error and not counted. */
enum store_status quarantine_discard(struct store *store, const char *signature, unsigned *deleted,
				     char **error_r);
/* Deletes what was put there up to then. */
enum store_status quarantine_flush(struct store *store, time_t until, unsigned *deleted_r,
				   char **error_r);

/* ---- handlers ---- */

void request_retrain(struct request *request);
void request_undo(struct request *request);
void request_unlearn(struct request *request);
void request_release(struct request *request);

void request_history(struct request *request);
void request_message(struct request *request);

void request_quarantine(struct request *request);
void request_quarantine_message(struct request *request);
void request_quarantine_delete(struct request *request);
void request_quarantine_flush(struct request *request);

void request_preferences(struct request *request);
void request_preference_set(struct request *request);
void request_preview(struct request *request);
void request_sent(struct request *request);
void request_sender_trust(struct request *request);
void request_trusted(struct request *request);
void request_stats(struct request *request);
void request_forget(struct request *request);
void request_export(struct request *request);

void request_virus(struct request *request);

void request_overview(struct request *request);

void request_link_show(struct request *request);
void request_link_use(struct request *request);

#endif
