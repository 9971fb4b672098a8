/*
 * The configuration of an instance.
 */
#ifndef CSV_CONFIG_H
#define CSV_CONFIG_H

#include "dialect.h"
#include "settings.h"

struct csv_config {
    struct src_settings common; /* stands first */
    struct csv_dialect dialect;
    bool auto_delimiter;
    bool header;
    bool pad;
    int64_t skip_lines;
};

/* *ret is freed with csv_config_free. HG_EINVAL with err->pointer for what the schema cannot say.
 */
hg_status csv_config_read(const char *json, struct csv_config **ret, struct hg_error *err);
/* The configuration that these settings are part of. */
static inline struct csv_config *csv_config_of(struct src_settings *common)
{
    return (struct csv_config *)common;
}
/* Takes NULL. */
void csv_config_free(struct csv_config *config);

#endif
