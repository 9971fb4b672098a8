#include "config.h"

#include <stdlib.h>

#include "headgate/error.h"

/* As the JSON has it. */
struct raw {
    struct hg_config_list paths;
    char *columns;
    char *date_format;
    char *timestamp_format;
    char *timezone;
    struct hg_config_list missing;
    int64_t max_line_bytes;
    int32_t encoding;
    int32_t compression;
    int32_t files;
};

static const char *const compressions[] = {"auto", "none", "gzip", "zstd", NULL};
static const char *const files[] = {"all", "new", NULL};

#define FIELD(KEY, TYPE, MEMBER) \
    .key = (KEY), .type = (TYPE), .offset = offsetof(struct raw, MEMBER)

static const struct hg_config_field raw_fields[] = {
    {FIELD("path", HG_CONFIG_TEXTS, paths), .required = true},
    {FIELD("columns", HG_CONFIG_JSON, columns), .required = true},
    {FIELD("date_format", HG_CONFIG_TEXT, date_format)},
    {FIELD("timestamp_format", HG_CONFIG_TEXT, timestamp_format)},
    {FIELD("timezone", HG_CONFIG_TEXT, timezone)},
    {FIELD("missing", HG_CONFIG_TEXTS, missing)},
    {FIELD("max_line_bytes", HG_CONFIG_INT64, max_line_bytes)},
    {FIELD("encoding", HG_CONFIG_ENUM, encoding), .names = src_encoding_names},
    {FIELD("compression", HG_CONFIG_ENUM, compression), .names = compressions},
    {FIELD("files", HG_CONFIG_ENUM, files), .names = files},
};

#define N_RAW_FIELDS (sizeof raw_fields / sizeof raw_fields[0])

static hg_status wrong(struct hg_error *err, const char *pointer, const char *message)
{
    hg_fail(err, HG_EINVAL, "%s", message);
    return hg_fail_pointer(err, HG_EINVAL, "%s", pointer);
}

static hg_status read_zone(const char *text, struct src_cell_style *cells, struct hg_error *err)
{
    cells->zoned = true;
    if (!text) {
        return HG_OK;
    }
    if (strcmp(text, "none") == 0) {
        cells->zoned = false;
        return HG_OK;
    }
    if (src_zone_offset(text, strlen(text), &cells->zone_offset)) {
        return HG_OK;
    }
    hg_fail(err, HG_EINVAL, "\"%s\" is not UTC, an offset such as +02:00, or none", text);
    hg_fail_hint(err,
                 HG_EINVAL,
                 "Named time zones are not offered for files; a fixed offset has no summer time.");
    return hg_fail_pointer(err, HG_EINVAL, "/timezone");
}

static hg_status fill_in(struct raw *raw, struct jsonl_config *config, struct hg_error *err)
{
    config->max_line_bytes = raw->max_line_bytes;
    config->encoding = (enum src_encoding)raw->encoding;
    config->compression = (enum src_compression)raw->compression;
    config->only_new = raw->files == 1;
    config->cells.style.mark = '.';
    if (raw->paths.n == 0) {
        return wrong(err, "/path", "the list of paths is empty");
    }
    if (raw->max_line_bytes < 65536 || raw->max_line_bytes > SRC_MAX_LINE_BYTES) {
        return wrong(err, "/max_line_bytes", "max_line_bytes is not within 65536 and 268435000");
    }
    config->paths = raw->paths;
    raw->paths = (struct hg_config_list){NULL, 0};
    hg_status status = read_zone(raw->timezone, &config->cells, err);
    if (status) {
        return status;
    }
    const struct src_column_defaults defaults = {
        .date_format = raw->date_format,
        .timestamp_format = raw->timestamp_format,
        .missing = &raw->missing,
        .header = true,
        .zoned = config->cells.zoned,
        .json = true,
    };
    return src_columns_read(raw->columns, &defaults, &config->columns, &config->n_columns, err);
}

hg_status jsonl_config_read(const char *json, struct jsonl_config **ret, struct hg_error *err)
{
    struct raw raw = {.max_line_bytes = 8388608};
    struct jsonl_config *config = calloc(1, sizeof *config);
    if (!config) {
        return hg_fail_nomem(err);
    }
    hg_status status = hg_config_read(json, raw_fields, N_RAW_FIELDS, &raw, err);
    if (!status) {
        status = fill_in(&raw, config, err);
        hg_config_free(raw_fields, N_RAW_FIELDS, &raw);
    }
    if (status) {
        jsonl_config_free(config);
        return status;
    }
    *ret = config;
    return HG_OK;
}

void jsonl_config_free(struct jsonl_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->paths.n; i++) {
        free(((char **)config->paths.items)[i]);
    }
    free(config->paths.items);
    src_columns_free(config->columns, config->n_columns);
    free(config);
}
