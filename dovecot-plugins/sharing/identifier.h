/*
 * identifier.h - to whom rights are given: the one spelling under which they are stored.
 *
 * A user is his address in lower case; a group is known by "$staff" (what clients see),
 * "group:staff" and "group=staff", in any case; all of them are stored as the group "staff".
 */
#ifndef SHOVELER_SHARING_IDENTIFIER_H
#define SHOVELER_SHARING_IDENTIFIER_H

/*
 * text: an identifier of an IMAP ACL command (RFC 4314), without a "-" in front. Returns how IMAP
 * clients are to see it, "$staff" or "alice@example.test"; others ("anyone") as they are. Valid in
 * the caller's data stack frame.
 */
const char *identifier_fold(const char *text);

#endif
