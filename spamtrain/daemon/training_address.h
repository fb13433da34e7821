/*
 * training_address.h - what Postfix delivers to the training addresses (dc-spam@, dc-ham@): the
 * handler of the LMTP session.
 *
 * Only mail that the milter vouches for (lib/submitter.h) teaches; everything else is refused with
 * 550 5.7.1. It teaches the filter of the user who signed in, nobody else's. What a machine sent
 * (null sender, Auto-Submitted above the Resent-* and X-DSPAM-*) is ignored; else, in this order:
 *
 * 1. The message itself carries a signature of that user (it was resent as it was): it is
 *    corrected, exactly.
 * 2. It was resent without one (Resent-* fields, From is not the user, it is no answer or digest
 *    of ours): the message itself is learned.
 * 3. Auto-replies, bounces, list mail: ignored.
 * 4. Messages are attached to it: each of them is corrected or learned. The user's own and ours
 *    are not learned, but corrected if they have a signature of his.
 * 5. An inline forward or reply: never learned as it stands. If the one signature quoted in it, or
 *    the one Message-ID that it refers to with the same subject, is in the user's history, that
 *    message is corrected;
 *    so is the only one of his history whose subject it has and whose subject and sender it quotes.
 *    Else he gets an explanation by mail. A signature of his quarantine, sent to the address for
 *    innocent mail, so releases: a reply to the digest can be as short as that.
 *
 * Spam traps (traps.h) are served here too.
 *
 * Each correction goes through the spool, so that it counts after what the user said before and
 * before what he says later. 250 is said after the store has committed; trouble is a 4xx, and the
 * message comes again, which is harmless. What it releases, and the answer, wait in the outbox.
 */
#ifndef SHOVELER_TRAINING_ADDRESS_H
#define SHOVELER_TRAINING_ADDRESS_H

#define TRAINING_SESSIONS_MAX 20
#define TRAINING_TIMEOUT_S    300

/* For a thread of lib/server.h; context is the struct spool_worker. */
void training_address_session(int fd, void *context);

#endif
