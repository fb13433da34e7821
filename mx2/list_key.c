/* The signature of a list of recipients. */
#include "list.h"
#include "list_internal.h"

#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_SIZE 32

static void signed_text(const struct recipient_list *list, struct strbuf *out)
{
	strbuf_append_text(out, "shoveler recipients 1\n");
	list_body(list, out);
}

/* Whoever can read it can say who exists. */
static EVP_PKEY *load_key(const char *path, char **error_r)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key = NULL;
	struct stat st;

	if (file == NULL) {
		*error_r = xasprintf("%s: %s%s", path, strerror(errno),
				     errno == ENOENT ? "; `shoveler mx2 key` makes it" : "");
		return NULL;
	}
	if (fstat(fileno(file), &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		*error_r = xasprintf("%s can be read by others: chmod 600", path);
	else
		key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	if (key != NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	if (key == NULL && *error_r == NULL)
		*error_r = xasprintf("%s holds no Ed25519 key", path);
	fclose(file);
	return key;
}

/* Durable before it is used, and never over another one. */
static int make_key(const char *path, char **error_r)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	int ret = -1;

	if (file != NULL && key != NULL &&
	    PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    fflush(file) == 0 && fsync(fd) == 0)
		ret = 0;
	if (ret < 0 && !(fd < 0 && errno == EEXIST)) {
		*error_r = xasprintf("cannot make %s: %s", path, strerror(errno));
		if (fd >= 0)
			unlink(path);
	} else {
		ret = 0;
	}
	if (file != NULL)
		fclose(file);
	EVP_PKEY_free(key);
	return ret;
}

char *list_key(const char *key_file, bool make, char **error_r)
{
	unsigned char raw[KEY_SIZE], text[POLICY_LIST_KEY + 1];
	size_t size = sizeof(raw);
	EVP_PKEY *key;
	int ret;

	*error_r = NULL;
	if (make && make_key(key_file, error_r) < 0)
		return NULL;
	key = load_key(key_file, error_r);
	if (key == NULL)
		return NULL;
	ret = EVP_PKEY_get_raw_public_key(key, raw, &size);
	EVP_PKEY_free(key);
	if (ret != 1 || size != sizeof(raw)) {
		*error_r = xasprintf("%s: has no public key", key_file);
		return NULL;
	}
	EVP_EncodeBlock(text, raw, (int)size);
	return xstrdup((const char *)text);
}

static int sign(EVP_PKEY *key, struct recipient_list *list)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct strbuf text = STRBUF_INIT;
	size_t size = LIST_SIGNATURE;
	int ret = -1;

	signed_text(list, &text);
	if (context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(context, list->signature, &size, (const unsigned char *)text.data,
			   text.size) == 1)
		ret = 0;
	EVP_MD_CTX_free(context);
	strbuf_free(&text);
	return ret;
}

int list_sign(struct recipient_list *list, const char *key_file, struct strbuf *out, char **error_r)
{
	unsigned char base64[LIST_SIGNATURE * 4 / 3 + 8];
	EVP_PKEY *key;
	int ret;

	*error_r = NULL;
	key = load_key(key_file, error_r);
	if (key == NULL)
		return -1;
	ret = sign(key, list);
	EVP_PKEY_free(key);
	if (ret < 0) {
		*error_r = xasprintf("%s: signing failed", key_file);
		return -1;
	}
	EVP_EncodeBlock(base64, list->signature, LIST_SIGNATURE);
	list_frame(list, (const char *)base64, out);
	return 0;
}

static bool is_signed(const struct recipient_list *list, const unsigned char *raw)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, KEY_SIZE);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct strbuf text = STRBUF_INIT;
	bool good;

	signed_text(list, &text);
	good = key != NULL && context != NULL &&
	       EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(context, list->signature, LIST_SIGNATURE,
				(const unsigned char *)text.data, text.size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	strbuf_free(&text);
	return good;
}

int list_verify(const struct recipient_list *list, const char *key, int64_t now_ms, char **error_r)
{
	unsigned char raw[KEY_SIZE];
	const char *problem = NULL;

	if (!list_decode(span_of(key), raw, sizeof(raw)))
		problem = "no key is known for it: shoveler mx2 set DOMAIN key=KEY";
	else if (!is_signed(list, raw))
		problem = "is not signed by the key that is known here: `shoveler mx2 key` at the "
			  "primary says which one it has";
	else if (list->serial > now_ms + LIST_MAX_FUTURE_MS)
		problem = "is from the future: one of the clocks is wrong";
	else if (list->serial < now_ms - LIST_MAX_AGE_MS)
		problem = "was signed more than 14 days ago";
	else if (list->count == 0)
		problem = "has no recipient in it: `recipients=all` takes them all";
	if (problem == NULL)
		return 0;
	*error_r = xasprintf("%s: the list of recipients %s", list->domain, problem);
	return -1;
}
