/*
 * The audit log: who changed what, in the transaction of the change.
 */
#ifndef HG_AUTH_AUDIT_H
#define HG_AUTH_AUDIT_H

#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "store/page.h"

struct hg_auth;
struct hg_db;
struct hg_principal;

/*
 * Writes a row. Rows follow each other by a lock that lasts until the transaction's end, so this is
 * the last statement before the commit. `by` NULL: nobody asked (the scheduler did it, a worker's
 * end), and nothing is written. `object` may be NULL; `changed` is NULL or the object whose
 * members' names, not values, are kept.
 */
int hg_audit_write(struct hg_db *db,
                   const struct hg_principal *by,
                   const char *action,
                   const char *object,
                   const json_t *changed,
                   struct hg_error *err);
/* Writes that something was refused, in a transaction of its own. */
int hg_audit_denied(struct hg_auth *auth,
                    const struct hg_principal *by,
                    const char *action,
                    const char *object,
                    struct hg_error *err);

/*
 * Drops what is older than so many days, at most `limit` rows in a transaction of its own: *ret_n
 * is how many. The rows that stay still follow from what was dropped.
 */
int hg_audit_drop_old(struct hg_db *db, int days, int limit, int64_t *ret_n, struct hg_error *err);

struct hg_audit_query {
    const char *actor; /* NULL: all, also below */
    const char *action;
    struct hg_page page; /* HG_EINVAL for a cursor that is none */
};
/* {"items": [...], "next_cursor"}, newest first. Owned by the caller. [any] */
int hg_audit_list(struct hg_auth *auth,
                  const struct hg_audit_query *query,
                  json_t **ret,
                  struct hg_error *err);

#endif
