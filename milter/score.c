#include "score.h"

#include "lib/strbuf.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WEIGHT 1000

#define ROW(id, name, weight, text) {name, weight, text},
static const struct {
	const char *name;
	int weight;
	const char *text;
} checks[CHECK_COUNT] = {SCORE_CHECKS(ROW)};
#undef ROW

void score_weights_default(struct score_weights *weights)
{
	for (size_t i = 0; i < CHECK_COUNT; i++)
		weights->weight[i] = checks[i].weight;
}

int score_weights_set(struct score_weights *weights, const char *text, char **error_r)
{
	const char *equals = strchr(text, '=');
	size_t size = equals == NULL ? strlen(text) : (size_t)(equals - text);
	char *end = NULL;
	long weight = equals == NULL ? 0 : strtol(equals + 1, &end, 10);

	if (equals == NULL || end == equals + 1 || *end != '\0' || labs(weight) > MAX_WEIGHT) {
		*error_r = xasprintf("score_weights: \"%s\" is not check=weight", text);
		return -1;
	}
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (strlen(checks[i].name) == size && strncmp(checks[i].name, text, size) == 0) {
			weights->weight[i] = (int)weight;
			return 0;
		}
	}
	*error_r = xasprintf("score_weights: there is no check \"%.*s\"", (int)size, text);
	return -1;
}

static void add(struct score *score, const char *name, int weight)
{
	struct score_hit *hit;

	if (weight == 0 || score->hit_count == SCORE_MAX_HITS)
		return;
	hit = &score->hits[score->hit_count++];
	snprintf(hit->name, sizeof(hit->name), "%s", name);
	hit->weight = weight;
	score->total += weight;
}

void score_add(struct score *score, const struct score_weights *weights, enum score_check check)
{
	add(score, checks[check].name, weights->weight[check]);
}

void score_add_list(struct score *score, const char *domain, int weight)
{
	add(score, domain, weight);
}

const char *score_text(const char *name)
{
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		if (strcmp(checks[i].name, name) == 0)
			return checks[i].text;
	}
	return "DNS list";
}

void score_write(const struct score *score, struct strbuf *out)
{
	for (size_t i = 0; i < score->hit_count; i++)
		strbuf_printf(out, "%s%s %+d", i == 0 ? "" : ", ", score->hits[i].name,
			      score->hits[i].weight);
}
