/*
 * Where a task's plugins come from: their files, or what a test hands in.
 */
#ifndef HG_FLOW_PLUGINS_H
#define HG_FLOW_PLUGINS_H

#include <jansson.h>

#include "base/error.h"
#include "flow/flow.h"

struct hg_flow_plugins {
    void *arg;
    /* `file` and `sha256` are those of the task, or NULL. *ret_plugin is static. */
    int (*find)(void *arg,
                int kind,
                const char *id,
                const char *file,
                const char *sha256,
                const struct hg_plugin **ret_plugin,
                struct hg_error *err);
};

/* hg_flow_run with plugins from elsewhere. */
int hg_flow_run_with(const json_t *task,
                     const struct hg_flow_sink *sink,
                     const struct hg_flow_plugins *plugins,
                     struct hg_flow_session *session,
                     json_t **ret_result,
                     struct hg_error *err);

#endif
