/*
 * A thread that looks now and then whether the task shall stop, and then stops what waits: the
 * statement that the server runs and the call into the source. The flow itself asks between
 * batches. It outlives tasks, since starting one takes as long as a small transform.
 */
#ifndef HG_FLOW_WATCH_H
#define HG_FLOW_WATCH_H

#include "flow/flow.h"
#include "store/db.h"

struct hg_flow_watch;

int hg_flow_watch_new(struct hg_flow_watch **ret, struct hg_error *err);
/* Between tasks. The thread has ended when this returns; takes NULL. */
void hg_flow_watch_free(struct hg_flow_watch *watch);
/* A task begins; `db` and `sink` are borrowed until hg_flow_watch_end. */
void hg_flow_watch_begin(struct hg_flow_watch *watch,
                         const struct hg_flow_sink *sink,
                         struct hg_db *db);
/* The source to cancel, NULL when it is about to be closed. */
void hg_flow_watch_source(struct hg_flow_watch *watch,
                          const struct hg_connector_vtable *source,
                          void *inst);
/* A connection beside the task's, on which it reads; NULL when it is about to be closed. */
void hg_flow_watch_reader(struct hg_flow_watch *watch, struct hg_db *reader);
/* Nothing is cancelled any more when this returns. */
void hg_flow_watch_end(struct hg_flow_watch *watch);

#endif
