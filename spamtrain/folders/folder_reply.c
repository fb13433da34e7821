#include "spamtrain/folders/folder_reply.h"

#include <strings.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define DEPTH_MAX	   16 /* lists in lists */
#define ENVELOPE_BEFORE_TO 5  /* date, subject, from, sender, reply-to */
#define ENVELOPE_TO_CC_BCC 3
#define ENVELOPE_ADDRESSES (16 * 1024) /* bytes; the rest is left out */

struct word {
	const char *text;
	unsigned bit;
};

static const struct word attributes[] = {
	{"\\Noselect", FOLDER_ATTRIBUTE_NO_SELECT}, {"\\NonExistent", FOLDER_ATTRIBUTE_NO_SELECT},
	{"\\Junk", FOLDER_ATTRIBUTE_JUNK},	    {"\\Trash", FOLDER_ATTRIBUTE_TRASH},
	{"\\Drafts", FOLDER_ATTRIBUTE_DRAFTS},	    {"\\Sent", FOLDER_ATTRIBUTE_SENT},
	{"\\All", FOLDER_ATTRIBUTE_COLLECTION},	    {"\\Flagged", FOLDER_ATTRIBUTE_COLLECTION},
	{"\\Archive", FOLDER_ATTRIBUTE_ARCHIVE},    {NULL, 0},
};

static const struct word flags[] = {
	{"\\Seen", FOLDER_SEEN},
	{"\\Answered", FOLDER_ANSWERED},
	{"\\Flagged", FOLDER_FLAGGED},
	{"\\Deleted", FOLDER_DELETED},
	{"\\Draft", FOLDER_DRAFT},
	{"$Junk", FOLDER_MARKED_JUNK},
	{"Junk", FOLDER_MARKED_JUNK},
	{"$NotJunk", FOLDER_MARKED_NOT_JUNK},
	{"NonJunk", FOLDER_MARKED_NOT_JUNK},
	{NULL, 0},
};

static unsigned bit_of(const struct word *table, struct span text)
{
	while (table->text != NULL && !span_equal_nocase(span_of(table->text), text))
		table++;
	return table->bit;
}

/* "(\Seen Junk)" */
static bool take_words(struct span *rest, const struct word *table, unsigned *bits_r)
{
	struct strbuf text = STRBUF_INIT;
	bool valid = imap_take_char(rest, '(');

	*bits_r = 0;
	while (valid && !imap_take_char(rest, ')')) {
		strbuf_reset(&text);
		valid = imap_take_string(rest, &text);
		*bits_r |= bit_of(table, strbuf_span(&text));
	}
	strbuf_free(&text);
	return valid;
}

bool folder_list_read(struct span rest, struct folder_listed *listed_r)
{
	struct strbuf delimiter = STRBUF_INIT;
	bool valid = take_words(&rest, attributes, &listed_r->attributes) &&
		     imap_take_nstring(&rest, &delimiter) && delimiter.size <= 1 &&
		     imap_take_string(&rest, &listed_r->name);

	listed_r->delimiter = delimiter.size == 1 ? delimiter.data[0] : '\0';
	strbuf_free(&delimiter);
	return valid;
}

/* A string, NIL, or a list of these, whatever it says. */
static bool skip_value(struct span *rest)
{
	struct strbuf ignored = STRBUF_INIT;
	unsigned depth = 0;
	bool valid = true;

	do {
		strbuf_reset(&ignored);
		if (imap_take_char(rest, '('))
			valid = ++depth <= DEPTH_MAX;
		else if (depth > 0 && imap_take_char(rest, ')'))
			depth--;
		else
			valid = imap_take_nstring(rest, &ignored);
	} while (valid && depth > 0);
	strbuf_free(&ignored);
	return valid;
}

/* ---- namespaces ---- */

static bool take_nil(struct span *rest)
{
	struct strbuf text = STRBUF_INIT;
	bool nil = rest->size > 0 && rest->data[0] != '(' && imap_take_nstring(rest, &text) &&
		   text.size == 0;

	strbuf_free(&text);
	return nil;
}

