/*
 * Users as an admin sees and changes them. All [any] thread; all wait for the database, and where a
 * password is set for the processor: never call them from an HTTP thread.
 *
 * `by` is who asks, for the audit log. A User is {"username", "role", "disabled", "origin", "file",
 * "created_at"}. What a file says of a user (auth/file_users.h) is not changed here: HG_ECONFLICT.
 * There is always an admin who can sign in: what would leave none is HG_ECONFLICT, also when two
 * ask for it at the same moment.
 */
#ifndef HG_AUTH_USERS_H
#define HG_AUTH_USERS_H

#include <stdbool.h>

#include <jansson.h>

#include "auth/auth.h"
#include "store/page.h"

enum { HG_USER_ETAG = 64 }; /* room, with the quotes and the NUL */

/* A page by name. HG_EINVAL for a cursor that is none. */
int hg_user_list(struct hg_auth *auth,
                 const struct hg_page *page,
                 json_t **ret,
                 struct hg_error *err);
int hg_user_get(struct hg_auth *auth,
                const char *username,
                json_t **ret,
                char ret_etag[HG_USER_ETAG],
                struct hg_error *err);
/* HG_EINVAL with a pointer for what breaks the rules (auth/rules.h), HG_EEXIST. */
int hg_user_create(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *username,
                   const char *password,
                   const char *role,
                   json_t **ret,
                   char ret_etag[HG_USER_ETAG],
                   struct hg_error *err);

struct hg_user_change {
    const char *role;     /* NULL: stays, also below */
    const char *password; /* ends the user's sessions */
    const bool *disabled; /* true ends them too */
    const char *if_match; /* an If-Match header, or NULL */
};
/* HG_ECONFLICT with *ret_stale where `if_match` names another state than the present. */
int hg_user_update(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *username,
                   const struct hg_user_change *change,
                   json_t **ret,
                   char ret_etag[HG_USER_ETAG],
                   bool *ret_stale,
                   struct hg_error *err);
/* With sessions and tokens. */
int hg_user_delete(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *username,
                   const char *if_match,
                   bool *ret_stale,
                   struct hg_error *err);

#endif
