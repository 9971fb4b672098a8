#include "headgate/batch.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "batch_pool.h"
#include "headgate/error.h"

/* Rows of a column's first allocation; every room is a multiple of 512, 64 bytes of bitmap. */
#define FIRST_ROOM  1024
#define ROOM_STEP   512
#define FIRST_BYTES 4096
#define MAX_BYTES   INT32_MAX
/* Keeps size computations far from overflow. */
#define MAX_ROWS INT32_MAX

/* What all parts of one finished array share. */
struct array_block {
    atomic_size_t n_users;
    struct hg_batch_pool *pool;
    const void *no_validity; /* the parent's only buffer */
    struct ArrowArray **child_pointers;
    struct array_child {
        struct ArrowArray array;
        const void *buffers[3];
        size_t sizes[3];
    } children[];
};

/* ------------------------------------------------------------------------------------------ */
/* Types                                                                                        */
/* ------------------------------------------------------------------------------------------ */

static const struct {
    size_t width; /* bytes of a value or an offset; 0: bits */
    bool has_bytes;
} types[] = {
    [HG_TYPE_BOOL] = {0, false},
    [HG_TYPE_INT32] = {4, false},
    [HG_TYPE_INT64] = {8, false},
    [HG_TYPE_FLOAT64] = {8, false},
    [HG_TYPE_DECIMAL128] = {16, false},
    [HG_TYPE_UTF8] = {4, true},
    [HG_TYPE_BINARY] = {4, true},
    [HG_TYPE_DATE32] = {4, false},
    [HG_TYPE_TIMESTAMP_US] = {8, false},
};

/* ------------------------------------------------------------------------------------------ */
/* Building                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static size_t aligned(size_t size)
{
    return (size + HG_BATCH_ALIGNMENT - 1) / HG_BATCH_ALIGNMENT * HG_BATCH_ALIGNMENT;
}

static size_t validity_size(int64_t room)
{
    return (size_t)room / 8;
}

static size_t values_size(int32_t type, int64_t room)
{
    if (type == HG_TYPE_BOOL) {
        return validity_size(room);
    }
    /* One value more for the offsets of utf8 and binary. */
    return aligned(((size_t)room + (types[type].has_bytes ? 1 : 0)) * types[type].width);
}

static bool column_is_bytes(const struct hg_batch_column *c)
{
    return types[c->type].has_bytes;
}

static void give_back(struct hg_batch *batch, struct hg_batch_column *c)
{
    hg_batch_pool_give(batch->pool, c->validity, validity_size(c->room));
    hg_batch_pool_give(batch->pool, c->values, values_size(c->type, c->room));
    hg_batch_pool_give(batch->pool, c->bytes, (size_t)c->bytes_room);
    c->validity = NULL;
    c->values = NULL;
    c->bytes = NULL;
    c->n = 0;
    c->room = 0;
    c->n_bytes = 0;
    c->bytes_room = 0;
}

void hg_batch_free(struct hg_batch *batch)
{
    if (!batch) {
        return;
    }
    for (size_t i = 0; i < batch->n_columns; i++) {
        if (batch->pool) {
            give_back(batch, &batch->columns[i]);
        }
        if (batch->names) {
            free(batch->names[i]);
        }
    }
    if (batch->pool) {
        hg_batch_pool_drop(batch->pool);
    }
    free(batch->names);
    free(batch->columns);
    free(batch);
}

static hg_status batch_fill(struct hg_batch *batch, const struct hg_column *columns, size_t n)
{
    batch->columns = calloc(n + 1, sizeof *batch->columns);
    batch->names = calloc(n + 1, sizeof *batch->names);
    batch->pool = hg_batch_pool_new(3 * n);
    if (!batch->columns || !batch->names || !batch->pool) {
        return HG_ENOMEM;
    }
    batch->n_columns = n;
    for (size_t i = 0; i < n; i++) {
        batch->columns[i].type = columns[i].type;
        batch->columns[i].precision = columns[i].precision;
        batch->columns[i].nullable = columns[i].nullable;
        batch->columns[i].next_room = FIRST_ROOM;
        batch->columns[i].next_bytes_room = FIRST_BYTES;
        batch->names[i] = strdup(columns[i].name);
        if (!batch->names[i]) {
            return HG_ENOMEM;
        }
    }
    return HG_OK;
}

