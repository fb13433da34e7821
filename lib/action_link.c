#include "action_link.h"

#include "strbuf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdlib.h>

#define MAC_BYTES   32			/* SHA-256 */
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

static void append_hex(struct strbuf *out, struct span bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		strbuf_printf(out, "%02x", (unsigned char)bytes.data[i]);
}

static void append_mac(struct strbuf *out, const struct submitter_secret *secret, struct span text)
{
	struct strbuf signed_text = STRBUF_INIT;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	strbuf_append_text(&signed_text, MAC_PURPOSE);
	strbuf_append_span(&signed_text, text);
	if (HMAC(EVP_sha256(), secret->bytes, (int)secret->size,
		 (const unsigned char *)signed_text.data, signed_text.size, mac, &size) == NULL ||
	    size != MAC_BYTES)
		abort(); /* a libcrypto without SHA-256 cannot be worked with */
	append_hex(out, (struct span){(const char *)mac, size});
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
	append_hex(&text, span_of(link->user));
	strbuf_append_span(out, strbuf_span(&text));
	strbuf_append_char(out, '.');
	append_mac(out, secret, strbuf_span(&text));
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
	struct strbuf expected = STRBUF_INIT;
	bool same;

	append_mac(&expected, secret, text);
	same = mac.size == expected.size && CRYPTO_memcmp(mac.data, expected.data, mac.size) == 0;
	strbuf_free(&expected);
	return same;
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
	if (mac.size != ACTION_LINK_MAC_SIZE - 1 ||
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
