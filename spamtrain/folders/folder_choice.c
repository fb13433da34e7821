#include "spamtrain/folders/folder_choice.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <strings.h>

#define SECONDS_PER_DAY 86400

/* ---- folders ---- */

/* What mail programs call them where SPECIAL-USE is not set; in the languages they are sold in. */
static const char *const junk_names[] = {"Junk",	"Spam",		"Junk E-mail",
					 "Junk Email",	"Junk Mail",	"Bulk Mail",
					 "Spams",	"Indésirables", "Courrier indésirable",
					 "Junk-E-Mail", "Spamverdacht", "Correo no deseado",
					 NULL};
static const char *const trash_names[] = {"Trash",
					  "Deleted Items",
					  "Deleted Messages",
					  "Deleted",
					  "Bin",
					  "Corbeille",
					  "Éléments supprimés",
					  "Papierkorb",
					  "Gelöschte Elemente",
					  "Gelöschte Objekte",
					  "Papelera",
					  "Cestino",
					  "Prullenbak",
					  NULL};
static const char *const sent_names[] = {"Sent",
					 "Sent Items",
					 "Sent Messages",
					 "Sent Mail",
					 "sent-mail",
					 "Envoyés",
					 "Éléments envoyés",
					 "Gesendet",
					 "Gesendete Elemente",
					 "Gesendete Objekte",
					 "Enviados",
					 NULL};
static const char *const other_names[] = {
	"Drafts",   "Draft",   "Brouillons",  "Entwürfe", "Borradores", "Templates",  "Modèles",
	"Vorlagen", "Outbox",  "Queue",	      "Notes",	  "Chats",	"Calendar",   "Contacts",
	"Tasks",    "Journal", "Sync Issues", "virtual",  "Virus",	"Quarantine", NULL};

static bool is_listed(const char *const *names, struct span text)
{
	for (; names != NULL && *names != NULL; names++)
		if (span_equal_nocase(span_of(*names), text))
			return true;
	return false;
}

static enum folder_use use_by_part(const struct folder_names *names, struct span part)
{
	if (is_listed(names->junk, part) || is_listed(junk_names, part))
		return FOLDER_USE_SPAM;
	if (is_listed(sent_names, part))
		return FOLDER_USE_SENT;
	if (is_listed(names->trash, part) || is_listed(trash_names, part) ||
	    is_listed(other_names, part))
		return FOLDER_USE_NONE;
	return FOLDER_USE_INNOCENT;
}

/* The first part that says something, from the root on: what lies in Trash is trash. */
static enum folder_use use_by_name(const struct folder_names *names, struct span name,
				   char delimiter)
{
	enum folder_use use = FOLDER_USE_INNOCENT;

	while (name.size > 0 && use == FOLDER_USE_INNOCENT) {
		const char *end =
			delimiter == '\0' ? NULL : memchr(name.data, delimiter, name.size);
		size_t size = end == NULL ? name.size : (size_t)(end - name.data);
		use = use_by_part(names, span_first(name, size));
		name = span_from(name, size + 1);
	}
	return use;
}

static bool is_foreign(const struct folder_names *names, struct span name)
{
	for (size_t i = 0; i < names->foreign_count; i++) {
		struct span prefix = strbuf_span(&names->foreign[i]);
		if (prefix.size > 0 && name.size >= prefix.size &&
		    memcmp(name.data, prefix.data, prefix.size) == 0)
			return true;
	}
	return false;
}

enum folder_use folder_use(const struct folder_names *names, const struct folder_listed *listed)
{
	struct strbuf text = STRBUF_INIT;
	unsigned attributes = listed->attributes;
	enum folder_use use;

	imap_name_text(&text, strbuf_span(&listed->name));
	struct span name = strbuf_span(&text);
	if ((attributes & FOLDER_ATTRIBUTE_NO_SELECT) != 0 ||
	    is_foreign(names, strbuf_span(&listed->name)) || is_listed(names->skip, name))
		use = FOLDER_USE_NONE;
	else if (is_listed(names->spam, name) || (attributes & FOLDER_ATTRIBUTE_JUNK) != 0)
		use = FOLDER_USE_SPAM;
	else if ((attributes & FOLDER_ATTRIBUTE_SENT) != 0)
		use = FOLDER_USE_SENT;
	else if ((attributes & (FOLDER_ATTRIBUTE_TRASH | FOLDER_ATTRIBUTE_DRAFTS |
				FOLDER_ATTRIBUTE_COLLECTION)) != 0)
		use = FOLDER_USE_NONE;
	else if ((attributes & FOLDER_ATTRIBUTE_ARCHIVE) != 0)
		use = FOLDER_USE_INNOCENT;
	else
		use = use_by_name(names, name, listed->delimiter);
	strbuf_free(&text);
	return use;
}

/* ---- messages ---- */

static enum folder_verdict verdict_by_flags(enum folder_use use, unsigned flags)
{
	bool junk = (flags & FOLDER_MARKED_JUNK) != 0;
	bool not_junk = (flags & FOLDER_MARKED_NOT_JUNK) != 0;

