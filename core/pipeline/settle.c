/*
 * An attempt of which there is no word may have committed all the same: its worker died behind the
 * commit, or the answer was lost with the connection. Before such an attempt is written down as
 * failed for good, the ledger is asked.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/ledger.h"
#include "pipeline/internal.h"

/* No row when another attempt has taken over: the ledger is its own affair then. */
static const struct hg_statement next_fence = {
    "settle_next_fence",
    "select nextval('task_fence') as fence from task"
    " where id = $1 and attempt = $2::int and fence = $3::bigint and state = 'running'",
    3};

/* The worker's own word that nothing was committed counts; silence and a lost connection do not. */
static bool is_in_doubt(const struct hg_attempt *attempt)
{
    return attempt->failed && !attempt->released && !attempt->refused && !attempt->settled &&
           (!attempt->result || attempt->error.code == HG_EUNAVAILABLE);
}

static json_t *job_form(const char *id, int64_t rows_in, int64_t rows_out, int64_t rows_rejected)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I}",
                     "id",
                     id,
                     "status",
                     "succeeded",
                     "rows_in",
                     (json_int_t)rows_in,
                     "rows_out",
                     (json_int_t)rows_out,
                     "rows_rejected",
                     (json_int_t)rows_rejected);
}

/* The report that the worker could not give, as far as the ledger knows it. */
static json_t *report_of(const struct hg_attempt *attempt, const struct hg_ledger_done *done)
{
    const json_t *ids = json_object_get(attempt->task.spec, "jobs");
    HG_CLEANUP(hg_json_decrefp) json_t *jobs = json_array();
    size_t n = json_array_size(ids);
    for (size_t i = 0; jobs && i < n; i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        int64_t in = i + 1 < n ? done->rows_extracted : done->rows_loaded;
        int64_t out = i + 1 < n && i == 0 ? done->rows_extracted : done->rows_loaded;
        json_t *job = job_form(id, in, out, i == 0 ? done->rows_rejected : 0);
        if (json_array_append_new(jobs, job) < 0) {
            return NULL;
        }
    }
    return json_pack("{s:O, s:[]}", "jobs", jobs, "results");
}

static void take_as_done(struct hg_attempt *attempt, const struct hg_ledger_done *done)
{
    json_t *report = report_of(attempt, done);
    if (!report) {
        return; /* without memory it stays a failure, which a retry of the run finds done */
    }
    json_decref(attempt->result);
    attempt->result = report;
    attempt->failed = false;
}

int hg_settle(struct hg_pipelines *service,
              struct hg_db *metadata,
              struct hg_attempt *attempt,
              struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *warehouse = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_ledger_done done = {0};
    if (!is_in_doubt(attempt)) {
        return HG_OK;
    }
    char number[2][24];
    (void)snprintf(number[0], sizeof number[0], "%d", attempt->task.attempt);
    (void)snprintf(number[1], sizeof number[1], "%" PRId64, attempt->task.fence);
    const char *const params[] = {attempt->task.id, number[0], number[1]};
    int r = hg_db_exec(metadata, &next_fence, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return HG_OK;
    }
    r = r < 0 ? r : hg_pool_borrow(service->options.warehouse, HG_BORROW_MS, &warehouse, err);
    if (r < 0) {
        return r;
    }
    const struct hg_ledger_attempt known = {attempt->task.pipeline_id,
                                            attempt->task.run_id,
                                            attempt->task.key,
                                            hg_result_int64(result, 0, "fence", 0),
                                            HG_FAULT_NUMBER("HEADGATE_LEASE_MS", HG_LEASE_MS)};
    r = hg_ledger_settle(warehouse, &known, &done, err);
    if (r == HG_EUNAVAILABLE || (r < 0 && err->retryable)) {
        return r;
    }
    if (r < 0) {
        /* Asking again would change nothing: a higher fence is there, or we may not ask. */
        hg_log_error("the ledger does not say whether an attempt has committed", err);
    }
    attempt->settled = true;
    if (r == HG_OK && done.found) {
        take_as_done(attempt, &done);
    }
    return HG_OK;
}
