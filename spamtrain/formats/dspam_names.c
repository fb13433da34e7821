/*
 * dspam_names.c - what becomes of DSPAM's preferences that Shoveler does not have.
 */
#include "spamtrain/formats/dspam_preferences.h"

static const struct {
	const char *name, *reason;
} reasons[] = {
	{"enableBNR", "noise reduction belongs to DSPAM's engine; there is nothing to switch"},
	{"signatureLocation", "the signature is always in the header"},
	{"tagSpam", "no text is put at a message's end"},
	{"tagNonspam", "no text is put at a message's end"},
	{"notifications", "the host's administrator writes the texts that users get"},
	{"processorBias", "statisticalSedation says how careful the filter is"},
	{"ignoreGroups", "dictionary_groups in main.cf says who shares with whom"},
	{"localStore", "everybody has a store of his own; dictionary_groups shares"},
	{"fallbackDomain", "preference_maps has lines for whole domains"},
	{"makeCorpus", "no copies of mail are kept"},
	{"storeFragments", "no copies of mail are kept; the history has subjects and senders"},
	{"trainPristine", "corrections need no copy of the message"},
	{"optOutClamAV", "virus_scan and the milter's exceptions are the host's, not a user's"},
	{"ignoreRBLLookups", "DNS lists are scored by the milter, for the whole host"},
	{"RBLInoculate", "DNS lists are scored by the milter, for the whole host"},
	{"dailyStats", "the web page shows them"},
};

const char *dspam_preference_reason(const char *name)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (strcasecmp(reasons[i].name, name) == 0)
			return reasons[i].reason;
	return NULL;
}
