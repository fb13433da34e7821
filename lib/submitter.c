#include "submitter.h"

#include "mac.h"
#include "strbuf.h"
#include "xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_VALUE (4 * SUBMITTER_MAX_LOGIN + 512)
#define VERSION	  "v1"

/* Reads one byte more than the limit, so that a file that is too long shows. */
static ssize_t read_secret(const char *path, char *bytes, char **error_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat status;
	ssize_t size = -1;

	if (fd < 0 || fstat(fd, &status) < 0)
		*error_r = xasprintf("cannot open %s: %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		*error_r = xasprintf("%s: not a regular file", path);
	else if ((status.st_mode & S_IRWXO) != 0)
		*error_r = xasprintf("%s: others may read it; use chmod o-rwx", path);
	else if ((size = read(fd, bytes, SUBMITTER_SECRET_MAX + 1)) < 0)
		*error_r = xasprintf("cannot read %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return size;
}

static int take_secret(const char *path, char bytes[SUBMITTER_SECRET_MAX + 1],
		       struct submitter_secret *secret_r, char **error_r)
{
	unsigned char mac[MAC_SIZE];
	ssize_t size = read_secret(path, bytes, error_r);

	if (size < 0)
		return -1;
	if (size > 0 && bytes[size - 1] == '\n')
		size--;
	if (size < SUBMITTER_SECRET_MIN || size > SUBMITTER_SECRET_MAX) {
		*error_r = xasprintf("%s: must hold %d to %d bytes", path, SUBMITTER_SECRET_MIN,
				     SUBMITTER_SECRET_MAX);
		return -1;
	}
	secret_r->size = (size_t)size;
	memcpy(secret_r->bytes, bytes, (size_t)size);
	/* libcrypto loads what it needs, while there is memory. */
	mac_make(submitter_secret_span(secret_r), span_of(VERSION), mac);
	return 0;
}

int submitter_secret_read(const char *setting, const char *path, struct submitter_secret *secret_r,
			  char **error_r)
{
	char bytes[SUBMITTER_SECRET_MAX + 1], *problem = NULL;
	int ret = take_secret(path, bytes, secret_r, &problem);

	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (ret < 0)
		*error_r = xasprintf("%s: %s", setting, problem);
	free(problem);
	return ret;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("@.+-_", c) != NULL);
}

static void escape(struct strbuf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (is_plain(*text))
			strbuf_append_char(out, *text);
		else
			strbuf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

static bool length_fits(const char *text)
{
	return text[0] != '\0' && strlen(text) <= SUBMITTER_MAX_LOGIN;
}

int submitter_write(struct strbuf *out, const struct submitter_secret *secret, const char *login,
		    const char *queue_id, time_t now)
{
	struct strbuf user = STRBUF_INIT, id = STRBUF_INIT, text = STRBUF_INIT;
	char mac[MAC_HEX_SIZE];

	if (!length_fits(login) || !length_fits(queue_id))
		return -1;
	escape(&user, login);
	escape(&id, queue_id);
	strbuf_printf(&text, VERSION ";%s;%s;%lld", user.data, id.data, (long long)now);
	mac_make_hex(submitter_secret_span(secret), strbuf_span(&text), mac);
	strbuf_printf(out, VERSION "; user=%s; id=%s; time=%lld; mac=%s", user.data, id.data,
		      (long long)now, mac);
	strbuf_free(&user);
	strbuf_free(&id);
	strbuf_free(&text);
	return 0;
}

/* Takes "NAME=VALUE" up to the next ";" off *rest. */
static bool take_part(struct span *rest, const char *name, struct span *value_r)
{
	struct span part = *rest, prefix = span_of(name);
	const char *semicolon = part.size > 0 ? memchr(part.data, ';', part.size) : NULL;

	if (semicolon != NULL)
		part.size = (size_t)(semicolon - part.data);
	*rest = span_from(*rest, part.size + 1);
	part = span_trim(part);
	if (part.size < prefix.size || memcmp(part.data, prefix.data, prefix.size) != 0)
		return false;
	*value_r = span_from(part, prefix.size);
	return true;
}

static int hex_value(char c)
{
	const char *digits = "0123456789ABCDEF", *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

static bool unescape(struct span text, char out[SUBMITTER_MAX_LOGIN + 1])
{
	size_t used = 0;

	for (size_t i = 0; i < text.size; i++) {
		int high, low;

		if (used == SUBMITTER_MAX_LOGIN)
			return false;
		if (text.data[i] != '%') {
			out[used++] = text.data[i];
			continue;
		}
		if (i + 2 >= text.size)
			return false;
		high = hex_value(text.data[i + 1]);
		low = hex_value(text.data[i + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return false;
		out[used++] = (char)(high * 16 + low);
		i += 2;
	}
	out[used] = '\0';
	return used > 0;
}

/* Digits only, no sign, small enough not to overflow. */
static bool parse_time(struct span text, time_t *time_r)
{
	int64_t value = 0;

	if (text.size == 0 || text.size > 12)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (text.data[i] - '0');
	}
	*time_r = (time_t)value;
	return true;
}

static bool mac_matches(const struct submitter_secret *secret, struct span user, struct span id,
			struct span epoch, struct span mac)
{
	struct strbuf text = STRBUF_INIT;
	char expected[MAC_HEX_SIZE];

	strbuf_printf(&text, VERSION ";%.*s;%.*s;%.*s", SPAN_ARG(user), SPAN_ARG(id),
		      SPAN_ARG(epoch));
	mac_make_hex(submitter_secret_span(secret), strbuf_span(&text), expected);
	strbuf_free(&text);
	return mac_equal(expected, mac);
}

const char *submitter_verify(const struct submitter_secret *secret, struct span value, time_t now,
			     struct submitter *submitter_r)
{
	struct span version, user, id, epoch, mac;

	if (value.size == 0 || value.size > MAX_VALUE ||
	    memchr(value.data, '\0', value.size) != NULL)
		return "malformed";
	if (!take_part(&value, VERSION, &version) || version.size != 0 ||
	    !take_part(&value, "user=", &user) || !take_part(&value, "id=", &id) ||
	    !take_part(&value, "time=", &epoch) || !take_part(&value, "mac=", &mac) ||
	    span_trim(value).size != 0)
		return "malformed";
	if (!mac_matches(secret, user, id, epoch, mac))
		return "not signed by this host";
	if (!unescape(user, submitter_r->login) || !unescape(id, submitter_r->queue_id) ||
	    !parse_time(epoch, &submitter_r->time))
		return "malformed";
	if (now - submitter_r->time > SUBMITTER_MAX_AGE)
		return "too old";
	if (submitter_r->time - now > SUBMITTER_MAX_FUTURE)
		return "from the future";
	return NULL;
}
