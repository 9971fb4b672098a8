/*
 * Stages: where a flow is cut, because several jobs read the same rows or because something else
 * must happen before they are loaded, the rows wait in a table of the schema headgate_stage.
 *
 * A stage is written by one task and read by others, each of which commits by itself. It is gone
 * when the last of them has. The source's cursor moves on when the first of them commits: until
 * then the next run reads the same rows again and the stage of a run that failed is dropped, from
 * then on those who have not read it yet do so in the next run, before its own. So no row is lost
 * to one reader or given to another twice, whichever of them fails.
 */
#ifndef HG_FLOW_STAGE_H
#define HG_FLOW_STAGE_H

#include "flow/columns.h"
#include "flow/context.h"

enum { HG_STAGE_NAME_BYTES = 80 };

/* Whether the task writes a stage, and whether it reads one rather than a source. */
bool hg_stage_is_written(const struct hg_flow *flow);
bool hg_stage_is_read(const struct hg_flow *flow);
/* The table that this attempt writes: "headgate_stage.x". */
void hg_stage_name(const struct hg_flow *flow, char ret[HG_STAGE_NAME_BYTES]);

struct hg_stage_facts {
    const struct hg_flow_schema *schema; /* of the rows */
    const char *started_from;            /* state that the source went on from, or NULL */
    int64_t n_rows;
    bool in_order;    /* rows were written in the order of their numbers */
    bool incremental; /* rows of earlier runs are not among these, even if these are none at all */
};

/*
 * In the flow's transaction, as itself: the stage is there for its readers. Takes the flow's state,
 * which becomes the cursor when the first of them commits. HG_EINVAL when one reader wants all rows
 * and another the new ones only.
 */
int hg_stage_put(struct hg_flow *flow, const struct hg_stage_facts *facts, struct hg_error *err);

/*
 * For a task that reads a source and writes no stage, in its transaction: drops what is left of
 * stages of its own that nobody has read. HG_EINVAL when one of them holds rows that the source
 * does not give again: then the pipeline was changed before they were loaded.
 */
int hg_stage_leave(struct hg_flow *flow, struct hg_error *err);

/* Rows whose position is a number, with the words for it instead, since the source is gone later.
 */
struct hg_stage_words;
int hg_stage_words_new(const struct hg_flow_schema *schema,
                       struct hg_stage_words **ret,
                       struct hg_error *err);
/* *ret is the batch with another view; valid until the next call. */
int hg_stage_words_put(struct hg_stage_words *words,
                       const struct hg_flow_batch *batch,
                       struct hg_flow_batch *ret,
                       struct hg_error *err);
void hg_stage_words_free(struct hg_stage_words *words);

#endif
