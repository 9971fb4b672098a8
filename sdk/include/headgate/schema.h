/*
 * Schemas of record batches.
 */
#ifndef HEADGATE_SCHEMA_H
#define HEADGATE_SCHEMA_H

#include "headgate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

enum hg_type {
    HG_TYPE_BOOL = 1,
    HG_TYPE_INT32 = 2,
    HG_TYPE_INT64 = 3,
    HG_TYPE_FLOAT64 = 4,
    HG_TYPE_DECIMAL128 = 5,
    HG_TYPE_UTF8 = 6,
    HG_TYPE_BINARY = 7,
    HG_TYPE_DATE32 = 8,      /* days since 1970-01-01 */
    HG_TYPE_TIMESTAMP_US = 9 /* microseconds since 1970-01-01T00:00:00 */
};

/* One column of a schema. */
struct hg_column {
    const char *name;
    int32_t type;      /* enum hg_type */
    int32_t precision; /* decimal128: 1..38 digits */
    int32_t scale;     /* decimal128: 0..precision digits behind the point */
    bool nullable;
    const char *timezone;        /* timestamp: NULL for none, "UTC" for an instant */
    const char *const *metadata; /* key, value, key, value, NULL; or NULL */
};

/*
 * The type, precision and scale of a column from a text such as "int64", "decimal(12,6)" or "date",
 * as configurations write it. False, and nothing written, for what is none of them.
 */
bool hg_type_parse(const char *text, struct hg_column *ret);
/* The other way, cut to `size` bytes with the NUL. */
void hg_type_format(const struct hg_column *column, char *buf, size_t size);

/* Whether these columns make a schema: HG_EINVAL for what hg_batch_schema refuses. */
hg_status hg_columns_check(const struct hg_column *columns, size_t n_columns, struct hg_error *err);
/*
 * A schema of format "+s" with these columns. HG_EINVAL for a column without a name, with the name
 * of another one or with a wrong type. *ret is owned by the caller, who calls its release.
 */
hg_status hg_batch_schema(const struct hg_column *columns,
                          size_t n_columns,
                          struct ArrowSchema *ret,
                          struct hg_error *err);

#ifdef __cplusplus
}
#endif

#endif
