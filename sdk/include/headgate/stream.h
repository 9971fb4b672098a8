/*
 * Turning a function that gives batches into an ArrowArrayStream.
 */
#ifndef HEADGATE_STREAM_H
#define HEADGATE_STREAM_H

#include "headgate/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the batches of a stream come from. [instance] */
struct hg_batch_stream_ops {
    /* The schema, the same each time; owned by the caller. */
    hg_status (*schema)(void *arg, struct ArrowSchema *ret, struct hg_error *err);
    /* The next batch, owned by the caller; leave ret->release NULL at the end. */
    hg_status (*next)(void *arg, struct ArrowArray *ret, struct hg_error *err);
    /* The stream is released; may be NULL. */
    void (*release)(void *arg);
};

/*
 * A stream over `ops` (static) that remembers the whole error of a failure, stays at its end once
 * it was there, and stays failed once it failed. *ret is owned by the caller, who calls its
 * release. When this fails, ops->release is not called.
 */
hg_status hg_batch_stream(const struct hg_batch_stream_ops *ops,
                          void *arg,
                          struct ArrowArrayStream *ret,
                          struct hg_error *err);

/*
 * A get_extension for plugins whose streams all come from hg_batch_stream: answers
 * headgate.stream_error/1 and NULL for anything else. Put it into the vtable or call it from your
 * own get_extension.
 */
const void *hg_batch_stream_extension(void *inst, const char *id);

#ifdef __cplusplus
}
#endif

#endif
