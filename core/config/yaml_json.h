/*
 * YAML trees as JSON values, and the way back from a JSON pointer to a line and column.
 */
#ifndef HG_CONFIG_YAML_JSON_H
#define HG_CONFIG_YAML_JSON_H

#include "config/yaml.h"

/* NULL without memory; JSON null for NULL. Owned by the caller. */
json_t *hg_yaml_to_json(const struct hg_yaml_node *node);

/* The node that a JSON pointer leads to, or NULL. */
const struct hg_yaml_node *hg_yaml_at(const struct hg_yaml_node *root, const char *pointer);

struct hg_yaml_place {
    int line;
    int column;
};
/*
 * Where the value of a JSON pointer below `root` stands, or its key when `at_key`. A pointer that
 * leads nowhere gives the place of the last value on its way.
 */
struct hg_yaml_place hg_yaml_find(const struct hg_yaml_node *root,
                                  const char *pointer,
                                  bool at_key);

/* Where violations of a JSON Schema go. All borrowed. */
struct hg_yaml_violations {
    const char *file;
    const struct hg_yaml_node *root; /* what the value was made from */
    struct hg_diagnostics *diagnostics;
    const char *what; /* put before each message, such as "csv: "; or NULL */
};
/*
 * A hg_schema_report whose `arg` is a struct hg_yaml_violations. A value that was filled in, which
 * may be a secret, is not quoted.
 */
void hg_yaml_report_violation(void *arg, const char *pointer, const char *detail, const char *hint);

#endif
