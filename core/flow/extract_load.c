#include "flow/extract_load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/time.h"
#include "flow/checks.h"
#include "flow/ledger.h"
#include "flow/load.h"
#include "flow/quarantine.h"
#include "flow/source.h"
#include "flow/stage.h"
#include "flow/stage_input.h"

/* One pass from the source, or a stage, to the table, or a stage. */
struct pass {
    struct hg_flow *flow;
    struct hg_source source;
    struct hg_stage_input *stage; /* read instead of the source, or NULL */
    bool goes_on;                 /* the source starts where an earlier run came to */
    const struct hg_flow_schema *schema;
    size_t first; /* index of the job that is at work while rows are read */
    struct hg_checks *checks;
    struct hg_load *load;
    struct hg_flow_view *views;
    int64_t *seq;
    int32_t *rows;
    int64_t room; /* rows that there is room for in both */
    int64_t n_seen;
    struct hg_ledger_done told; /* what the ledger has of this run's task so far */
    int64_t checkpoint_ms;      /* how often rows are committed on the way; 0: only at the end */
    int64_t committed_at_ms;
};

static void close_pass(struct pass *pass)
{
    hg_load_free(pass->load);
    hg_checks_free(pass->checks);
    free(pass->views);
    free(pass->seq);
    free(pass->rows);
    hg_source_close(&pass->source);
    hg_stage_input_close(pass->stage);
    hg_quarantine_free(HG_TAKE(pass->flow->quarantine));
}

static int make_room(struct pass *pass, int64_t n_rows, struct hg_error *err)
{
    if (n_rows <= pass->room) {
        return HG_OK;
    }
    int64_t *seq = realloc(pass->seq, (size_t)n_rows * sizeof *seq);
    pass->seq = seq ? seq : pass->seq;
    int32_t *rows = realloc(pass->rows, (size_t)n_rows * sizeof *rows);
    pass->rows = rows ? rows : pass->rows;
    if (!seq || !rows) {
        return hg_error_nomem(err);
    }
    pass->room = n_rows;
    return HG_OK;
}

/*
 * Where the source starts. One that replaces the table gives all there is: the rows after a cursor
 * alone would be the loss of those before it.
 */
static int open_source(struct pass *pass, struct hg_error *err)
{
    HG_CLEANUP(hg_freep) char *state = NULL;
    struct hg_flow *flow = pass->flow;
    int r = hg_flow_replaces(flow) ? HG_OK : hg_ledger_state(flow, &state, err);
    pass->goes_on = state != NULL;
    if (r == HG_OK && !hg_stage_is_written(flow)) {
        r = hg_stage_leave(flow, err);
    }
    r = r < 0 ? r : hg_source_open(&pass->source, flow, state, err);
    pass->schema = &pass->source.schema;
    return r;
}

static int open_input(struct pass *pass, struct hg_error *err)
{
    hg_flow_at_work(pass->flow, pass->first);
    if (!hg_stage_is_read(pass->flow)) {
        return open_source(pass, err);
    }
    int r = hg_stage_input_open(pass->flow, &pass->stage, err);
    pass->schema = r == HG_OK ? hg_stage_input_schema(pass->stage) : NULL;
    return r;
}

/*
 * Rows may be committed on the way when what was committed needs not be taken back: the source can
 * go on behind them, nothing replaces the table, and no rule rejects or stops for rows long past.
 */
static int64_t checkpoint_interval(const struct pass *pass)
{
    const struct hg_flow *flow = pass->flow;
    bool may = !pass->stage && !hg_stage_is_written(flow) && !hg_flow_replaces(flow) &&
               pass->source.vtable->resume == HG_RESUME_CURSOR &&
               !hg_checks_judge_late(pass->checks);
    return may ? json_integer_value(json_object_get(flow->task, "checkpoint_ms")) : 0;
}

/* The ledger has no figures of single jobs: what was rejected is the first check's. */
static size_t rejecting_job(const struct hg_flow *flow)
{
    size_t n_checks = json_array_size(json_object_get(flow->task, "checks"));
    return n_checks > 0 && !hg_stage_is_read(flow) ? 1 : 0;
}

