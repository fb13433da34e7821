#include "web/reason.h"

#include "web/markup.h"

#include <ctype.h>

/* The first row that fits counts. */
static const struct {
	const char *prefix, *label;
	bool quotes; /* what follows the prefix is worth reading */
} rows[] = {
	{"subject: ", N_("in the subject"), true},
	{"from: ", N_("in the sender"), true},
	{"reply-to: ", N_("in the address for answers"), true},
	{"return-path: ", N_("in the sender"), true},
	{"to: ", N_("in the recipients"), true},
	{"cc: ", N_("in the recipients"), true},
	{"received: ", N_("on its way here"), true},
	{"date: ", N_("When it was written"), false},
	{"message-id: ", N_("How the message is made"), false},
	{"link ", N_("in a link"), true},
	{"folded ", N_("in the text, disguised"), true},
	{"opinion", N_("The first impression of such mail"), false},
	{"fact from ", N_("How the sender's address is written"), false},
	{"fact reply to", N_("How the sender's address is written"), false},
	{"fact subject", N_("How the subject is written"), false},
	{"fact time zone", N_("When it was written"), false},
	{"fact date", N_("When it was written"), false},
	{"fact hour", N_("When it was written"), false},
	{"fact reply", N_("Whether it answers something, or comes from a list"), false},
	{"fact discussion", N_("Whether it answers something, or comes from a list"), false},
	{"fact passed", N_("Whether its sender is proven"), false},
	{"fact links", N_("How many links it has"), false},
	{"fact recipients", N_("To how many it was sent"), false},
	{"fact hops", N_("On which way it came"), false},
	{"fact html", N_("Whether it is text, pictures or both"), false},
	{"fact images", N_("Whether it is text, pictures or both"), false},
	{"fact capitals", N_("Capitals and punctuation in its text"), false},
	{"fact marks", N_("Capitals and punctuation in its text"), false},
	{"fact dollars", N_("Capitals and punctuation in its text"), false},
	{"fact percents", N_("Capitals and punctuation in its text"), false},
	{"fact digits", N_("Capitals and punctuation in its text"), false},
	{"fact commas", N_("Capitals and punctuation in its text"), false},
	{"shape hidden", N_("Text that nobody is meant to see"), false},
	{"shape invisible", N_("Text that nobody is meant to see"), false},
	{"shape link", N_("Links that hide where they lead"), false},
	{"shape file", N_("The kind of its attachments"), false},
	{"fact ", N_("How the message is made"), false},
	{"shape ", N_("How the message is made"), false},
};

/* "x-mailer: foo": a word of letters and hyphens, a colon, a blank. */
static size_t field_prefix(const char *text)
{
	size_t size = 0;

	while (isalnum((unsigned char)text[size]) || text[size] == '-')
		size++;
	return size > 0 && text[size] == ':' && text[size + 1] == ' ' ? size + 2 : 0;
}

struct reason reason_read(const char *text)
{
	struct span all = span_of(text);
	size_t field = field_prefix(text);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span prefix = span_of(rows[i].prefix);

		if (span_starts_nocase(all, prefix))
			return (struct reason){
				rows[i].label,
				span_from(all, rows[i].quotes ? prefix.size : all.size)};
	}
	if (field > 0)
		return (struct reason){N_("in its hidden fields"), span_from(all, field)};
	return (struct reason){N_("in the text"), all};
}
