/*
 * One cell of a text file as a value of its column's type.
 */
#ifndef SRC_VALUE_H
#define SRC_VALUE_H

#include "columns.h"

union src_value {
    bool b;
    int32_t i32;
    int64_t i64;
    double f64;
    hg_int128 i128;
};

/* How cells of a source are written. */
struct src_cell_style {
    struct src_number_style style;
    bool zoned;          /* timestamps are instants */
    int32_t zone_offset; /* seconds east of UTC, of those without a zone */
};

#define SRC_SHOWN_BYTES 88

/* A value of any type but utf8, for which nothing is done. */
enum src_verdict src_value_read(const struct src_cell_style *cells,
                                const struct src_column *column,
                                const char *text,
                                size_t n,
                                union src_value *ret);
/* Why it does not fit, in words. */
void src_value_explain(const struct src_column *column,
                       enum src_verdict verdict,
                       const char *text,
                       size_t n,
                       char *out,
                       size_t size);
/* The text in quotes, without line ends, cut where it is long. */
void src_value_show(const char *text, size_t n, char *out, size_t size);

#endif
