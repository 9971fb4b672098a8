/*
 * A thread that looks now and then whether the task shall stop, and then stops what waits: the
 * statement that the server runs and the call into the source. The flow itself asks between
 * batches.
 */
#ifndef HG_FLOW_WATCH_H
#define HG_FLOW_WATCH_H

#include "flow/flow.h"
#include "store/db.h"

struct hg_flow_watch;

/* `db` may be NULL; it and `sink` are borrowed until hg_flow_watch_stop. */
int hg_flow_watch_start(const struct hg_flow_sink *sink,
                        struct hg_db *db,
                        struct hg_flow_watch **ret,
                        struct hg_error *err);
/* The source to cancel, NULL when it is about to be closed. */
void hg_flow_watch_source(struct hg_flow_watch *watch,
                          const struct hg_connector_vtable *source,
                          void *inst);
/* The thread has ended when this returns; takes NULL. */
void hg_flow_watch_stop(struct hg_flow_watch *watch);

#endif
