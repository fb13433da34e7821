#include "list.h"
#include "list_internal.h"

#include "lib/xalloc.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_LINE "-----BEGIN SHOVELER RECIPIENTS-----"
#define LAST_LINE  "-----END SHOVELER RECIPIENTS-----"

/* The next line without its end and blanks around it; false: there is none. */
static bool next_line(struct span *rest, struct span *line_r)
{
	const char *end;

	if (rest->size == 0)
		return false;
	end = memchr(rest->data, '\n', rest->size);
	*line_r = (struct span){rest->data, end != NULL ? (size_t)(end - rest->data) : rest->size};
	*rest = span_from(*rest, line_r->size + (end != NULL));
	*line_r = span_trim(*line_r);
	return true;
}

static bool is_line(struct span line, const char *text)
{
	return span_equal(line, span_of(text));
}

/* The value of a line "name: value"; size 0: another line. */
static struct span value_of(struct span line, const char *name)
{
	size_t size = strlen(name);

	if (line.size <= size || memcmp(line.data, name, size) != 0 || line.data[size] != ':')
		return (struct span){NULL, 0};
	return span_trim(span_from(line, size + 1));
}

/* Decimal digits; -1: something else. */
static int64_t number_of(struct span text)
{
	int64_t number = 0;

	if (text.size == 0 || text.size > 15)
		return -1;
	for (size_t i = 0; i < text.size; i++) {
		if (!isdigit((unsigned char)text.data[i]))
			return -1;
		number = number * 10 + (text.data[i] - '0');
	}
	return number;
}

static int read_domain(struct recipient_list *list, struct span value, char **error_r)
{
	char *text = xstrndup(value.data != NULL ? value.data : "", value.size);
	int ret = policy_name_domain(text, list->domain, error_r);

	free(text);
	return ret;
}

static int fail(char **error_r, const char *text)
{
	*error_r = xstrdup(text);
	return -1;
}

static int read_head(struct span *rest, struct recipient_list *list, int64_t *count_r,
		     char **error_r)
{
	struct span line;

	do {
		if (!next_line(rest, &line))
			return fail(error_r, "this is no list of recipients that `shoveler mx2 "
					     "push` or `mx2 sign` made");
	} while (!is_line(line, FIRST_LINE));
	if (!next_line(rest, &line) || read_domain(list, value_of(line, "domain"), error_r) < 0) {
		free(*error_r);
		return fail(error_r, "list of recipients: the line \"domain: ...\" is missing");
	}
	list->serial = next_line(rest, &line) ? number_of(value_of(line, "serial")) : -1;
	*count_r = next_line(rest, &line) ? number_of(value_of(line, "count")) : -1;
	if (list->serial < 1 || *count_r < 0)
		return fail(error_r, "list of recipients: \"serial:\" or \"count:\" is missing");
	return 0;
}

static int base64_value(unsigned char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

bool list_decode(struct span text, unsigned char *out, size_t size)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t done = 0;

	while (text.size > 0 && text.data[text.size - 1] == '=')
		text.size--;
	if (text.size != (size * 4 + 2) / 3)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		int value = base64_value((unsigned char)text.data[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held >= 8 && done < size) {
			held -= 8;
			out[done++] = (unsigned char)(bits >> held);
		}
	}
	return done == size && (bits & ((1U << held) - 1)) == 0;
}

static int read_tail(struct span *rest, struct recipient_list *list, char **error_r)
{
	struct span line;

	if (!next_line(rest, &line) ||
	    !list_decode(value_of(line, "signature"), list->signature, LIST_SIGNATURE))
		return fail(error_r, "list of recipients: no signature after as many addresses as "
				     "\"count:\" says");
	if (!next_line(rest, &line) || !is_line(line, LAST_LINE))
		return fail(error_r, "list of recipients: its end is missing");
	return 0;
}

int list_parse(struct span text, struct recipient_list *list_r, char **error_r)
{
	struct span line;
	int64_t count = 0;

	memset(list_r, 0, sizeof(*list_r));
	*error_r = NULL;
	if (text.size > LIST_MAX_SIZE)
		return fail(error_r, "list of recipients: larger than 1 MB");
	if (read_head(&text, list_r, &count, error_r) < 0)
		return -1;
	for (int64_t i = 0; i < count; i++) {
		if (!next_line(&text, &line))
			return fail(error_r, "list of recipients: cut off");
		if (list_add(list_r, line, error_r) < 0)
			return -1;
	}
	return read_tail(&text, list_r, error_r);
}

void list_free(struct recipient_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->addresses[i]);
	free(list->addresses);
	list->addresses = NULL;
	list->count = 0;
}

/* Doubled when a power of two is full. */
static void append(struct recipient_list *list, const char *address)
{
	if ((list->count & (list->count - 1)) == 0)
		list->addresses =
			xrealloc(list->addresses, (list->count > 0 ? list->count * 2 : 1) *
							  sizeof(*list->addresses));
	list->addresses[list->count++] = xstrdup(address);
}

int list_add(struct recipient_list *list, struct span address, char **error_r)
{
	char name[POLICY_NAME_MAX + 1], *text;
	int ret;

	if (list->count == LIST_MAX_COUNT) {
		*error_r = xasprintf("%s: more than %d recipients", list->domain, LIST_MAX_COUNT);
		return -1;
	}
	text = xstrndup(address.data != NULL ? address.data : "", address.size);
	ret = policy_name_user(text, name, error_r);
	free(text);
	if (ret < 0)
		return -1;
	if (strcmp(strrchr(name, '@') + 1, list->domain) != 0) {
		*error_r = xasprintf("%s is no address of %s", name, list->domain);
		return -1;
	}
	append(list, name);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void list_sort(struct recipient_list *list)
{
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(list->addresses, list->count, sizeof(*list->addresses), compare);
	for (size_t i = 0; i < list->count; i++) {
		if (kept > 0 && strcmp(list->addresses[kept - 1], list->addresses[i]) == 0)
			free(list->addresses[i]);
		else
			list->addresses[kept++] = list->addresses[i];
	}
	list->count = kept;
}

bool list_is_stale(const struct policy_mx2 *mx2, int64_t max_age, int64_t now)
{
	return mx2->list_key[0] != '\0' && mx2->list_serial > 0 &&
	       now - mx2->list_serial / 1000 > max_age;
}

void list_body(const struct recipient_list *list, struct strbuf *out)
{
	strbuf_printf(out, "domain: %s\nserial: %" PRId64 "\ncount: %zu\n", list->domain,
		      list->serial, list->count);
	for (size_t i = 0; i < list->count; i++)
		strbuf_printf(out, "%s\n", list->addresses[i]);
}

void list_frame(const struct recipient_list *list, const char *signature, struct strbuf *out)
{
	strbuf_append_text(out, FIRST_LINE "\n");
	list_body(list, out);
	strbuf_printf(out, "signature: %s\n" LAST_LINE "\n", signature);
}