/* ("prefix" "/" extensions...) */
static bool take_namespace(struct span *rest, struct strbuf *prefix)
{
	bool valid = imap_take_char(rest, '(') && imap_take_string(rest, prefix);

	while (valid && !imap_take_char(rest, ')'))
		valid = skip_value(rest);
	return valid;
}

bool folder_namespaces_read(struct span rest, void (*each)(void *context, struct span prefix),
			    void *context)
{
	struct strbuf prefix = STRBUF_INIT;
	bool valid = true;

	for (int kind = 0; valid && kind < 3; kind++) {
		if (take_nil(&rest))
			continue;
		valid = imap_take_char(&rest, '(');
		while (valid && !imap_take_char(&rest, ')')) {
			strbuf_reset(&prefix);
			valid = take_namespace(&rest, &prefix);
			if (valid && kind > 0)
				each(context, strbuf_span(&prefix));
		}
	}
	strbuf_free(&prefix);
	return valid;
}

/* ---- messages ---- */

static bool number_read(struct span text, uint64_t max, uint64_t *number_r)
{
	*number_r = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || *number_r > max / 10)
			return false;
		*number_r = *number_r * 10 + (uint64_t)(text.data[i] - '0');
	}
	return text.size > 0 && *number_r <= max;
}

static bool take_number(struct span *rest, uint64_t max, uint64_t *number_r)
{
	struct strbuf text = STRBUF_INIT;
	bool valid =
		imap_take_string(rest, &text) && number_read(strbuf_span(&text), max, number_r);

	strbuf_free(&text);
	return valid;
}

/* So many digits at that place, as a number; -1: they are none. */
static int digits_at(const char *text, size_t at, size_t count)
{
	int number = 0;

	for (size_t i = at; i < at + count; i++) {
		if (text[i] == ' ' && i == 0)
			continue;
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

/* "23-Nov-2026 02:20:28 +0100", a day below 10 with a blank before it. */
static bool date_read(struct span date, time_t *date_r)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {0};
	const char *t = date.data;

	if (date.size != 26 || (t[21] != '+' && t[21] != '-'))
		return false;
	while (tm.tm_mon < 12 && strncasecmp(t + 3, months + 3 * tm.tm_mon, 3) != 0)
		tm.tm_mon++;
	tm.tm_mday = digits_at(t, 0, 2);
	tm.tm_year = digits_at(t, 7, 4) - 1900;
	tm.tm_hour = digits_at(t, 12, 2);
	tm.tm_min = digits_at(t, 15, 2);
	tm.tm_sec = digits_at(t, 18, 2);
	int hours = digits_at(t, 22, 2), minutes = digits_at(t, 24, 2);
	if (tm.tm_mon == 12 || tm.tm_mday < 1 || tm.tm_year < 0 || tm.tm_hour < 0 ||
	    tm.tm_min < 0 || tm.tm_sec < 0 || hours < 0 || minutes < 0)
		return false;
	time_t offset = (hours * 60 + minutes) * 60;
	*date_r = timegm(&tm) - (t[21] == '+' ? offset : -offset);
	return true;
}

static bool take_date(struct span *rest, time_t *date_r)
{
	struct strbuf text = STRBUF_INIT;
	bool valid = imap_take_string(rest, &text) && date_read(strbuf_span(&text), date_r);

	strbuf_free(&text);
	return valid;
}

static bool take_guid(struct span *rest, uint64_t *guid_r)
{
	struct strbuf text = STRBUF_INIT;
	bool valid = imap_take_string(rest, &text);

	*guid_r = valid ? XXH3_64bits(strbuf_text(&text), text.size) : 0;
	strbuf_free(&text);
	return valid;
}

/* (name route mailbox host); a group's start and end have no host. */
static bool take_address(struct span *rest, struct strbuf *out)
{
	struct strbuf parts[4] = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT, STRBUF_INIT};
	bool valid = imap_take_char(rest, '(');

	for (int i = 0; valid && i < 4; i++)
		valid = imap_take_nstring(rest, &parts[i]);
	valid = valid && imap_take_char(rest, ')');
	if (valid && parts[2].size > 0 && parts[3].size > 0 && out->size < ENVELOPE_ADDRESSES)
		strbuf_printf(out, "%s%s@%s", out->size > 0 ? " " : "", strbuf_text(&parts[2]),
			      strbuf_text(&parts[3]));
	for (int i = 0; i < 4; i++)
		strbuf_free(&parts[i]);
	return valid;
}

