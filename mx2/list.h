/*
 * list.h - a domain's list of recipients, as its primary signs it for a fallback MX.
 *
 * Text of its own lines; what stands before and behind it (a mail's header) is passed over:
 *
 *   -----BEGIN SHOVELER RECIPIENTS-----
 *   domain: partner.test
 *   serial: 1700000000123
 *   count: 1
 *   pat@partner.test
 *   signature: BASE64
 *   -----END SHOVELER RECIPIENTS-----
 *
 * Signed (Ed25519, RFC 8032) are "shoveler recipients 1" and the lines from domain to the last
 * address, each ended by LF, names in lower case: what transport does to line ends is no matter.
 * The serial is the time of signing; a list is taken once, and never after a newer one.
 */
#ifndef SHOVELER_MX2_LIST_H
#define SHOVELER_MX2_LIST_H

#include "lib/strbuf.h"
#include "schema/policy.h"

#include <stdint.h>

#define LIST_MAX_SIZE	   (1024 * 1024)	 /* bytes of such a text with what is around it */
#define LIST_MAX_COUNT	   50000		 /* addresses */
#define LIST_MAX_AGE_MS	   (14 * 86400 * 1000LL) /* as long as mail may wait in a queue */
#define LIST_MAX_FUTURE_MS (10 * 60 * 1000LL)	 /* clocks differ */
#define LIST_SIGNATURE	   64			 /* bytes */

struct recipient_list {
	char domain[POLICY_NAME_MAX + 1];
	int64_t serial; /* milliseconds since 1970 */
	char **addresses;
	size_t count;
	unsigned char signature[LIST_SIGNATURE];
};

/*
 * Reads a text; all names are checked, the signature is not. Returns 0, or -1 and *error_r. Free it
 * with list_free() in either case.
 */
int list_parse(struct span text, struct recipient_list *list_r, char **error_r);
void list_free(struct recipient_list *list);

/*
 * Adds an address (a copy, in lower case). Returns 0, or -1 and *error_r: not an address of
 * list->domain, or one too many.
 */
int list_add(struct recipient_list *list, struct span address, char **error_r);
/* In order, each once. */
void list_sort(struct recipient_list *list);

/* Signs with the private key of a file and appends the text. Returns 0, or -1 and *error_r. */
int list_sign(struct recipient_list *list, const char *key_file, struct strbuf *out,
	      char **error_r);

/*
 * Is it signed by this key (policy_mx2.list_key), and of about now? Returns 0, or -1 and *error_r.
 */
int list_verify(const struct recipient_list *list, const char *key, int64_t now_ms, char **error_r);

/* Was the last list that the primary signed made more than max_age seconds ago? None yet: no. */
bool list_is_stale(const struct policy_mx2 *mx2, int64_t max_age, int64_t now);

/*
 * The public key, as policy_mx2.list_key has it, of the private key in a file; with make, the file
 * is made (mode 0600) if it is not there. malloc'ed, or NULL and *error_r.
 */
char *list_key(const char *key_file, bool make, char **error_r);

#endif