hg_status hg_batch_new(const struct hg_column *columns,
                       size_t n_columns,
                       struct hg_batch **ret_batch,
                       struct hg_error *err)
{
    hg_status status = hg_columns_check(columns, n_columns, err);
    if (status) {
        return status;
    }
    struct hg_batch *batch = calloc(1, sizeof *batch);
    if (!batch) {
        return hg_fail_nomem(err);
    }
    if (batch_fill(batch, columns, n_columns)) {
        hg_batch_free(batch);
        return hg_fail_nomem(err);
    }
    *ret_batch = batch;
    return HG_OK;
}

/* Sets the bits from..to-1 of a bitmap to `value`. */
static void fill_bits(uint8_t *bits, int64_t from, int64_t to, bool value)
{
    while (from < to && from % 8 != 0) {
        uint8_t bit = (uint8_t)(1u << (from % 8));
        bits[from / 8] = (uint8_t)(value ? bits[from / 8] | bit : bits[from / 8] & ~bit);
        from++;
    }
    if (to - from >= 8) {
        memset(bits + from / 8, value ? 0xFF : 0, (size_t)(to / 8 - from / 8));
        from = to / 8 * 8;
    }
    while (from < to) {
        uint8_t bit = (uint8_t)(1u << (from % 8));
        bits[from / 8] = (uint8_t)(value ? bits[from / 8] | bit : bits[from / 8] & ~bit);
        from++;
    }
}

static void truncate_column(struct hg_batch_column *c, int64_t n)
{
    if (n >= c->n) {
        return;
    }
    fill_bits(c->validity, n, c->n, true);
    if (c->type == HG_TYPE_BOOL) {
        fill_bits(c->values, n, c->n, false);
    } else if (column_is_bytes(c)) {
        c->n_bytes = ((const int32_t *)c->values)[n];
    }
    c->n = n;
}

void hg_batch_reset(struct hg_batch *batch)
{
    for (size_t i = 0; i < batch->n_columns; i++) {
        truncate_column(&batch->columns[i], 0);
        batch->columns[i].n_bytes = 0;
    }
    batch->n_rows = 0;
}

static int64_t new_room(int64_t room, int64_t need, int64_t first, int64_t step)
{
    int64_t want = room == 0 ? first : room + room / 2;
    if (want < need) {
        want = need;
    }
    return (want + step - 1) / step * step;
}

/* All or nothing: the old memory stays when any of the new cannot be had. */
static hg_status grow_rows(struct hg_batch *batch, struct hg_batch_column *c, int64_t need)
{
    if (need > MAX_ROWS) {
        return HG_ETOOBIG;
    }
    int64_t room = new_room(c->room, need, c->next_room, ROOM_STEP);
    uint8_t *validity = hg_batch_pool_take(batch->pool, validity_size(room));
    char *values = hg_batch_pool_take(batch->pool, values_size(c->type, room));
    if (!validity || !values) {
        hg_batch_pool_give(batch->pool, validity, validity_size(room));
        hg_batch_pool_give(batch->pool, values, values_size(c->type, room));
        return HG_ENOMEM;
    }
    size_t old_bits = validity_size(c->room);
    size_t old_values = 0;
    if (c->room > 0) {
        old_values = c->type == HG_TYPE_BOOL
                         ? old_bits
                         : ((size_t)c->n + (column_is_bytes(c) ? 1 : 0)) * types[c->type].width;
        memcpy(validity, c->validity, old_bits);
        memcpy(values, c->values, old_values);
    }
    memset(validity + old_bits, 0xFF, validity_size(room) - old_bits);
    if (c->type == HG_TYPE_BOOL) {
        memset(values + old_values, 0, validity_size(room) - old_values);
    } else if (column_is_bytes(c) && c->room == 0) {
        memset(values, 0, sizeof(int32_t));
    }
    hg_batch_pool_give(batch->pool, c->validity, old_bits);
    hg_batch_pool_give(batch->pool, c->values, values_size(c->type, c->room));
    c->validity = validity;
    c->values = values;
    c->room = room;
    return HG_OK;
}

