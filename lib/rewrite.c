#include "rewrite.h"

#include "header.h"
#include "subject_tag.h"

static bool is_ours(struct span name)
{
	return span_starts_nocase(name, SPAN_LITERAL("X-DSPAM-")) ||
	       span_equal_nocase(name, SPAN_LITERAL("X-Shoveler-Submitter"));
}

/* What comes before the next field that is taken out or replaced; else everything. */
static bool give_header(struct rewrite *rewrite, struct span *piece)
{
	struct span run = rewrite->rest;
	struct header_field field;

	while (header_next(&rewrite->rest, &field)) {
		bool replaced = field.raw.data == rewrite->subject_data;

		if (!replaced && !is_ours(field.name))
			continue;
		*piece = span_first(run, (size_t)(field.raw.data - run.data));
		if (replaced)
			rewrite->state = REWRITE_TAGGED_SUBJECT;
		return true;
	}
	*piece = rewrite->separate ? SPAN_LITERAL("\r\n") : (struct span){NULL, 0};
	rewrite->rest = run;
	rewrite->state = REWRITE_BODY;
	return true;
}

static bool next_piece(struct span_source *source, struct span *piece_r)
{
	struct rewrite *rewrite = (struct rewrite *)source;

	switch (rewrite->state) {
	case REWRITE_OWN:
		*piece_r = rewrite->own;
		rewrite->state = REWRITE_ADDED_SUBJECT;
		return true;
	case REWRITE_ADDED_SUBJECT:
		*piece_r = rewrite->subject_data == NULL ? strbuf_span(&rewrite->subject)
							 : (struct span){NULL, 0};
		rewrite->state = REWRITE_HEADER;
		return true;
	case REWRITE_HEADER:
		return give_header(rewrite, piece_r);
	case REWRITE_TAGGED_SUBJECT:
		*piece_r = strbuf_span(&rewrite->subject);
		rewrite->state = REWRITE_HEADER;
		return true;
	case REWRITE_BODY:
		*piece_r = rewrite->rest;
		rewrite->state = REWRITE_END;
		return true;
	case REWRITE_END:
		break;
	}
	return false;
}

void rewrite_init(struct rewrite *rewrite, struct span message, struct span own, const char *tag)
{
	struct header_field field = {0};
	bool has_subject = tag != NULL && header_find(message, "Subject", &field);
	struct span rest = message;

	*rewrite = (struct rewrite){
		.source = {next_piece}, .state = REWRITE_OWN, .own = own, .rest = message};
	if (tag != NULL &&
	    subject_tag(&rewrite->subject, has_subject ? field.body : (struct span){NULL, 0},
			tag) &&
	    has_subject)
		rewrite->subject_data = field.raw.data;
	/* Neither a field nor the empty line comes first. */
	rewrite->separate = (own.size > 0 || (tag != NULL && !has_subject)) && message.size > 0 &&
			    !header_next(&rest, &field) && rest.size == message.size;
}

void rewrite_free(struct rewrite *rewrite)
{
	strbuf_free(&rewrite->subject);
}
