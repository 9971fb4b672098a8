#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

const char *const src_compression_names[] = {"auto", "none", "gzip", "zstd", NULL};
const char *const src_files_names[] = {"all", "new", NULL};
const char *const src_changed_files_names[] = {"skip", "fail", NULL};

hg_status src_setting_wrong(struct hg_error *err, const char *pointer, const char *message)
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

hg_status src_settings_take(struct src_raw_settings *raw,
                            bool header,
                            bool json,
                            struct src_settings *ret,
                            struct hg_error *err)
{
    ret->max_line_bytes = raw->max_line_bytes;
    ret->encoding = (enum src_encoding)raw->encoding;
    ret->compression = (enum src_compression)raw->compression;
    ret->only_new = raw->files == 1;
    ret->fails_on_changed = raw->changed_files == 1;
    if (raw->paths.n == 0) {
        return src_setting_wrong(err, "/path", "the list of paths is empty");
    }
    if (raw->max_line_bytes < 65536 || raw->max_line_bytes > SRC_MAX_LINE_BYTES) {
        return src_setting_wrong(
            err, "/max_line_bytes", "max_line_bytes is not within 65536 and 268435000");
    }
    ret->paths = raw->paths;
    raw->paths = (struct hg_config_list){NULL, 0};
    hg_status status = read_zone(raw->timezone, &ret->cells, err);
    if (status) {
        return status;
    }
    const struct src_column_defaults defaults = {
        .date_format = raw->date_format,
        .timestamp_format = raw->timestamp_format,
        .missing = &raw->missing,
        .header = header,
        .zoned = ret->cells.zoned,
        .json = json,
    };
    return src_columns_read(raw->columns, &defaults, &ret->columns, &ret->n_columns, err);
}

void src_settings_done(struct src_settings *settings)
{
    for (size_t i = 0; i < settings->paths.n; i++) {
        free(((char **)settings->paths.items)[i]);
    }
    free(settings->paths.items);
    src_columns_free(settings->columns, settings->n_columns);
}
