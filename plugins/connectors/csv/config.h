/*
 * The configuration of an instance.
 */
#ifndef CSV_CONFIG_H
#define CSV_CONFIG_H

#include "dialect.h"
#include "headgate/batch.h"
#include "headgate/config.h"
#include "input.h"
#include "value.h"

struct csv_config {
    struct hg_config_list paths; /* of char * */
    struct src_column *columns;  /* as configured */
    size_t n_columns;
    struct csv_dialect dialect;
    bool auto_delimiter;
    bool header;
    bool pad;
    bool only_new;
    int64_t skip_lines;
    int64_t max_line_bytes;
    enum src_encoding encoding;
    enum src_compression compression;
    struct src_cell_style cells;
};

/* *ret is freed with csv_config_free. HG_EINVAL with err->pointer for what the schema cannot say.
 */
hg_status csv_config_read(const char *json, struct csv_config **ret, struct hg_error *err);
/* Takes NULL. */
void csv_config_free(struct csv_config *config);

#endif
