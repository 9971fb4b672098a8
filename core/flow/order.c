#include "flow/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "flow/numeric.h"

/* A cell, wherever it lies. */
struct cell {
    const uint8_t *bytes; /* the value, or the text */
    size_t n;
};

struct key {
    int column;
    int type;
    struct hg_buf last; /* a copy of the last cell seen */
};

struct hg_order {
    struct key *keys;
    size_t n_keys;
    bool any; /* a row was seen */
};

int hg_order_new(const struct hg_flow_schema *schema,
                 const int *columns,
                 size_t n_columns,
                 struct hg_order **ret,
                 struct hg_error *err)
{
    struct hg_order *order = calloc(1, sizeof *order);
    struct key *keys = calloc(n_columns, sizeof *keys);
    if (!order || !keys) {
        free(order);
        free(keys);
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < n_columns; i++) {
        keys[i].column = columns[i];
        keys[i].type = schema->columns[columns[i]].type;
    }
    order->keys = keys;
    order->n_keys = n_columns;
    *ret = order;
    return HG_OK;
}

void hg_order_free(struct hg_order *order)
{
    if (!order) {
        return;
    }
    for (size_t i = 0; i < order->n_keys; i++) {
        hg_buf_free(&order->keys[i].last);
    }
    free(order->keys);
    free(order);
}

void hg_order_reset(struct hg_order *order)
{
    order->any = false;
}

/* ---- comparing: below, at or above 0 as a is below, at or above b ---- */

#define DEFINE_COMPARE(name, ctype)                             \
    static int name(const struct cell *a, const struct cell *b) \
    {                                                           \
        ctype x;                                                \
        ctype y;                                                \
        memcpy(&x, a->bytes, sizeof x);                         \
        memcpy(&y, b->bytes, sizeof y);                         \
        return (x > y) - (x < y);                               \
    }

DEFINE_COMPARE(compare_int32, int32_t)
DEFINE_COMPARE(compare_int64, int64_t)
DEFINE_COMPARE(compare_decimal, hg_flow_int128)
DEFINE_COMPARE(compare_bool, uint8_t)

/* NaN counts as below and above all, itself too: it ends the run, whatever the key's next column.
 */
static int compare_double(const struct cell *a, const struct cell *b)
{
    double x;
    double y;
    memcpy(&x, a->bytes, sizeof x);
    memcpy(&y, b->bytes, sizeof y);
    return x < y ? -1 : x > y || isnan(x) || isnan(y);
}

static int compare_bytes(const struct cell *a, const struct cell *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    int order = n > 0 ? memcmp(a->bytes, b->bytes, n) : 0;
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

static const struct {
    int (*compare)(const struct cell *a, const struct cell *b);
    size_t width;
} types[] = {
    [HG_TYPE_BOOL] = {compare_bool, 1},
    [HG_TYPE_INT32] = {compare_int32, 4},
    [HG_TYPE_INT64] = {compare_int64, 8},
    [HG_TYPE_FLOAT64] = {compare_double, 8},
    [HG_TYPE_DECIMAL128] = {compare_decimal, 16},
    [HG_TYPE_UTF8] = {compare_bytes, 0},
    [HG_TYPE_BINARY] = {compare_bytes, 0},
    [HG_TYPE_DATE32] = {compare_int32, 4},
    [HG_TYPE_TIMESTAMP_US] = {compare_int64, 8},
};

static struct cell cell_of(const struct key *key, const struct hg_flow_batch *batch, int64_t row)
{
    static const uint8_t bools[] = {0, 1};
    const struct hg_flow_view *view = &batch->views[key->column];
    size_t width = types[key->type].width;
    if (width == 0) {
        int32_t n;
        const uint8_t *bytes = hg_cell_bytes(view, row, &n);
        return (struct cell){bytes, (size_t)n};
    }
    if (width == 1) {
        return (struct cell){&bools[hg_bit(view->values, view->offset + row)], 1};
    }
    return (struct cell){(const uint8_t *)view->values + width * (size_t)(view->offset + row),
                         width};
}

static bool increases(const struct hg_order *order,
                      const struct hg_flow_batch *batch,
                      int64_t before,
                      int64_t row)
{
    for (size_t i = 0; i < order->n_keys; i++) {
        const struct key *key = &order->keys[i];
        struct cell a = before < 0 ? (struct cell){(const uint8_t *)key->last.data, key->last.len}
                                   : cell_of(key, batch, before);
        struct cell b = cell_of(key, batch, row);
        int compared = types[key->type].compare(&a, &b);
        if (compared != 0) {
            return compared < 0;
        }
    }
    return false;
}

static int remember(struct hg_order *order, const struct hg_flow_batch *batch, int64_t row)
{
    for (size_t i = 0; i < order->n_keys; i++) {
        struct key *key = &order->keys[i];
        struct cell cell = cell_of(key, batch, row);
        hg_buf_reset(&key->last);
        hg_buf_append(&key->last, cell.bytes, cell.n);
        if (hg_buf_failed(&key->last)) {
            return HG_ENOMEM;
        }
    }
    order->any = true;
    return HG_OK;
}

int64_t hg_order_run(struct hg_order *order,
                     const struct hg_flow_batch *batch,
                     const int32_t *rows,
                     int64_t n)
{
    int64_t run = 0;
    if (n > 0 && (!order->any || increases(order, batch, -1, rows[0]))) {
        run = 1;
        while (run < n && increases(order, batch, rows[run - 1], rows[run])) {
            run++;
        }
        if (remember(order, batch, rows[run - 1]) < 0) {
            return HG_ENOMEM;
        }
    }
    return run;
}
