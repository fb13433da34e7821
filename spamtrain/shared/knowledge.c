/*
 * knowledge.c - what a message is judged by: the user's own dictionary, those of the other members
 * of his group, and, as long as he has taught little, the site's word.
 *
 * Only the user's own dictionary is ever written. The others are added when counts are read, so
 * learning and taking back stay exact whatever group he is in, and nobody's lesson is in two
 * places.
 */
#include "spamtrain/classifier/classifier_internal.h"

#include "lib/xalloc.h"

#include <stdlib.h>

const struct dictionary_group *classifier_group(const struct classifier *classifier,
						unsigned *site_weight_r)
{
	*site_weight_r = classifier->site_weight;
	return classifier->group;
}

static void visit_others(const struct classifier *c,
			 void (*visit)(const struct store *store, void *context), void *context)
{
	for (size_t i = 0; c->group != NULL && i < c->group->count; i++)
		if (strcmp(c->group->members[i], c->user) != 0)
			members_visit(classifier_site_members(c->site), c->group->members[i], visit,
				      context);
}

static void sums_add(const struct store *store, void *context)
{
	const struct dictionary_sums *from = dictionary_sums(store);
	struct dictionary_sums *to = context;

	to->spam += from->spam;
	to->innocent += from->innocent;
	to->gradient += from->gradient;
	to->square += from->square;
	for (int learner = 0; learner < STORE_LEARNERS; learner++)
		for (int class = 0; class < 2; class ++)
			for (int bin = 0; bin < DICTIONARY_BINS; bin++)
				to->scores[learner][class][bin] +=
					from->scores[learner][class][bin];
}

enum store_status knowledge_refresh(struct classifier *c, char **error_r)
{
	enum store_status status = dictionary_refresh(c->store, error_r);

	c->site_weight = 0;
	if (status != STORE_OK || (c->group == NULL && c->site_dictionary == NULL))
		return status;
	if (c->sums == NULL)
		c->sums = xmalloc(sizeof(*c->sums));
	*c->sums = *dictionary_sums(c->store);
	visit_others(c, sums_add, c->sums);
	if (c->site_dictionary != NULL && c->preferences.site_dictionary)
		c->site_weight = site_dictionary_weight(c->sums->spam, c->sums->innocent);
	if (c->site_weight > 0)
		site_dictionary_sums(c->site_dictionary, c->site_weight, c->sums);
	return STORE_OK;
}

struct addition {
	const uint32_t *hashes;
	size_t count;
	struct token_counts *counts, *sum;
};

static void counts_add(const struct store *store, void *context)
{
	const struct addition *a = context;

	dictionary_counts(store, a->hashes, a->count, a->counts);
	for (size_t i = 0; i < a->count; i++) {
		a->sum[i].spam += a->counts[i].spam;
		a->sum[i].innocent += a->counts[i].innocent;
		a->sum[i].gradient += a->counts[i].gradient;
		a->sum[i].square += a->counts[i].square;
	}
}

void knowledge_counts(const struct classifier *c, const uint32_t *hashes, size_t count,
		      struct token_counts *counts_r)
{
	dictionary_counts(c->store, hashes, count, counts_r);
	if (c->group != NULL) {
		struct addition addition = {hashes, count, xmalloc((count + 1) * sizeof(*counts_r)),
					    counts_r};
		visit_others(c, counts_add, &addition);
		free(addition.counts);
	}
	if (c->site_weight > 0)
		site_dictionary_add(c->site_dictionary, c->site_weight, hashes, count, counts_r);
}

const struct dictionary_sums *knowledge_sums(const struct classifier *c)
{
	bool alone = c->group == NULL && c->site_dictionary == NULL;

	return alone ? dictionary_sums(c->store) : c->sums;
}

int64_t knowledge_fewest(const struct classifier *c)
{
	const struct dictionary_sums *sums = knowledge_sums(c);

	return (sums->spam < sums->innocent ? sums->spam : sums->innocent) - c->site_weight;
}
