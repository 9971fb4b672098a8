#include "typing.h"

#include <stdio.h>
#include <stdlib.h>

#include "headgate/error.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(HG_SANITIZED)
#define CSV_HOT __attribute__((target_clones("default", "bmi2")))
#else
#define CSV_HOT
#endif

/* One column of one chunk on its way. */
struct work {
    struct csv_typing *typing;
    const struct src_column *column;
    size_t number;
    const char *buf;
    const uint64_t *cells;
    struct csv_chunk *chunk;
    struct hg_batch_column *out;
    int64_t base; /* row of the batch where the chunk begins */
    bool fast;
};

/* ------------------------------------------------------------------------------------------ */
/* Cells                                                                                        */
/* ------------------------------------------------------------------------------------------ */

static void set_null(struct work *w, uint32_t row)
{
    int64_t at = w->base + row;
    w->out->validity[at >> 3] &= (uint8_t) ~(1u << (at & 7));
}

static void set_bad(struct work *w, uint32_t row)
{
    if (w->chunk->bad[row] == 0) {
        w->chunk->bad[row] = (int32_t)w->number + 1;
        w->chunk->n_bad++;
    }
}

/*
 * The text of a cell, or false for a null. A quoted text is always a text in a utf8 column; in all
 * others quotes make no difference.
 */
static bool text_of(struct csv_typing *typing,
                    const struct src_column *column,
                    const char *buf,
                    uint64_t cell,
                    const char **ret_text,
                    uint32_t *ret_n)
{
    const char *text = buf + csv_cell_at(cell);
    uint32_t n = csv_cell_n(cell);
    if (cell & CSV_CELL_ESCAPED) {
        n = csv_cell_unescape(typing->dialect, buf, cell, typing->scratch);
        text = typing->scratch;
    }
    *ret_text = text;
    *ret_n = n;
    if (column->type == HG_TYPE_UTF8 && (cell & CSV_CELL_QUOTED)) {
        return true;
    }
    return n > 0 && !(column->missing.n > 0 && src_is_marker(&column->missing, text, n));
}

/* The same, and the null is written. */
static bool take_text(struct work *w, uint32_t row, const char **ret_text, uint32_t *ret_n)
{
    uint64_t cell = w->cells[row];
    if (text_of(w->typing, w->column, w->buf, cell, ret_text, ret_n)) {
        return true;
    }
    set_null(w, row);
    if (w->column->required) {
        set_bad(w, row);
    }
    return false;
}

/* ------------------------------------------------------------------------------------------ */
/* One cell with all that may be in it                                                          */
/* ------------------------------------------------------------------------------------------ */

/* Whatever is no plain value: nulls, markers, quotes, rare forms, errors. Zero for the last. */
static union src_value slow_value(struct work *w, uint32_t row)
{
    union src_value value = {.i128 = 0};
    const char *text;
    uint32_t n;
    if (take_text(w, row, &text, &n) &&
        src_value_read(&w->typing->settings->cells, w->column, text, n, &value) != SRC_FITS) {
        value.i128 = 0;
        set_bad(w, row);
    }
    return value;
}

/* ------------------------------------------------------------------------------------------ */
/* Columns                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* A cell without flags at p, `n` bytes long. */
#define PLAIN_CELL(w, row)                        \
    uint64_t cell = (w)->cells[row];              \
    const char *p = (w)->buf + csv_cell_at(cell); \
    uint32_t n = (uint32_t)(cell >> 32)

CSV_HOT static void write_float64(struct work *w)
{
    double *out = (double *)w->out->values + w->base;
    uint64_t marks = SRC_EACH_BYTE(w->typing->settings->cells.style.mark);
    for (uint32_t row = 0; row < w->chunk->n; row++) {
        PLAIN_CELL(w, row);
        if (w->fast && src_float64_fast(p, n, marks, &out[row])) {
            continue;
        }
        out[row] = slow_value(w, row).f64;
    }
}

CSV_HOT static void write_int64(struct work *w)
{
    int64_t *out = (int64_t *)w->out->values + w->base;
    for (uint32_t row = 0; row < w->chunk->n; row++) {
        PLAIN_CELL(w, row);
        if (w->fast && src_int64_fast(p, n, &out[row])) {
            continue;
        }
        out[row] = slow_value(w, row).i64;
    }
}

CSV_HOT static void write_int32(struct work *w)
{
    int32_t *out = (int32_t *)w->out->values + w->base;
    for (uint32_t row = 0; row < w->chunk->n; row++) {
        int64_t wide;
        PLAIN_CELL(w, row);
        if (w->fast && src_int64_fast(p, n, &wide) && wide == (int32_t)wide) {
            out[row] = (int32_t)wide;
            continue;
        }
        out[row] = slow_value(w, row).i32;
    }
}