static bool take_envelope(struct span *rest, struct strbuf *out)
{
	bool valid = imap_take_char(rest, '(');

	for (int i = 0; valid && i < ENVELOPE_BEFORE_TO; i++)
		valid = skip_value(rest);
	for (int i = 0; valid && i < ENVELOPE_TO_CC_BCC; i++) {
		if (take_nil(rest))
			continue;
		valid = imap_take_char(rest, '(');
		while (valid && !imap_take_char(rest, ')'))
			valid = take_address(rest, out);
	}
	while (valid && !imap_take_char(rest, ')'))
		valid = skip_value(rest);
	return valid;
}

/* "BODY[HEADER.FIELDS (TO)]<0>": a blank within brackets does not end it. */
static struct span take_name(struct span *rest)
{
	bool inside = false;
	size_t size = 0;

	while (size < rest->size && (inside || rest->data[size] != ' ')) {
		inside = rest->data[size] == '[' || (inside && rest->data[size] != ']');
		size++;
	}
	struct span name = span_first(*rest, size);
	*rest = span_from(*rest, size + 1);
	return name;
}

static bool take_item(struct span *rest, struct folder_fetched *f)
{
	struct span name = take_name(rest);
	uint64_t number = 0;

	if (span_equal_nocase(name, SPAN_LITERAL("UID"))) {
		bool valid = take_number(rest, UINT32_MAX, &number);
		f->uid = (uint32_t)number;
		return valid;
	}
	if (span_equal_nocase(name, SPAN_LITERAL("FLAGS")))
		return take_words(rest, flags, &f->flags);
	if (span_equal_nocase(name, SPAN_LITERAL("INTERNALDATE")))
		return take_date(rest, &f->date);
	if (span_equal_nocase(name, SPAN_LITERAL("X-GUID")))
		return take_guid(rest, &f->guid);
	if (span_equal_nocase(name, SPAN_LITERAL("RFC822.SIZE")))
		return take_number(rest, UINT64_MAX / 16, &f->size);
	if (span_equal_nocase(name, SPAN_LITERAL("ENVELOPE")))
		return take_envelope(rest, &f->envelope);
	if (span_starts_nocase(name, SPAN_LITERAL("BODY[")))
		return imap_take_nstring(rest, &f->body);
	return name.size > 0 && skip_value(rest);
}

bool folder_fetch_read(struct span rest, struct folder_fetched *fetched_r)
{
	struct folder_fetched *f = fetched_r;
	bool valid = span_starts_nocase(rest, SPAN_LITERAL("FETCH "));

	f->uid = 0;
	f->flags = 0;
	f->date = 0;
	f->guid = f->size = 0;
	strbuf_reset(&f->body);
	strbuf_reset(&f->envelope);
	rest = span_from(rest, strlen("FETCH "));
	valid = valid && imap_take_char(&rest, '(');
	while (valid && !imap_take_char(&rest, ')'))
		valid = take_item(&rest, f);
	return valid;
}

void folder_fetched_free(struct folder_fetched *fetched)
{
	strbuf_free(&fetched->body);
	strbuf_free(&fetched->envelope);
}

uint32_t folder_uidvalidity(struct span rest)
{
	static const struct span prefix = {"[UIDVALIDITY ", sizeof("[UIDVALIDITY ") - 1};
	uint64_t number = 0;

	if (!span_starts_nocase(rest, prefix))
		return 0;
	rest = span_from(rest, prefix.size);
	const char *end = rest.size == 0 ? NULL : memchr(rest.data, ']', rest.size);
	if (end == NULL ||
	    !number_read(span_first(rest, (size_t)(end - rest.data)), UINT32_MAX, &number))
		return 0;
	return (uint32_t)number;
}
