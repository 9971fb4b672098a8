/*
 * Creating runs.
 */
#ifndef HG_PIPELINE_RUNS_H
#define HG_PIPELINE_RUNS_H

#include <jansson.h>

#include "base/error.h"
#include "base/uuid.h"

struct hg_pipelines;
struct hg_principal;
struct hg_catalog_entry;

/* Of run_slot: which runs of a pipeline exclude each other. */
enum hg_run_slot {
    HG_SLOT_ACTIVE,
    HG_SLOT_WAITING,
    HG_SLOT_BACKFILL,
};

struct hg_run_request {
    const char *pipeline_id;
    const char *trigger;           /* "manual", "schedule", ... */
    const json_t *params;          /* may be NULL */
    const struct hg_principal *by; /* who asked for it; NULL: nobody */
    enum hg_run_slot slot;
    /* Of a time of the schedule; RFC 3339, or NULL. */
    const char *scheduled_for;
    const char *interval_start; /* the time before it */
    /* Of a backfill: it has made so many runs, and has one more with this; or NULL. */
    const char *backfill_id;
    int backfill_n_made;
};
/*
 * Creates a run and its tasks. HG_ECONFLICT with ret_busy_run_id when the slot's is queued or
 * running; without it when the time, or the backfill's next one, has its run already.
 */
int hg_run_create(struct hg_pipelines *service,
                  const struct hg_run_request *request,
                  char ret_run_id[HG_UUID_TEXT],
                  char *ret_busy_run_id,
                  struct hg_error *err);

/*
 * Whether a pipeline can run with these parameters (may be NULL); *ret are they with the defaults,
 * owned by the caller. HG_EINVAL.
 */
int hg_run_check(const struct hg_catalog_entry *entry,
                 const json_t *given,
                 json_t **ret,
                 struct hg_error *err);

#endif
