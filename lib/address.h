/*
 * address.h - mail addresses as names of users (RFC 5321 section 4.1.2).
 *
 * A user is the full address in lower case without detail: "Alice+news@Example.test" is
 * "alice@example.test". Only ASCII letters are folded; UTF-8 (RFC 6531) is kept as it is.
 */
#ifndef SHOVELER_ADDRESS_H
#define SHOVELER_ADDRESS_H

#include "span.h"
#include "strbuf.h"

#include <stdbool.h>

#define ADDRESS_LOCAL_MAX  128 /* bytes, without quotes */
#define ADDRESS_DOMAIN_MAX 255

/* Splits at the last "@". False when there is none, or nothing on one of its sides. */
bool address_split(struct span address, struct span *local_r, struct span *domain_r);

/*
 * Appends the user to whom mail for the address belongs. delimiters: recipient_delimiter, a set of
 * characters as in Postfix; the detail starts at the first of them, unless it is the first
 * character. A quoted local part is unquoted. False, and nothing appended, when what comes out is
 * not address_is_user().
 */
bool address_user(struct span address, const char *delimiters, struct strbuf *out);

/*
 * A name under which something may be kept for a user: local part and domain within the limits, no
 * control bytes, no "@", "/" or blank inside them, no quotes around the local part (they would come
 * off the next time), no upper-case ASCII, a domain of letters, digits, "-", "_", "." and bytes
 * above 0x7f that neither starts nor ends with a dot; both short enough for address_escape() to
 * make file names of them.
 */
bool address_is_user(struct span user);

/*
 * Is the address in the list (NULL-terminated)? Its items are addresses, which stand for those with
 * a detail too, and "@domain". ASCII letters are the same in either case.
 */
bool address_is_listed(const char *const *list, const char *address, const char *delimiters);

/*
 * Appends one element of a path: bytes other than a-z 0-9 - _ = + and dots inside are written as
 * %XX. Different texts give different elements; none is empty (an empty text gives "%"), ".", ".."
 * or starts with a dot.
 */
void address_escape(struct strbuf *out, struct span text);

#endif
