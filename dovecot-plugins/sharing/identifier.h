/*
 * identifier.h - to whom rights are given: the one spelling under which they are stored, and
 * whether there is such a user or group.
 *
 * A user is his address in lower case. A group of the policy store is "$staff" to IMAP clients;
 * "group:staff" and "group=staff", "$staff@example.test" (as Roundcube writes it), in any case,
 * mean the same.
 */
#ifndef SHOVELER_SHARING_IDENTIFIER_H
#define SHOVELER_SHARING_IDENTIFIER_H

struct mail_user;

/*
 * text: an identifier of an IMAP ACL command (RFC 4314), perhaps with "-" (negative rights) or "!"
 * (overriding ones) in front. Returns it as clients are to see it: "$staff", "-alice@example.test".
 * Valid in the caller's data stack frame, as all texts here.
 */
const char *identifier_fold(const char *text);

/*
 * May rights be given to it? folded: from identifier_fold(); by: who wants to. Returns 1; 0 and
 * *reason_r if there is no such user or group, or if main.cf
 * does not allow it; -1 and *reason_r if that cannot be found out now.
 */
int identifier_check(struct mail_user *by, const char *folded, const char **reason_r);

#endif
