/*
 * factors.c - why: the features that spoke loudest, and the X-DSPAM-* fields.
 */
#include "spamtrain/classifier_internal.h"

#include "lib/xalloc.h"

#include <math.h>
#include <stdlib.h>

#define FACTORS_MAX 15

struct factor {
	const struct feature *feature;
	double probability;
};

static int compare(const void *a, const void *b)
{
	double x = fabs(((const struct factor *)a)->probability - 0.5);
	double y = fabs(((const struct factor *)b)->probability - 0.5);

	return x > y ? -1 : x < y;
}

char *factors_text(const struct classifier_message *message, const struct token_counts *counts,
		   const struct dictionary_sums *sums)
{
	struct factor *factors = xmalloc((message->count + 1) * sizeof(*factors));
	struct strbuf text = STRBUF_INIT;
	size_t used = 0;

	for (size_t i = 0; i < message->count; i++)
		if (counts[i].spam > 0 || counts[i].innocent > 0)
			factors[used++] = (struct factor){&message->features.list[i],
							  engine_feature(counts[i], sums)};
	qsort(factors, used, sizeof(*factors), compare);
	for (size_t i = 0; i < used && i < FACTORS_MAX; i++) {
		features_describe(&message->features, factors[i].feature, &text);
		strbuf_printf(&text, ", %.5f\n", factors[i].probability);
	}
	free(factors);
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
