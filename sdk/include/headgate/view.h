/*
 * Reading record batches: a typed view of one column.
 *
 * A view is bound to a schema once and to each batch in turn. It copies nothing: what it points at
 * is borrowed until the batch is released. Any thread.
 */
#ifndef HEADGATE_VIEW_H
#define HEADGATE_VIEW_H

#include "headgate/plugin.h"
#include "headgate/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Marks the hot loops of a plugin: compiled for AVX2 too, the processor decides when it is loaded.
 * Not under sanitizers, whose start-up the choosing code runs before.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(HG_SANITIZED)
#define HG_HOT __attribute__((target_clones("avx2", "default")))
#else
#define HG_HOT
#endif

struct hg_view {
    int32_t index;     /* of the column in the schema */
    int32_t type;      /* enum hg_type */
    int32_t precision; /* decimal128 */
    int32_t scale;
    bool has_zone;    /* timestamp: an instant */
    const char *name; /* borrowed from the schema */
    /* of the batch bound last */
    int64_t n;
    int64_t offset; /* added to a row's number wherever a buffer is read */
    int64_t null_count;
    const uint8_t *validity; /* NULL: no nulls */
    const void *values;      /* bool: bits; utf8 and binary: int32_t offsets */
    const uint8_t *bytes;    /* utf8 and binary */
};

/* The number of the column of that name, or -1. */
int32_t hg_view_find(const struct ArrowSchema *schema, const char *name);
/* HG_EINVAL for a type that does not cross this ABI. `schema` lives as long as the view. */
hg_status hg_view_init(const struct ArrowSchema *schema,
                       int32_t column,
                       struct hg_view *ret,
                       struct hg_error *err);
/* Points the view at a batch of its schema. */
void hg_view_bind(struct hg_view *view, const struct ArrowArray *batch);

static inline bool hg_view_bit(const uint8_t *bits, int64_t at)
{
    return (bits[at >> 3] >> (at & 7)) & 1;
}

static inline bool hg_view_is_null(const struct hg_view *view, int64_t row)
{
    return view->validity && !hg_view_bit(view->validity, view->offset + row);
}

/* The bytes of a utf8 or binary cell; not for nulls. */
static inline const uint8_t *hg_view_bytes(const struct hg_view *view, int64_t row, size_t *ret_n)
{
    const int32_t *offsets = (const int32_t *)view->values + view->offset + row;
    *ret_n = (size_t)(offsets[1] - offsets[0]);
    return view->bytes + offsets[0];
}

/*
 * Sets the bits of the rows that are null in (n + 7) / 8 bytes, the other bits are 0. Returns how
 * many there are.
 */
int64_t hg_view_nulls(const struct hg_view *view, uint8_t *bits);

/* A cell as people write it, cut to `size` bytes with the NUL; "null" for a null. */
void hg_view_format(const struct hg_view *view, int64_t row, char *buf, size_t size);

/* "int64", "decimal(18,4)", ...: the type as configurations name it. */
void hg_view_type_name(const struct hg_view *view, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
