/*
 * The state of the layer and what its files share; for nobody else.
 */
#ifndef HG_AUTH_STATE_H
#define HG_AUTH_STATE_H

#include <jansson.h>

#include "auth/auth.h"
#include "store/db.h"

enum {
    HG_AUTH_HASH = 67, /* "\x", 64 hex digits and the NUL: a bytea */
};

struct hg_known;
struct hg_throttle;

struct hg_auth {
    struct hg_pool *metadata;
    struct hg_throttle *by_user;
    struct hg_throttle *by_address;
    struct hg_known *known; /* passwords of the host's files */
};

/* Borrows a connection and runs one statement. *ret as hg_db_exec gives it. */
int hg_auth_ask(struct hg_auth *auth,
                const struct hg_statement *statement,
                const char *const *params,
                PGresult **ret,
                struct hg_error *err);
/* Borrows a connection in a transaction; giving it back without a commit undoes it. */
int hg_auth_begin(struct hg_auth *auth, struct hg_db **ret, struct hg_error *err);
/* SHA-256 of a text, as PostgreSQL reads a bytea. */
int hg_auth_hash(const char *text, char ret[HG_AUTH_HASH], struct hg_error *err);
/*
 * Sets who asks from a result's first row: username, and id of the sign-in where it has one.
 * Address and request stay as they are.
 */
void hg_auth_identify(struct hg_principal *who,
                      enum hg_principal_kind kind,
                      enum hg_role role,
                      const PGresult *result);
/* How one way of being signed in is ended. */
struct hg_sign_in_end {
    const char *what;   /* "session" */
    const char *action; /* in the audit log */
    /* Takes its id and whose it must be, NULL for anybody's; gives a row when there was one. */
    const struct hg_statement *statement;
};
/* Ends one of one's own, or, as an admin, of anybody. HG_ENOTFOUND. */
int hg_auth_end(struct hg_auth *auth,
                const struct hg_principal *by,
                const struct hg_sign_in_end *end,
                const char *id,
                struct hg_error *err);
/* The JSON of a result's first row. */
int hg_auth_item(const PGresult *result, json_t **ret, struct hg_error *err);

/*
 * Everybody who may take an admin away locks all of them first, in one order, so that two such
 * changes follow each other. Gives their names.
 */
extern const struct hg_statement hg_auth_lock_admins;

#endif
