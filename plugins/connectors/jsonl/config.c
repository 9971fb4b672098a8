#include "config.h"

#include <stdlib.h>

#include "headgate/error.h"

struct raw {
    struct src_raw_settings common;
};

static const struct hg_config_field raw_fields[] = {SRC_SETTINGS_FIELDS(struct raw)};

#define N_RAW_FIELDS (sizeof raw_fields / sizeof raw_fields[0])

hg_status jsonl_config_read(const char *json, struct src_settings **ret, struct hg_error *err)
{
    struct raw raw = {.common.max_line_bytes = SRC_DEFAULT_LINE_BYTES};
    struct src_settings *config = calloc(1, sizeof *config);
    if (!config) {
        return hg_fail_nomem(err);
    }
    config->cells.style.mark = '.';
    hg_status status = hg_config_read(json, raw_fields, N_RAW_FIELDS, &raw, err);
    if (!status) {
        status = src_settings_take(&raw.common, true, true, config, err);
        hg_config_free(raw_fields, N_RAW_FIELDS, &raw);
    }
    if (status) {
        jsonl_config_free(config);
        return status;
    }
    *ret = config;
    return HG_OK;
}

void jsonl_config_free(struct src_settings *config)
{
    if (!config) {
        return;
    }
    src_settings_done(config);
    free(config);
}
