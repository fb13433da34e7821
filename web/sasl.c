#include "web/sasl.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* PLAIN: authorization identity (none), NUL, login, NUL, password. */
void sasl_plain(struct strbuf *out, const char *login, const char *password)
{
	struct strbuf plain = STRBUF_INIT;

	/* Once, so that no copy stays behind in memory that was let go. */
	strbuf_reserve(&plain, strlen(login) + strlen(password) + 3);
	strbuf_append_char(&plain, '\0');
	strbuf_append_text(&plain, login);
	strbuf_append_char(&plain, '\0');
	strbuf_append_text(&plain, password);
	strbuf_reserve(out, plain.size * 2 + 8);
	out->size += (size_t)EVP_EncodeBlock((unsigned char *)out->data + out->size,
					     (const unsigned char *)plain.data, (int)plain.size);
	OPENSSL_cleanse(plain.data, plain.size);
	strbuf_free(&plain);
}
