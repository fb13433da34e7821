/*
 * release.h - takes a message out of a user's quarantine and has Dovecot deliver it.
 *
 * It goes straight to Dovecot's LMTP, so it is not filtered again; the fields that say what the
 * filter thought are replaced by "Innocent". Order: Dovecot accepts it; the history says released
 * and the index entry goes, in one transaction; the file is removed. Killed in between, it is
 * delivered once more when asked again, rather than lost; where the store fails then, it is not.
 * Not twice at a time for one user: the outbox (spamtraind_outbox.h), which alone calls it, sees to
 * that.
 */
#ifndef SHOVELER_RELEASE_H
#define SHOVELER_RELEASE_H

#include "spamtrain/daemon/spamtraind.h"

enum release_status {
	RELEASE_DONE,
	RELEASE_NOT_THERE,  /* not in this user's quarantine (any more); no *reason_r */
	RELEASE_REFUSED,    /* Dovecot refuses it for good, or the file is damaged: it stays */
	RELEASE_TAKEN_BACK, /* the user called it spam after he had asked for it: it stays */
	RELEASE_DEFERRED    /* ask again */
};

/*
 * user: as classifier_open() wants it. Teaches nothing: correction_apply() did. *delivered: the
 * file in the quarantine that Dovecot has accepted already, in a try that was deferred afterwards,
 * or NULL: it is not delivered again. malloc'ed, the caller's.
 */
enum release_status release_message(struct spamtraind *service, const char *user,
				    const char *signature, char **delivered, char **reason_r);

#endif
