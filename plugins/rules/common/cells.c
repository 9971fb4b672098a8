#include "cells.h"

#include <stdlib.h>

#include "headgate/error.h"

hg_status rule_cells_init(struct rule_cells *ret,
                          const struct ArrowSchema *schema,
                          const struct hg_config_list *names,
                          const char *key,
                          bool index_in_pointer,
                          struct hg_error *err)
{
    *ret = (struct rule_cells){.n = names->n};
    hg_status status = rule_columns_find(schema, names, key, index_in_pointer, &ret->views, err);
    if (status) {
        return status;
    }
    ret->results = calloc(ret->n, sizeof *ret->results);
    return ret->results ? HG_OK : hg_fail_nomem(err);
}

void rule_cells_done(struct rule_cells *cells)
{
    free(cells->views);
    free(cells->results);
    free(cells->bits);
}

hg_status rule_cells_bind(struct rule_cells *cells,
                          const struct ArrowArray *batch,
                          size_t n_bitmaps,
                          struct hg_error *err)
{
    cells->each_bytes = (size_t)(batch->length + 7) / 8;
    if (cells->each_bytes * n_bitmaps > cells->room_bytes) {
        uint8_t *bits = realloc(cells->bits, cells->each_bytes * n_bitmaps);
        if (!bits) {
            return hg_fail_nomem(err);
        }
        cells->bits = bits;
        cells->room_bytes = cells->each_bytes * n_bitmaps;
    }
    for (size_t i = 0; i < cells->n; i++) {
        hg_view_bind(&cells->views[i], batch);
    }
    return HG_OK;
}

uint8_t *rule_cells_bitmap(const struct rule_cells *cells, size_t i)
{
    return cells->each_bytes > 0 ? cells->bits + i * cells->each_bytes : NULL;
}

void rule_cells_put(struct rule_cells *cells, size_t i, int64_t evaluated, int64_t failed)
{
    cells->results[i] = (struct hg_rule_result){
        .column = cells->views[i].index,
        .evaluated = evaluated,
        .failed = failed,
        .failures = failed > 0 ? rule_cells_bitmap(cells, i) : NULL,
    };
}

void rule_cells_report(const struct rule_cells *cells, struct hg_rule_results *ret)
{
    ret->n = (uint32_t)cells->n;
    ret->items = cells->results;
}

hg_status rule_finish_nothing(void *inst, struct hg_rule_results *ret, struct hg_error *err)
{
    (void)inst;
    (void)err;
    ret->n = 0;
    ret->items = NULL;
    return HG_OK;
}
