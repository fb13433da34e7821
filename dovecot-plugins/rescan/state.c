#include "compat.h"
#include "state.h"

#include <index-storage.h>
#include <xxhash.h>

#define EXTENSION "shoveler-rescan"

struct state {
	uint64_t database; /* hash of its name */
	uint32_t uid_validity;
	uint32_t uid;
};

static uint32_t extension(struct mailbox *box)
{
	return mail_index_ext_register(box->index, EXTENSION, sizeof(struct state), 0, 0);
}

static uint32_t uid_validity(struct mailbox *box)
{
	return mail_index_get_header(box->view)->uid_validity;
}

uint32_t state_read(struct mailbox *box, const char *database)
{
	struct state state;
	const void *data;
	size_t size;

	mail_index_get_header_ext(box->view, extension(box), &data, &size);
	if (size != sizeof(state))
		return 0;
	memcpy(&state, data, sizeof(state));
	if (state.uid_validity != uid_validity(box) ||
	    state.database != XXH3_64bits(database, strlen(database)))
		return 0;
	return state.uid;
}

int state_write(struct mailbox *box, const char *database, uint32_t uid)
{
	const struct state state = {
		.database = XXH3_64bits(database, strlen(database)),
		.uid_validity = uid_validity(box),
		.uid = uid,
	};
	struct mail_index_transaction *t =
		mail_index_transaction_begin(box->view, MAIL_INDEX_TRANSACTION_FLAG_EXTERNAL);

	mail_index_update_header_ext(t, extension(box), 0, &state, sizeof(state));
	if (mail_index_transaction_commit(&t) == 0)
		return 0;
	mailbox_set_index_error(box);
	return -1;
}
