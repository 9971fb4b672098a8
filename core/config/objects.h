/*
 * Objects in files: what one would else POST to the API, as items of a list in the host's file
 * ("users:") or in files of their own beside it (users/ada.yaml: one, or a list of them).
 *
 * Their texts lie in the trees they were read to, secrets among them in the clear: forget the
 * objects once they are applied.
 */
#ifndef HG_CONFIG_OBJECTS_H
#define HG_CONFIG_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/yaml.h"

struct hg_object {
    const char *file;  /* absolute, for diagnostics */
    const char *label; /* the same below the folder of the host's file: "users/ada.yaml" */
    const struct hg_yaml_node *node; /* a map */
};

struct hg_objects {
    struct hg_object *items;
    size_t n;
    size_t room;
};

/* Takes the items of a list, or a map as the only one; complains of whatever is no map. */
int hg_objects_add(struct hg_objects *objects,
                   const char *file,
                   const char *label,
                   const struct hg_yaml_node *node,
                   const char *what,
                   struct hg_diagnostics *diagnostics);
void hg_objects_free(struct hg_objects *objects);

/* ---- members ---- */

enum hg_object_type {
    HG_OBJECT_NONE = 0,
    HG_OBJECT_TEXT,   /* const char *, borrowed from the object */
    HG_OBJECT_SECRET, /* the same; only as ${NAME} or ${file:PATH}, and nothing else */
    HG_OBJECT_LIST,   /* json_t *, an array owned by the caller */
    HG_OBJECT_FLAG,   /* bool */
};

struct hg_object_member {
    const char *name; /* NULL ends the table */
    enum hg_object_type type;
    bool is_needed;
    size_t offset; /* of the field in what is filled in */
};

/*
 * Fills in *ret by a table of members; what is absent stays as it is. All that is wrong goes to
 * `diagnostics` with its place: an unknown member, one that is missing or of another type, a secret
 * that stands in the file itself. HG_OK, HG_EINVAL when there was something, HG_ENOMEM.
 */
int hg_object_read(const struct hg_object *object,
                   const struct hg_object_member *members,
                   void *ret,
                   struct hg_diagnostics *diagnostics,
                   struct hg_error *err);
/* Says at which place what `why` tells of is wrong: at its pointer. */
void hg_object_complain(const struct hg_object *object,
                        const struct hg_error *why,
                        struct hg_diagnostics *diagnostics);

/* ---- the trees ---- */

/* What has been read, for as long as objects borrow from it. */
struct hg_object_trees {
    struct hg_yaml **items;
    size_t n;
    size_t room;
};
/* Takes a tree over, also after a failure. */
int hg_object_trees_add(struct hg_object_trees *trees, struct hg_yaml *yaml);
/* Wipes what was filled in. */
void hg_object_trees_free(struct hg_object_trees *trees);

#endif
