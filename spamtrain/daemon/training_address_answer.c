#include "spamtrain/daemon/training_address_answer.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/xalloc.h"
#include "spamtrain/daemon/own_mail.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

METRIC_COUNTER(explanations, "shoveler_spamtraind_answers_total{kind=\"explanation\"}",
	       "Mail sent to users of the training addresses");
METRIC_COUNTER(parts, "shoveler_spamtraind_answers_total{kind=\"part\"}",
	       "Mail sent to users of the training addresses");
METRIC_COUNTER(receipts, "shoveler_spamtraind_answers_total{kind=\"receipt\"}",
	       "Mail sent to users of the training addresses");

/*
 * Subjects are ASCII. In the texts %1$s is the training address, %2$s spam or innocent in that
 * language, %3$u how many.
 */
struct texts {
	const char *explanation_subject, *explanation;
	const char *receipt_subject, *receipt;
	const char *part_subject, *part;
	const char *spam, *innocent;
};

static const struct texts english = {
	.explanation_subject = "Nothing was learned: please send it differently",
	.explanation =
		"Hello,\n"
		"\n"
		"thank you for helping your spam filter. You have sent a message to\n"
		"%1$s,\n"
		"so that the filter learns: this is %2$s.\n"
		"\n"
		"Sadly, the original message could not be found in it. What came was\n"
		"your own forward, and learning that would teach the filter about your\n"
		"mail instead of the one you mean. So nothing was learned, and nothing is\n"
		"lost.\n"
		"\n"
		"Any of these works:\n"
		"\n"
		"  * Move the message: into the folder Junk if it is spam, out of it if it\n"
		"    is not. That is all, no mail needs to be sent.\n"
		"  * Forward it as an attachment, several at once if you like, to\n"
		"    %1$s\n"
		"    (Thunderbird: Message, Forward As, Attachment; Outlook: More, Forward\n"
		"    as Attachment; Gmail: Forward as attachment).\n"
		"  * Redirect (\"resend\", \"bounce\") it to that address, if your mail program\n"
		"    can.\n"
		"\n"
		"This mail was written by a machine. You get it at most once in ten\n"
		"minutes.\n",
	.receipt_subject = "Thank you, your filter has learned",
	.receipt = "Hello,\n"
		   "\n"
		   "messages that you sent to\n"
		   "%1$s\n"
		   "and that are now known as %2$s: %3$u.\n"
		   "\n"
		   "This mail was written by a machine.\n",
	.part_subject = "Not all of your messages were learned",
	.part = "Hello,\n"
		"\n"
		"messages that you sent to\n"
		"%1$s\n"
		"and that are now known as %2$s: %3$u.\n"
		"\n"
		"There were more in your mail, or very large ones: those were left out.\n"
		"Please send at most 100 attached messages at a time, or move them into\n"
		"the right folder: there is no limit to that.\n"
		"\n"
		"This mail was written by a machine.\n",
	.spam = "spam",
	.innocent = "no spam",
};

static const struct texts french = {
	.explanation_subject = "Rien n'a pu servir : merci de le renvoyer autrement",
	.explanation =
		"Bonjour,\n"
		"\n"
		"merci d'aider votre filtre antispam. Vous avez envoyé un message à\n"
		"%1$s,\n"
		"pour que le filtre apprenne : ceci est %2$s.\n"
		"\n"
		"Malheureusement, le message d'origine n'y a pas été trouvé. Seul votre\n"
		"propre transfert est arrivé, et l'apprendre renseignerait le filtre sur\n"
		"votre courrier et non sur celui que vous visez. Rien n'a donc été appris,\n"
		"et rien n'est perdu.\n"
		"\n"
		"Voici ce qui fonctionne :\n"
		"\n"
		"  * Déplacez le message : dans le dossier des indésirables (Junk) si c'est\n"
		"    du spam, hors de ce dossier sinon. C'est tout, aucun envoi n'est\n"
		"    nécessaire.\n"
		"  * Transférez-le en pièce jointe, plusieurs à la fois si vous voulez, à\n"
		"    %1$s\n"
		"    (Thunderbird : Message, Transférer en, Pièce jointe ; Outlook : Plus,\n"
		"    Transférer en tant que pièce jointe ; Gmail : Transférer en pièce\n"
		"    jointe).\n"
		"  * Redirigez-le vers cette adresse, si votre logiciel le permet.\n"
		"\n"
		"Ce courrier a été écrit par une machine. Vous le recevez au plus une fois\n"
		"toutes les dix minutes.\n",
	.receipt_subject = "Merci, votre filtre a appris",
	.receipt = "Bonjour,\n"
		   "\n"
		   "messages que vous avez envoyés à\n"
		   "%1$s\n"
		   "et qui sont désormais connus comme %2$s : %3$u.\n"
		   "\n"
		   "Ce courrier a été écrit par une machine.\n",
	.part_subject = "Tous vos messages n'ont pas pu servir",
	.part = "Bonjour,\n"
		"\n"
		"messages que vous avez envoyés à\n"
		"%1$s\n"
		"et qui sont désormais connus comme %2$s : %3$u.\n"
		"\n"
		"Votre courrier en contenait d'autres, ou de très grands : ils ont été\n"
		"laissés de côté. Merci d'envoyer au plus 100 messages joints à la fois, ou\n"
		"de les déplacer dans le bon dossier : il n'y a pas de limite.\n"
		"\n"
		"Ce courrier a été écrit par une machine.\n",
	.spam = "du spam",
	.innocent = "du courrier légitime",
};

