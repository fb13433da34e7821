/*
 * correspondents.h - people to whom the user wrote, told by the milter (learn_sent_recipients).
 *
 * Their mail is judged with the least sensitivity (statisticalSedation 10), and no more than that:
 * a sender's address is easily forged, so what is plainly spam stays spam. Only who signs in as the
 * user can add to them; what comes from outside cannot. enableWhitelist switches it off.
 */
#ifndef SHOVELER_CORRESPONDENTS_H
#define SHOVELER_CORRESPONDENTS_H

#include "spamtrain/classifier/classifier.h"

#define CORRESPONDENTS_OF_MESSAGE 25 /* recipients; a message to more is none to people one knows */

/* What an address is known by; letter case does not matter. 0: it is no address. */
int64_t correspondent_key(struct span address);
/* The same for the decoded text of a From: field. */
int64_t correspondent_key_of_field(struct span from);

/*
 * The user wrote to these addresses, separated by blanks; he himself is left out.
 * CLASSIFIER_INVALID when they are too many or none: nothing is noted then.
 */
enum classifier_status classifier_sent(struct classifier *classifier, const char *user,
				       const char *addresses, char **error_r);

#endif
