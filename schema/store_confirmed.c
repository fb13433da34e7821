#include "schema/store_confirmed.h"

#include "schema/hash_list.h"
#include "schema/store_internal.h"

#include <stdlib.h>

/* Results 0 and 2: innocent, whitelisted. counted: the filter has not changed its mind since. */
#define CONFIRMED                                                                                  \
	"SELECT m.corrected, f.version, f.hashes FROM features f JOIN message m "                  \
	"ON m.id = f.message WHERE m.corrected <> 0 OR (m.result IN (0, 2) AND m.counted = 1 "     \
	"AND m.id < (SELECT max(id) FROM message WHERE corrected = 2 AND result >= 0)) "           \
	"ORDER BY f.message DESC"

enum store_status store_confirmed_list(struct store *store,
				       bool (*each)(void *context, enum store_class class,
						    unsigned version, const uint32_t *hashes,
						    size_t count),
				       void *context, char **error_r)
{
	sqlite3_stmt *s = NULL;
	enum store_status status = STORE_OK;
	bool go_on = true;

	if (sqlite3_prepare_v2(store->db, CONFIRMED, -1, &s, NULL) != SQLITE_OK)
		return store_error(store, error_r);
	while (go_on && (status = store_step(store, s, error_r)) == STORE_OK) {
		int corrected = sqlite3_column_int(s, 0);
		struct span blob = {sqlite3_column_blob(s, 2), (size_t)sqlite3_column_bytes(s, 2)};
		size_t count;
		uint32_t *hashes = hash_list_unpack(blob, &count);

		go_on = each(context, corrected == STORE_SPAM ? STORE_SPAM : STORE_INNOCENT,
			     (unsigned)sqlite3_column_int(s, 1), hashes, count);
		free(hashes);
	}
	sqlite3_finalize(s);
	return status == STORE_NOT_FOUND ? STORE_OK : status;
}
