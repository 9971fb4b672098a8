/*
 * The `columns` of a configuration.
 */
#ifndef SRC_COLUMNS_H
#define SRC_COLUMNS_H

#include "datetime.h"
#include "headgate/batch.h"
#include "headgate/config.h"

#define SRC_MAX_LINE_BYTES 268435000

struct src_markers {
    char **texts;
    size_t n;
    bool first[256]; /* whether one begins with that byte */
    bool empty;      /* whether one is "" */
};

/* One column to be read. */
struct src_column {
    char *name;
    int32_t type; /* enum hg_type */
    int32_t precision;
    int32_t scale;
    char *source;      /* in the header; NULL: by position */
    uint32_t position; /* 1-based; 0: by name */
    char *format_text; /* NULL: the one of the configuration */
    struct src_time_format format;
    struct src_markers missing; /* its own and those of the configuration */
    bool required;
    bool json;     /* a utf8 column that holds JSON */
    bool has_path; /* `source` is a path that the configuration gives */
};

bool src_is_marker(const struct src_markers *markers, const char *text, size_t n);

/* "decimal(12,6)", "date", ...: for error texts. */
void src_type_text(const struct src_column *column, char *buf, size_t size);

/* What holds for columns that say nothing else; borrowed. */
struct src_column_defaults {
    const char *date_format; /* NULL or "": ISO 8601 */
    const char *timestamp_format;
    const struct hg_config_list *missing; /* of char * */
    bool header;
    bool zoned;
    bool json; /* fields have paths in place of sources, and json is a type */
};

/* `json` is the object of the columns. *ret is freed with src_columns_free. */
hg_status src_columns_read(const char *json,
                           const struct src_column_defaults *defaults,
                           struct src_column **ret,
                           size_t *ret_n,
                           struct hg_error *err);
void src_columns_free(struct src_column *columns, size_t n);

#endif
