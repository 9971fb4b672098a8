/*
 * What a YAML scalar means: the core schema of YAML 1.2.
 */
#ifndef HG_CONFIG_YAML_SCALAR_H
#define HG_CONFIG_YAML_SCALAR_H

#include "config/yaml.h"

/*
 * Sets type and value from node->text and node->plain. False when it is a number that has no JSON
 * form: beyond 64 bits, infinite, or not a number.
 */
bool hg_yaml_resolve(struct hg_yaml_node *node);

#endif
