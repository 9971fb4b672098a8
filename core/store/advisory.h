/*
 * An advisory lock of a session, with an end to the waiting. Every login of a database can take any
 * such lock, also a script that Headgate runs for a user, so who waits must be told for whom.
 */
#ifndef HG_STORE_ADVISORY_H
#define HG_STORE_ADVISORY_H

#include <stdint.h>

#include "store/db.h"

/* Longer than any migration should hold it. */
#define HG_ADVISORY_PATIENCE_MS 60000

/*
 * `key`: a bigint as text, a literal of the program. `what` says what it guards. Tries again and
 * again, for `patience_ms`, without a statement that waits in the server; then HG_EUNAVAILABLE,
 * which names the session that holds it and its role.
 */
int hg_advisory_lock(
    struct hg_db *db, const char *key, const char *what, int64_t patience_ms, struct hg_error *err);
/* When the connection was lost the server has let go of the lock by itself. */
void hg_advisory_unlock(struct hg_db *db, const char *key);

#endif
