/*
 * The extract of a flow: a connector's instance and its stream.
 */
#ifndef HG_FLOW_SOURCE_H
#define HG_FLOW_SOURCE_H

#include "flow/columns.h"
#include "flow/services.h"

/* Rows a batch should have: small enough to stay in the cache, big enough to make calls cheap. */
enum { HG_FLOW_BATCH_ROWS = 4096 };

struct hg_source {
    struct hg_flow *flow;
    size_t job;                /* index of the extract */
    const char *id;            /* of the plugin */
    const char *config_schema; /* static */
    const struct hg_connector_vtable *vtable;
    const struct hg_position *positions; /* what an int64 `_hg_pos` means, or NULL */
    void *inst;
    struct ArrowArrayStream stream;
    struct hg_flow_schema schema;
    struct hg_service service;
    char *state; /* what the stream started from */
};

/*
 * Opens the plugin of the task's extract and starts reading from `state` (NULL: the beginning).
 * `source` must not move until hg_source_close, which is needed after a failure too.
 */
int hg_source_open(struct hg_source *source,
                   struct hg_flow *flow,
                   const char *state,
                   struct hg_error *err);
/* The next batch, owned by the caller; ret->release is NULL at the end. */
int hg_source_next(struct hg_source *source, struct ArrowArray *ret, struct hg_error *err);
void hg_source_close(struct hg_source *source);

#endif
