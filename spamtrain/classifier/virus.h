/*
 * virus.h - notes in a user's history that a virus was kept from him, or taken out of his mailbox.
 *
 * What came by mail gets a row of its own, that was never judged and teaches nothing; what lies in
 * a mailbox has one already, which is marked: found by the message's X-DSPAM-Signature, else by a
 * Message-ID that only one row has. Idempotent: the same find any number of times is one row.
 */
#ifndef SHOVELER_VIRUS_H
#define SHOVELER_VIRUS_H

#include "spamtrain/classifier/classifier.h"

#define VIRUS_NAME_MAX 256 /* bytes of a name that are kept */

struct classifier_virus {
	const char *name;   /* the scanner's signature */
	const char *sender; /* envelope sender, "" if it is not known */
	const char *id;	    /* names the find: queue id, or mailbox and uid */
	bool in_mailbox;    /* it was delivered already */
	time_t found;
	struct span message; /* or its first part, at least the header */
	uint64_t size;	     /* of the whole message */
};

/* *signature_r: of the row. *again_r: it was noted before. */
enum classifier_status classifier_virus(struct classifier *classifier,
					const struct classifier_virus *virus,
					char signature_r[STORE_SIGNATURE_SIZE], bool *again_r,
					char **error_r);

#endif