static hg_status reserve_rows(struct hg_batch *batch, struct hg_batch_column *c, int64_t rows)
{
    return c->room - c->n >= rows ? HG_OK : grow_rows(batch, c, c->n + rows);
}

static hg_status reserve_bytes(struct hg_batch *batch, struct hg_batch_column *c, int64_t n)
{
    if (c->bytes_room - c->n_bytes >= n && c->bytes) {
        return HG_OK;
    }
    if (n > MAX_BYTES - c->n_bytes) {
        return HG_ETOOBIG;
    }
    int64_t room = new_room(c->bytes_room, c->n_bytes + n, c->next_bytes_room, HG_BATCH_ALIGNMENT);
    uint8_t *bytes = hg_batch_pool_take(batch->pool, (size_t)room);
    if (!bytes) {
        return HG_ENOMEM;
    }
    if (c->n_bytes > 0) {
        memcpy(bytes, c->bytes, (size_t)c->n_bytes);
    }
    hg_batch_pool_give(batch->pool, c->bytes, (size_t)c->bytes_room);
    c->bytes = bytes;
    c->bytes_room = room;
    return HG_OK;
}

hg_status hg_batch_reserve(struct hg_batch *batch, int64_t rows)
{
    if (rows < 0 || rows > MAX_ROWS) {
        return HG_ETOOBIG;
    }
    for (size_t i = 0; i < batch->n_columns; i++) {
        hg_status status = reserve_rows(batch, &batch->columns[i], rows);
        if (status) {
            return status;
        }
    }
    return HG_OK;
}

hg_status hg_batch_reserve_bytes(struct hg_batch *batch, size_t column, int64_t n)
{
    if (column >= batch->n_columns || !column_is_bytes(&batch->columns[column]) || n < 0) {
        return HG_EINVAL;
    }
    return reserve_bytes(batch, &batch->columns[column], n);
}

void hg_batch_commit(struct hg_batch *batch, int64_t rows)
{
    batch->n_rows += rows;
    for (size_t i = 0; i < batch->n_columns; i++) {
        struct hg_batch_column *c = &batch->columns[i];
        c->n = batch->n_rows;
        if (column_is_bytes(c) && c->room > 0) {
            c->n_bytes = ((const int32_t *)c->values)[c->n];
        }
    }
}

/* The column with room for one more cell, when it has that type. */
static hg_status one_more(struct hg_batch *batch,
                          size_t column,
                          int32_t type,
                          struct hg_batch_column **ret)
{
    if (column >= batch->n_columns || batch->columns[column].type != type) {
        return HG_EINVAL;
    }
    *ret = &batch->columns[column];
    return reserve_rows(batch, *ret, 1);
}

hg_status hg_batch_append_null(struct hg_batch *batch, size_t column)
{
    if (column >= batch->n_columns || !batch->columns[column].nullable) {
        return HG_EINVAL;
    }
    struct hg_batch_column *c = &batch->columns[column];
    hg_status status = reserve_rows(batch, c, 1);
    if (status) {
        return status;
    }
    c->validity[c->n / 8] &= (uint8_t) ~(1u << (c->n % 8));
    if (column_is_bytes(c)) {
        ((int32_t *)c->values)[c->n + 1] = (int32_t)c->n_bytes;
    } else if (c->type != HG_TYPE_BOOL) {
        size_t width = types[c->type].width;
        memset((char *)c->values + (size_t)c->n * width, 0, width);
    }
    c->n++;
    return HG_OK;
}

