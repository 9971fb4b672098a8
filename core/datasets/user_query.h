/*
 * Reading what users made, with the rights of users. A view, a policy or a cast may run a function
 * that a script has left, and none of it may have the host's rights.
 */
#ifndef HG_DATASETS_USER_QUERY_H
#define HG_DATASETS_USER_QUERY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/db.h"

/*
 * Runs one query in a transaction of its own that only reads. It gives one column of json and finds
 * `values` (an array of texts, store/array.h) as $1. *ret: a row for each of its rows, column
 * `item`; owned by the caller, PQclear. `db` is spoilt: it is closed when it is given back, and
 * nothing prepared may run in it any more. `lock_ms`: how long a table that somebody holds is
 * waited for; 0: as long as a statement may take.
 */
int hg_user_query(struct hg_db *db,
                  const char *sql,
                  struct hg_buf *values,
                  int lock_ms,
                  PGresult **ret,
                  struct hg_error *err);

/*
 * The same for several queries that see one state of the database: begins their transaction, which
 * lasts for at most `longest_ms` a query. Ended by hg_db_rollback.
 */
int hg_user_begin(struct hg_db *db, int longest_ms, struct hg_error *err);
/* Who takes the rows of a query. */
struct hg_user_rows {
    /* Gets `item` of each row; an error ends it all. */
    int (*each)(void *arg, const char *item, struct hg_error *err);
    /* Asked some times a second while nothing comes; false ends it: HG_ECANCELLED. */
    bool (*is_wanted)(void *arg);
    void *arg;
};
/*
 * Gives each row as it comes, so that the result need not fit into memory. Where it fails the query
 * may still run: then nothing but hg_db_return ends it, which closes the connection.
 */
int hg_user_each(struct hg_db *db,
                 const char *sql,
                 struct hg_buf *values,
                 const struct hg_user_rows *rows,
                 struct hg_error *err);

#endif