/* For values that surely fit: up to 16 digits, no more behind the mark than the column has. */
static inline bool decimal_fast(const char *p,
                                uint32_t n,
                                uint64_t marks,
                                const hg_int128 *tens,
                                int32_t scale,
                                hg_int128 limit,
                                hg_int128 *ret)
{
    uint64_t m;
    unsigned found;
    bool negative = *p == '-';
    if (!src_digits(p + negative, n - negative, marks, &m, &found) || (int32_t)found > scale) {
        return false;
    }
    hg_int128 v = (hg_int128)m * tens[scale - (int32_t)found];
    *ret = negative ? -v : v;
    return v < limit;
}

CSV_HOT static void write_decimal(struct work *w)
{
    hg_int128 *out = (hg_int128 *)w->out->values + w->base;
    hg_int128 tens[39];
    tens[0] = 1;
    for (int i = 1; i < 39; i++) {
        tens[i] = tens[i - 1] * 10;
    }
    int32_t scale = w->column->scale;
    hg_int128 limit = tens[w->column->precision];
    uint64_t marks = SRC_EACH_BYTE(w->typing->settings->cells.style.mark);
    /* 16 digits and the zeros behind them must stay within 38. */
    bool fast = w->fast && scale <= 22;
    for (uint32_t row = 0; row < w->chunk->n; row++) {
        PLAIN_CELL(w, row);
        if (fast && decimal_fast(p, n, marks, tens, scale, limit, &out[row])) {
            continue;
        }
        out[row] = slow_value(w, row).i128;
    }
}

CSV_HOT static void write_date(struct work *w)
{
    int32_t *out = (int32_t *)w->out->values + w->base;
    bool fast = w->fast && w->column->format.n_steps == 0;
    for (uint32_t row = 0; row < w->chunk->n; row++) {
        PLAIN_CELL(w, row);
        if (fast && n == 10 && src_date_fast(p, &out[row])) {
            continue;
        }
        out[row] = slow_value(w, row).i32;
    }
}

CSV_HOT static void write_timestamp(struct work *w)
{
    int64_t *out = (int64_t *)w->out->values + w->base;
    bool fast = w->fast && w->column->format.n_steps == 0;
    bool zoned = w->typing->settings->cells.zoned;
    int32_t offset = zoned ? w->typing->settings->cells.zone_offset : 0;
    char known_day[10] = "";
    int64_t day_seconds = 0;
    for (uint32_t row = 0; row < w->chunk->n; row++) {
        int32_t seconds;
        PLAIN_CELL(w, row);
        bool utc = zoned && n == 20 && p[19] == 'Z';
        if (fast && (n == 19 || utc) && (p[10] == ' ' || p[10] == 'T') &&
            src_clock_fast(p + 11, &seconds)) {
            int32_t days;
            bool known = memcmp(known_day, p, 10) == 0;
            if (!known && src_date_fast(p, &days)) {
                memcpy(known_day, p, 10);
                day_seconds = (int64_t)days * 86400;
                known = true;
            }
            if (known) {
                out[row] = (day_seconds + seconds - (utc ? 0 : offset)) * 1000000;
                continue;
            }
        }
        out[row] = slow_value(w, row).i64;
    }
}

static void write_bool(struct work *w)
{
    uint8_t *out = w->out->values;
    for (uint32_t row = 0; row < w->chunk->n; row++) {
        int64_t at = w->base + row;
        out[at >> 3] |= (uint8_t)((slow_value(w, row).b ? 1u : 0u) << (at & 7));
    }
}

/* Room for all cells was made, and for 16 bytes more. */
CSV_HOT static void write_utf8(struct work *w)
{
    int32_t *offsets = (int32_t *)w->out->values + w->base;
    uint8_t *bytes = w->out->bytes;
    int32_t at = offsets[0];
    for (uint32_t row = 0; row < w->chunk->n; row++) {
        PLAIN_CELL(w, row);
        uint32_t size = n & CSV_CELL_MAX;
        if (w->fast && size - 1 < 16 && !(cell & CSV_CELL_ESCAPED)) {
            memcpy(bytes + at, p, 16);
            at += (int32_t)size;
        } else if (take_text(w, row, &p, &n)) {
            memcpy(bytes + at, p, n);
            at += (int32_t)n;
        }
        offsets[row + 1] = at;
    }
}

static hg_status reserve_text(struct work *w,
                              struct hg_batch *batch,
                              size_t column,
                              struct hg_error *err)
{
    int64_t sum = 16;
    for (uint32_t row = 0; row < w->chunk->n; row++) {
        sum += csv_cell_n(w->cells[row]);
    }
    hg_status status = hg_batch_reserve_bytes(batch, column, sum);
    return status ? hg_batch_explain(batch, column, status, err) : HG_OK;
}

typedef void write_fn(struct work *w);

