/*
 * factors.c - why: the features that spoke loudest, and the X-DSPAM-* fields.
 */
#include "spamtrain/classifier_internal.h"

#include "lib/xalloc.h"

#include <math.h>
#include <stdlib.h>

struct factor {
	const struct feature *feature;
	struct token_counts counts;
	double probability;
};

static int compare(const void *a, const void *b)
{
	const struct factor *x = a, *y = b;
	double dx = fabs(x->probability - 0.5), dy = fabs(y->probability - 0.5);

	return dx > dy ? -1 : dx < dy;
}

size_t reasons_find(const struct classifier_message *message, const struct token_counts *counts,
		    const struct dictionary_sums *sums, struct classifier_reason **reasons_r)
{
	struct factor *factors = xmalloc((message->count + 1) * sizeof(*factors));
	size_t used = 0;

	for (size_t i = 0; i < message->count; i++)
		if (counts[i].spam > 0 || counts[i].innocent > 0)
			factors[used++] = (struct factor){&message->features.list[i], counts[i],
							  engine_feature(counts[i], sums)};
	qsort(factors, used, sizeof(*factors), compare);
	used = used < CLASSIFIER_REASONS_MAX ? used : CLASSIFIER_REASONS_MAX;
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
		for (size_t i = 0; i < size; i++)
			strbuf_append_char(out, line[i] < ' ' || line[i] > '~' ? '?' : line[i]);
		line += size + (line[size] == '\n');
	}
	strbuf_append_text(out, "\r\n");
}

void dspam_headers_format(struct strbuf *out, const struct classifier_verdict *verdict, time_t now)
{
	char date[32] = "";
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	strbuf_printf(out, "X-DSPAM-Result: %s\r\n", classifier_result_name(verdict->result));
	if (verdict->corrected)
		strbuf_printf(out, "X-DSPAM-Reclassified: %s\r\n",
			      classifier_result_name(verdict->result));
	strbuf_printf(out, "X-DSPAM-Processed: %s\r\n", date);
	strbuf_printf(out, "X-DSPAM-Confidence: %.4f\r\n", verdict->confidence);
	strbuf_printf(out, "X-DSPAM-Probability: %.4f\r\n", verdict->probability);
	if (verdict->signature[0] != '\0')
		strbuf_printf(out, "X-DSPAM-Signature: %s\r\n", verdict->signature);
	if (verdict->factors != NULL && verdict->factors[0] != '\0')
		factors_format(out, verdict->factors);
}
