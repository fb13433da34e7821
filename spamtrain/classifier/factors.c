/*
 * factors.c - why: the features that spoke loudest, and the X-DSPAM-* fields.
 */
#include "spamtrain/classifier/classifier_internal.h"

#include "lib/xalloc.h"

#include <math.h>
#include <stdlib.h>

#define REASONS_OF_FIELD 3   /* of one header field, at most */
#define REASON_TEXT_MAX	 100 /* characters of one in X-DSPAM-Factors */

struct factor {
	const struct feature *feature;
	struct token_counts counts;
	double probability;
	double rank;
};

/* What a person makes of it: traces of servers tell him less than words and senders. */
static const double interest[FEATURE_VIEWS] = {
	[VIEW_SENDER] = 1.2,	   [VIEW_SUBJECT] = 1.3, [VIEW_FIELD_WORD] = 0.6,
	[VIEW_FIELD_PAIR] = 0.5,   [VIEW_ROUTE] = 0.5,	 [VIEW_FACT] = 0.7,
	[VIEW_WORD] = 1.0,	   [VIEW_PAIR] = 1.0,	 [VIEW_LINK] = 1.2,
	[VIEW_SUBJECT_COPY] = 1.1,
};

static int compare(const void *a, const void *b)
{
	const struct factor *x = a, *y = b;

	return x->rank > y->rank ? -1 : x->rank < y->rank;
}

static struct span word_of(const struct features *features, uint32_t offset, uint16_t size)
{
	return span_first(span_from(strbuf_span(&features->text), offset), size);
}

/* Do they tell of the same word, in the same place? */
static bool is_repeated(const struct features *features, const struct feature *a,
			const struct feature *b)
{
	struct span words[2][2] = {{word_of(features, a->first, a->first_size),
				    word_of(features, a->second, a->second_size)},
				   {word_of(features, b->first, b->first_size),
				    word_of(features, b->second, b->second_size)}};

	for (int i = 0; i < 4 && a->name == b->name; i++)
		if (words[0][i / 2].size > 0 && span_equal_nocase(words[0][i / 2], words[1][i % 2]))
			return true;
	return false;
}

/* The highest-ranking ones that each say something new, moved to the front. */
static size_t choose(const struct features *features, struct factor *factors, size_t count)
{
	size_t chosen = 0;

	for (size_t i = 0; i < count && chosen < CLASSIFIER_REASONS_MAX; i++) {
		const struct feature *f = factors[i].feature;
		bool repeated = false;
		int of_field = 0;
		for (size_t j = 0; j < chosen; j++) {
			repeated = repeated || is_repeated(features, f, factors[j].feature);
			of_field += f->name != 0 && f->name == factors[j].feature->name;
		}
		if (!repeated && of_field < REASONS_OF_FIELD)
			factors[chosen++] = factors[i];
	}
	return chosen;
}

static double rank_of(const struct feature *feature, double probability)
{
	return fabs(log(probability / (1 - probability))) * interest[FEATURE_VIEW(feature->hash)];
}

size_t reasons_find(const struct classifier_message *message, const struct token_counts *counts,
		    const struct dictionary_sums *sums, struct classifier_reason **reasons_r)
{
	struct factor *factors = xmalloc((message->count + 1) * sizeof(*factors));
	size_t used = 0;

	for (size_t i = 0; i < message->count; i++) {
		const struct feature *f = &message->features.list[i];
		double p = engine_feature(counts[i], sums);
		if (counts[i].spam > 0 || counts[i].innocent > 0)
			factors[used++] = (struct factor){f, counts[i], p, rank_of(f, p)};
	}
	qsort(factors, used, sizeof(*factors), compare);
	used = choose(&message->features, factors, used);
	struct classifier_reason *reasons = xcalloc(used + 1, sizeof(*reasons));
	for (size_t i = 0; i < used; i++) {
		struct strbuf text = STRBUF_INIT;
		features_describe(&message->features, factors[i].feature, &text);
		reasons[i] = (struct classifier_reason){
			.text = strbuf_steal(&text),
			.family = features_family_name(factors[i].feature->family),
			.probability = factors[i].probability,
			.spam = factors[i].counts.spam,
			.innocent = factors[i].counts.innocent,
		};
	}
	free(factors);
	*reasons_r = reasons;
	return used;
}

void classifier_reasons_free(struct classifier_reason *reasons, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(reasons[i].text);
	free(reasons);
}

char *reasons_text(const struct classifier_reason *reasons, size_t count)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < count; i++)
		strbuf_printf(&text, "%s, %.5f\n", reasons[i].text, reasons[i].probability);
	return strbuf_steal(&text);
}

/* DSPAM's form: the number of factors, then one a folded line. Only ASCII goes into a header. */
static void factors_format(struct strbuf *out, const char *factors)
{
	unsigned lines = 0;

	for (const char *c = factors; *c != '\0'; c++)
		lines += *c == '\n';
	strbuf_printf(out, "X-DSPAM-Factors: %u", lines);
	for (const char *line = factors; *line != '\0';) {
		size_t size = strcspn(line, "\n");
		strbuf_append_text(out, ",\r\n\t");
		for (size_t i = 0; i < size && i < REASON_TEXT_MAX; i++)
			strbuf_append_char(out, line[i] < ' ' || line[i] > '~' ? '?' : line[i]);
		line += size + (line[size] == '\n');
	}
	strbuf_append_text(out, "\r\n");
}

/*
 * The header says it in twentieths, rounded away from even: copies of one message for users who all
 * see it clearly are then the same, and Dovecot keeps them as one (lda/delivery.c). No filter knows
 * its own error better than that; the history has it exactly.
 */
static double coarse(double probability)
{
	double twentieths = probability * 20;

	return (probability < 0.5 ? floor(twentieths) : ceil(twentieths)) / 20;
}

void dspam_headers_format(struct strbuf *out, const struct classifier_verdict *verdict, time_t now)
{
	double probability = coarse(verdict->probability);
	char date[32] = "";
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	strbuf_printf(out, "X-DSPAM-Result: %s\r\n", classifier_result_name(verdict->result));
	if (verdict->corrected)
		strbuf_printf(out, "X-DSPAM-Reclassified: %s\r\n",
			      classifier_result_name(verdict->result));
	strbuf_printf(out, "X-DSPAM-Processed: %s\r\n", date);
	strbuf_printf(out, "X-DSPAM-Confidence: %.4f\r\n", fabs(probability - 0.5) * 2);
	strbuf_printf(out, "X-DSPAM-Probability: %.4f\r\n", probability);
	if (verdict->signature[0] != '\0')
		strbuf_printf(out, "X-DSPAM-Signature: %s\r\n", verdict->signature);
	if (verdict->factors != NULL && verdict->factors[0] != '\0')
		factors_format(out, verdict->factors);
}
