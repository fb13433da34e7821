/*
 * ask.h - questions to spamtraind (docs/spamtraind-socket.md): all that is shown of a user.
 *
 * A few connections are kept, and shared by all requests; who finds none free waits. Every question
 * of a page names the user who is signed in, and nobody else: ask_begin() puts him there.
 */
#ifndef SHOVELER_WEB_ASK_H
#define SHOVELER_WEB_ASK_H

#include "web/request.h"

#include "lib/packet.h"

#include <jansson.h>

#define ASK_CONNECTIONS	   16		       /* of the 32 that spamtraind has */
#define ASK_CONTENT_MAX	   (256 * 1024 * 1024) /* bytes of an answer's descriptor: an export */
#define ASK_BUSY_TIMEOUT_S 20		       /* how long to wait for a free connection */

struct asker;

/* address: spamtraind_listen. */
struct asker *asker_new(const char *address);
/* Nobody asks any more. */
void asker_free(struct asker **asker);

struct answer {
	bool ok;
	char outcome[32];     /* of docs/spamtraind-socket.md; "deferred" when it did not answer */
	struct packet packet; /* empty when it did not answer */
	json_t *json;	      /* content=json, else NULL */
	char *message;	      /* content=message, else NULL */
	size_t message_size;
};

/* A question in the name of the user; further attributes by packet_put(). */
void ask_begin(const struct request *r, struct strbuf *question, const char *request);
/* A question about a link, in nobody's name. */
void ask_begin_link(struct strbuf *question, const char *request, const char *token);

/* The sums of a domain, or of all (""): for administrators, which the caller has made sure of. */
void ask_begin_overview(struct strbuf *question, const char *domain);

/* Asks, and frees the question. Trouble is logged. answer_free() in any case. */
bool ask(struct request *r, struct strbuf *question, struct answer *answer_r);
/* The same, the content not parsed: for exports, that are passed on as they are. */
bool ask_raw(struct request *r, struct strbuf *question, struct answer *answer_r);
void answer_free(struct answer *answer);

/* ---- JSON with defaults: what is missing or of another type is "", 0, false ---- */

const char *json_text(const json_t *object, const char *name);
long long json_number(const json_t *object, const char *name);
double json_fraction(const json_t *object, const char *name);
bool json_flag(const json_t *object, const char *name);

#endif
