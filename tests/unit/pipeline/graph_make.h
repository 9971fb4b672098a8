/*
 * Random pipelines for graph_model.h, and random ends of their attempts.
 */
#ifndef HG_TEST_GRAPH_MAKE_H
#define HG_TEST_GRAPH_MAKE_H

#include "dispatch/attempts.h"
#include "graph_model.h"
#include "random.h"

/* Tasks, needs, retries and parallelism. */
void graph_choose(struct hg_random *random, struct graph_run *run);
/* Stores the definition as run->pipeline. */
int graph_store(struct hg_db *db, const struct graph_run *run, struct hg_error *err);
/*
 * How a claimed attempt ends: as the dispatcher has it, and in the model's words. The attempt takes
 * the task over; graph_attempt_clear frees what is in it.
 */
void graph_choose_end(struct hg_random *random,
                      const struct graph_task *task,
                      const struct hg_queue_task *claimed,
                      struct hg_attempt *attempt,
                      struct graph_end *end);
void graph_attempt_clear(struct hg_attempt *attempt);

#endif
