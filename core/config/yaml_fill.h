/*
 * ${NAME} and ${file:PATH} in YAML texts.
 */
#ifndef HG_CONFIG_YAML_FILL_H
#define HG_CONFIG_YAML_FILL_H

#include "config/yaml.h"

/*
 * Replaces ${NAME} by that environment variable and ${file:PATH} by what the file holds (without
 * the newline at its end; PATH relative to the YAML file), in every text below `node`; $${ stands
 * for ${ itself. An unquoted value is read anew, so `workers: ${N}` is a number. What can't be
 * filled in goes to `diagnostics`. HG_OK, HG_EINVAL when something was wrong, or HG_ENOMEM.
 */
int hg_yaml_fill(struct hg_yaml *yaml,
                 struct hg_yaml_node *node,
                 struct hg_diagnostics *diagnostics,
                 struct hg_error *err);

#endif
