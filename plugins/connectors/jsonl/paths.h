/*
 * Where in a line the columns are, as a tree of keys.
 */
#ifndef JSONL_PATHS_H
#define JSONL_PATHS_H

#include "columns.h"

#define JSONL_DEPTH_MAX 32

struct jsonl_node {
    char *key; /* of an object's member, or the number of an array's element */
    size_t key_n;
    struct jsonl_node *children;
    size_t n_children;
    size_t *columns; /* whose values stand here */
    size_t n_columns;
};

/*
 * Adds a column. A path that begins with "/" is a JSON pointer; any other one is a list of keys
 * between dots; `path` NULL: the member `name` of the line. "" is the whole line. HG_EINVAL with
 * err->pointer.
 */
hg_status jsonl_paths_add(struct jsonl_node *root,
                          size_t column,
                          const struct src_column *what,
                          struct hg_error *err);
void jsonl_paths_done(struct jsonl_node *root);
/* NULL: no column is there. */
struct jsonl_node *jsonl_paths_find(const struct jsonl_node *node, const char *key, size_t n);

#endif