/* What earlier attempts of the run have committed counts as this one's. */
static void count_earlier(struct hg_flow *flow, const struct hg_ledger_done *told)
{
    size_t n_checks = json_array_size(json_object_get(flow->task, "checks"));
    size_t first_check = hg_stage_is_read(flow) ? 0 : 1;
    size_t rejecting = rejecting_job(flow);
    int64_t left = told->rows_extracted;
    for (size_t i = 0; i < flow->n_jobs; i++) {
        struct hg_flow_job *job = &flow->jobs[i];
        bool loads = i >= first_check + n_checks;
        job->rows_in += loads ? told->rows_loaded : left;
        job->rows_rejected += i == rejecting ? told->rows_rejected : 0;
        if (i == first_check && n_checks > 0) {
            left -= told->rows_rejected;
            left = left < told->rows_loaded ? told->rows_loaded : left; /* the source's own */
        }
        job->rows_out += loads ? told->rows_loaded : left;
    }
}

static void take_over(struct pass *pass)
{
    struct hg_flow *flow = pass->flow;
    const struct hg_ledger_done *told = &pass->told;
    size_t last = flow->n_jobs - 1;
    if (told->n_parts == 0) {
        return;
    }
    count_earlier(flow, told);
    hg_flow_log(flow,
                last,
                HG_LOG_INFO,
                "an earlier attempt of this run has committed %" PRId64
                " rows; goes on behind them",
                told->rows_loaded);
}

static int open_pass(struct pass *pass, struct hg_error *err)
{
    struct hg_flow *flow = pass->flow;
    int r = hg_quarantine_new(flow, &flow->quarantine, err);
    r = r < 0 ? r : open_input(pass, err);
    if (r < 0) {
        return r;
    }
    pass->views = calloc(pass->schema->n_columns, sizeof *pass->views);
    r = pass->views ? HG_OK : hg_error_nomem(err);
    r = r < 0 ? r : hg_checks_new(flow, pass->schema, true, &pass->checks, err);
    if (r < 0) {
        return r;
    }
    pass->checkpoint_ms = checkpoint_interval(pass);
    pass->committed_at_ms = hg_time_monotonic_ms();
    take_over(pass);
    return hg_load_new(flow, pass->schema, &pass->load, err);
}

static int take_batch(struct pass *pass, const struct ArrowArray *array, struct hg_error *err)
{
    struct hg_flow *flow = pass->flow;
    int64_t n_good = 0;
    int r = hg_flow_views(pass->schema, array, pass->views, err);
    r = r < 0 ? r : make_room(pass, array->length, err);
    if (r < 0 || array->length == 0) {
        return r;
    }
    if (!pass->stage) {
        flow->jobs[pass->first].rows_in += array->length;
        flow->jobs[pass->first].rows_out += array->length;
    }
    for (int64_t i = 0; i < array->length; i++) {
        pass->seq[i] = pass->n_seen++;
    }
    const struct hg_flow_batch batch = {pass->schema, array, pass->views, pass->seq, array->length};
    r = hg_checks_batch(pass->checks, &batch, pass->rows, &n_good, err);
    if (r == HG_OK && hg_checks_waiting(pass->checks)) {
        r = hg_load_out_of_order(pass->load, err);
    }
    r = r < 0 ? r : hg_load_rows(pass->load, &batch, pass->rows, n_good, err);
    HG_FAULT("flow.batch");
    hg_flow_progress(flow);
    return r;
}

static int next_batch(struct pass *pass, struct ArrowArray *ret, struct hg_error *err)
{
    pass->flow->state_is_new = false;
    return pass->stage ? hg_stage_input_next(pass->stage, ret, err)
                       : hg_source_next(&pass->source, ret, err);
}

static int pass_late(void *arg,
                     const struct hg_flow_batch *batch,
                     const int32_t *rows,
                     int64_t n,
                     struct hg_error *err)
{
    struct pass *pass = arg;
    return hg_load_rows(pass->load, batch, rows, n, err);
}

