#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "columns.h"
#include "headgate/error.h"

/* As the JSON has it. */
struct raw {
    struct hg_config_list paths;
    char *columns;
    bool header;
    bool trim;
    char *delimiter;
    char *quote;
    char *escape;
    char *comment;
    char *date_format;
    char *timestamp_format;
    char *timezone;
    char *thousands;
    struct hg_config_list missing;
    int64_t skip_lines;
    int64_t max_line_bytes;
    int32_t encoding;
    int32_t decimal_mark;
    int32_t compression;
    int32_t files;
    int32_t ragged;
};

static const char *const marks[] = {".", ",", NULL};
static const char *const compressions[] = {"auto", "none", "gzip", "zstd", NULL};
static const char *const files[] = {"all", "new", NULL};
static const char *const raggeds[] = {"reject", "pad", NULL};

#define FIELD(KEY, TYPE, MEMBER) \
    .key = (KEY), .type = (TYPE), .offset = offsetof(struct raw, MEMBER)

static const struct hg_config_field raw_fields[] = {
    {FIELD("path", HG_CONFIG_TEXTS, paths), .required = true},
    {FIELD("columns", HG_CONFIG_JSON, columns), .required = true},
    {FIELD("header", HG_CONFIG_BOOL, header)},
    {FIELD("trim", HG_CONFIG_BOOL, trim)},
    {FIELD("delimiter", HG_CONFIG_TEXT, delimiter)},
    {FIELD("quote", HG_CONFIG_TEXT, quote)},
    {FIELD("escape", HG_CONFIG_TEXT, escape)},
    {FIELD("comment", HG_CONFIG_TEXT, comment)},
    {FIELD("date_format", HG_CONFIG_TEXT, date_format)},
    {FIELD("timestamp_format", HG_CONFIG_TEXT, timestamp_format)},
    {FIELD("timezone", HG_CONFIG_TEXT, timezone)},
    {FIELD("thousands", HG_CONFIG_TEXT, thousands)},
    {FIELD("missing", HG_CONFIG_TEXTS, missing)},
    {FIELD("skip_lines", HG_CONFIG_INT64, skip_lines)},
    {FIELD("max_line_bytes", HG_CONFIG_INT64, max_line_bytes)},
    {FIELD("encoding", HG_CONFIG_ENUM, encoding), .names = src_encoding_names},
    {FIELD("decimal_mark", HG_CONFIG_ENUM, decimal_mark), .names = marks},
    {FIELD("compression", HG_CONFIG_ENUM, compression), .names = compressions},
    {FIELD("files", HG_CONFIG_ENUM, files), .names = files},
    {FIELD("ragged", HG_CONFIG_ENUM, ragged), .names = raggeds},
};

#define N_RAW_FIELDS (sizeof raw_fields / sizeof raw_fields[0])

static hg_status wrong(struct hg_error *err, const char *pointer, const char *message)
{
    hg_fail(err, HG_EINVAL, "%s", message);
    return hg_fail_pointer(err, HG_EINVAL, "%s", pointer);
}

/* One character that is no letter or digit, or none; `text` may be NULL: the default. */
static bool one_char(const char *text, char otherwise, char *ret)
{
    if (!text) {
        *ret = otherwise;
        return true;
    }
    *ret = text[0];
    return !text[0] || (!text[1] && (unsigned char)text[0] < 0x80);
}

static hg_status read_delimiter(const char *text, struct csv_config *config, struct hg_error *err)
{
    config->dialect.delimiter = ',';
    if (text && strcmp(text, "auto") == 0) {
        config->auto_delimiter = true;
    } else if (text && strcmp(text, "\\t") == 0) {
        config->dialect.delimiter = '\t';
    } else if (!one_char(text, ',', &config->dialect.delimiter) || !config->dialect.delimiter) {
        return wrong(err, "/delimiter", "the delimiter is not one ASCII character, \\t or auto");
    }
    return HG_OK;
}

/* No character may mean two things. */
static hg_status check_dialect(const struct csv_dialect *d, struct hg_error *err)
{
    const struct {
        char c;
        const char *pointer;
    } all[] = {{'\n', ""},
               {'\r', ""},
               {d->delimiter, "/delimiter"},
               {d->quote, "/quote"},
               {d->escape, "/escape"},
               {d->comment, "/comment"}};
    for (size_t i = 2; i < sizeof all / sizeof all[0]; i++) {
        for (size_t j = 0; j < i && all[i].c; j++) {
            if (all[i].c == all[j].c) {
                return wrong(err,
                             all[i].pointer,
                             "this character means something else already in this dialect");
            }
        }
    }
    return HG_OK;
}

