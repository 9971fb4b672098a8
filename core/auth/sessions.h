/*
 * Sessions as their owner sees them, and one's own password. All [any] thread; all wait for the
 * database. A token may see and end its owner's sessions too.
 */
#ifndef HG_AUTH_SESSIONS_H
#define HG_AUTH_SESSIONS_H

#include <jansson.h>

#include "auth/auth.h"
#include "store/page.h"

/*
 * A page of the live sessions of `username`, newest first: {"items": [{"id", "created_at", ...,
 * "current"}], "next_cursor"}; `current` is the one that `by` asks with. HG_EINVAL for a cursor
 * that is none.
 */
int hg_session_list(struct hg_auth *auth,
                    const struct hg_principal *by,
                    const char *username,
                    const struct hg_page *page,
                    json_t **ret,
                    struct hg_error *err);
/* Ends a session of `by`, for an admin anybody's. HG_ENOTFOUND. */
int hg_session_end(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *id,
                   struct hg_error *err);
/* Ends all sessions of `by` but the one he asks with. */
int hg_session_end_others(struct hg_auth *auth,
                          const struct hg_principal *by,
                          struct hg_error *err);

/*
 * Changes the password of `by` and ends his other sessions. HG_EINVAL with a pointer when the
 * present one is wrong or the new one breaks the rules (auth/rules.h), HG_ERATELIMITED,
 * HG_ECONFLICT where a file of the host's says the password (auth/file_users.h).
 */
struct hg_password_change {
    const char *present;
    const char *wanted;
};
int hg_session_change_password(struct hg_auth *auth,
                               const struct hg_principal *by,
                               const struct hg_password_change *change,
                               struct hg_error *err);

#endif
