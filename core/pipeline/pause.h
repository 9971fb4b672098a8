/*
 * The pause of all hosts on a database: nothing new is claimed and nothing fires until it ends. It
 * is a row, so that it outlives the hosts.
 */
#ifndef HG_PIPELINE_PAUSE_H
#define HG_PIPELINE_PAUSE_H

#include <stdbool.h>

#include "base/error.h"
#include "store/pool.h"

struct hg_principal;

/* Begins or ends the pause; `by` is who asked. What is so already stays as it is. */
int hg_pause_set(struct hg_pool *metadata,
                 const struct hg_principal *by,
                 bool paused,
                 struct hg_error *err);
/*
 * Switches the schedule of a pipeline off or on while no host runs; one that starts plans its next
 * time. `by` NULL: not in the audit log. HG_ENOTFOUND; HG_ECONFLICT when it cannot be switched on,
 * since its file is gone.
 */
int hg_pause_set_pipeline(struct hg_pool *metadata,
                          const struct hg_principal *by,
                          const char *id,
                          bool paused,
                          struct hg_error *err);

#endif
