#include "action_link.h"

#include "strbuf.h"

#include <stdint.h>
#include <stdlib.h>

#define MAC_PURPOSE "shoveler-link-v1;" /* so that no other text signed by the secret is a token */
#define TIME_DIGITS 11

const char *action_link_name(enum action_link_action action)
{
	switch (action) {
	case ACTION_LINK_RELEASE:
		return "release";
	case ACTION_LINK_SPAM:
		return "spam";
	case ACTION_LINK_DELETE_ALL:
		break;
	}
	return "delete-all";
}

static void make_mac(const struct submitter_secret *secret, struct span text,
		     char hex[MAC_HEX_SIZE])
{
	struct strbuf signed_text = STRBUF_INIT;

	strbuf_append_text(&signed_text, MAC_PURPOSE);
	strbuf_append_span(&signed_text, text);
	mac_make_hex(submitter_secret_span(secret), strbuf_span(&signed_text), hex);
	strbuf_free(&signed_text);
}

static bool is_hex(struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (memchr("0123456789abcdef", text.data[i], 16) == NULL)
			return false;
	}
	return text.size > 0;
}

static bool is_action(char c)
{
	return c == ACTION_LINK_RELEASE || c == ACTION_LINK_SPAM || c == ACTION_LINK_DELETE_ALL;
}

int action_link_make(struct strbuf *out, const struct submitter_secret *secret,
		     const struct action_link *link)
{
	struct span signature = span_of(link->signature);
	struct strbuf text = STRBUF_INIT;
	char mac[MAC_HEX_SIZE];

	if (!is_action((char)link->action) || link->user[0] == '\0' || link->expires < 0 ||
	    (link->action == ACTION_LINK_DELETE_ALL
		     ? link->until < 0
		     : signature.size != ACTION_LINK_SIGNATURE_SIZE - 1 || !is_hex(signature)))
		return -1;
	strbuf_printf(&text, "%c.%llx.", (char)link->action, (unsigned long long)link->expires);
	if (link->action == ACTION_LINK_DELETE_ALL)
		strbuf_printf(&text, "%llx.", (unsigned long long)link->until);
	else
		strbuf_printf(&text, "%s.", link->signature);
	for (const char *byte = link->user; *byte != '\0'; byte++)
		strbuf_printf(&text, "%02x", (unsigned char)*byte);
	strbuf_append_span(out, strbuf_span(&text));
	strbuf_append_char(out, '.');
	make_mac(secret, strbuf_span(&text), mac);
	strbuf_append_text(out, mac);
	strbuf_free(&text);
	return 0;
}

/* ---- checking ---- */

/* Takes what is before the next dot, or the rest. */
static struct span take_part(struct span *rest)
{
	const char *dot = rest->size > 0 ? memchr(rest->data, '.', rest->size) : NULL;
	struct span part = *rest;

	if (dot != NULL)
		part.size = (size_t)(dot - part.data);
	*rest = span_from(*rest, part.size + 1);
	return part;
}

static unsigned digit_value(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static bool read_time(struct span text, time_t *time_r)
{
	int64_t value = 0;

	if (text.size > TIME_DIGITS || !is_hex(text))
		return false;
	for (size_t i = 0; i < text.size; i++)
		value = value * 16 + (int64_t)digit_value(text.data[i]);
	*time_r = (time_t)value;
	return true;
}

static bool read_user(struct span text, char user[ACTION_LINK_USER_MAX + 1])
{
	size_t size = text.size / 2;

	if (text.size % 2 != 0 || size > ACTION_LINK_USER_MAX || !is_hex(text))
		return false;
	for (size_t i = 0; i < size; i++)
		user[i] = (char)(digit_value(text.data[2 * i]) * 16 +
				 digit_value(text.data[2 * i + 1]));
	user[size] = '\0';
	return strlen(user) == size;
}

static bool read_argument(struct span text, struct action_link *link)
{
	if (link->action == ACTION_LINK_DELETE_ALL)
		return read_time(text, &link->until);
	if (text.size != ACTION_LINK_SIGNATURE_SIZE - 1 || !is_hex(text))
		return false;
	memcpy(link->signature, text.data, text.size);
	link->signature[text.size] = '\0';
	return true;
}

static bool mac_matches(const struct submitter_secret *secret, struct span text, struct span mac)
{
	char expected[MAC_HEX_SIZE];

	make_mac(secret, text, expected);
	return mac_equal(expected, mac);
}

enum action_link_status action_link_check(struct action_link *link_r,
					  const struct submitter_secret *secret, struct span token,
					  time_t now)
{
	struct span rest = token, action, expires, argument, user, mac;

	*link_r = (struct action_link){0};
	if (token.size == 0 || token.size > ACTION_LINK_TOKEN_MAX)
		return ACTION_LINK_INVALID;
	action = take_part(&rest);
	expires = take_part(&rest);
	argument = take_part(&rest);
	user = take_part(&rest);
	mac = rest;
	if (mac.size != MAC_HEX_SIZE - 1 ||
	    !mac_matches(secret, span_first(token, token.size - mac.size - 1), mac))
		return ACTION_LINK_INVALID;
	if (action.size != 1 || !is_action(action.data[0]))
		return ACTION_LINK_INVALID;
	link_r->action = (enum action_link_action)action.data[0];
	if (!read_time(expires, &link_r->expires) || !read_argument(argument, link_r) ||
	    !read_user(user, link_r->user))
		return ACTION_LINK_INVALID;
	memcpy(link_r->mac, mac.data, mac.size);
	link_r->mac[mac.size] = '\0';
	return link_r->expires < now ? ACTION_LINK_EXPIRED : ACTION_LINK_OK;
}
