/*
 * features_opinion.c - what a postmaster would say of the message at first sight.
 *
 * A filter that has learned next to nothing needs an opinion to begin with. These are the points
 * that any hand-made rule set gives, in log-odds, set by common knowledge and not fitted to any
 * mail. The sum is one feature, its value the hash, and one learner of many (engine.c): what it is
 * worth for this user is learned as with all others.
 */
#include "spamtrain/engine/features_internal.h"

#include <math.h>

#define WORDS_SPAM_MAX	   3.0 /* log-odds of all words together */
#define WORDS_INNOCENT_MAX 2.0

struct opinion_word {
	const char *text;
	double odds;
};

static const struct opinion_word words[] = {
	{"viagra", 0.8},      {"cialis", 0.8},	     {"pharmacy", 0.6},	   {"pills", 0.6},
	{"medication", 0.4},  {"medications", 0.4},  {"casino", 0.8},	   {"lottery", 0.7},
	{"jackpot", 0.7},     {"winner", 0.5},	     {"prize", 0.5},	   {"mortgage", 0.5},
	{"refinance", 0.6},   {"loan", 0.4},	     {"loans", 0.5},	   {"debt", 0.4},
	{"guaranteed", 0.5},  {"guarantee", 0.4},    {"free", 0.3},	   {"click", 0.3},
	{"offer", 0.3},	      {"offers", 0.3},	     {"unsubscribe", 0.2}, {"remove", 0.3},
	{"removed", 0.3},     {"earn", 0.4},	     {"cash", 0.4},	   {"income", 0.4},
	{"millions", 0.4},    {"million", 0.3},	     {"dollars", 0.4},	   {"inheritance", 0.6},
	{"beneficiary", 0.7}, {"confidential", 0.3}, {"nigeria", 0.6},	   {"sex", 0.6},
	{"xxx", 0.8},	      {"porn", 0.8},	     {"penis", 0.8},	   {"enlargement", 0.8},
	{"nude", 0.6},	      {"weight", 0.3},	     {"diet", 0.4},	   {"herbal", 0.6},
	{"replica", 0.6},     {"rolex", 0.7},	     {"bitcoin", 0.3},	   {"crypto", 0.3},
	{"investment", 0.3},  {"investors", 0.3},    {"opportunity", 0.4}, {"risk-free", 0.5},
	{"obligation", 0.4},  {"100%", 0.4},	     {"discount", 0.3},	   {"cheap", 0.4},
	{"cheapest", 0.4},    {"bulk", 0.4},	     {"urgent", 0.3},	   {"congratulations", 0.5},
	{"claim", 0.3},	      {"bonus", 0.4},	     {"dear", 0.3},	   {"satisfaction", 0.4},
	{"limited", 0.2},     {"secret", 0.2},	     {"amazing", 0.3},	   {"incredible", 0.3},
	{"kostenlos", 0.3},   {"gewinn", 0.4},	     {"gewonnen", 0.5},	   {"kredit", 0.5},
	{"rabatt", 0.4},      {"gratis", 0.3},	     {"gratuit", 0.3},	   {"gagnez", 0.5},
	{"cliquez", 0.3},     {"dinero", 0.4},	     {"oferta", 0.4},	   {"ganar", 0.4},
	{"скидки", 0.5},      {"скидка", 0.5},	     {"бесплатно", 0.4},   {"заработок", 0.6},
	{"рассылка", 0.4},    {"рассылки", 0.4},     {"wrote", -0.6},	   {"thanks", -0.4},
	{"cheers", -0.5},     {"regards", -0.1},     {"attached", -0.2},   {"meeting", -0.4},
	{"tomorrow", -0.3},   {"yesterday", -0.3},   {"agenda", -0.4},	   {"lunch", -0.4},
	{"patch", -0.4},      {"bug", -0.3},	     {"schrieb", -0.6},	   {"danke", -0.4},
	{"gruß", -0.4},	      {"grüße", -0.3},	     {"merci", -0.4},	   {"écrit", -0.5},
	{"gracias", -0.3},    {"saludos", -0.3},     {"escribió", -0.6},   {"obrigado", -0.4},
	{"спасибо", -0.4},    {"привет", -0.3},
};

