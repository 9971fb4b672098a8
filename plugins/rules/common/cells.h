/*
 * What a rule that judges each cell of some columns has: their views, and for each batch a bitmap
 * and a result a column.
 */
#ifndef RULE_CELLS_H
#define RULE_CELLS_H

#include "columns.h"

struct rule_cells {
    size_t n;
    struct hg_view *views; /* one a column, and so the results */
    struct hg_rule_result *results;
    uint8_t *bits; /* the bitmaps, one behind the other */
    size_t room_bytes;
    size_t each_bytes; /* of a bitmap for the batch at hand */
};

/* Of the columns that rule_columns_find finds. Emptied with rule_cells_done, also on failure. */
hg_status rule_cells_init(struct rule_cells *ret,
                          const struct ArrowSchema *schema,
                          const struct hg_config_list *names,
                          const char *key,
                          bool index_in_pointer,
                          struct hg_error *err);
void rule_cells_done(struct rule_cells *cells);

/* Binds the views to a batch and makes room for `n_bitmaps` of its length, with anything in them.
 */
hg_status rule_cells_bind(struct rule_cells *cells,
                          const struct ArrowArray *batch,
                          size_t n_bitmaps,
                          struct hg_error *err);
/* The bitmap number i; NULL where the batch has no rows. */
uint8_t *rule_cells_bitmap(const struct rule_cells *cells, size_t i);
/* The result of column i: `failed` of its cells do, those of the bitmap number i. */
void rule_cells_put(struct rule_cells *cells, size_t i, int64_t evaluated, int64_t failed);
void rule_cells_report(const struct rule_cells *cells, struct hg_rule_results *ret);

/* For a rule that has said all with the batches. */
hg_status rule_finish_nothing(void *inst, struct hg_rule_results *ret, struct hg_error *err);

#endif
