/*
 * The configuration of an instance.
 */
#ifndef CSV_CONFIG_H
#define CSV_CONFIG_H

#include "datetime.h"
#include "dialect.h"
#include "headgate/batch.h"
#include "headgate/config.h"
#include "input.h"

struct csv_markers {
    char **texts;
    size_t n;
    bool first[256]; /* whether one begins with that byte */
    bool empty;      /* whether one is "" */
};

/* One column to be read. */
struct csv_column {
    char *name;
    int32_t type; /* enum hg_type */
    int32_t precision;
    int32_t scale;
    char *source;      /* in the header; NULL: by position */
    uint32_t position; /* 1-based; 0: by name */
    char *format_text; /* NULL: the one of the configuration */
    struct csv_time_format format;
    struct csv_markers missing; /* its own and those of the configuration */
    bool required;
};

struct csv_config {
    struct hg_config_list paths; /* of char * */
    struct csv_column *columns;  /* as configured */
    size_t n_columns;
    struct csv_dialect dialect;
    bool auto_delimiter;
    bool header;
    bool pad;
    bool only_new;
    int64_t skip_lines;
    int64_t max_line_bytes;
    enum csv_encoding encoding;
    enum csv_compression compression;
    struct csv_number_style style;
    bool zoned;          /* timestamps are instants */
    int32_t zone_offset; /* seconds east of UTC, of those without a zone */
};

/* *ret is freed with csv_config_free. HG_EINVAL with err->pointer for what the schema cannot say.
 */
hg_status csv_config_read(const char *json, struct csv_config **ret, struct hg_error *err);
/* Takes NULL. */
void csv_config_free(struct csv_config *config);

bool csv_is_marker(const struct csv_markers *markers, const char *text, size_t n);

/* "decimal(12,6)", "date", ...: for error texts. */
void csv_type_text(const struct csv_column *column, char *buf, size_t size);

#endif
