#include "web/mail_key.h"

#include "lib/msg.h"
#include "lib/xalloc.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define KEY_SIZE   32
#define NONCE_SIZE 12
#define TAG_SIZE   16
#define PAD_SIZE   64 /* the cookie's length tells little of the password's */
#define PLAIN_MAX                                                                                  \
	((DOVECOT_AUTH_LOGIN_MAX + DOVECOT_AUTH_PASSWORD_MAX + 2 + PAD_SIZE) / PAD_SIZE * PAD_SIZE)
#define SEALED_MAX (NONCE_SIZE + PLAIN_MAX + TAG_SIZE)

struct mail_key {
	unsigned char bytes[KEY_SIZE];
};

struct mail_key *mail_key_new(void)
{
	struct mail_key *key = xcalloc(1, sizeof(*key));

	if (RAND_bytes(key->bytes, KEY_SIZE) != 1)
		msg_fatal(EX_OSERR, "the system has no random numbers");
	return key;
}

void mail_key_free(struct mail_key **key)
{
	if (*key != NULL)
		OPENSSL_cleanse(*key, sizeof(**key));
	free(*key);
	*key = NULL;
}

void credentials_wipe(struct credentials *credentials)
{
	OPENSSL_cleanse(credentials, sizeof(*credentials));
}

/* What the text is bound to. */
static bool bind(EVP_CIPHER_CTX *context, const struct session *session)
{
	char *text = xasprintf("mail:%s:%s", session->id, session->user);
	int size, ret = EVP_CipherUpdate(context, NULL, &size, (const unsigned char *)text,
					 (int)strlen(text));

	free(text);
	return ret == 1;
}

/* sealed: nonce, text, tag. */
static bool encrypt(const struct mail_key *key, const struct session *session,
		    const unsigned char *plain, int size, unsigned char *sealed)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int done = 0, last = 0;
	bool ok = context != NULL && RAND_bytes(sealed, NONCE_SIZE) == 1 &&
		  EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, sealed) == 1 &&
		  bind(context, session) &&
		  EVP_EncryptUpdate(context, sealed + NONCE_SIZE, &done, plain, size) == 1 &&
		  EVP_EncryptFinal_ex(context, sealed + NONCE_SIZE + done, &last) == 1 &&
		  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE,
				      sealed + NONCE_SIZE + size) == 1;

	EVP_CIPHER_CTX_free(context);
	return ok;
}

static bool decrypt(const struct mail_key *key, const struct session *session,
		    unsigned char *sealed, int size, unsigned char *plain)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int done = 0, last = 0;
	bool ok = context != NULL &&
		  EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, sealed) == 1 &&
		  bind(context, session) &&
		  EVP_DecryptUpdate(context, plain, &done, sealed + NONCE_SIZE, size) == 1 &&
		  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
				      sealed + NONCE_SIZE + size) == 1 &&
		  EVP_DecryptFinal_ex(context, plain + done, &last) == 1;

	EVP_CIPHER_CTX_free(context);
	return ok;
}

bool mail_key_seal(const struct mail_key *key, const struct session *session, const char *login,
		   const char *password, struct strbuf *token)
{
	size_t login_size = strlen(login) + 1, password_size = strlen(password) + 1;
	size_t size = (login_size + password_size + PAD_SIZE - 1) / PAD_SIZE * PAD_SIZE;
	unsigned char plain[PLAIN_MAX] = {0}, sealed[SEALED_MAX];

	if (login_size > DOVECOT_AUTH_LOGIN_MAX + 1 ||
	    password_size > DOVECOT_AUTH_PASSWORD_MAX + 1)
		return false;
	memcpy(plain, login, login_size);
	memcpy(plain + login_size, password, password_size);
	if (!encrypt(key, session, plain, (int)size, sealed))
		xalloc_failed();
	OPENSSL_cleanse(plain, sizeof(plain));
	strbuf_reserve(token, 2 * SEALED_MAX);
	token->size += (size_t)EVP_EncodeBlock((unsigned char *)token->data + token->size, sealed,
					       (int)(NONCE_SIZE + size + TAG_SIZE));
	return true;
}

/* Both are NUL-terminated in there, as nobody else can have made it. */
static bool read_plain(const unsigned char *plain, size_t size, struct credentials *credentials_r)
{
	size_t login = strnlen((const char *)plain, size);

	if (login >= size || login >= sizeof(credentials_r->login))
		return false;
	snprintf(credentials_r->login, sizeof(credentials_r->login), "%s", (const char *)plain);
	snprintf(credentials_r->password, sizeof(credentials_r->password), "%.*s",
		 (int)(size - login - 1), (const char *)plain + login + 1);
	return true;
}

bool mail_key_unseal(const struct mail_key *key, const struct session *session, struct span token,
		     struct credentials *credentials_r)
{
	unsigned char sealed[MAIL_TOKEN_MAX], plain[PLAIN_MAX];
	int size;
	bool ok;

	/* EVP_DecodeBlock() takes white space away and counts padding: what is ours has neither. */
	if (token.size == 0 || token.size > MAIL_TOKEN_MAX || token.size % 4 != 0 ||
	    session->user[0] == '\0')
		return false;
	size = EVP_DecodeBlock(sealed, (const unsigned char *)token.data, (int)token.size);
	for (size_t i = token.size; i > 0 && token.data[i - 1] == '='; i--)
		size--;
	size -= NONCE_SIZE + TAG_SIZE;
	if (size <= 0 || size > PLAIN_MAX || size % PAD_SIZE != 0)
		return false;
	ok = decrypt(key, session, sealed, size, plain) &&
	     read_plain(plain, (size_t)size, credentials_r);
	OPENSSL_cleanse(plain, sizeof(plain));
	return ok;
}
