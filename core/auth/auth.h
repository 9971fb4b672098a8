/*
 * Users and their sessions.
 *
 * A session is 32 random bytes in the browser's cookie; the database holds only their SHA-256. It
 * ends 12 hours after it was last used and 7 days after it began. All [any] thread; all wait for
 * the database and, where passwords are hashed, for the processor: never call them from an HTTP
 * thread.
 */
#ifndef HG_AUTH_AUTH_H
#define HG_AUTH_AUTH_H

#include <stdbool.h>
#include <stdio.h>

#include "auth/principal.h"
#include "base/error.h"

struct hg_pool;
struct hg_auth;

enum {
    HG_SESSION_TOKEN = 44, /* base64url of 32 bytes, with the NUL */
    HG_SESSION_MAX_S = 7 * 24 * 3600,
};

/* `metadata` is borrowed until hg_auth_free. */
int hg_auth_new(struct hg_pool *metadata, struct hg_auth **ret, struct hg_error *err);
void hg_auth_free(struct hg_auth *auth);

/*
 * Makes user `admin` where there is no user at all. `password` NULL generates one: printed on
 * `terminal` when that is given, else written to <data_dir>/admin-password (mode 0600), which the
 * log names.
 */
struct hg_auth_admin {
    const char *password;
    FILE *terminal;
    const char *data_dir;
};
int hg_auth_ensure_admin(struct hg_auth *auth,
                         const struct hg_auth_admin *admin,
                         struct hg_error *err);

struct hg_auth_attempt {
    const char *username;
    const char *password;
    const char *user_agent;        /* may be NULL */
    const struct hg_principal *by; /* who tries, at least from where */
};
/*
 * Signs in: *ret_who are the user, his role and his session. HG_EUNAUTHENTICATED for a wrong name
 * or password (which of them is not said, and takes as long), HG_ERATELIMITED with retry_after_ms
 * after repeated failures by the user's name or from the address, HG_EUNAVAILABLE.
 */
int hg_auth_login(struct hg_auth *auth,
                  const struct hg_auth_attempt *attempt,
                  struct hg_principal *ret_who,
                  char ret_token[HG_SESSION_TOKEN],
                  struct hg_error *err);
/*
 * Whether this is the user's password, counted as an attempt to sign in: HG_EINVAL
 * with `pointer` when it is wrong, HG_ERATELIMITED.
 */
int hg_auth_check_password(struct hg_auth *auth,
                           const struct hg_auth_attempt *attempt,
                           const char *pointer,
                           struct hg_error *err);
/*
 * Whose session this is, and that it was used: sets all of *ret_who but address and request_id.
 * HG_EUNAUTHENTICATED when it is none or over.
 */
int hg_auth_check(struct hg_auth *auth,
                  const char *token,
                  struct hg_principal *ret_who,
                  struct hg_error *err);
/*
 * Whether `who`, who signed in by a session or token (hg_auth_check, hg_token_check), still is and
 * still has a role that allows `needed`; notes no use. HG_EUNAUTHENTICATED, HG_EFORBIDDEN.
 */
int hg_auth_check_again(struct hg_auth *auth,
                        const struct hg_principal *who,
                        enum hg_role needed,
                        struct hg_error *err);
/* Ends the session; no error when there is none. */
int hg_auth_logout(struct hg_auth *auth,
                   const struct hg_principal *by,
                   const char *token,
                   struct hg_error *err);

#endif
