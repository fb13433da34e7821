/*
 * features_fact.c - the same few facts of every message: how its header is made, how its text
 * looks.
 *
 * Every message has one value of each, so they are known after a few dozen messages, long before
 * its words are.
 */
#include "spamtrain/engine/features_internal.h"

#include "lib/header.h"

#include <ctype.h>
#include <math.h>

#define FACT_TEXT_MAX 60000 /* bytes of the raw body that are looked at */

static void fact_add(struct extractor *ex, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void fact_add(struct extractor *ex, const char *format, ...)
{
	char text[80];
	va_list args;

	va_start(args, format);
	int size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size > 0)
		feature_add_word(ex, FEATURE_BIT_FACT,
				 (struct span){text, (size_t)size < sizeof(text)
							     ? (size_t)size
							     : sizeof(text) - 1});
}

static int limited(int n, int max)
{
	return n < max ? n : max;
}

/* Number of binary digits. */
static int magnitude(double n)
{
	int bits = 0;

	for (; n >= 1 && bits < 20; n /= 2)
		bits++;
	return bits;
}

/* 0: none, then coarse steps. */
static int share(double part, double whole)
{
	static const double steps[] = {0.01, 0.03, 0.06, 0.1, 0.2, 0.4};
	int i = 0;

	if (part <= 0 || whole <= 0)
		return 0;
	while (i < 6 && part / whole >= steps[i])
		i++;
	return i + 1;
}

/* The last two labels of the domain behind the first "@", lower case; "" if there is none. */
static void domain_of(struct span value, char *out, size_t size)
{
	const char *at = value.size == 0 ? NULL : memchr(value.data, '@', value.size);
	size_t n = 0;

	out[0] = '\0';
	if (at == NULL)
		return;
	struct span rest = span_from(value, (size_t)(at - value.data) + 1);
	while (n < rest.size && n < size - 1 &&
	       (isalnum((unsigned char)rest.data[n]) || rest.data[n] == '.' ||
		rest.data[n] == '-')) {
		out[n] = (char)tolower((unsigned char)rest.data[n]);
		n++;
	}
	out[n] = '\0';
	unsigned dots = 0;
	for (size_t i = n; i > 0; i--) {
		if (out[i - 1] == '.' && ++dots == 2) {
			memmove(out, out + i, n - i + 1);
			return;
		}
	}
}

/* ---- header ---- */

static bool contains(struct span text, const char *what)
{
	return text.size > 0 && memmem(text.data, text.size, what, strlen(what)) != NULL;
}

static bool is(const struct header_field *field, const char *name)
{
	return span_equal_nocase(field->name, span_of(name));
}

static void from_facts(struct extractor *ex, struct span value, struct message_facts *facts)
{
	const char *at = value.size == 0 ? NULL : memchr(value.data, '@', value.size);
	int digits = 0, letters = 0;

	domain_of(value, facts->from, sizeof(facts->from));
	fact_add(ex, "from name %d quoted %d",
		 memchr(value.data, '<', value.size) > (void *)value.data, value.data[0] == '"');
	for (const char *p = at; p != NULL && p > value.data && strchr(" <\"(", p[-1]) == NULL;
	     p--) {
		digits += isdigit((unsigned char)p[-1]) != 0;
		letters++;
	}
	facts->from_digits = digits;
	fact_add(ex, "from digits %d local %d", limited(digits, 3), letters / 4);
	const char *dot = strrchr(facts->from, '.');
	fact_add(ex, "from tld %s", dot == NULL ? "" : dot);
}

static void subject_facts(struct extractor *ex, struct span value, struct message_facts *facts)
{
	int upper = 0, lower = 0, marks = 0, digits = 0, words = 1, high = 0, gaps = 0;

	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];
		upper += isupper(c) != 0;
		lower += islower(c) != 0;
		marks += c == '!';
		digits += isdigit(c) != 0;
		high += c > 127;
		words += c == ' ';
		gaps += i > 0 && c == ' ' && value.data[i - 1] == ' ';
	}
	facts->subject_text.upper = upper;
	facts->subject_text.lower = lower;
	facts->subject_text.marks = marks;
	facts->subject_text.high = high;
	facts->subject_text.gaps = gaps;
	facts->subject_text.reply = span_starts_nocase(value, SPAN_LITERAL("re:"));
	facts->subject_text.money = contains(value, "$");
	facts->subject_text.percent = contains(value, "%");
	fact_add(ex, "subject reply %d tag %d", facts->subject_text.reply,
		 value.size > 0 && value.data[0] == '[');
	fact_add(ex, "subject marks %d", limited(marks, 2));
	fact_add(ex, "subject capitals %d", lower == 0 ? 9 : upper * 4 / (upper + lower));
	fact_add(ex, "subject words %d", limited(words / 2, 6));
	fact_add(ex, "subject digits %d", limited(digits, 4));
	fact_add(ex, "subject high %d encoded %d gaps %d", high > 0,
		 span_starts_nocase(value, SPAN_LITERAL("=?")), gaps > 3);
}

