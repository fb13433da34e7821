#include "lda/account.h"

#include "lda/site.h"
#include "lib/clock.h"
#include "lib/metrics.h"
#include "lib/msg.h"

#include <inttypes.h>

METRIC_GAUGE(sessions, "shoveler_lda_sessions", "LMTP sessions now");
METRIC_COUNTER(messages, "shoveler_lda_messages_total", "Messages received");
METRIC_COUNTER(message_bytes, "shoveler_lda_message_bytes_total", "Bytes of messages received");
METRIC_COUNTER(store_errors, "shoveler_lda_store_errors_total",
	       "Deliveries put off because of a user's store or quarantine");
METRIC_COUNTER(classifier_errors, "shoveler_lda_classifier_errors_total",
	       "Deliveries without a verdict because the classifier failed");
METRIC_COUNTER(quarantines_full, "shoveler_lda_quarantine_full_total",
	       "Messages tagged and delivered because the user's quarantine was full");
METRIC_COUNTER(nexthop_errors, "shoveler_lda_nexthop_errors_total",
	       "Deliveries put off because Dovecot could not be reached");
METRIC_COUNTER(ambiguous, "shoveler_lda_ambiguous_total",
	       "Connections to Dovecot lost after the message: it may be delivered twice");
METRIC_COUNTER(again, "shoveler_lda_again_total", "Messages that had their verdict already");
METRIC_TIME(delay_ms, "shoveler_lda_delivery_seconds_total",
	       "Time spent on recipients in all");

#define RECIPIENTS_HELP "Recipients, by what became of the message for them"
METRIC_COUNTER(delivered, "shoveler_lda_recipients_total{outcome=\"delivered\"}", RECIPIENTS_HELP);
METRIC_COUNTER(tagged, "shoveler_lda_recipients_total{outcome=\"tagged\"}", RECIPIENTS_HELP);
METRIC_COUNTER(quarantined, "shoveler_lda_recipients_total{outcome=\"quarantined\"}",
	       RECIPIENTS_HELP);
METRIC_COUNTER(passed, "shoveler_lda_recipients_total{outcome=\"passed\"}", RECIPIENTS_HELP);
METRIC_COUNTER(unmarked, "shoveler_lda_recipients_total{outcome=\"unmarked\"}", RECIPIENTS_HELP);
METRIC_COUNTER(refused, "shoveler_lda_recipients_total{outcome=\"refused\"}", RECIPIENTS_HELP);
METRIC_COUNTER(deferred, "shoveler_lda_recipients_total{outcome=\"deferred\"}", RECIPIENTS_HELP);

#define VERDICTS_HELP "Verdicts, repeated ones included"
METRIC_COUNTER(innocent, "shoveler_lda_verdicts_total{result=\"innocent\"}", VERDICTS_HELP);
METRIC_COUNTER(spam, "shoveler_lda_verdicts_total{result=\"spam\"}", VERDICTS_HELP);
METRIC_COUNTER(whitelisted, "shoveler_lda_verdicts_total{result=\"whitelisted\"}", VERDICTS_HELP);

static const struct {
	const char *name;
	struct metric *accepted;
} actions[ACTION_COUNT] = {
	[ACTION_NONE] = {"none", &unmarked}, [ACTION_DELIVER] = {"deliver", &delivered},
	[ACTION_TAG] = {"tag", &tagged},     [ACTION_QUARANTINE] = {"quarantine", &quarantined},
	[ACTION_PASS] = {"pass", &passed},   [ACTION_UNMARKED] = {"unmarked", &unmarked},
};

static struct metric *const results[] = {
	[CLASSIFIER_INNOCENT] = &innocent,
	[CLASSIFIER_SPAM] = &spam,
	[CLASSIFIER_WHITELISTED] = &whitelisted,
};

void account_session(int change)
{
	metric_add(&sessions, change);
}

void account_message(const struct lmtp_transaction *transaction)
{
	metric_add(&messages, 1);
	metric_add(&message_bytes, (int64_t)transaction->content.size);
}

void account_store_error(void)
{
	metric_add(&store_errors, 1);
}

void account_classifier_error(void)
{
	metric_add(&classifier_errors, 1);
}

void account_quarantine_full(void)
{
	metric_add(&quarantines_full, 1);
}

const char *account_action(enum action action)
{
	return actions[action].name;
}

static void count(const struct delivery *delivery)
{
	int code = delivery->recipient->reply.code;

	if (code < 300)
		metric_add(actions[delivery->action].accepted, 1);
	else
		metric_add(code < 500 ? &deferred : &refused, 1);
	if (delivery->verdict.signature[0] != '\0')
		metric_add(results[delivery->verdict.result], 1);
	if (delivery->verdict.again)
		metric_add(&again, 1);
	if (delivery->result == LMTP_UNREACHABLE)
		metric_add(&nexthop_errors, 1);
	if (delivery->result == LMTP_AMBIGUOUS)
		metric_add(&ambiguous, 1);
}

static const char *status_name(int code)
{
	return code < 300 ? "sent" : code < 500 ? "deferred" : "refused";
}

static void append_verdict(struct strbuf *line, const struct classifier_verdict *verdict)
{
	if (verdict->signature[0] == '\0') {
		strbuf_append_text(line, ", result=none");
		return;
	}
	strbuf_printf(line, ", result=%s, probability=%.4f, confidence=%.4f, signature=%s%s%s",
		      classifier_result_name(verdict->result), verdict->probability,
		      verdict->confidence, verdict->signature, verdict->again ? ", again=yes" : "",
		      verdict->corrected ? ", corrected=yes" : "");
}

void account_delivery(const struct delivery *delivery)
{
	const struct lmtp_reply *reply = &delivery->recipient->reply;
	int64_t took_ms = clock_ms() - delivery->started_ms;
	struct strbuf line = STRBUF_INIT;

	append_verdict(&line, &delivery->verdict);
	msg_info("%s: user=<%s>, to=<%s>, from=<%s>%s, action=%s, size=%zu, delay=%" PRId64
		 ".%03d, relay=%s, status=%s (%d %s)",
		 delivery->message->queue_id, strbuf_text(&delivery->user),
		 delivery->recipient->address, delivery->transaction->sender, strbuf_text(&line),
		 actions[delivery->action].name, delivery->transaction->content.size,
		 took_ms / 1000, (int)(took_ms % 1000),
		 delivery->action == ACTION_QUARANTINE ? "quarantine" : delivery->relay,
		 status_name(reply->code), reply->code, reply->text);
	strbuf_free(&line);
	metric_add(&delay_ms, took_ms);
	count(delivery);
}
