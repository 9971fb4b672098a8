/*
 * ${NAME} and ${file:PATH} in YAML texts.
 */
#ifndef HG_CONFIG_YAML_FILL_H
#define HG_CONFIG_YAML_FILL_H

#include "config/yaml.h"

/*
 * Fills in every text below `node` as hg_fill_text does, PATH relative to the YAML file, but for
 * those that are `kept`. An unquoted value is read anew, so `workers: ${N}` is a number. What
 * can't be filled in goes to `diagnostics`. HG_OK, HG_EINVAL when something was wrong, or
 * HG_ENOMEM.
 */
int hg_yaml_fill(struct hg_yaml *yaml,
                 struct hg_yaml_node *node,
                 struct hg_diagnostics *diagnostics,
                 struct hg_error *err);

#endif
