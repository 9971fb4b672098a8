/*
 * YAML files as a tree in which each key and value knows its line and column.
 *
 * YAML 1.2 with the core schema: true and false are the only booleans ("no" and "on" are texts),
 * dates are texts. One document a file, keys are texts and unique, anchors and aliases within a
 * bound, no merge keys, no tags but !!str. Not for several threads at once.
 */
#ifndef HG_CONFIG_YAML_H
#define HG_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/arena.h"
#include "config/diagnostics.h"

enum {
    HG_YAML_MAX_BYTES = 1048576,
    HG_YAML_MAX_DEPTH = 64,
    HG_YAML_MAX_KEYS = 4096,    /* of one map */
    HG_YAML_MAX_NODES = 100000, /* with every alias written out */
};

enum hg_yaml_type {
    HG_YAML_NULL = 1,
    HG_YAML_BOOL,
    HG_YAML_INT,
    HG_YAML_REAL,
    HG_YAML_TEXT,
    HG_YAML_LIST,
    HG_YAML_MAP,
};

struct hg_yaml_node;

struct hg_yaml_pair {
    const char *key;
    int key_line;
    int key_column;
    struct hg_yaml_node *value;
};

/* A node that an alias names stands in several places of the tree. */
struct hg_yaml_node {
    enum hg_yaml_type type;
    int line;         /* from 1 */
    int column;       /* from 1, in characters */
    bool plain;       /* a scalar without quotes */
    bool kept;        /* a secret: ${...} in it stays as it is */
    bool filled;      /* ${...} in it has been filled in */
    bool reference;   /* ... and there was nothing else in it */
    bool broken;      /* ... or could not be, which has been reported */
    const char *text; /* of any scalar, as written; holds no NUL */
    bool boolean;
    long long integer;
    double real;
    struct hg_yaml_node **items; /* of a list */
    struct hg_yaml_pair *pairs;  /* of a map, in file order */
    size_t n;                    /* items or pairs */
    size_t weight;               /* nodes in it, aliases written out */
    int depth;                   /* levels in it */
};

struct hg_yaml {
    struct hg_arena arena; /* everything below lives in it */
    const char *file;
    struct hg_yaml_node *root; /* NULL when nothing could be read */
};

/*
 * Reads a file. *ret is set on success and on HG_EINVAL: then `diagnostics` says what is wrong, and
 * the tree holds what came before it. Any other code leaves it untouched. Free with hg_yaml_free.
 */
int hg_yaml_read(const char *file,
                 struct hg_yaml **ret,
                 struct hg_diagnostics *diagnostics,
                 struct hg_error *err);
/* The same for a text; `file` is what places are called. */
int hg_yaml_parse(const char *file,
                  const char *text,
                  size_t n,
                  struct hg_yaml **ret,
                  struct hg_diagnostics *diagnostics,
                  struct hg_error *err);
void hg_yaml_free(struct hg_yaml *yaml);
static inline void hg_yaml_freep(struct hg_yaml **yaml)
{
    hg_yaml_free(*yaml);
    *yaml = NULL;
}

/* The value of a key, or NULL; also NULL when `map` is NULL or no map. */
const struct hg_yaml_node *hg_yaml_get(const struct hg_yaml_node *map, const char *key);
/* The pair of a key, or NULL. */
const struct hg_yaml_pair *hg_yaml_pair(const struct hg_yaml_node *map, const char *key);
/* The text of a text scalar, or NULL when `node` is NULL or something else. */
const char *hg_yaml_text(const struct hg_yaml_node *node);

#endif
