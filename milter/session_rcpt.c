/*
 * RCPT: what is this recipient, and may it be one?
 *
 * A 5xx only for proven policy: mail to a training address from somebody who is not authenticated,
 * a client whose score is too high. What is not known (a lookup that failed, a scanner that is
 * away) defers this recipient and no other. A spam trap takes everything: spam is what it is for.
 */
#include "session.h"
#include "sessions.h"

#include "lib/metrics.h"
#include "lib/msg.h"
#include "lib/strbuf.h"
#include "lib/xalloc.h"
#include "greylist.h"
#include "scanner_keeper.h"
#include "suspects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

METRIC_COUNTER(taken_mailbox, "shoveler_milter_recipients_total{class=\"mailbox\"}",
	       "Recipients accepted");
METRIC_COUNTER(taken_other, "shoveler_milter_recipients_total{class=\"other\"}",
	       "Recipients accepted");
METRIC_COUNTER(refused_training, "shoveler_milter_refused_total{reason=\"training\"}",
	       "Recipients refused");
METRIC_COUNTER(refused_score, "shoveler_milter_refused_total{reason=\"score\"}",
	       "Recipients refused");
METRIC_COUNTER(deferred_scanner, "shoveler_milter_deferred_total{reason=\"scanner\"}",
	       "Recipients and messages deferred");
METRIC_COUNTER(deferred_greylist, "shoveler_milter_deferred_total{reason=\"greylist\"}",
	       "Recipients and messages deferred");
METRIC_COUNTER(deferred_lookup, "shoveler_milter_deferred_total{reason=\"lookup\"}",
	       "Recipients and messages deferred");
METRIC_COUNTER(deferred_memory, "shoveler_milter_deferred_total{reason=\"memory\"}",
	       "Recipients and messages deferred");
METRIC_COUNTER(deferred_split, "shoveler_milter_deferred_total{reason=\"split\"}",
	       "Recipients and messages deferred");

static void log_refusal(const struct session *session, const struct recipient *recipient,
			const char *action, const char *reason)
{
	char *description = session_describe(session);

	msg_info("%s: %s, to=<%s>, action=%s, reason=%s", session_queue_id(session), description,
		 recipient->address, action, reason);
	free(description);
}

static enum protocol_answer refuse_training(struct session *session,
					    const struct recipient *recipient)
{
	metric_add(&refused_training, 1);
	log_refusal(session, recipient, "reject", "training address, client not authenticated");
	return session_reply(session, "550", "5.7.1",
			     "<%s>: only authenticated users may send to this address",
			     recipient->address);
}

/*
 * By sendmail(1), through non_smtpd_milters: Postfix does not say where it goes, and keeps in its
 * maildrop for ever what a milter refuses at RCPT.
 */
static bool is_submitted_here(const struct session *session)
{
	return protocol_macro(session->protocol, MACRO_MAILER) == NULL;
}

static enum protocol_answer take(struct transaction *transaction, const struct recipient *recipient)
{
	transaction->classes |= recipient->class.classes;
	if ((recipient->class.classes & CLASS_MAILBOX) == 0)
		transaction->separable = true;
	if (recipient->class.inseparable)
		transaction->inseparable = true;
	metric_add((recipient->class.classes & CLASS_MAILBOX) != 0 ? &taken_mailbox : &taken_other,
		   1);
	return ANSWER_CONTINUE;
}

static enum protocol_answer judge_scanned(struct session *session,
					  const struct recipient *recipient)
{
	struct transaction *transaction = session->transaction;

	if (!scanner_keeper_ready(session_scanner)) {
		metric_add(&deferred_scanner, 1);
		log_refusal(session, recipient, "defer", "virus scanner not available");
		return session_reply(session, "451", "4.7.1",
				     "<%s>: virus scanner not available, try again later",
				     recipient->address);
	}
	if (suspects_is_split(session->client, transaction->sender)) {
		metric_add(&deferred_split, 1);
		log_refusal(session, recipient, "defer", "other recipients first");
		return session_reply(session, "451", "4.7.1",
				     "<%s>: the message could not be scanned for viruses, "
				     "try again later",
				     recipient->address);
	}
	return take(transaction, recipient);
}

/* RFC 5321 section 4.5.1: postmaster can always be reached. */
static bool is_postmaster(const char *address)
{
	return strncasecmp(address, "postmaster", 10) == 0 &&
	       (address[10] == '@' || address[10] == '\0');
}

static bool is_scored(struct session *session, const struct recipient *recipient)
{
	struct transaction *transaction = session->transaction;

	if (session->lookups == NULL || transaction->login != NULL)
		return false;
	lookups_score(session->lookups, transaction->recipient_count + 1, &transaction->score);
	return !is_postmaster(recipient->address);
}

static enum score_action score_action_of(const struct session *session,
					 const struct recipient *recipient)
{
	const struct score *score = &session->transaction->score;
	struct score_limits limits =
		score_table_find(&session->policy->score_table, recipient->class.classes);

	return score_action_find(&limits, score->total, score->hit_count);
}