/* What happens to stages in the transaction of the rows. */
static int settle_stages(struct pass *pass, struct hg_error *err)
{
    const struct hg_stage_facts facts = {
        .schema = pass->schema,
        .started_from = pass->source.state,
        .n_rows = pass->flow->jobs[pass->flow->current].rows_out,
        .in_order = hg_load_in_order(pass->load),
        .incremental = pass->goes_on || hg_stage_input_incremental(pass->stage),
    };
    int r = hg_stage_is_written(pass->flow) ? hg_stage_put(pass->flow, &facts, err) : HG_OK;
    return r < 0 || !pass->stage ? r : hg_stage_input_take(pass->stage, err);
}

/* Commits what came since the last time; `part` as in struct hg_ledger_row. */
static int commit(struct pass *pass, int part, struct hg_error *err)
{
    struct hg_flow *flow = pass->flow;
    const json_t *load = json_object_get(flow->task, "load");
    struct hg_ledger_done *told = &pass->told;
    struct hg_ledger_done now = {
        .n_parts = part,
        .rows_extracted = flow->jobs[pass->first].rows_in,
        .rows_loaded = flow->jobs[flow->n_jobs - 1].rows_out,
    };
    for (size_t i = 0; i < flow->n_jobs; i++) {
        now.rows_rejected += flow->jobs[i].rows_rejected;
    }
    const struct hg_ledger_row row = {
        .part = part,
        .table = json_string_value(json_object_get(load, "table")),
        .mode = json_string_value(json_object_get(load, "mode")),
        .rows_extracted = now.rows_extracted - told->rows_extracted,
        .rows_loaded = now.rows_loaded - told->rows_loaded,
        .rows_rejected = now.rows_rejected - told->rows_rejected,
    };
    int r = hg_ledger_as_self(flow, err);
    r = r < 0 ? r : hg_quarantine_copy(flow->quarantine, err);
    HG_FAULT("flow.quarantined");
    r = r < 0 ? r : settle_stages(pass, err);
    r = r < 0 ? r : hg_ledger_commit(flow, &row, err);
    flow->rows_committed = r == HG_OK ? now.rows_loaded : flow->rows_committed;
    for (size_t i = 0; r == HG_OK && i < flow->n_jobs; i++) {
        flow->jobs[i].rejected_committed = flow->jobs[i].rows_rejected;
    }
    *told = now;
    return r;
}

/* ---- checkpoints ---- */

/* Commits the rows so far, with the state that goes on behind them, and begins anew. */
static int checkpoint(struct pass *pass, struct hg_error *err)
{
    struct hg_flow *flow = pass->flow;
    struct hg_ledger_done done = {0};
    int r = hg_load_finish(pass->load, err);
    r = r < 0 ? r : commit(pass, pass->told.n_parts + 1, err);
    hg_load_free(HG_TAKE(pass->load));
    if (r < 0) {
        return r;
    }
    hg_flow_log(flow,
                flow->n_jobs - 1,
                HG_LOG_INFO,
                "%" PRId64 " rows are committed so far",
                pass->told.rows_loaded);
    /* The fence is taken anew: another attempt may have come between two transactions. */
    r = hg_ledger_begin(flow, &done, err);
    r = r < 0 ? r : hg_load_new(flow, pass->schema, &pass->load, err);
    pass->committed_at_ms = hg_time_monotonic_ms();
    return r;
}

static bool is_due(const struct pass *pass)
{
    return pass->checkpoint_ms > 0 && pass->flow->state_is_new &&
           hg_time_monotonic_ms() - pass->committed_at_ms >= pass->checkpoint_ms;
}

static int read_all(struct pass *pass, struct hg_error *err)
{
    for (;;) {
        struct ArrowArray array = {0};
        hg_flow_at_work(pass->flow, pass->first);
        int r = hg_flow_cancelled(pass->flow, err);
        r = r < 0 ? r : next_batch(pass, &array, err);
        if (r < 0 || !array.release) {
            return r;
        }
        r = take_batch(pass, &array, err);
        array.release(&array);
        r = r == HG_OK && is_due(pass) ? checkpoint(pass, err) : r;
        if (r < 0) {
            return r;
        }
    }
}

