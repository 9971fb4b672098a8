/*
 * Definitions in the database.
 */
#ifndef HG_PIPELINE_CATALOG_H
#define HG_PIPELINE_CATALOG_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"
#include "store/db.h"

struct hg_pipelines;

/* Reads the pipeline files and stores what they say. */
int hg_catalog_sync(struct hg_pipelines *service, struct hg_error *err);

/* A stored pipeline, overrides laid over its definition. Owned by hg_catalog_entry_free. */
struct hg_catalog_entry {
    char *id;
    int version;
    bool enabled;
    bool file_missing;
    json_t *definition; /* NULL while its file has never been read without an error */
    json_t *errors;     /* array */
};
int hg_catalog_get(struct hg_db *db,
                   const char *id,
                   struct hg_catalog_entry *ret,
                   struct hg_error *err);
void hg_catalog_entry_free(struct hg_catalog_entry *entry);

#endif
