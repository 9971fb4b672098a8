/*
 * Whether a schema and a batch that a plugin handed over keep the rules of the Arrow C data
 * interface and of headgate/plugin.h. The sizes of buffers do not cross that interface, so a buffer
 * that is shorter than it must be can only be found by a crash.
 */
#ifndef HG_PLUGIN_ARROW_CHECK_H
#define HG_PLUGIN_ARROW_CHECK_H

#include "base/error.h"

enum hg_arrow_level {
    /* Structure, lengths, first and last offset: costs nothing that grows with the rows. */
    HG_ARROW_CHEAP = 1,
    /* Also every offset, UTF-8, null counts, decimals within their precision. */
    HG_ARROW_FULL = 2
};

/* HG_EDATA, naming the column and what is wrong with it. */
int hg_arrow_check_schema(const struct ArrowSchema *schema, struct hg_error *err);
/* `schema` has passed hg_arrow_check_schema. HG_EDATA, naming the column. */
int hg_arrow_check_batch(const struct ArrowSchema *schema,
                         const struct ArrowArray *batch,
                         int level,
                         struct hg_error *err);
/* HG_EDATA when names, formats or nullability differ, saying where. */
int hg_arrow_check_same(const struct ArrowSchema *a,
                        const struct ArrowSchema *b,
                        struct hg_error *err);

#endif