static void date_facts(struct extractor *ex, struct span value)
{
	const char *colon = value.size == 0 ? NULL : memchr(value.data, ':', value.size);
	int hour = -4;

	for (size_t i = 0; i + 5 <= value.size; i++)
		if (strchr("+-", value.data[i]) != NULL &&
		    isdigit((unsigned char)value.data[i + 1]) &&
		    isdigit((unsigned char)value.data[i + 4]))
			fact_add(ex, "time zone %.5s", value.data + i);
	fact_add(ex, "date day %d comment %d", value.size > 3 && value.data[3] == ',',
		 value.size > 0 && value.data[value.size - 1] == ')');
	if (colon != NULL && colon - value.data >= 2 && isdigit((unsigned char)colon[-1]))
		hour = (isdigit((unsigned char)colon[-2]) ? (colon[-2] - '0') * 10 : 0) +
		       colon[-1] - '0';
	fact_add(ex, "hour %d", hour / 4);
}

static void first_word_fact(struct extractor *ex, const char *name, struct span value)
{
	char text[40];
	size_t n = 0;

	for (;
	     n < value.size && n < sizeof(text) - 1 && value.data[n] > ' ' && value.data[n] != ';';
	     n++)
		text[n] = (char)tolower((unsigned char)value.data[n]);
	text[n] = '\0';
	fact_add(ex, "%s %s", name, text);
}

/* What machines say of the message: lists, signatures and what became of them. */
static void list_facts(const struct header_field *field, struct message_facts *facts)
{
	facts->discussion |= is(field, "List-Post") || is(field, "List-Archive");
	facts->unsubscribe |= is(field, "List-Unsubscribe");
	facts->bulk |= is(field, "Precedence");
	facts->signature |= is(field, "DKIM-Signature");
	facts->urgent |= (is(field, "X-Priority") && contains(field->body, "1")) ||
			 (is(field, "Importance") && contains(field->body, "igh"));
	if (is(field, "Authentication-Results")) {
		facts->passed |= contains(field->body, "=pass");
		facts->failed |= contains(field->body, "=fail");
	}
}

static void field_facts(struct extractor *ex, const struct header_field *field,
			struct message_facts *facts)
{
	struct span value = span_first(span_trim(field->body), FEATURES_FIELD_TEXT_MAX);

	facts->received += is(field, "Received");
	facts->reply |= is(field, "In-Reply-To") || is(field, "References");
	facts->list |= span_starts_nocase(field->name, SPAN_LITERAL("List-"));
	facts->mailer |= is(field, "X-Mailer") || is(field, "User-Agent");
	list_facts(field, facts);
	if (value.size == 0)
		return;
	if (is(field, "From")) {
		from_facts(ex, value, facts);
	} else if (is(field, "Reply-To")) {
		facts->reply_to = true;
		domain_of(value, facts->reply_domain, sizeof(facts->reply_domain));
	} else if (is(field, "To") || is(field, "Cc")) {
		for (size_t i = 0; i < value.size; i++)
			facts->recipients += value.data[i] == '@';
	} else if (is(field, "Message-ID")) {
		domain_of(value, facts->message_id, sizeof(facts->message_id));
	} else if (is(field, "Date")) {
		date_facts(ex, value);
	} else if (is(field, "Subject")) {
		facts->subject = true;
		subject_facts(ex, value, facts);
	} else if (is(field, "Content-Type")) {
		first_word_fact(ex, "type", value);
	} else if (is(field, "Content-Transfer-Encoding")) {
		first_word_fact(ex, "encoding", value);
	} else if (span_starts_nocase(field->name, SPAN_LITERAL("X-"))) {
		facts->private_fields++;
	}
}

static int same(const char *domain, const char *other)
{
	return domain[0] == '\0' ? 0 : strcmp(domain, other) == 0 ? 1 : 2;
}

void features_header_facts(struct extractor *ex)
{
	struct message_facts *facts = &ex->facts;
	struct span rest = ex->parts->part[0].header;
	struct header_field field;
	unsigned looked = 0;

	extractor_name(ex, "", (struct span){NULL, 0});
	while (header_next(&rest, &field) && facts->fields < FEATURES_FIELDS_MAX &&
	       looked++ < FEATURES_FIELDS_LOOKED) {
		if (feature_field_is_ignored(field.name))
			continue;
		facts->fields++;
		field_facts(ex, &field, facts);
	}
	fact_add(ex, "hops %d", limited(facts->received, 9));
	fact_add(ex, "fields %d", facts->fields / 4);
	fact_add(ex, "recipients %d", limited(facts->recipients, 5));
	fact_add(ex, "reply %d list %d", facts->reply, facts->list);
	fact_add(ex, "discussion %d unsubscribe %d bulk %d", facts->discussion, facts->unsubscribe,
		 facts->bulk);
	fact_add(ex, "passed %d failed %d signed %d", facts->passed, facts->failed,
		 facts->signature);
	fact_add(ex, "private fields %d", limited(facts->private_fields, 6));
	fact_add(ex, "mailer %d", facts->mailer);
	fact_add(ex, "subject %d", facts->subject);
	fact_add(ex, "reply to %d",
		 !facts->reply_to ? 0 : 1 + same(facts->reply_domain, facts->from));
	fact_add(ex, "message id %d", same(facts->message_id, facts->from));
}

