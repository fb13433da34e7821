#include "mac.h"

#include "xalloc.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

struct call {
	struct span secret, text;
	unsigned char *mac;
};

static bool make(void *context)
{
	const struct call *call = context;
	unsigned size = 0;

	return HMAC(EVP_sha256(), call->secret.data, (int)call->secret.size,
		    (const unsigned char *)call->text.data, call->text.size, call->mac,
		    &size) != NULL &&
	       size == MAC_SIZE;
}

void mac_make(struct span secret, struct span text, unsigned char mac_r[MAC_SIZE])
{
	xalloc_call(make, &(struct call){.secret = secret, .text = text, .mac = mac_r});
}

void mac_make_hex(struct span secret, struct span text, char mac_r[MAC_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char mac[MAC_SIZE];

	mac_make(secret, text, mac);
	for (unsigned i = 0; i < MAC_SIZE; i++) {
		mac_r[2 * i] = digits[mac[i] >> 4];
		mac_r[2 * i + 1] = digits[mac[i] & 15];
	}
	mac_r[MAC_HEX_SIZE - 1] = '\0';
}

bool mac_equal(const char mac[MAC_HEX_SIZE], struct span other)
{
	return other.size == MAC_HEX_SIZE - 1 && CRYPTO_memcmp(mac, other.data, other.size) == 0;
}
