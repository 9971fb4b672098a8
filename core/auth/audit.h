/*
 * The audit log: who changed what, in the transaction of the change.
 *
 * Who asks is known where a request comes in, and needed where its change is written, several
 * layers away; so the thread that works on it carries the actor meanwhile. Without one (the
 * scheduler, a worker's end) nobody asked, and nothing is written.
 */
#ifndef HG_AUTH_AUDIT_H
#define HG_AUTH_AUDIT_H

#include <jansson.h>

#include "base/error.h"

struct hg_auth;
struct hg_db;

struct hg_audit_actor {
    const char *kind;       /* "user", "token", "local" (the control socket), "nobody" */
    const char *name;       /* NULL or "" for nobody */
    const char *sign_in_id; /* of the session or the token; NULL or "" without */
    const char *address;    /* may be NULL */
    const char *request_id; /* may be NULL */
};

/* This thread works for `actor`, which is borrowed until the call with NULL. */
void hg_audit_actor_set(const struct hg_audit_actor *actor);

/*
 * Writes a row. Rows follow each other by a lock that lasts until the transaction's end, so this is
 * the last statement before the commit. `object` may be NULL; `changed` is NULL or the object whose
 * members' names, not values, are kept. HG_OK and nothing written without an actor.
 */
int hg_audit_write(struct hg_db *db,
                   const char *action,
                   const char *object,
                   const json_t *changed,
                   struct hg_error *err);
/* Writes that something was refused, in a transaction of its own. */
int hg_audit_denied(struct hg_auth *auth,
                    const char *action,
                    const char *object,
                    struct hg_error *err);

struct hg_audit_query {
    const char *actor; /* NULL: all, also below */
    const char *action;
    const char *cursor; /* HG_EINVAL when it is none */
    int limit;
};
/* {"items": [...], "next_cursor"}, newest first. Owned by the caller. [any] */
int hg_audit_list(struct hg_auth *auth,
                  const struct hg_audit_query *query,
                  json_t **ret,
                  struct hg_error *err);

#endif
