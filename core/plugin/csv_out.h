/*
 * A record batch as lines of CSV.
 */
#ifndef HG_PLUGIN_CSV_OUT_H
#define HG_PLUGIN_CSV_OUT_H

#include <stdio.h>

#include "base/error.h"

/* The names of the columns. */
int hg_csv_write_header(FILE *to, const struct ArrowSchema *schema, struct hg_error *err);
/* The first `rows` rows of a batch that passed hg_arrow_check_batch. */
int hg_csv_write_batch(FILE *to,
                       const struct ArrowSchema *schema,
                       const struct ArrowArray *batch,
                       int64_t rows,
                       struct hg_error *err);

#endif
