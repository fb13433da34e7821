/*
 * spamtraind_rows.h - messages as JSON, as docs/spamtraind-socket.md describes rows.
 */
#ifndef SHOVELER_SPAMTRAIND_ROWS_H
#define SHOVELER_SPAMTRAIND_ROWS_H

#include "schema/store.h"
#include "spamtrain/daemon/spamtraind.h"

#include <jansson.h>


/* store: asked whether the sender is trusted. A new reference. */
json_t *row_json(struct store *store, const struct store_message *row);

/* What the history says why, loudest first: [{"text", "probability"}]. A new reference. */
json_t *row_reasons(const struct store_message *row);

/*
 * A message in quarantine, with "quarantine". What the history does not know comes from the
 * message's own header. A new reference; NULL and *status_r, *error_r when the store is in trouble.
 */
json_t *held_json(const struct spamtraind *service, struct store *store,
		  const struct store_quarantined *held, enum store_status *status_r,
		  char **error_r);

/*
 * The history's row of a quarantined message, or one made of its header. *file_state_r: "ok",
 * "damaged" or "vanished". STORE_OK: to be freed.
 */
enum store_status held_row(struct store *store, const struct store_quarantined *held,
			   struct store_message *row_r, const char **file_state_r, char **error_r);

#endif