static hg_status read_dialect(const struct raw *raw,
                              struct csv_config *config,
                              struct hg_error *err)
{
    struct csv_dialect *d = &config->dialect;
    hg_status status = read_delimiter(raw->delimiter, config, err);
    if (status) {
        return status;
    }
    if (!one_char(raw->quote, '"', &d->quote)) {
        return wrong(err, "/quote", "the quote is not one ASCII character");
    }
    if (!one_char(raw->escape, '\0', &d->escape)) {
        return wrong(err, "/escape", "the escape is not one ASCII character");
    }
    if (!one_char(raw->comment, '\0', &d->comment)) {
        return wrong(err, "/comment", "the comment is not one ASCII character");
    }
    if (d->escape == d->quote) {
        d->escape = '\0'; /* doubled quotes, said in another way */
    }
    d->trim = raw->trim;
    status = check_dialect(d, err);
    csv_dialect_prepare(d);
    return status;
}

static hg_status read_numbers(const struct raw *raw,
                              struct csv_config *config,
                              struct hg_error *err)
{
    config->cells.style.mark = marks[raw->decimal_mark][0];
    if (!one_char(raw->thousands, '\0', &config->cells.style.thousands)) {
        return wrong(err, "/thousands", "the thousands separator is not one ASCII character");
    }
    if (config->cells.style.thousands == config->cells.style.mark) {
        return wrong(err, "/thousands", "the thousands separator is also the decimal mark");
    }
    return HG_OK;
}

static hg_status read_zone(const char *text, struct csv_config *config, struct hg_error *err)
{
    config->cells.zoned = true;
    if (!text) {
        return HG_OK;
    }
    if (strcmp(text, "none") == 0) {
        config->cells.zoned = false;
        return HG_OK;
    }
    if (src_zone_offset(text, strlen(text), &config->cells.zone_offset)) {
        return HG_OK;
    }
    hg_fail(err, HG_EINVAL, "\"%s\" is not UTC, an offset such as +02:00, or none", text);
    hg_fail_hint(err,
                 HG_EINVAL,
                 "Named time zones are not offered for csv; a fixed offset has no summer time.");
    return hg_fail_pointer(err, HG_EINVAL, "/timezone");
}

static hg_status fill_in(struct raw *raw, struct csv_config *config, struct hg_error *err)
{
    config->header = raw->header;
    config->skip_lines = raw->skip_lines;
    config->max_line_bytes = raw->max_line_bytes;
    config->encoding = (enum src_encoding)raw->encoding;
    config->compression = (enum src_compression)raw->compression;
    config->only_new = raw->files == 1;
    config->pad = raw->ragged == 1;
    if (raw->paths.n == 0) {
        return wrong(err, "/path", "the list of paths is empty");
    }
    if (raw->max_line_bytes < 65536 || raw->max_line_bytes > SRC_MAX_LINE_BYTES) {
        return wrong(err, "/max_line_bytes", "max_line_bytes is not within 65536 and 268435000");
    }
    config->paths = raw->paths;
    raw->paths = (struct hg_config_list){NULL, 0};
    hg_status status = read_dialect(raw, config, err);
    if (!status) {
        status = read_numbers(raw, config, err);
    }
    if (!status) {
        status = read_zone(raw->timezone, config, err);
    }
    if (!status) {
        const struct src_column_defaults defaults = {
            .date_format = raw->date_format,
            .timestamp_format = raw->timestamp_format,
            .missing = &raw->missing,
            .header = raw->header,
            .zoned = config->cells.zoned,
        };
        status =
            src_columns_read(raw->columns, &defaults, &config->columns, &config->n_columns, err);
    }
    return status;
}

hg_status csv_config_read(const char *json, struct csv_config **ret, struct hg_error *err)
{
    struct raw raw = {.header = true, .max_line_bytes = 8388608};
    struct csv_config *config = calloc(1, sizeof *config);
    if (!config) {
        return hg_fail_nomem(err);
    }
    hg_status status = hg_config_read(json, raw_fields, N_RAW_FIELDS, &raw, err);
    if (!status) {
        status = fill_in(&raw, config, err);
        hg_config_free(raw_fields, N_RAW_FIELDS, &raw);
    }
    if (status) {
        csv_config_free(config);
        return status;
    }
    *ret = config;
    return HG_OK;
}

void csv_config_free(struct csv_config *config)
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
