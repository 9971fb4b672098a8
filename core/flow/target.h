/*
 * The table of a load: found and compared with the source's columns, or made.
 *
 * Everything is done inside the load's transaction as role headgate_user, who owns users' tables:
 * what fails later leaves no table behind.
 */
#ifndef HG_FLOW_TARGET_H
#define HG_FLOW_TARGET_H

#include "flow/context.h"
#include "flow/encode.h"
#include "flow/guard.h"

struct hg_target {
    const char *name;                  /* "schema.table"; borrowed from the task */
    struct hg_buf quoted;              /* the same as SQL */
    bool created;                      /* by this transaction */
    struct hg_encoder_column *columns; /* those that are loaded, in the source's order */
    struct hg_guard *guards;           /* one for each of them */
    size_t n_columns;
    int *key; /* indices in the schema; n_key is 0 but for merge */
    size_t n_key;
    bool plain_key; /* equal keys are equal byte by byte */
};

/*
 * Finds or makes the table for a schema. `key` is a JSON list of names for merge, else NULL.
 * HG_EINVAL when the table is not fit, with all that is wrong about it: see misfit.h.
 * hg_target_free is needed after a failure too.
 */
int hg_target_open(struct hg_target *target,
                   struct hg_flow *flow,
                   const struct hg_flow_schema *schema,
                   const char *table,
                   const json_t *key,
                   struct hg_error *err);
/*
 * Makes the table of a stage instead, as itself: all columns, also positions as text, and each
 * row's number as `_hg_seq`.
 */
int hg_target_make_stage(struct hg_target *target,
                         struct hg_flow *flow,
                         const struct hg_flow_schema *schema,
                         const char *table,
                         struct hg_error *err);
void hg_target_free(struct hg_target *target);

/* Makes the key of a table that was created the primary key. */
int hg_target_add_key(const struct hg_target *target,
                      struct hg_flow *flow,
                      const struct hg_flow_schema *schema,
                      struct hg_error *err);
/* Appends `prefix` and the quoted name of each loaded column, with commas between. */
void hg_target_columns(const struct hg_target *target,
                       const struct hg_flow_schema *schema,
                       const char *prefix,
                       struct hg_buf *sql);
void hg_target_key(const struct hg_target *target,
                   const struct hg_flow_schema *schema,
                   const char *prefix,
                   struct hg_buf *sql);
bool hg_target_is_key(const struct hg_target *target, int column);

#endif