/* "12 rows appended to market.prices", "12 rows staged for 2 tasks" */
static void log_landed(struct hg_flow *flow)
{
    static const struct {
        const char *mode;
        const char *done;
    } verbs[] = {
        {"append", "appended to"}, {"replace", "are now all of"}, {"merge", "merged into"}};
    const json_t *load = json_object_get(flow->task, "load");
    size_t last = flow->n_jobs - 1;
    if (hg_stage_is_written(flow)) {
        size_t n =
            json_array_size(json_object_get(json_object_get(flow->task, "stage"), "readers"));
        hg_flow_log(flow,
                    last,
                    HG_LOG_INFO,
                    "%" PRId64 " rows staged for %zu task%s",
                    flow->jobs[last].rows_out,
                    n,
                    n == 1 ? "" : "s");
    }
    for (size_t i = 0; load && i < HG_COUNT(verbs); i++) {
        if (strcmp(verbs[i].mode, hg_flow_mode(flow)) == 0) {
            hg_flow_log(flow,
                        last,
                        HG_LOG_INFO,
                        "%" PRId64 " rows %s %s",
                        flow->jobs[last].rows_out,
                        verbs[i].done,
                        json_string_value(json_object_get(load, "table")));
        }
    }
}

/* One line of each job, so that no log of one that succeeded is empty. */
static void log_committed(struct hg_flow *flow)
{
    size_t first = hg_stage_is_read(flow) ? 0 : 1;
    size_t n_checks = json_array_size(json_object_get(flow->task, "checks"));
    for (size_t i = first; i < first + n_checks; i++) {
        hg_flow_log(flow,
                    i,
                    HG_LOG_INFO,
                    "%" PRId64 " rows checked, %" PRId64 " of them rejected",
                    flow->jobs[i].rows_in,
                    flow->jobs[i].rows_rejected);
    }
    log_landed(flow);
}

static int run_pass(struct pass *pass, struct hg_error *err)
{
    int r = open_pass(pass, err);
    r = r < 0 ? r : read_all(pass, err);
    HG_FAULT("flow.read");
    r = r < 0 ? r : hg_checks_finish(pass->checks, pass_late, pass, err);
    r = r < 0 ? r : hg_load_finish(pass->load, err);
    HG_FAULT("flow.loaded");
    if (pass->checks) {
        int reported = hg_checks_report(pass->checks, r < 0 ? NULL : err);
        r = r < 0 ? r : reported;
    }
    /* A cancel that comes while the commit runs comes too late; one before it still counts. */
    r = r < 0 ? r : hg_flow_cancelled(pass->flow, err);
    r = r < 0 ? r : commit(pass, 0, err);
    if (r == HG_OK) {
        hg_quarantine_log_totals(pass->flow->quarantine);
        log_committed(pass->flow);
    }
    return r;
}

/* The run's task has committed in an earlier attempt whose answer was lost. */
static void report_done(struct hg_flow *flow, const struct hg_ledger_done *done)
{
    hg_flow_log(flow, 0, HG_LOG_INFO, "an earlier attempt of this run has committed already");
    count_earlier(flow, done);
    flow->committed = true;
}

int hg_extract_load_run(struct hg_flow *flow, struct hg_error *err)
{
    struct hg_ledger_done done = {0};
    hg_flow_at_work(flow, flow->n_jobs - 1);
    int r = hg_ledger_begin(flow, &done, err);
    if (r == HG_OK && done.found) {
        hg_db_rollback(flow->db);
        report_done(flow, &done);
        return HG_OK;
    }
    struct pass pass = {.flow = flow, .told = done};
    flow->rows_committed = done.rows_loaded;
    flow->jobs[rejecting_job(flow)].rejected_committed = done.rows_rejected;
    r = r < 0 ? r : run_pass(&pass, err);
    if (r == HG_ESTOP && pass.told.n_parts > 0) {
        hg_error_hint(err,
                      "The rule has on_fail: stop; the %" PRId64
                      " rows that this run committed before stay.",
                      pass.told.rows_loaded);
    }
    close_pass(&pass);
    return r;
}
