#include "decode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "headgate/date.h"
#include "headgate/error.h"
#include "headgate/text.h"

/* PostgreSQL counts from 2000-01-01. */
#define EPOCH_DAYS 10957
#define EPOCH_US   (INT64_C(86400000000) * EPOCH_DAYS)

static inline uint16_t get16(const unsigned char *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t get64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

hg_status pg_row_split(
    const char *message, int size, struct pg_field *fields, size_t n, struct hg_error *err)
{
    const unsigned char *p = (const unsigned char *)message;
    const unsigned char *end = p + size;
    if (size < 2 || get16(p) != n) {
        return hg_fail(err, HG_EDATA, "the other database sent a row of another shape");
    }
    p += 2;
    for (size_t i = 0; i < n; i++) {
        if (end - p < 4) {
            return hg_fail(err, HG_EDATA, "the other database sent a row that is cut off");
        }
        int32_t length = (int32_t)get32(p);
        p += 4;
        if (length < -1 || (length > 0 && end - p < length)) {
            return hg_fail(err, HG_EDATA, "the other database sent a row that is cut off");
        }
        fields[i] = (struct pg_field){p, length};
        p += length > 0 ? length : 0;
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Numeric                                                                                      */
/* ------------------------------------------------------------------------------------------ */

#define NUMERIC_NEGATIVE 0x4000
#define NUMERIC_NAN      0xC000

static hg_int128 power_of_ten(int n)
{
    hg_int128 v = 1;
    for (; n > 0; n--) {
        v *= 10;
    }
    return v;
}

static const char *numeric_special(uint16_t sign)
{
    return sign == NUMERIC_NAN ? "NaN" : sign == 0xD000 ? "Infinity" : "-Infinity";
}

/* NULL, or why not. The value is below 10 to the power of `precision`. */
static const char *read_decimal(const struct pg_field *f, const struct pg_column *c, hg_int128 *ret)
{
    if (f->n < 8 || f->n < 8 + 2 * (int32_t)get16(f->at)) {
        return "the numeric is cut off";
    }
    int n = get16(f->at);
    int weight = (int16_t)get16(f->at + 2);
    uint16_t sign = get16(f->at + 4);
    hg_int128 sum = 0;
    hg_int128 most = power_of_ten(c->precision);
    if (sign & 0x8000) {
        return "the number is not finite, which a decimal cannot be";
    }
    for (int i = 0; i < n; i++) {
        hg_int128 digit = get16(f->at + 8 + 2 * i);
        int power = 4 * (weight - i) + c->scale;
        if (digit == 0) {
            continue;
        }
        if (power < 0) {
            hg_int128 by = power > -4 ? power_of_ten(-power) : 10000;
            if (digit % by != 0) {
                return "the number has more digits behind the point than the column";
            }
            digit /= by;
            power = 0;
        }
        if (power >= c->precision || digit * power_of_ten(power) >= most - sum) {
            return "the number has more digits than the column";
        }
        sum += digit * power_of_ten(power);
    }
    *ret = sign == NUMERIC_NEGATIVE ? -sum : sum;
    return NULL;
}

static void print_numeric(const struct pg_field *f, FILE *out)
{
    if (f->n < 8 || f->n < 8 + 2 * (int32_t)get16(f->at)) {
        return;
    }
    int n = get16(f->at);
    int weight = (int16_t)get16(f->at + 2);
    uint16_t sign = get16(f->at + 4);
    int scale = get16(f->at + 6);
    if (sign & 0x8000) {
        fputs(numeric_special(sign), out);
        return;
    }
    fputs(sign == NUMERIC_NEGATIVE ? "-" : "", out);
    for (int i = 0; i <= weight || i == 0; i++) {
        int digit = weight >= 0 && i < n ? get16(f->at + 8 + 2 * i) : 0;
        fprintf(out, i == 0 ? "%d" : "%04d", digit);
    }
    fputs(scale > 0 ? "." : "", out);
    for (int at = 0; at < scale; at += 4) {
        char digits[8];
        int i = weight + 1 + at / 4;
        int digit = i >= 0 && i < n ? get16(f->at + 8 + 2 * i) : 0;
        snprintf(digits, sizeof digits, "%04d", digit % 10000);
        fprintf(out, "%.*s", scale - at < 4 ? scale - at : 4, digits);
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Text                                                                                         */
/* ------------------------------------------------------------------------------------------ */

static void uuid_text(const unsigned char *p, char out[36])
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0, at = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[at++] = '-';
        }
        out[at++] = hex[p[i] >> 4];
        out[at++] = hex[p[i] & 15];
    }
}

/* The civil date of a day since 1970, years before 1 as PostgreSQL writes them (BC). */
static bool print_day(int64_t days, FILE *out)
{
    const struct hg_date date = hg_date_of_days(days);
    bool bc = date.year <= 0;
    int64_t year = bc ? 1 - date.year : date.year;
    fprintf(out, "%04" PRId64 "-%02d-%02d", year, date.month, date.day);
    return bc;
}

static void print_time(int64_t us, bool zoned, FILE *out)
{
    if (us == INT64_MAX || us == INT64_MIN) {
        fputs(us == INT64_MAX ? "infinity" : "-infinity", out);
        return;
    }
    int64_t days = us / INT64_C(86400000000);
    int64_t rest = us % INT64_C(86400000000);
    if (rest < 0) {
        rest += INT64_C(86400000000);
        days--;
    }
    bool bc = print_day(days + EPOCH_DAYS, out);
    fprintf(out,
            " %02d:%02d:%02d.%06d%s%s",
            (int)(rest / INT64_C(3600000000)),
            (int)(rest / 60000000 % 60),
            (int)(rest / 1000000 % 60),
            (int)(rest % 1000000),
            zoned ? "+00" : "",
            bc ? " BC" : "");
}

static void print_date(int32_t days, FILE *out)
{
    if (days == INT32_MAX || days == INT32_MIN) {
        fputs(days == INT32_MAX ? "infinity" : "-infinity", out);
        return;
    }
    fputs(print_day((int64_t)days + EPOCH_DAYS, out) ? " BC" : "", out);
}

static double get_float8(const unsigned char *p)
{
    uint64_t bits = get64(p);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static float get_float4(const unsigned char *p)
{
    uint32_t bits = get32(p);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Bytes that a value of fixed size has; 0: any. */
static int fixed_size(enum pg_code code)
{
    static const int sizes[] = {[PG_BOOL] = 1,
                                [PG_INT2] = 2,
                                [PG_INT4] = 4,
                                [PG_INT8] = 8,
                                [PG_FLOAT4] = 4,
                                [PG_FLOAT8] = 8,
                                [PG_UUID] = 16,
                                [PG_DATE] = 4,
                                [PG_TIMESTAMP] = 8,
                                [PG_TIMESTAMPTZ] = 8};
    return sizes[code];
}

void pg_field_print(enum pg_code code, const struct pg_field *f, FILE *out)
{
    char uuid[36];
    int size = fixed_size(code);
    if (f->n < 0 || (size > 0 && f->n != size)) {
        return;
    }
    switch (code) {
    case PG_BOOL:
        fputs(f->at[0] ? "true" : "false", out);
        break;
    case PG_INT2:
        fprintf(out, "%d", (int16_t)get16(f->at));
        break;
    case PG_INT4:
        fprintf(out, "%" PRId32, (int32_t)get32(f->at));
        break;
    case PG_INT8:
        fprintf(out, "%" PRId64, (int64_t)get64(f->at));
        break;
    case PG_FLOAT4:
        fprintf(out, "%.9g", (double)get_float4(f->at));
        break;
    case PG_FLOAT8:
        fprintf(out, "%.17g", get_float8(f->at));
        break;
    case PG_DECIMAL:
    case PG_NUMERIC_TEXT:
        print_numeric(f, out);
        break;
    case PG_UUID:
        uuid_text(f->at, uuid);
        fwrite(uuid, 1, sizeof uuid, out);
        break;
    case PG_BYTEA:
        fprintf(out, "(%d bytes)", (int)f->n);
        break;
    case PG_DATE:
        print_date((int32_t)get32(f->at), out);
        break;
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        print_time((int64_t)get64(f->at), code == PG_TIMESTAMPTZ, out);
        break;
    case PG_JSONB:
        fwrite(f->at + 1, 1, f->n > 0 ? (size_t)f->n - 1 : 0, out);
        break;
    default:
        fwrite(f->at, 1, (size_t)f->n, out);
    }
}

/* ------------------------------------------------------------------------------------------ */
/* Cells                                                                                        */
/* ------------------------------------------------------------------------------------------ */

/* One cell on its way. */
struct cell {
    const struct pg_column *column;
    const struct pg_field *field;
    struct hg_batch *batch;
    size_t i;
    int64_t row;
    bool checks_utf8;
};

static hg_status put_bytes(const struct cell *c, const void *bytes, size_t n)
{
    struct hg_batch_column *out = &c->batch->columns[c->i];
    hg_status status = hg_batch_reserve_bytes(c->batch, c->i, (int64_t)n);
    if (status) {
        return status;
    }
    int32_t *offsets = out->values;
    int32_t at = offsets[c->row];
    if (n > 0) {
        memcpy(out->bytes + at, bytes, n);
    }
    offsets[c->row + 1] = at + (int32_t)n;
    return HG_OK;
}

static void put_null(const struct cell *c)
{
    struct hg_batch_column *out = &c->batch->columns[c->i];
    int64_t row = c->row;
    out->validity[row >> 3] &= (uint8_t) ~(1u << (row & 7));
    switch (out->type) {
    case HG_TYPE_UTF8:
    case HG_TYPE_BINARY:
        ((int32_t *)out->values)[row + 1] = ((int32_t *)out->values)[row];
        break;
    case HG_TYPE_INT32:
    case HG_TYPE_DATE32:
        ((int32_t *)out->values)[row] = 0;
        break;
    case HG_TYPE_DECIMAL128:
        memset((char *)out->values + row * 16, 0, 16);
        break;
    case HG_TYPE_BOOL:
        break;
    default:
        ((int64_t *)out->values)[row] = 0;
    }
}

/* NULL, or why the time cannot be had. */
static const char *put_time(const struct cell *c, void *values)
{
    int64_t us = (int64_t)get64(c->field->at);
    if (us == INT64_MAX || us == INT64_MIN) {
        return us == INT64_MAX ? "the time is infinity" : "the time is -infinity";
    }
    if (us > INT64_MAX - EPOCH_US) {
        return "the time is beyond the year 294246";
    }
    ((int64_t *)values)[c->row] = us + EPOCH_US;
    return NULL;
}

static const char *put_date(const struct cell *c, void *values)
{
    int32_t days = (int32_t)get32(c->field->at);
    if (days == INT32_MAX || days == INT32_MIN) {
        return days == INT32_MAX ? "the date is infinity" : "the date is -infinity";
    }
    ((int32_t *)values)[c->row] = days + EPOCH_DAYS;
    return NULL;
}

/* Values of a fixed size, and decimals. NULL, or why not. */
static const char *put_fixed(const struct cell *c)
{
    void *values = c->batch->columns[c->i].values;
    const unsigned char *p = c->field->at;
    int64_t row = c->row;
    hg_int128 decimal;
    const char *why;
    switch (c->column->code) {
    case PG_BOOL:
        ((uint8_t *)values)[row >> 3] |= (uint8_t)((p[0] ? 1u : 0u) << (row & 7));
        return NULL;
    case PG_INT2:
        ((int32_t *)values)[row] = (int16_t)get16(p);
        return NULL;
    case PG_INT4:
        ((int32_t *)values)[row] = (int32_t)get32(p);
        return NULL;
    case PG_INT8:
        ((int64_t *)values)[row] = (int64_t)get64(p);
        return NULL;
    case PG_FLOAT4:
        ((double *)values)[row] = (double)get_float4(p);
        return NULL;
    case PG_FLOAT8:
        ((double *)values)[row] = get_float8(p);
        return NULL;
    case PG_DATE:
        return put_date(c, values);
    case PG_DECIMAL:
        why = read_decimal(c->field, c->column, &decimal);
        if (!why) {
            memcpy((char *)values + row * 16, &decimal, 16);
        }
        return why;
    default:
        return put_time(c, values);
    }
}

static hg_status put_numeric_text(const struct cell *c)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) {
        return HG_ENOMEM;
    }
    print_numeric(c->field, out);
    hg_status status = fclose(out) == 0 ? put_bytes(c, text, n) : HG_ENOMEM;
    free(text);
    return status;
}

/* HG_EDATA with *ret_why, or another failure. */
static hg_status put_text(const struct cell *c, const char **ret_why)
{
    const struct pg_field *f = c->field;
    char uuid[36];
    switch (c->column->code) {
    case PG_NUMERIC_TEXT:
        if (f->n >= 8 && (get16(f->at + 4) & 0x8000)) {
            *ret_why = "the number is not finite";
            return HG_EDATA;
        }
        return put_numeric_text(c);
    case PG_UUID:
        uuid_text(f->at, uuid);
        return put_bytes(c, uuid, sizeof uuid);
    case PG_JSONB:
        if (f->n < 1 || f->at[0] != 1) {
            *ret_why = "the jsonb is of an unknown version";
            return HG_EDATA;
        }
        return put_bytes(c, f->at + 1, (size_t)f->n - 1);
    default:
        if (c->checks_utf8 && c->column->type == HG_TYPE_UTF8 &&
            hg_text_utf8_prefix(f->at, (size_t)f->n) < (size_t)f->n) {
            *ret_why = "the text is not valid UTF-8";
            return HG_EDATA;
        }
        return put_bytes(c, f->at, (size_t)f->n);
    }
}

static hg_status put_cell(const struct cell *c, const char **ret_why)
{
    int size = fixed_size(c->column->code);
    if (c->field->n < 0) {
        put_null(c);
        return HG_OK;
    }
    if (size > 0 && c->field->n != size) {
        *ret_why = "the value is of another size than its type";
        return HG_EDATA;
    }
    if (c->column->type == HG_TYPE_UTF8 || c->column->type == HG_TYPE_BINARY) {
        return put_text(c, ret_why);
    }
    *ret_why = put_fixed(c);
    return *ret_why ? HG_EDATA : HG_OK;
}

hg_status pg_row_add(const struct pg_plan *plan,
                     bool checks_utf8,
                     const struct pg_field *fields,
                     struct hg_batch *batch,
                     size_t *ret_column,
                     char *reason,
                     size_t reason_size,
                     struct hg_error *err)
{
    for (size_t i = 0; i < plan->n_given; i++) {
        const char *why = NULL;
        const struct cell cell = {
            &plan->columns[i], &fields[i], batch, i, batch->n_rows, checks_utf8};
        hg_status status = put_cell(&cell, &why);
        if (status == HG_EDATA && why) {
            *ret_column = i;
            snprintf(reason, reason_size, "%s", why);
        }
        if (status) {
            return status == HG_EDATA ? status : hg_batch_explain(batch, i, status, err);
        }
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Hashes                                                                                       */
/* ------------------------------------------------------------------------------------------ */

/* FNV-1a of 128 bits; over whole words, as only equal bytes have to give equal hashes. */
struct pg_hash pg_row_hash(const struct pg_plan *plan, const struct pg_field *fields)
{
    __extension__ typedef unsigned __int128 uint128;
    const uint128 prime = (uint128)1 << 88 | 0x13B;
    uint128 h = (uint128)UINT64_C(0x6C62272E07BB0142) << 64 | UINT64_C(0x62B821756295C58D);
    for (size_t i = 0; i < plan->n_columns; i++) {
        if (!plan->whole_row && !plan->columns[i].is_key && (int)i != plan->cursor) {
            continue;
        }
        h = (h ^ (uint32_t)fields[i].n) * prime;
        h ^= h >> 67;
        int32_t at = 0;
        for (; at + 8 <= fields[i].n; at += 8) {
            h = (h ^ get64(fields[i].at + at)) * prime;
            h ^= h >> 67;
        }
        for (; at < fields[i].n; at++) {
            h = (h ^ fields[i].at[at]) * prime;
        }
        h ^= h >> 67;
    }
    return (struct pg_hash){(uint64_t)(h >> 64), (uint64_t)h};
}
