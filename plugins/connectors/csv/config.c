#include "config.h"

#include <stdlib.h>

#include "headgate/error.h"

/* As the JSON has it. */
struct raw {
    struct src_raw_settings common;
    bool header;
    bool trim;
    char *delimiter;
    char *quote;
    char *escape;
    char *comment;
    char *thousands;
    int64_t skip_lines;
    int32_t decimal_mark;
    int32_t ragged;
};

static const char *const marks[] = {".", ",", NULL};
static const char *const raggeds[] = {"reject", "pad", NULL};

#define FIELD(KEY, TYPE, MEMBER) SRC_FIELD(KEY, TYPE, struct raw, MEMBER)

static const struct hg_config_field raw_fields[] = {
    SRC_SETTINGS_FIELDS(struct raw),
    {FIELD("header", HG_CONFIG_BOOL, header)},
    {FIELD("trim", HG_CONFIG_BOOL, trim)},
    {FIELD("delimiter", HG_CONFIG_TEXT, delimiter)},
    {FIELD("quote", HG_CONFIG_TEXT, quote)},
    {FIELD("escape", HG_CONFIG_TEXT, escape)},
    {FIELD("comment", HG_CONFIG_TEXT, comment)},
    {FIELD("thousands", HG_CONFIG_TEXT, thousands)},
    {FIELD("skip_lines", HG_CONFIG_INT64, skip_lines)},
    {FIELD("decimal_mark", HG_CONFIG_ENUM, decimal_mark), .names = marks},
    {FIELD("ragged", HG_CONFIG_ENUM, ragged), .names = raggeds},
};

#define N_RAW_FIELDS (sizeof raw_fields / sizeof raw_fields[0])

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
        return src_setting_wrong(
            err, "/delimiter", "the delimiter is not one ASCII character, \\t or auto");
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
                return src_setting_wrong(
                    err,
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
        return src_setting_wrong(err, "/quote", "the quote is not one ASCII character");
    }
    if (!one_char(raw->escape, '\0', &d->escape)) {
        return src_setting_wrong(err, "/escape", "the escape is not one ASCII character");
    }
    if (!one_char(raw->comment, '\0', &d->comment)) {
        return src_setting_wrong(err, "/comment", "the comment is not one ASCII character");
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
                              struct src_number_style *style,
                              struct hg_error *err)
{
    style->mark = marks[raw->decimal_mark][0];
    if (!one_char(raw->thousands, '\0', &style->thousands)) {
        return src_setting_wrong(
            err, "/thousands", "the thousands separator is not one ASCII character");
    }
    if (style->thousands == style->mark) {
        return src_setting_wrong(
            err, "/thousands", "the thousands separator is also the decimal mark");
    }
    return HG_OK;
}

static hg_status fill_in(struct raw *raw, struct csv_config *config, struct hg_error *err)
{
    config->header = raw->header;
    config->skip_lines = raw->skip_lines;
    config->pad = raw->ragged == 1;
    hg_status status = read_dialect(raw, config, err);
    if (!status) {
        status = read_numbers(raw, &config->common.cells.style, err);
    }
    return status ? status
                  : src_settings_take(&raw->common, raw->header, false, &config->common, err);
}

hg_status csv_config_read(const char *json, struct csv_config **ret, struct hg_error *err)
{
    struct raw raw = {.common.max_line_bytes = SRC_DEFAULT_LINE_BYTES, .header = true};
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
    src_settings_done(&config->common);
    free(config);
}
