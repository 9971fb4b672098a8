/*
 * The configuration of an instance: what all readers of files have, where the source of a column is
 * the path in the line.
 */
#ifndef JSONL_CONFIG_H
#define JSONL_CONFIG_H

#include "settings.h"

/* *ret is freed with jsonl_config_free. HG_EINVAL with err->pointer for what the schema cannot
 * say. */
hg_status jsonl_config_read(const char *json, struct src_settings **ret, struct hg_error *err);
/* Takes NULL. */
void jsonl_config_free(struct src_settings *config);

#endif
