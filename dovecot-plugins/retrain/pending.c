#include "compat.h"
#include "pending.h"

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/xalloc.h"

#include <istream.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct correction {
	enum retrain_class class;
	char *signature;
	size_t size; /* bytes of message in the spill file */
	off_t offset;
	int problem; /* errno that kept the message from being stored, or 0 */
};

struct pending {
	char *spool, *user, *mailbox;
	struct correction *corrections;
	size_t count, capacity;
	size_t written, failures; /* so many of the corrections */
	char *error;		  /* of the first failure */
	time_t moved;		  /* files are written later: what was moved last counts */
	int spill;		  /* -1 until a message must be kept */
	off_t spill_size;
};

struct pending *pending_create(const char *spool, const char *user, const char *mailbox)
{
	struct pending *pending = xcalloc(1, sizeof(*pending));

	pending->spool = xstrdup(spool);
	pending->user = xstrdup(user);
	pending->mailbox = xstrdup(mailbox);
	pending->moved = time(NULL);
	pending->spill = -1;
	return pending;
}

static int open_spill(struct pending *pending)
{
	char *folder;

	if (pending->spill >= 0)
		return 0;
	folder = xasprintf("%s/tmp", pending->spool);
	pending->spill = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	free(folder);
	return pending->spill >= 0 ? 0 : errno;
}

static int append(struct pending *pending, const unsigned char *data, size_t size)
{
	if (lseek(pending->spill, pending->spill_size, SEEK_SET) < 0 ||
	    file_write_all(pending->spill, (struct span){(const char *)data, size}) < 0)
		return errno;
	pending->spill_size += (off_t)size;
	return 0;
}

static int keep_message(struct pending *pending, struct correction *correction,
			struct istream *message)
{
	const unsigned char *data;
	size_t size;
	int problem = open_spill(pending);

	correction->offset = pending->spill_size;
	while (problem == 0 && correction->size < RETRAIN_SPOOL_MAX_MESSAGE &&
	       i_stream_read_more(message, &data, &size) > 0) {
		if (size > RETRAIN_SPOOL_MAX_MESSAGE - correction->size)
			size = RETRAIN_SPOOL_MAX_MESSAGE - correction->size;
		problem = append(pending, data, size);
		correction->size += size;
		i_stream_skip(message, size);
	}
	return problem != 0 ? problem : message->stream_errno;
}

void pending_add(struct pending *pending, enum retrain_class class, const char *signature,
		 struct istream *message)
{
	struct correction *correction;

	if (pending->count == pending->capacity) {
		pending->capacity = pending->capacity * 2 + 16;
		pending->corrections = xrealloc(pending->corrections,
						pending->capacity * sizeof(*pending->corrections));
	}
	correction = &pending->corrections[pending->count++];
	*correction = (struct correction){.class = class, .signature = xstrdup(signature)};
	if (message != NULL)
		correction->problem = keep_message(pending, correction, message);
}

void pending_drop_last(struct pending *pending)
{
	struct correction *correction = &pending->corrections[--pending->count];

	free(correction->signature);
	if (correction->size > 0)
		pending->spill_size = correction->offset;
}

static int read_message(const struct pending *pending, const struct correction *correction,
			char *buffer)
{
	size_t done = 0;

	while (done < correction->size) {
		ssize_t size = pread(pending->spill, buffer + done, correction->size - done,
				     correction->offset + (off_t)done);

		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			return size < 0 ? errno : EIO;
		done += (size_t)size;
	}
	return 0;
}

static int write_one(const struct pending *pending, const struct correction *correction,
		     char *buffer, char **error_r)
{
	const struct retrain_entry entry = {
		.user = pending->user,
		.class = correction->class,
		.signature = correction->signature,
		.source = "imap",
		.mailbox = pending->mailbox,
		.accepted = pending->moved,
	};
	int problem = correction->problem;

	if (problem == 0)
		problem = read_message(pending, correction, buffer);
	if (problem != 0) {
		*error_r = xasprintf("cannot keep the message: %s", strerror(problem));
		return -1;
	}
	return retrain_spool_write(pending->spool, &entry, (struct span){buffer, correction->size},
				   error_r);
}

bool pending_write(struct pending *pending, unsigned milliseconds)
{
	long long end = clock_ms() + milliseconds;
	char *buffer = xmalloc(RETRAIN_SPOOL_MAX_MESSAGE), *error;

	while (pending->written < pending->count && (milliseconds == 0 || clock_ms() < end)) {
		if (write_one(pending, &pending->corrections[pending->written++], buffer, &error) ==
		    0)
			continue;
		if (pending->failures++ == 0)
			pending->error = error;
		else
			free(error);
	}
	free(buffer);
	return pending->written == pending->count;
}

size_t pending_failures(const struct pending *pending, const char **error_r)
{
	*error_r = pending->error;
	return pending->failures;
}

size_t pending_count(const struct pending *pending)
{
	return pending->count;
}

void pending_free(struct pending **_pending)
{
	struct pending *pending = *_pending;

	*_pending = NULL;
	while (pending->count > 0)
		pending_drop_last(pending);
	if (pending->spill >= 0)
		close(pending->spill);
	free(pending->error);
	free(pending->corrections);
	free(pending->mailbox);
	free(pending->user);
	free(pending->spool);
	free(pending);
}