hg_status hg_batch_append_bool(struct hg_batch *batch, size_t column, bool value)
{
    struct hg_batch_column *c;
    hg_status status = one_more(batch, column, HG_TYPE_BOOL, &c);
    if (!status) {
        ((uint8_t *)c->values)[c->n / 8] |= (uint8_t)((value ? 1u : 0u) << (c->n % 8));
        c->n++;
    }
    return status;
}

static hg_status append_32(struct hg_batch *batch, size_t column, int32_t type, int32_t value)
{
    struct hg_batch_column *c;
    hg_status status = one_more(batch, column, type, &c);
    if (!status) {
        ((int32_t *)c->values)[c->n++] = value;
    }
    return status;
}

static hg_status append_64(struct hg_batch *batch, size_t column, int32_t type, int64_t value)
{
    struct hg_batch_column *c;
    hg_status status = one_more(batch, column, type, &c);
    if (!status) {
        ((int64_t *)c->values)[c->n++] = value;
    }
    return status;
}

hg_status hg_batch_append_int32(struct hg_batch *batch, size_t column, int32_t value)
{
    return append_32(batch, column, HG_TYPE_INT32, value);
}

hg_status hg_batch_append_date32(struct hg_batch *batch, size_t column, int32_t days)
{
    return append_32(batch, column, HG_TYPE_DATE32, days);
}

hg_status hg_batch_append_int64(struct hg_batch *batch, size_t column, int64_t value)
{
    return append_64(batch, column, HG_TYPE_INT64, value);
}

hg_status hg_batch_append_timestamp_us(struct hg_batch *batch, size_t column, int64_t time_us)
{
    return append_64(batch, column, HG_TYPE_TIMESTAMP_US, time_us);
}

hg_status hg_batch_append_float64(struct hg_batch *batch, size_t column, double value)
{
    struct hg_batch_column *c;
    hg_status status = one_more(batch, column, HG_TYPE_FLOAT64, &c);
    if (!status) {
        ((double *)c->values)[c->n++] = value;
    }
    return status;
}

static hg_int128 decimal_limit(int32_t precision)
{
    hg_int128 limit = 1;
    for (int32_t i = 0; i < precision; i++) {
        limit *= 10;
    }
    return limit;
}

hg_status hg_batch_append_decimal(struct hg_batch *batch, size_t column, hg_int128 value)
{
    struct hg_batch_column *c;
    hg_status status = one_more(batch, column, HG_TYPE_DECIMAL128, &c);
    if (status) {
        return status;
    }
    /* Any value of 64 bits fits 19 digits and more. */
    if (c->precision < 19 || value != (int64_t)value) {
        hg_int128 limit = decimal_limit(c->precision);
        if (value >= limit || value <= -limit) {
            return HG_ETOOBIG;
        }
    }
    ((hg_int128 *)c->values)[c->n++] = value;
    return HG_OK;
}

hg_status hg_batch_append_decimal_parts(struct hg_batch *batch,
                                        size_t column,
                                        int64_t high,
                                        uint64_t low)
{
    hg_int128 value = (hg_int128)high * ((hg_int128)1 << 64) + low;
    return hg_batch_append_decimal(batch, column, value);
}