/* ---- body ---- */

static void part_facts(struct extractor *ex)
{
	int html = 0, text = 0, image = 0, other = 0;
	double size = 0;

	for (size_t i = 0; i < ex->parts->count; i++) {
		const struct mime_part *part = &ex->parts->part[i];
		if (mime_type_is(part, "multipart/"))
			continue;
		if (mime_type_is(part, "text/html"))
			html++;
		else if (mime_type_is(part, "text/"))
			text++;
		else if (mime_type_is(part, "image/"))
			image++;
		else
			other++;
		size += (double)part->body.size;
	}
	ex->facts.html = html;
	ex->facts.text = text;
	ex->facts.image = image;
	ex->facts.other = other;
	fact_add(ex, "html %d text %d image %d other %d", limited(html, 2), limited(text, 2),
		 limited(image, 2), limited(other, 2));
	fact_add(ex, "size %d", magnitude(size));
}

struct line_counts {
	double lines, blank, lengthy, quoted;
};

static struct line_counts lines_count(struct span body)
{
	struct line_counts counts = {0};

	while (body.size > 0) {
		const char *end = memchr(body.data, '\n', body.size);
		size_t size = end == NULL ? body.size : (size_t)(end - body.data);
		counts.lines++;
		counts.blank += size == 0 || (size == 1 && body.data[0] == '\r');
		counts.lengthy += size > 100;
		counts.quoted += size > 0 && (body.data[0] == '>' || body.data[0] == '|');
		body = span_from(body, size + 1);
	}
	return counts;
}

static double occurrences(struct span text, const char *what)
{
	size_t size = strlen(what);
	double count = 0;

	while (text.size > 0) {
		const char *found = memmem(text.data, text.size, what, size);
		if (found == NULL)
			break;
		count++;
		text = span_from(text, (size_t)(found - text.data) + size);
	}
	return count;
}

static void text_facts(struct extractor *ex)
{
	struct span body = span_first(ex->parts->part[0].body, FACT_TEXT_MAX);
	struct line_counts lines = lines_count(body);
	double of[256] = {0}, upper = 0, lower = 0, digits = 0, high = 0;

	for (size_t i = 0; i < body.size; i++)
		of[(unsigned char)body.data[i]]++;
	for (int c = 0; c < 256; c++) {
		upper += c >= 'A' && c <= 'Z' ? of[c] : 0;
		lower += c >= 'a' && c <= 'z' ? of[c] : 0;
		digits += c >= '0' && c <= '9' ? of[c] : 0;
		high += c > 127 ? of[c] : 0;
	}
	double letters = upper + lower + 1, size = (double)body.size + 1;
	ex->facts.upper = upper;
	ex->facts.letters = letters;
	ex->facts.marks = of['!'];
	ex->facts.dollars = of['$'];
	ex->facts.quoted = lines.quoted;
	fact_add(ex, "capitals %d", share(upper, letters));
	fact_add(ex, "digits %d", share(digits, letters));
	fact_add(ex, "marks %d", magnitude(of['!']));
	fact_add(ex, "dollars %d", magnitude(of['$']));
	fact_add(ex, "percents %d equals %d", magnitude(of['%']), share(of['='], size));
	fact_add(ex, "high %d", share(high, size));
	fact_add(ex, "lines %d", magnitude(lines.lines));
	fact_add(ex, "quoted %d", share(lines.quoted, lines.lines + 1));
	fact_add(ex, "blank %d", share(lines.blank, lines.lines + 1));
	fact_add(ex, "lengthy %d", share(lines.lengthy, lines.lines + 1));
	fact_add(ex, "commas %d", share(of[','] + of['.'], letters));
	fact_add(ex, "tags %d", share(of['<'], size));
	fact_add(ex, "links %d", magnitude(occurrences(body, "://")));
	fact_add(ex, "images %d", magnitude(occurrences(body, "<img") + occurrences(body, "<IMG")));
}

static void link_facts(struct extractor *ex)
{
	const struct message_facts *facts = &ex->facts;
	unsigned home = facts->links == 0 ? 0 : 1 + facts->home_links * 399 / facts->links / 100;

	fact_add(ex, "links %d home %u", facts->links > 0, home);
}

void features_body_facts(struct extractor *ex)
{
	extractor_name(ex, "", (struct span){NULL, 0});
	part_facts(ex);
	text_facts(ex);
	link_facts(ex);
	fact_add(ex, "features %d", magnitude((double)ex->features->count * 4 / 3));
}