	if ((flags & FOLDER_DRAFT) != 0 || (junk && not_junk))
		return FOLDER_DOUBTFUL;
	if (use == FOLDER_USE_SPAM)
		return not_junk || (flags & (FOLDER_ANSWERED | FOLDER_FLAGGED)) != 0
			       ? FOLDER_DOUBTFUL
			       : FOLDER_TAKEN;
	if (junk || (flags & FOLDER_DELETED) != 0)
		return FOLDER_DOUBTFUL;
	if (not_junk || (flags & (FOLDER_SEEN | FOLDER_ANSWERED | FOLDER_FLAGGED)) != 0)
		return FOLDER_TAKEN;
	return FOLDER_NOT_READ;
}

enum folder_verdict folder_message_verdict(const struct folder_rules *rules, enum folder_use use,
					   const struct folder_fetched *message)
{
	time_t age = rules->now - message->date;

	if (age < rules->settled)
		return FOLDER_TOO_NEW;
	if (age > rules->oldest)
		return FOLDER_TOO_OLD;
	return verdict_by_flags(use, message->flags);
}

/* ---- the choice ---- */

static int by_guid(const void *a, const void *b)
{
	const struct folder_candidate *x = a, *y = b;

	return x->guid != y->guid     ? (x->guid < y->guid ? -1 : 1)
	       : x->class != y->class ? (x->class < y->class ? -1 : 1)
				      : (int)y->certain - (int)x->certain;
}

/* A virtual folder shows what lies elsewhere, under the same GUID. */
static void leave_out_doubles(struct folder_choice *choice)
{
	size_t kept = 0, end;

	if (choice->count > 1)
		qsort(choice->list, choice->count, sizeof(*choice->list), by_guid);
	for (size_t i = 0; i < choice->count; i = end) {
		end = i + 1;
		while (end < choice->count && choice->list[i].guid != 0 &&
		       choice->list[end].guid == choice->list[i].guid)
			end++;
		if (choice->list[end - 1].class != choice->list[i].class)
			choice->left_out[FOLDER_DOUBTFUL] += end - i;
		else
			choice->list[kept++] = choice->list[i];
	}
	choice->count = kept;
}

/* Spam first; of each class the newest first. */
static int by_class_and_age(const void *a, const void *b)
{
	const struct folder_candidate *x = a, *y = b;

	if (x->class != y->class)
		return x->class == STORE_SPAM ? -1 : 1;
	if (x->date != y->date)
		return x->date > y->date ? -1 : 1;
	return x->folder != y->folder ? (x->folder < y->folder ? -1 : 1)
				      : (x->uid > y->uid) - (x->uid < y->uid);
}

/* Round after round the next message of every period that has one, the newest period first. */
static size_t take_evenly(struct folder_candidate *list, size_t count, time_t now, size_t max)
{
	time_t period_seconds = (time_t)FOLDER_PERIOD_DAYS * SECONDS_PER_DAY;
	size_t *next = xmalloc((count + 1) * sizeof(*next)), periods = 0, taken = 0;

	for (size_t i = 0; i < count; i++) {
		time_t period = (now - list[i].date) / period_seconds;
		if (i == 0 || period != (now - list[i - 1].date) / period_seconds)
			next[periods++] = i;
	}
	next[periods] = count;
	size_t *end = xmalloc((periods + 1) * sizeof(*end));
	memcpy(end, next + 1, periods * sizeof(*end));
	for (bool any = true; any && taken < max;) {
		any = false;
		for (size_t p = 0; p < periods && taken < max; p++) {
			if (next[p] == end[p])
				continue;
			list[next[p]++].taken = any = true;
			taken++;
		}
	}
	free(next);
	free(end);
	return taken;
}

/* Keeps those that were taken, oldest first. */
static size_t keep_taken(struct folder_candidate *to, const struct folder_candidate *list,
			 size_t count)
{
	size_t kept = 0;

	for (size_t i = count; i-- > 0;)
		if (list[i].taken)
			to[kept++] = list[i];
	return kept;
}

/* Both in their order, so that at any time the same share of each has been taken. */
static void mix(struct folder_candidate *out, const struct folder_candidate *a, size_t a_count,
		const struct folder_candidate *b, size_t b_count)
{
	size_t i = 0, j = 0;

	while (i < a_count || j < b_count) {
		bool first =
			j == b_count || (i < a_count && (i + 1) * b_count <= (j + 1) * a_count);
		*out++ = first ? a[i++] : b[j++];
	}
}

void folder_choose(struct folder_choice *choice, time_t now, size_t max)
{
	size_t spam = 0, before;

	leave_out_doubles(choice);
	before = choice->count;
	if (choice->count > 1)
		qsort(choice->list, choice->count, sizeof(*choice->list), by_class_and_age);
	while (spam < choice->count && choice->list[spam].class == STORE_SPAM)
		spam++;
	take_evenly(choice->list, spam, now, max);
	take_evenly(choice->list + spam, choice->count - spam, now, max);
	struct folder_candidate *kept = xmalloc((choice->count + 1) * sizeof(*kept));
	size_t spams = keep_taken(kept, choice->list, spam);
	size_t innocents = keep_taken(kept + spams, choice->list + spam, choice->count - spam);
	mix(choice->list, kept, spams, kept + spams, innocents);
	free(kept);
	choice->of_class[0] = spams;
	choice->of_class[1] = innocents;
	choice->count = spams + innocents;
	choice->left_out[FOLDER_TOO_MANY] += before - choice->count;
}