hg_status hg_batch_append_bytes(struct hg_batch *batch, size_t column, const void *bytes, size_t n)
{
    if (column >= batch->n_columns || !column_is_bytes(&batch->columns[column])) {
        return HG_EINVAL;
    }
    struct hg_batch_column *c = &batch->columns[column];
    if (n > MAX_BYTES) {
        return HG_ETOOBIG;
    }
    if (c->type == HG_TYPE_UTF8 && hg_text_utf8_prefix(bytes, n) != n) {
        return HG_EDATA;
    }
    hg_status status = reserve_rows(batch, c, 1);
    if (!status) {
        status = reserve_bytes(batch, c, (int64_t)n);
    }
    if (status) {
        return status;
    }
    if (n > 0) {
        memcpy(c->bytes + c->n_bytes, bytes, n);
    }
    c->n_bytes += (int64_t)n;
    c->n++;
    ((int32_t *)c->values)[c->n] = (int32_t)c->n_bytes;
    return HG_OK;
}

hg_status hg_batch_append_text(struct hg_batch *batch, size_t column, const char *text)
{
    return text ? hg_batch_append_bytes(batch, column, text, strlen(text))
                : hg_batch_append_null(batch, column);
}

hg_status hg_batch_end_row(struct hg_batch *batch)
{
    int64_t n = batch->n_rows;
    for (size_t i = 0; i < batch->n_columns; i++) {
        struct hg_batch_column *c = &batch->columns[i];
        hg_status status = HG_OK;
        if (c->n == n) {
            status = hg_batch_append_null(batch, i);
        } else if (c->n != n + 1) {
            status = HG_EINVAL;
        }
        if (status) {
            return status;
        }
    }
    batch->n_rows++;
    return HG_OK;
}

void hg_batch_drop_row(struct hg_batch *batch)
{
    for (size_t i = 0; i < batch->n_columns; i++) {
        struct hg_batch_column *c = &batch->columns[i];
        if (c->n == batch->n_rows && c->n < c->room) {
            c->n++;
        }
        truncate_column(c, batch->n_rows);
    }
}

static const char *words_of(hg_status code)
{
    switch (code) {
    case HG_EINVAL:
        return "a cell of another type, a second cell in a row, or none where a null is not "
               "allowed";
    case HG_EDATA:
        return "the text is not valid UTF-8";
    case HG_ETOOBIG:
        return "the value does not fit the column";
    case HG_ENOMEM:
        return "out of memory";
    default:
        return "cannot be appended";
    }
}

hg_status hg_batch_explain(const struct hg_batch *batch,
                           size_t column,
                           hg_status code,
                           struct hg_error *err)
{
    if (code == HG_OK) {
        return code;
    }
    if (column >= batch->n_columns) {
        return hg_fail(err, code, "column %zu: %s", column, words_of(code));
    }
    return hg_fail(err, code, "column \"%s\": %s", batch->names[column], words_of(code));
}

/* ------------------------------------------------------------------------------------------ */
/* Handing over                                                                                 */
/* ------------------------------------------------------------------------------------------ */

static void block_drop(struct array_block *block)
{
    if (atomic_fetch_sub(&block->n_users, 1) == 1) {
        hg_batch_pool_drop(block->pool);
        free(block);
    }
}

static void release_child(struct ArrowArray *array)
{
    struct array_block *block = array->private_data;
    /* A child may have been moved elsewhere, its buffers stand in the block all the same. */
    size_t from = offsetof(struct array_child, buffers);
    struct array_child *child =
        (struct array_child *)(void *)((char *)(void *)array->buffers - from);
    for (size_t i = 0; i < 3; i++) {
        void *memory;
        memcpy(&memory, &child->buffers[i], sizeof memory);
        hg_batch_pool_give(block->pool, memory, child->sizes[i]);
    }
    array->release = NULL;
    block_drop(block);
}

static void release_parent(struct ArrowArray *array)
{
    struct array_block *block = array->private_data;
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release) {
            array->children[i]->release(array->children[i]);
        }
    }
    array->release = NULL;
    block_drop(block);
}

static int64_t count_nulls(const struct hg_batch_column *c)
{
    int64_t valid = 0;
    int64_t n_whole = c->n / 64;
    for (int64_t i = 0; i < n_whole; i++) {
        uint64_t word;
        memcpy(&word, c->validity + i * 8, sizeof word);
        valid += __builtin_popcountll(word);
    }
    for (int64_t i = n_whole * 64; i < c->n; i++) {
        valid += (c->validity[i / 8] >> (i % 8)) & 1;
    }
    return c->n - valid;
}

