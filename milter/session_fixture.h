/*
 * session_fixture.h - for tests: sessions of the milter as Postfix would open them, with a Postfix
 * configuration of their own (asked by the real postconf and postmap), a name server and a scanner
 * that are children of the test.
 *
 * In this Postfix example.test has mailboxes (friend@ is redirected to third.test), partner.test is
 * a domain that it is a fallback for, dc-spam@example.test a training address. A content with VIRUS
 * is infected, one with CRASH kills the scanner's worker. Who ends in .66 or ::66 is on dnsbl.test,
 * and refused.
 */
#ifndef SHOVELER_SESSION_FIXTURE_H
#define SHOVELER_SESSION_FIXTURE_H

#include "policy.h"
#include "protocol.h"

/* Before the first session; afterwards sessions have this policy. */
extern struct policy *fixture_policy;
/* settings: lines more of main.cf. */
void fixture_start(const char *settings);
/* A tear-down of cmocka's. */
int fixture_stop(void **state);

/* Is the scanner ready, as the keeper would say? */
extern bool fixture_scanner_is_ready;

/* Was the name server asked for that name? */
bool fixture_was_asked(const char *name);

/* Another name server connection of the policy's: after a fork, where its thread is not. */
void fixture_reopen_dns(void);

/* ---- what Postfix says ---- */

/* A packet; data may hold NULs. */
void fixture_put(struct strbuf *out, char command, const void *data, size_t size);
#define FIXTURE_PUT(out, command, literal) fixture_put(out, command, literal, sizeof(literal) - 1)
/* Negotiation, connection and HELO. family: '4', '6', 'L', 'U'. */
void fixture_put_start(struct strbuf *out, char family, const char *client);
void fixture_put_mail(struct strbuf *out, const char *sender, const char *login);
/* mailer: as Postfix resolves it; NULL: it does not say. */
void fixture_put_recipient(struct strbuf *out, const char *address, const char *mailer);
/* Header and body, up to the end of the header or of the message. */
void fixture_put_content(struct strbuf *out, const char *fields, const char *body);

/* The letters of the packets that are in *out: answers and changes of the message. */
const char *fixture_letters(struct span out);
/*
 * Data of the last packet of that letter as text, "" if there is none. Valid until the next call.
 */
const char *fixture_last(struct span out, char letter);

/* Feeds all of it; the output is emptied before. 0, 1 or -1 as protocol_feed(). */
int fixture_say(struct protocol *protocol, struct strbuf *bytes);
/* The letters of what was answered to them. */
const char *fixture_answers(struct protocol *protocol, struct strbuf *bytes);

/* ---- one session after the other ---- */

/* The one that is open, and what will be said in it. */
extern struct protocol *fixture_session;
extern struct strbuf fixture_bytes;

/* Ends the one before. */
void fixture_open(char family, const char *client);
/* MAIL, and RCPT for a mailbox: the letter of the answer. */
char fixture_ask_mailbox(void);
/* The same, in a session of that client, must be taken. */
void fixture_expect_taken(char family, const char *client);
/* Header and body (NULL: none): the letters of the answers. */
const char *fixture_send(const char *body);
/* The last answer in words. */
const char *fixture_reply(void);

#endif