/* Seconds that a doubtful client has to wait, or 0. */
static int greylisted(const struct session *session, const struct recipient *recipient)
{
	const struct transaction *transaction = session->transaction;

	return greylist_check(&session->ip, transaction->sender, recipient->address,
			      session->policy->greylist_delay_s, time(NULL));
}

static enum protocol_answer greylist(struct session *session, const struct recipient *recipient,
				     int wait_s)
{
	struct strbuf log = STRBUF_INIT;

	strbuf_printf(&log, "greylist, score %d (", session->transaction->score.total);
	score_write(&session->transaction->score, &log);
	strbuf_append_char(&log, ')');
	metric_add(&deferred_greylist, 1);
	log_refusal(session, recipient, "defer", strbuf_text(&log));
	strbuf_free(&log);
	return session_reply(session, "451", "4.7.1", "<%s>: greylisted, try again in %d seconds",
			     recipient->address, wait_s);
}

/* A URL that ends with "=" or "/" is about this client. */
static void put_url(const struct session *session, struct strbuf *out)
{
	const char *url = session->policy->score_url;
	char last = url[strlen(url) - 1];

	strbuf_printf(out, "; see %s%s", url, last == '=' || last == '/' ? session->client : "");
}

static enum protocol_answer refuse_client(struct session *session,
					  const struct recipient *recipient)
{
	struct strbuf reasons = STRBUF_INIT, log = STRBUF_INIT;
	enum protocol_answer verdict;

	score_write(&session->transaction->score, &reasons);
	strbuf_printf(&log, "score %d (%s)", session->transaction->score.total,
		      strbuf_text(&reasons));
	metric_add(&refused_score, 1);
	log_refusal(session, recipient, "reject", strbuf_text(&log));
	if (session->policy->score_url[0] != '\0')
		put_url(session, &reasons);
	verdict = session_reply(session, "550", "5.7.1", "client [%s] refused, score %d: %s",
				session->client, session->transaction->score.total,
				strbuf_text(&reasons));
	strbuf_free(&reasons);
	strbuf_free(&log);
	return verdict;
}

static int find_class(struct session *session, struct recipient *recipient, char **error_r)
{
	const char *complete = protocol_macro(session->protocol, MACRO_ADDRESS);
	const struct rcpt_question question = {
		.address = complete != NULL && complete[0] != '\0' ? complete : recipient->address,
		.mailer = protocol_macro(session->protocol, MACRO_MAILER),
		.host = protocol_macro(session->protocol, MACRO_HOST),
	};

	return policy_class_find(session->policy, &question, &recipient->class, error_r);
}

static void exempt(const struct session *session, struct recipient *recipient)
{
	const struct transaction *transaction = session->transaction;

	if ((recipient->class.classes & CLASS_MAILBOX) == 0 || transaction->login != NULL ||
	    !policy_is_virus_exempt(session->policy, session->has_ip ? &session->ip : NULL,
				    transaction->sender, recipient->address))
		return;
	recipient->class.classes &= ~CLASS_MAILBOX;
	recipient->class.classes |= CLASS_EXEMPT;
}

static enum protocol_answer defer_unknown(struct session *session,
					  const struct recipient *recipient, const char *error)
{
	metric_add(&deferred_lookup, 1);
	log_refusal(session, recipient, "defer", error);
	return session_reply(session, "451", "4.3.0",
			     "<%s>: recipient lookup failed, try again later", recipient->address);
}

static enum protocol_answer defer_shortage(struct session *session,
					   const struct recipient *recipient)
{
	metric_add(&deferred_memory, 1);
	log_refusal(session, recipient, "defer", "no memory");
	return session_reply(session, "451", "4.3.0", "<%s>: out of memory, try again later",
			     recipient->address);
}

enum protocol_answer session_recipient(struct session *session)
{
	struct transaction *transaction = session->transaction;
	struct recipient *recipient = &transaction->recipients[transaction->recipient_count];
	char *error = NULL;

	if (xalloc_is_short())
		return defer_shortage(session, recipient);
	if (find_class(session, recipient, &error) < 0) {
		enum protocol_answer verdict = defer_unknown(session, recipient, error);

		free(error);
		return verdict;
	}
	if (recipient->class.classes == CLASS_TRAP)
		return take(transaction, recipient);
	exempt(session, recipient);
	/* Without a login spamtraind refuses it too, and that bounces. */
	if ((recipient->class.classes & CLASS_TRAINING) != 0 && transaction->login == NULL &&
	    !is_submitted_here(session))
		return refuse_training(session, recipient);
	if (is_scored(session, recipient)) {
		enum score_action action = score_action_of(session, recipient);
		int wait_s = action == SCORE_GREYLIST ? greylisted(session, recipient) : 0;

		if (action == SCORE_REJECT)
			return refuse_client(session, recipient);
		if (wait_s > 0)
			return greylist(session, recipient, wait_s);
	}
	if (verdict_wants_scan(session->policy, recipient->class.classes,
			       transaction->login != NULL))
		return judge_scanned(session, recipient);
	return take(transaction, recipient);
}