/* ---- kinds ---- */

static const struct kind {
	size_t subject, text; /* in struct texts */
	struct metric *sent;
} explanation_kind = {offsetof(struct texts, explanation_subject),
		      offsetof(struct texts, explanation), &explanations},
  receipt_kind = {offsetof(struct texts, receipt_subject), offsetof(struct texts, receipt),
		  &receipts},
  part_kind = {offsetof(struct texts, part_subject), offsetof(struct texts, part), &parts};

static const struct kind *kind_of(const struct answer *answer)
{
	if (answer->learned == 0)
		return &explanation_kind;
	return answer->partly ? &part_kind : &receipt_kind;
}

static const char *const *text_at(const struct texts *texts, size_t offset)
{
	return (const char *const *)(const void *)((const char *)texts + offset);
}

/* ---- the message ---- */

/* The formats are ours; the arguments are named by their place. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static char *fill_in(const char *format, const char *address, const char *class, unsigned learned)
{
	return xasprintf(format, address, class, learned);
}
#pragma GCC diagnostic pop

void answer_format(struct strbuf *out, const struct spamtraind *service,
		   const struct answer *answer, time_t now)
{
	enum training_language language = answer->language == TRAINING_LANGUAGE_UNKNOWN
						  ? service->language
						  : answer->language;
	const struct texts *texts = language == TRAINING_FRENCH ? &french : &english;
	const char *class = answer->class == STORE_SPAM ? texts->spam : texts->innocent;
	const struct kind *kind = kind_of(answer);
	char *text = fill_in(*text_at(texts, kind->text), answer->training_address, class,
			     answer->learned);

	own_mail_header(out, service, answer->user, "training", now);
	strbuf_append_text(out, "Auto-Submitted: auto-replied\r\n"
				"Content-Type: text/plain; charset=utf-8\r\n"
				"Content-Transfer-Encoding: 8bit\r\n");
	strbuf_printf(out, "Content-Language: %s\r\nSubject: %s\r\n\r\n",
		      language == TRAINING_FRENCH ? "fr" : "en", *text_at(texts, kind->subject));
	own_mail_text(out, text);
	free(text);
}

/* ---- not too often ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	char *user;
	time_t at;
} told[ANSWER_USERS_MAX]; /* a ring */
static size_t told_next;

static bool told_lately(const char *user, time_t now)
{
	bool lately = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < ANSWER_USERS_MAX && told[i].user != NULL && !lately; i++)
		lately = strcmp(told[i].user, user) == 0 && now - told[i].at < ANSWER_PAUSE_SECONDS;
	pthread_mutex_unlock(&lock);
	return lately;
}

static void remember(const char *user, time_t now)
{
	pthread_mutex_lock(&lock);
	free(told[told_next].user);
	told[told_next].user = xstrdup(user);
	told[told_next].at = now;
	told_next = (told_next + 1) % ANSWER_USERS_MAX;
	pthread_mutex_unlock(&lock);
}

/* ---- sending ---- */

static bool is_wanted(const struct spamtraind *service, const struct kind *kind)
{
	return kind == &receipt_kind ? service->receipts : service->answers;
}

int answer_send(struct spamtraind *service, struct spool_worker *worker,
		const struct answer *answer, char **reason_r)
{
	const struct kind *kind = kind_of(answer);
	struct strbuf message = STRBUF_INIT;
	time_t now = time(NULL);
	int sent;

	if (!is_wanted(service, kind) ||
	    (kind == &explanation_kind && told_lately(answer->user, now)))
		return 0;
	answer_format(&message, service, answer, now);
	sent = spool_worker_mail(worker, answer->user, strbuf_span(&message), reason_r);
	strbuf_free(&message);
	if (sent < 0)
		return -1;
	metric_add(kind->sent, 1);
	if (kind == &explanation_kind)
		remember(answer->user, now);
	return 0;
}