/* In scripts without spaces a letter is a word, so these words are pairs. */
static const struct opinion_pair {
	const char *first, *second;
	double odds;
} word_pairs[] = {
	{"发", "票", 0.7},	  {"發", "票", 0.7},	   {"免", "费", 0.4},
	{"免", "費", 0.4},	  {"优", "惠", 0.4},	   {"優", "惠", 0.4},
	{"代", "开", 0.8},	  {"無", "料", 0.4},	   {"谢", "谢", -0.3},
	{"謝", "謝", -0.3},	  {"credit", "card", 0.3}, {"click", "here", 0.4},
	{"opt", "out", 0.4},	  {"no", "cost", 0.4},	   {"per", "month", 0.2},
	{"money", "back", 0.5},	  {"make", "money", 0.7},  {"million", "dollars", 0.5},
	{"your", "account", 0.2}, {"for", "free", 0.3},	   {"order", "now", 0.6},
	{"act", "now", 0.6},	  {"i", "think", -0.5},	   {"i", "don't", -0.4},
	{"i'm", "not", -0.3},	  {"let", "me", -0.2},	   {"me", "know", -0.3},
};

static double words_opinion(const struct extractor *ex)
{
	double sum = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (feature_has(ex, FEATURE_BIT_WORD, word_hash(span_of(words[i].text))))
			sum += words[i].odds;
	for (size_t i = 0; i < sizeof(word_pairs) / sizeof(*word_pairs); i++) {
		const struct opinion_pair *pair = &word_pairs[i];
		if (feature_has(ex, FEATURE_BIT_PAIR,
				pair_hash(word_hash(span_of(pair->first)),
					  word_hash(span_of(pair->second)))))
			sum += pair->odds;
	}
	return fmax(-WORDS_INNOCENT_MAX, fmin(WORDS_SPAM_MAX, sum));
}

struct rule {
	bool holds;
	double odds;
};

static double rules_sum(const struct rule *rules, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += rules[i].holds ? rules[i].odds : 0;
	return sum;
}

static bool is_from(const char *domain, const struct message_facts *f)
{
	return domain[0] != '\0' && strcmp(domain, f->from) == 0;
}

static double header_opinion(const struct message_facts *f)
{
	const struct rule rules[] = {
		{f->reply, -1.5},
		{f->discussion, -1.0},
		{f->list && !f->discussion, -0.3},
		{f->mailer, -0.3},
		{is_from(f->message_id, f), -0.5},
		{f->message_id[0] == '\0', 0.7},
		{f->recipients == 0, 0.8},
		{f->reply_domain[0] != '\0' && !is_from(f->reply_domain, f), 0.7},
		{f->urgent, 0.5},
		{f->passed, -0.4},
		{f->failed, 0.7},
		{f->from_digits > 2, 0.5},
		{!f->subject, 0.4},
		{f->subject_text.reply, -0.7},
		{f->subject_text.marks > 0, 0.6},
		{f->subject_text.marks > 1, 0.4},
		{f->subject_text.money, 0.6},
		{f->subject_text.percent, 0.5},
		{f->subject_text.high > 3, 0.8},
		{f->subject_text.gaps > 3, 1.5},
		{f->subject_text.lower == 0 && f->subject_text.upper > 5, 1.0},
	};

	return rules_sum(rules, sizeof(rules) / sizeof(*rules));
}

static double body_opinion(const struct message_facts *f)
{
	const struct rule rules[] = {
		{f->html > 0 && f->text == 0, 1.0},
		{f->html == 0 && f->text > 0, -0.5},
		{f->image > 0 && f->text == 0, 0.4},
		{f->upper >= 0.3 * f->letters && f->upper > 60, 0.7},
		{f->marks > 3, 0.4},
		{f->marks > 12, 0.3},
		{f->dollars > 2, 0.3},
		{f->quoted > 0, -1.0},
		{f->odd_link, 1.5},
		{f->hides, 1.2},
	};

	return rules_sum(rules, sizeof(rules) / sizeof(*rules));
}

void features_opinion(struct extractor *ex)
{
	const struct message_facts *facts = &ex->facts;
	double odds = header_opinion(facts) + body_opinion(facts) + words_opinion(ex);
	double step = fmax(0, fmin(63, FEATURE_OPINION_ZERO + odds / FEATURE_OPINION_STEP));
	char text[32];

	int size = snprintf(text, sizeof(text), "%+.2f", odds);
	feature_add(ex, FEATURE_BIT_OPINION, FEATURE_OPINION_HASH(lround(step)),
		    (struct span){text, (size_t)size}, (struct span){NULL, 0});
}
