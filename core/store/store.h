/*
 * The two databases of a host: the private cluster or servers given by URL, migrated, with roles.
 */
#ifndef HG_STORE_STORE_H
#define HG_STORE_STORE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"
#include "store/cluster.h"
#include "store/pool.h"

struct hg_store;

struct hg_store_options {
    const char *data_dir;      /* of the private cluster; may be NULL when both URLs are given */
    const char *metadata_url;  /* NULL: the private cluster */
    const char *warehouse_url; /* NULL: the same server as metadata, database <name>_warehouse */
    int metadata_connections;  /* at most; 0: 12 */
    int warehouse_connections; /* at most; 0: 6 */
    int wait_ms;    /* how long a server given by URL may be away before that is an error */
    bool supervise; /* start the private cluster again when it dies */
};

/*
 * Returns once both databases are there and up to date, workers can log in, and the fences that
 * will be given are above all that the warehouse has seen. Owned by the caller, hg_store_close.
 *
 * Errors are those of hg_cluster_start and hg_migrate; for servers given by URL also HG_EFORBIDDEN
 * with the SQL to run where the URL's role may not make databases or roles, HG_ENOTSUP for one that
 * is too old or not in UTF-8. Nothing in an error ever shows a password.
 */
int hg_store_open(const struct hg_store_options *options,
                  struct hg_store **ret,
                  struct hg_error *err);

/*
 * Closes the pools, of which everything must have been given back. `stop_cluster`: ends the private
 * cluster, too; else it goes on and the next host takes it up. NULL is fine.
 */
void hg_store_close(struct hg_store *store, bool stop_cluster);

/* Borrowed until hg_store_close. */
struct hg_pool *hg_store_metadata(const struct hg_store *store);
struct hg_pool *hg_store_warehouse(const struct hg_store *store);
/*
 * The warehouse for role headgate_load. For a server given by URL it holds a password: it goes to
 * workers over their socket, never into a log, an argument or an environment.
 */
const char *hg_store_worker_url(const struct hg_store *store);
/* NULL when both databases are given by URL. */
struct hg_cluster *hg_store_cluster(const struct hg_store *store);

#endif
