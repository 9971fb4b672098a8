/*
 * Tables partitioned by week of a version 7 UUID (run, job_run, quarantine, ...): weeks are made
 * ahead and dropped whole.
 *
 * A partition is named for the Monday it begins with: run_20261123.
 */
#ifndef HG_STORE_PARTITION_H
#define HG_STORE_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "store/db.h"

struct hg_partitioned {
    const char *table; /* with its schema; a name that needs no quoting */
    int fillfactor;    /* per cent */
    int keep_days;     /* 0: for ever */
};

/*
 * Makes the weeks around `now_us` (last week to four weeks ahead) where they are missing and drops
 * those that ended over `keep_days` ago, of all tables in one transaction. Hosts that do it at the
 * same time wait for each other. Waits 2 s for locks and fails with HG_ECONFLICT (retryable) then.
 * *ret_n_dropped may be NULL.
 */
int hg_partitions_keep(struct hg_db *db,
                       const struct hg_partitioned *tables,
                       size_t n,
                       int64_t now_us,
                       int *ret_n_dropped,
                       struct hg_error *err);

#endif
