/*
 * The keys of headgate.yaml and the environment variables, as one table: reading, the errors and
 * the reference in docs/configuration.md all come from it.
 */
#ifndef HG_CONFIG_HOST_CONFIG_KEYS_H
#define HG_CONFIG_HOST_CONFIG_KEYS_H

#include "base/buf.h"
#include "config/host_config.h"
#include "config/yaml.h"

struct hg_config_key;

/* A value on its way into the configuration. */
struct hg_config_setting {
    struct hg_host_config *config;
    const struct hg_config_key *key;
    const struct hg_yaml_node *value;
    const char *folder; /* what relative paths are relative to; absolute */
    const char *place;  /* the file, or "environment variable X" */
    struct hg_diagnostics *diagnostics;
};

struct hg_config_key {
    const char *path;        /* "plugins.dir"; NULL when only the environment sets it */
    const char *environment; /* NULL when only the file sets it */
    const char *type;        /* in words */
    const char *fallback;    /* the default in words */
    const char *doc;
    /* HG_OK, also when it complained to setting->diagnostics; HG_ENOMEM. NULL: read elsewhere. */
    int (*set)(const struct hg_config_setting *setting);
    size_t offset; /* of the field in struct hg_host_config, where `set` wants one */
    long min;
    long max;
};

/* Ended by a row without path and environment. */
extern const struct hg_config_key hg_config_keys[];

/* Appends the reference as a Markdown table. */
void hg_config_put_reference(struct hg_buf *buf);

#endif
