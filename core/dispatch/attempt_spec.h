/*
 * What the worker of one attempt needs to know.
 */
#ifndef HG_DISPATCH_ATTEMPT_SPEC_H
#define HG_DISPATCH_ATTEMPT_SPEC_H

#include <jansson.h>

#include "base/error.h"
#include "queue/queue.h"

struct hg_dispatch;

/*
 * Completes a copy of the task's spec for one attempt: plugin files, secrets, fence, connection.
 * *ret_plugin is the third-party plugin among them, or NULL; borrowed from the registry.
 */
int hg_attempt_spec(const struct hg_dispatch *dispatch,
                    const struct hg_queue_task *task,
                    json_t **ret,
                    const char **ret_plugin,
                    struct hg_error *err);

#endif