static write_fn *const writers[] = {
    [HG_TYPE_BOOL] = write_bool,
    [HG_TYPE_INT32] = write_int32,
    [HG_TYPE_INT64] = write_int64,
    [HG_TYPE_FLOAT64] = write_float64,
    [HG_TYPE_DECIMAL128] = write_decimal,
    [HG_TYPE_UTF8] = write_utf8,
    [HG_TYPE_DATE32] = write_date,
    [HG_TYPE_TIMESTAMP_US] = write_timestamp,
};

hg_status csv_typing_write(struct csv_typing *typing,
                           const char *buf,
                           struct csv_chunk *chunk,
                           struct hg_batch *batch,
                           struct hg_error *err)
{
    if (hg_batch_reserve(batch, chunk->n)) {
        return hg_fail_nomem(err);
    }
    for (size_t i = 0; i < typing->n_columns; i++) {
        struct work w = {
            .typing = typing,
            .column = typing->columns[i],
            .number = i,
            .buf = buf,
            .cells = chunk->cells + i * CSV_CHUNK_CELLS,
            .chunk = chunk,
            .out = &batch->columns[i],
            .base = batch->n_rows,
            .fast = !typing->slow[i],
        };
        if (w.column->type == HG_TYPE_UTF8) {
            hg_status status = reserve_text(&w, batch, i, err);
            if (status) {
                return status;
            }
        }
        writers[w.column->type](&w);
    }
    return HG_OK;
}

void csv_typing_undo(struct csv_typing *typing, struct hg_batch *batch, uint32_t n)
{
    for (size_t i = 0; i < typing->n_columns; i++) {
        struct hg_batch_column *out = &batch->columns[i];
        for (int64_t row = batch->n_rows; row < batch->n_rows + n; row++) {
            uint8_t bit = (uint8_t)(1u << (row & 7));
            out->validity[row >> 3] |= bit;
            if (out->type == HG_TYPE_BOOL) {
                ((uint8_t *)out->values)[row >> 3] &= (uint8_t)~bit;
            }
        }
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Setting up                                                                                   */
/* ------------------------------------------------------------------------------------------ */

/* Whether a marker could be taken for a value, so that each value has to be compared. */
static bool needs_comparing(const struct src_settings *settings, const struct src_column *column)
{
    union src_value value;
    for (size_t i = 0; i < column->missing.n; i++) {
        const char *text = column->missing.texts[i];
        if (src_value_read(&settings->cells, column, text, strlen(text), &value) == SRC_FITS) {
            return true;
        }
    }
    return false;
}

hg_status csv_typing_init(struct csv_typing *ret,
                          const struct src_settings *settings,
                          struct src_column **columns,
                          size_t n_columns,
                          struct hg_error *err)
{
    *ret = (struct csv_typing){
        .settings = settings,
        .columns = columns,
        .n_columns = n_columns,
        .slow = calloc(n_columns, sizeof(bool)),
        .scratch = malloc((size_t)settings->max_line_bytes + 64),
    };
    if (!ret->slow || !ret->scratch) {
        return hg_fail_nomem(err);
    }
    for (size_t i = 0; i < n_columns; i++) {
        /* Separators of thousands are for the slow ways. */
        bool number = columns[i]->type >= HG_TYPE_INT32 && columns[i]->type <= HG_TYPE_DECIMAL128;
        ret->slow[i] =
            needs_comparing(settings, columns[i]) || (number && settings->cells.style.thousands);
    }
    return HG_OK;
}

void csv_typing_done(struct csv_typing *typing)
{
    free(typing->slow);
    free(typing->scratch);
    typing->slow = NULL;
    typing->scratch = NULL;
}

/* ------------------------------------------------------------------------------------------ */
/* Reasons                                                                                      */
/* ------------------------------------------------------------------------------------------ */

void csv_typing_explain(struct csv_typing *typing,
                        const char *buf,
                        size_t column,
                        uint64_t cell,
                        char *out,
                        size_t size)
{
    const struct src_column *c = typing->columns[column];
    const char *text;
    uint32_t n;
    char shown[SRC_SHOWN_BYTES];
    bool is_text = text_of(typing, c, buf, cell, &text, &n);
    src_value_show(text, n, shown, sizeof shown);
    if (!is_text && n == 0) {
        snprintf(out, size, "the field is empty, but the column is required");
        return;
    }
    if (!is_text) {
        snprintf(out, size, "%s stands for no value, but the column is required", shown);
        return;
    }
    union src_value value;
    enum src_verdict verdict = src_value_read(&typing->settings->cells, c, text, n, &value);
    src_value_explain(c, verdict, text, n, out, size);
    if (n > 0 && (text[0] == ' ' || text[n - 1] == ' ')) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, " (trim: true takes the spaces around it away)");
    }
}
