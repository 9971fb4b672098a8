#include "flow/aside.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/rows.h"
#include "flow/temp.h"

enum { BATCH_BYTES = 1024 * 1024, MEMORY_BYTES = 4 * 1024 * 1024 };

/* What stands before each record. */
struct head {
    int64_t seq;
    int64_t shared;
    uint32_t n; /* bytes of the record */
    uint8_t owner;
    uint8_t rejected;
    uint8_t unused[2];
};

struct hg_aside {
    const struct hg_flow_schema *schema;
    struct hg_temp **rules; /* one a rule, made when it first puts a row aside */
    size_t n_rules;
    int64_t n_shared;
    uint8_t *bad; /* one bit for each shared row */
    size_t bad_room;
    struct hg_buf record;
    /* Reading back. */
    struct hg_batch *builder;
    struct hg_temp *reading;
    struct hg_temp_reader reader;
    int64_t left; /* bytes */
    struct ArrowArray array;
    struct hg_flow_view *views;
    struct hg_aside_row rows[HG_ASIDE_BATCH_ROWS];
    int64_t seq[HG_ASIDE_BATCH_ROWS];
};

int hg_aside_new(const struct hg_flow_schema *schema,
                 size_t n_rules,
                 struct hg_aside **ret,
                 struct hg_error *err)
{
    struct hg_aside *aside = calloc(1, sizeof *aside);
    if (!aside) {
        return hg_error_nomem(err);
    }
    aside->schema = schema;
    aside->n_rules = n_rules;
    aside->rules = calloc(n_rules ? n_rules : 1, sizeof(struct hg_temp *));
    aside->views = calloc(schema->n_columns, sizeof *aside->views);
    if (!aside->rules || !aside->views) {
        hg_aside_free(aside);
        return hg_error_nomem(err);
    }
    *ret = aside;
    return HG_OK;
}

static void release_array(struct hg_aside *aside)
{
    if (aside->array.release) {
        aside->array.release(&aside->array);
    }
}

void hg_aside_free(struct hg_aside *aside)
{
    if (!aside) {
        return;
    }
    for (size_t i = 0; aside->rules && i < aside->n_rules; i++) {
        hg_temp_free(aside->rules[i]);
    }
    release_array(aside);
    hg_batch_free(aside->builder);
    hg_buf_free(&aside->record);
    free(aside->rules);
    free(aside->views);
    free(aside->bad);
    free(aside);
}

int hg_aside_share(struct hg_aside *aside, int64_t *ret_shared, struct hg_error *err)
{
    size_t byte = (size_t)(aside->n_shared / 8);
    if (byte >= aside->bad_room) {
        size_t before = aside->bad_room;
        if (hg_grow(&aside->bad, byte, &aside->bad_room, 1) < 0) {
            return hg_error_nomem(err);
        }
        memset(aside->bad + before, 0, aside->bad_room - before);
    }
    *ret_shared = aside->n_shared++;
    return HG_OK;
}

bool hg_aside_is_rejected(const struct hg_aside *aside, const struct hg_aside_row *row)
{
    return row->rejected || (row->shared >= 0 && hg_bit(aside->bad, row->shared));
}

void hg_aside_set_rejected(struct hg_aside *aside, const struct hg_aside_row *row)
{
    if (row->shared >= 0) {
        hg_bit_set(aside->bad, row->shared);
    }
}

int hg_aside_put(struct hg_aside *aside,
                 size_t rule,
                 uint32_t n_partitions,
                 uint32_t partition,
                 const struct hg_aside_row *row,
                 const struct hg_flow_batch *batch,
                 int64_t index,
                 struct hg_error *err)
{
    struct hg_temp **temp = &aside->rules[rule];
    struct head head = {
        .seq = row->seq, .shared = row->shared, .owner = row->owner, .rejected = row->rejected};
    if (!*temp) {
        int r = hg_temp_new(n_partitions, MEMORY_BYTES, temp, err);
        if (r < 0) {
            return r;
        }
    }
    struct hg_buf *record = &aside->record;
    hg_buf_reset(record);
    hg_buf_append(record, &head, sizeof head);
    hg_row_write(record, batch, index);
    if (hg_buf_failed(record)) {
        return hg_error_nomem(err);
    }
    head.n = (uint32_t)(record->len - sizeof head);
    memcpy(record->data, &head, sizeof head);
    return hg_temp_write(*temp, partition, record->data, record->len, err);
}

bool hg_aside_has(const struct hg_aside *aside, size_t rule, uint32_t partition)
{
    return aside->rules[rule] && hg_temp_size(aside->rules[rule], partition) > 0;
}

int hg_aside_open(struct hg_aside *aside, size_t rule, uint32_t partition, struct hg_error *err)
{
    aside->reading = aside->rules[rule];
    aside->reader = (struct hg_temp_reader){.log = partition};
    aside->left = hg_temp_size(aside->reading, partition);
    return aside->builder ? HG_OK : hg_row_builder(aside->schema, &aside->builder, err);
}

/* Adds rows to the builder until there are enough. */
static int read_rows(struct hg_aside *aside, int64_t *ret_n, struct hg_error *err)
{
    int64_t n_rows = 0;
    size_t n_bytes = 0;
    struct hg_buf *record = &aside->record;
    while (aside->left > 0 && n_rows < HG_ASIDE_BATCH_ROWS && n_bytes < BATCH_BYTES) {
        struct head head;
        int r = hg_temp_read(aside->reading, &aside->reader, &head, sizeof head, err);
        if (r < 0) {
            return r;
        }
        hg_buf_reset(record);
        if (!hg_buf_reserve(record, head.n + 1)) {
            return hg_error_nomem(err);
        }
        r = hg_temp_read(aside->reading, &aside->reader, record->data, head.n, err);
        r = r < 0
                ? r
                : hg_row_read(aside->schema, aside->builder, (uint8_t *)record->data, head.n, err);
        if (r < 0) {
            return r;
        }
        aside->rows[n_rows] =
            (struct hg_aside_row){head.seq, head.shared, head.owner, head.rejected};
        aside->seq[n_rows++] = head.seq;
        n_bytes += head.n;
        aside->left -= (int64_t)(sizeof head + head.n);
    }
    *ret_n = n_rows;
    return HG_OK;
}

int hg_aside_next(struct hg_aside *aside,
                  struct hg_flow_batch *ret_batch,
                  const struct hg_aside_row **ret_rows,
                  struct hg_error *err)
{
    int64_t n_rows = 0;
    release_array(aside);
    int r = read_rows(aside, &n_rows, err);
    if (r == HG_OK && n_rows > 0) {
        r = hg_batch_finish(aside->builder, &aside->array, err);
        r = r < 0 ? r : hg_flow_views(aside->schema, &aside->array, aside->views, err);
    }
    if (r < 0) {
        return r;
    }
    *ret_batch =
        (struct hg_flow_batch){aside->schema, &aside->array, aside->views, aside->seq, n_rows};
    *ret_rows = aside->rows;
    return HG_OK;
}
