/*
 * A pool of connections to one database. [any] thread.
 *
 * A connection is either borrowed, or idle in the pool, or not there. Before one is handed out
 * again it is looked at: whatever the server has sent meanwhile (it went down, it closed the
 * session) makes it be replaced, and one that was idle for a while is asked for a sign of life.
 */
#ifndef HG_STORE_POOL_H
#define HG_STORE_POOL_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

struct hg_pool;
struct hg_db;

/* How long those wait for a connection who do something for somebody. */
enum { HG_BORROW_MS = 5000 };

/*
 * A pool of at most `size` connections to `conninfo` (URL or keywords), opened as needed, replaced
 * when broken. Nothing is connected yet. Owned by the caller, hg_pool_free.
 */
int hg_pool_new(const char *conninfo,
                int size,
                const char *application,
                struct hg_pool **ret,
                struct hg_error *err);
/* Everything borrowed must have been given back. */
void hg_pool_free(struct hg_pool *pool);
HG_DEFINE_CLEANUP(hg_pool_freep, struct hg_pool *, hg_pool_free)
const char *hg_pool_conninfo(const struct hg_pool *pool);

/* hg_db_patience of what is borrowed from now on; 0 (the start): none. Before first use. */
void hg_pool_patience(struct hg_pool *pool, int patience_ms);

/* Statement timeout of connections opened from now on; 0 (the start): none. Before first use. */
void hg_pool_statement_timeout(struct hg_pool *pool, int timeout_ms);

/*
 * Borrows a connection, waiting at most `wait_ms` for a free one and for the server to take it.
 * HG_EUNAVAILABLE (retryable) when the server cannot be reached or all stay busy. Give it back with
 * hg_db_return, which rolls an open transaction back.
 */
int hg_pool_borrow(struct hg_pool *pool, int wait_ms, struct hg_db **ret, struct hg_error *err);

/* Takes a connection back; called by hg_db_return. `usable`: no, it is broken, close it. */
void hg_pool_give_back(struct hg_pool *pool, struct hg_db *db, bool usable);

#endif