/* Fills one child from a column, whose memory moves into it. */
static void hand_over(struct hg_batch *batch,
                      struct hg_batch_column *c,
                      int64_t nulls,
                      struct array_block *block,
                      struct array_child *child)
{
    if (nulls > 0) {
        child->buffers[0] = c->validity;
        child->sizes[0] = validity_size(c->room);
    } else {
        hg_batch_pool_give(batch->pool, c->validity, validity_size(c->room));
    }
    child->buffers[1] = c->values;
    child->sizes[1] = values_size(c->type, c->room);
    child->buffers[2] = c->bytes;
    child->sizes[2] = (size_t)c->bytes_room;
    child->array = (struct ArrowArray){.length = c->n,
                                       .null_count = nulls,
                                       .n_buffers = column_is_bytes(c) ? 3 : 2,
                                       .buffers = child->buffers,
                                       .release = release_child,
                                       .private_data = block};
    /* The next batch is likely to be as large, and then takes this memory once it is released. */
    *c = (struct hg_batch_column){.type = c->type,
                                  .precision = c->precision,
                                  .nullable = c->nullable,
                                  .next_room = c->room,
                                  .next_bytes_room = c->bytes_room ? c->bytes_room : FIRST_BYTES};
}

/* Columns as long as the first, memory for each buffer, and no null where there may be none. */
static hg_status check_complete(struct hg_batch *batch, struct hg_error *err)
{
    for (size_t i = 0; i < batch->n_columns; i++) {
        struct hg_batch_column *c = &batch->columns[i];
        if (c->n != batch->columns[0].n) {
            return hg_fail(err,
                           HG_EINVAL,
                           "column \"%s\" has %lld rows, column \"%s\" has %lld",
                           batch->names[i],
                           (long long)c->n,
                           batch->names[0],
                           (long long)batch->columns[0].n);
        }
        hg_status status = reserve_rows(batch, c, c->room ? 0 : 1);
        if (!status && column_is_bytes(c)) {
            status = reserve_bytes(batch, c, 0);
        }
        if (status) {
            return hg_batch_explain(batch, i, status, err);
        }
        if (!c->nullable && count_nulls(c) > 0) {
            return hg_fail(
                err, HG_EDATA, "column \"%s\" has a null, and takes none", batch->names[i]);
        }
    }
    return HG_OK;
}

hg_status hg_batch_finish(struct hg_batch *batch, struct ArrowArray *ret, struct hg_error *err)
{
    hg_status status = check_complete(batch, err);
    if (status) {
        return status;
    }
    size_t n = batch->n_columns;
    struct array_block *block =
        calloc(1, sizeof *block + n * sizeof block->children[0] + n * sizeof(struct ArrowArray *));
    if (!block) {
        return hg_fail_nomem(err);
    }
    block->child_pointers = (struct ArrowArray **)(void *)&block->children[n];
    block->pool = batch->pool;
    atomic_init(&block->n_users, n + 1);
    hg_batch_pool_hold(batch->pool);
    int64_t length = n > 0 ? batch->columns[0].n : batch->n_rows;
    for (size_t i = 0; i < n; i++) {
        struct hg_batch_column *c = &batch->columns[i];
        hand_over(batch, c, count_nulls(c), block, &block->children[i]);
        block->child_pointers[i] = &block->children[i].array;
    }
    batch->n_rows = 0;
    *ret = (struct ArrowArray){.length = length,
                               .n_buffers = 1,
                               .buffers = &block->no_validity,
                               .n_children = (int64_t)n,
                               .children = block->child_pointers,
                               .release = release_parent,
                               .private_data = block};
    return HG_OK;
}
