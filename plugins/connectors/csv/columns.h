/*
 * The `columns` of a configuration.
 */
#ifndef CSV_COLUMNS_H
#define CSV_COLUMNS_H

#include "config.h"

#define CSV_MAX_LINE_BYTES 268435000

/* What holds for columns that say nothing else; borrowed. */
struct csv_column_defaults {
    const char *date_format; /* NULL or "": ISO 8601 */
    const char *timestamp_format;
    const struct hg_config_list *missing; /* of char * */
    bool header;
    bool zoned;
};

/* `json` is the object of the columns. *ret is freed with csv_columns_free. */
hg_status csv_columns_read(const char *json,
                           const struct csv_column_defaults *defaults,
                           struct csv_column **ret,
                           size_t *ret_n,
                           struct hg_error *err);
void csv_columns_free(struct csv_column *columns, size_t n);

#endif
