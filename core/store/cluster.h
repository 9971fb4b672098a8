/*
 * The private PostgreSQL cluster in <data_dir>/postgres: made at the first start, run in a session
 * of its own, taken up when it runs already, started again when it dies.
 *
 * It listens on a unix socket only, in a folder that no other user may enter. Roles: headgate (the
 * host, owner of both databases, no superuser), headgate_load, headgate_user and headgate_reader
 * (roles.h); whoever is the operating system's user of the cluster logs in without a password.
 *
 * Threads: start, stop and free from one thread; the rest [any].
 */
#ifndef HG_STORE_CLUSTER_H
#define HG_STORE_CLUSTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/mem.h"

struct hg_cluster;

struct hg_cluster_options {
    const char *data_dir;      /* exists, ours */
    bool supervise;            /* start it again when it dies; needs a thread of its own */
    const char *programs_root; /* NULL: /usr/lib/postgresql, then PATH */
};

/*
 * Returns once both databases take connections. Owned by the caller: hg_cluster_stop when the
 * server shall end too, then hg_cluster_free. HG_ENOTFOUND: the server's programs are missing
 * (names the package). HG_ECONFLICT: another user's server, a cluster of a major version whose
 * programs are missing, not a cluster. HG_EFORBIDDEN: no permission, or started as root.
 * HG_EUNAVAILABLE: disk full and the like; the message says what the server's log says.
 */
int hg_cluster_start(const struct hg_cluster_options *options,
                     struct hg_cluster **ret,
                     struct hg_error *err);

/* Connection strings for the host's own role and, the last, for workers; borrowed until free. */
const char *hg_cluster_metadata_url(const struct hg_cluster *cluster);
const char *hg_cluster_warehouse_url(const struct hg_cluster *cluster);
const char *hg_cluster_worker_url(const struct hg_cluster *cluster);

/* Whether it ran already. */
bool hg_cluster_adopted(const struct hg_cluster *cluster);
/* Process of the server as it is now; another one after it was started again. */
pid_t hg_cluster_pid(struct hg_cluster *cluster);

/*
 * Ends the supervision and the server: fast, after 30 s immediately. While another host uses the
 * same data dir the server is left to that one.
 */
int hg_cluster_stop(struct hg_cluster *cluster, struct hg_error *err);
/*
 * The same without waiting for the end, for a process that ends at once behind it: whoever starts
 * the cluster next waits. [any], as long as nobody stops or frees it meanwhile.
 */
void hg_cluster_ask_to_end(struct hg_cluster *cluster);
/* Ends the supervision; a server that was not stopped goes on. NULL is fine. */
void hg_cluster_free(struct hg_cluster *cluster);
HG_DEFINE_CLEANUP(hg_cluster_freep, struct hg_cluster *, hg_cluster_free)

#endif
