/*
 * The configuration of an instance.
 */
#ifndef JSONL_CONFIG_H
#define JSONL_CONFIG_H

#include "input.h"
#include "value.h"

struct jsonl_config {
    struct hg_config_list paths; /* of char * */
    struct src_column *columns;  /* as configured; the source is the path in the line */
    size_t n_columns;
    bool only_new;
    int64_t max_line_bytes;
    enum src_encoding encoding;
    enum src_compression compression;
    struct src_cell_style cells;
};

/* *ret is freed with jsonl_config_free. HG_EINVAL with err->pointer for what the schema cannot
 * say. */
hg_status jsonl_config_read(const char *json, struct jsonl_config **ret, struct hg_error *err);
/* Takes NULL. */
void jsonl_config_free(struct jsonl_config *config);

#endif
