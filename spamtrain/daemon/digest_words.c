/*
 * digest_words.c - the words of the digest in English and French.
 */
#include "spamtrain/daemon/digest.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const english[WORD_COUNT] = {
	[WORD_SUBJECT] = "Your spam quarantine: %1$llu new",
	[WORD_INTRO] =
		"Messages that the spam filter has held back since the last summary: %1$llu.",
	[WORD_ORDER] = "Those that are least certain to be spam come first.",
	[WORD_MORE] = "And %1$llu more, which are not listed here.",
	[WORD_ALL] = "In your quarantine, old and new: %1$llu messages, %2$s.",
	[WORD_FULL] =
		"Your quarantine is nearly full (%1$s of %2$s). What does not fit any more is "
		"delivered to your INBOX, marked as spam.",
	[WORD_FROM] = "From",
	[WORD_SUBJECT_FIELD] = "Subject",
	[WORD_RECEIVED] = "Received %1$s, %2$s",
	[WORD_EXPIRES] = "will be deleted on %1$s",
	[WORD_DAMAGED] = "the file is damaged: it cannot be released",
	[WORD_ALERT] = "matches one of your alerts",
	[WORD_RELEASE] = "Not spam: release",
	[WORD_SPAM] = "Spam: delete",
	[WORD_DELETE_ALL] = "Delete all that is in the quarantine now",
	[WORD_LINKS] = "Each link works once, until %1$s, and asks before it does anything.",
	[WORD_MAIL] =
		"To release a message without the web page, send its line \"X-DSPAM-Signature: "
		"...\" to %1$s from your own account. One message a mail.",
	[WORD_MAIL_RELEASE] = "Release by mail",
	[WORD_WEB] = "Your quarantine on the web: %1$s",
	[WORD_NO_WAY] = "To have a message released, ask your postmaster and name its signature.",
	[WORD_MACHINE] = "This mail was written by a machine, because you asked for it "
			 "(dailyQuarantineSummary).",
	[WORD_NO_SUBJECT] = "(no subject)",
	[WORD_NO_SENDER] = "(no sender)",
};

static const char *const french[WORD_COUNT] = {
	[WORD_SUBJECT] = "Votre quarantaine : %1$llu en plus",
	[WORD_INTRO] = "Messages retenus par le filtre antispam depuis le dernier résumé : %1$llu.",
	[WORD_ORDER] = "Les moins certains d'être du spam sont en tête.",
	[WORD_MORE] = "Et %1$llu de plus, qui ne figurent pas ici.",
	[WORD_ALL] = "Dans votre quarantaine, anciens et nouveaux : %1$llu messages, %2$s.",
	[WORD_FULL] = "Votre quarantaine est presque pleine (%1$s sur %2$s). Ce qui n'y tient plus "
		      "est remis dans votre boîte de réception, marqué comme spam.",
	[WORD_FROM] = "De",
	[WORD_SUBJECT_FIELD] = "Objet",
	[WORD_RECEIVED] = "Reçu le %1$s, %2$s",
	[WORD_EXPIRES] = "sera supprimé le %1$s",
	[WORD_DAMAGED] = "le fichier est endommagé : il ne peut pas être libéré",
	[WORD_ALERT] = "correspond à l'une de vos alertes",
	[WORD_RELEASE] = "Pas du spam : libérer",
	[WORD_SPAM] = "Du spam : supprimer",
	[WORD_DELETE_ALL] = "Supprimer tout ce qui est en quarantaine maintenant",
	[WORD_LINKS] = "Chaque lien sert une fois, jusqu'au %1$s, et demande confirmation.",
	[WORD_MAIL] = "Pour libérer un message sans la page web, envoyez sa ligne "
		      "« X-DSPAM-Signature: ... » à %1$s depuis votre compte. Un message par "
		      "courriel.",
	[WORD_MAIL_RELEASE] = "Libérer par courriel",
	[WORD_WEB] = "Votre quarantaine sur le web : %1$s",
	[WORD_NO_WAY] = "Pour faire libérer un message, écrivez à votre postmaster en citant sa "
			"signature.",
	[WORD_MACHINE] = "Ce courriel a été écrit par une machine, à votre demande "
			 "(dailyQuarantineSummary).",
	[WORD_NO_SUBJECT] = "(sans objet)",
	[WORD_NO_SENDER] = "(sans expéditeur)",
};

static const char *const months[][12] = {
	{"January", "February", "March", "April", "May", "June", "July", "August", "September",
	 "October", "November", "December"},
	{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
	 "octobre", "novembre", "décembre"},
};

const char *digest_word(enum training_language language, enum digest_word word)
{
	return (language == TRAINING_FRENCH ? french : english)[word];
}

/* The formats are ours; the arguments are named by their place. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
char *digest_say(enum training_language language, enum digest_word word, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, word);
	if (vasprintf(&text, digest_word(language, word), args) < 0)
		xalloc_failed();
	va_end(args);
	return text;
}
#pragma GCC diagnostic pop

void digest_date(char *buffer, size_t size, enum training_language language, time_t when,
		 bool with_hour)
{
	struct tm local;
	int used;

	localtime_r(&when, &local);
	used = snprintf(buffer, size, "%d %s", local.tm_mday,
			months[language == TRAINING_FRENCH][local.tm_mon]);
	if (with_hour && used > 0 && (size_t)used < size)
		snprintf(buffer + used, size - (size_t)used, ", %02d:%02d", local.tm_hour,
			 local.tm_min);
}

void digest_size(char *buffer, size_t size, uint64_t bytes)
{
	if (bytes < 1024 * 1024)
		snprintf(buffer, size, "%llu KB", (unsigned long long)(bytes + 1023) / 1024);
	else
		snprintf(buffer, size, "%llu MB", (unsigned long long)(bytes >> 20));
}
