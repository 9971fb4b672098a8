/*
 * The files of the private cluster: making it, and the configuration that is ours.
 */
#ifndef HG_STORE_CLUSTER_FILES_H
#define HG_STORE_CLUSTER_FILES_H

#include "base/error.h"
#include "store/programs.h"

/* The bootstrap superuser; nothing but the set-up of the cluster logs in as it. */
#define HG_ROLE_ADMIN "headgate_admin"
/* The host's own role, no superuser: what it reads may be a view that a user wrote. */
#define HG_ROLE_HOST "headgate"

/*
 * The major version of the cluster in `data`; 0 when the folder does not exist. HG_ECONFLICT when
 * it exists and is no cluster.
 */
int hg_cluster_files_major(const char *data, int *ret_major, struct hg_error *err);

/*
 * Makes a cluster (initdb) under another name, syncs it and renames it to `data`, so that one whose
 * making was interrupted is never taken for a whole one.
 */
int hg_cluster_files_make(const struct hg_pg_programs *programs,
                          const char *data,
                          struct hg_error *err);

/*
 * Writes postgresql.conf, pg_hba.conf and pg_ident.conf where they differ from what they should be.
 * Settings of one's own go to local.conf in `data`, which is read last.
 */
int hg_cluster_files_configure(const char *data, struct hg_error *err);

#endif
