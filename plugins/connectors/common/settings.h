/*
 * What the configurations of the connectors that read files have in common.
 */
#ifndef SRC_SETTINGS_H
#define SRC_SETTINGS_H

#include "input.h"
#include "value.h"

struct src_settings {
    struct hg_config_list paths; /* of char * */
    struct src_column *columns;  /* as configured */
    size_t n_columns;
    bool only_new;
    bool fails_on_changed; /* a file that was read and has changed since */
    int64_t max_line_bytes;
    enum src_encoding encoding;
    enum src_compression compression;
    struct src_cell_style cells;
};

/* As the JSON has them. Begins with SRC_DEFAULT_LINE_BYTES, the rest zeroed. */
struct src_raw_settings {
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
    int32_t changed_files;
};

#define SRC_DEFAULT_LINE_BYTES 8388608

extern const char *const src_compression_names[];
extern const char *const src_files_names[];
extern const char *const src_changed_files_names[];

/* One field of a table for hg_config_read. */
#define SRC_FIELD(KEY, TYPE, STRUCT, MEMBER) \
    .key = (KEY), .type = (TYPE), .offset = offsetof(STRUCT, MEMBER)

/* Their part of that table, where STRUCT has them as `common`. */
#define SRC_SETTINGS_FIELDS(STRUCT)                                                           \
    {SRC_FIELD("path", HG_CONFIG_TEXTS, STRUCT, common.paths), .required = true},             \
        {SRC_FIELD("columns", HG_CONFIG_JSON, STRUCT, common.columns), .required = true},     \
        {SRC_FIELD("date_format", HG_CONFIG_TEXT, STRUCT, common.date_format)},               \
        {SRC_FIELD("timestamp_format", HG_CONFIG_TEXT, STRUCT, common.timestamp_format)},     \
        {SRC_FIELD("timezone", HG_CONFIG_TEXT, STRUCT, common.timezone)},                     \
        {SRC_FIELD("missing", HG_CONFIG_TEXTS, STRUCT, common.missing)},                      \
        {SRC_FIELD("max_line_bytes", HG_CONFIG_INT64, STRUCT, common.max_line_bytes)},        \
        {SRC_FIELD("encoding", HG_CONFIG_ENUM, STRUCT, common.encoding),                      \
         .names = src_encoding_names},                                                        \
        {SRC_FIELD("compression", HG_CONFIG_ENUM, STRUCT, common.compression),                \
         .names = src_compression_names},                                                     \
        {SRC_FIELD("files", HG_CONFIG_ENUM, STRUCT, common.files), .names = src_files_names}, \
    {                                                                                         \
        SRC_FIELD("changed_files", HG_CONFIG_ENUM, STRUCT, common.changed_files),             \
            .names = src_changed_files_names                                                  \
    }

/*
 * Reads them, into a zeroed *ret: the columns of a format that has a `header`, or `json` values.
 * cells.style is left as it is. HG_EINVAL with err->pointer for what the schema cannot say. *ret is
 * freed with src_settings_done, also when this fails.
 */
hg_status src_settings_take(struct src_raw_settings *raw,
                            bool header,
                            bool json,
                            struct src_settings *ret,
                            struct hg_error *err);
void src_settings_done(struct src_settings *settings);

/* HG_EINVAL: what stands at the pointer is wrong. */
hg_status src_setting_wrong(struct hg_error *err, const char *pointer, const char *message);

#endif
