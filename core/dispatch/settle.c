/*
 * An attempt of which there is no word may have committed all the same: its worker died behind the
 * commit, or the answer was lost with the connection. Before such an attempt is written down as
 * failed for good, the ledger is asked.
 *
 * The settler does so, a thread of its own: a warehouse that does not answer (its network is gone,
 * its server frozen) holds up nobody else, and is given up after a while. The attempt stays in
 * doubt and unended until the ledger has answered: also where the warehouse refuses us, for a
 * refusal says nothing of what was committed.
 */
#include "dispatch/settle.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "dispatch/attempts.h"
#include "dispatch/lease.h"
#include "dispatch/state.h"
#include "flow/ledger.h"

enum {
    RETRY_MS = 500,
    TELL_AFTER_MS = 5000 /* a transaction may be open for a moment behind its worker's death */
};

/* No row when another attempt has taken over: the ledger is its own affair then. */
static const struct hg_statement next_fence = {
    "settle_next_fence",
    "select nextval('task_fence') as fence, " HG_SQL_SPARED " from task t"
    " where t.id = $1 and t.attempt = $2::int and t.fence = $3::bigint and t.state = 'running'",
    3};

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

/* (mutex held) */
static void take_as_done(struct hg_attempt *attempt, const struct hg_ledger_done *done)
{
    json_t *report = report_of(attempt, done);
    if (!report) {
        return; /* without memory it stays a failure, which a retry of the run finds done */
    }
    json_decref(attempt->result);
    attempt->result = report;
    attempt->failed = false;
    attempt->released = false;
}

/* ---- asking ---- */

/* Not behind the end of all asking; at least a moment, for 0 would be no limit. */
static int64_t at_most(struct hg_dispatch *dispatch, int64_t wait_ms)
{
    int64_t now = hg_time_monotonic_ms();
    HG_LOCK(&dispatch->mutex);
    int64_t left = dispatch->drained ? dispatch->settler.until_ms - now : wait_ms;
    return left < 1 ? 1 : left < wait_ms ? left : wait_ms;
}

/*
 * A fence for asking, and whom to spare (owned by the caller, free); *ret 0 when another attempt
 * has taken over.
 */
static int draw_fence(struct hg_dispatch *dispatch,
                      const struct hg_queue_task *task,
                      int64_t *ret,
                      char **ret_spared,
                      struct hg_error *err)
{
    char number[2][24];
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    (void)snprintf(number[0], sizeof number[0], "%d", task->attempt);
    (void)snprintf(number[1], sizeof number[1], "%" PRId64, task->fence);
    const char *const params[] = {task->id, number[0], number[1]};
    int wait_ms = (int)at_most(dispatch, HG_BORROW_MS);
    int r = hg_pool_borrow(dispatch->options.metadata, wait_ms, &db, err);
    if (r < 0) {
        return r;
    }
    hg_db_patience(db, (int)at_most(dispatch, HG_ASK_MS));
    r = hg_db_exec(db, &next_fence, params, &result, err);
    if (r == HG_OK) {
        bool found = PQntuples(result) > 0;
        const char *spared = found ? hg_result_text(result, 0, "spared") : NULL;
        *ret = found ? hg_result_int64(result, 0, "fence", 0) : 0;
        *ret_spared = strdup(spared ? spared : "{}");
    }
    return r < 0 || *ret_spared ? r : hg_error_nomem(err);
}

/* Gives how long an answer is waited for. */
static int note_asking(struct hg_dispatch *dispatch, bool asks)
{
    HG_LOCK(&dispatch->mutex);
    dispatch->settler.asks = asks;
    return dispatch->settler.ask_ms;
}

static int ask_ledger(struct hg_dispatch *dispatch,
                      const struct hg_attempt *attempt,
                      struct hg_ledger_done *ret,
                      struct hg_error *err)
{
    const struct hg_queue_task *task = &attempt->task;
    HG_CLEANUP(hg_db_returnp) struct hg_db *warehouse = NULL;
    HG_CLEANUP(hg_freep) char *spared = NULL;
    struct hg_ledger_attempt known = {
        .pipeline_id = task->pipeline_id,
        .run_id = task->run_id,
        .key = task->key,
        .lease_ms = hg_lease_ms(),
        .asking_since_ms = attempt->doubt_since_ms,
    };
    int r = draw_fence(dispatch, task, &known.fence, &spared, err);
    known.spared = spared;
    if (r < 0 || known.fence == 0) {
        return r; /* taken over: the ledger is the other attempt's affair then */
    }
    int wait_ms = (int)at_most(dispatch, HG_BORROW_MS);
    r = hg_pool_borrow(dispatch->options.warehouse, wait_ms, &warehouse, err);
    if (r < 0) {
        return r;
    }
    hg_db_patience(warehouse, (int)at_most(dispatch, note_asking(dispatch, true)));
    r = hg_ledger_settle(warehouse, &known, ret, err);
    (void)note_asking(dispatch, false);
    return r;
}

/* ---- the thread ---- */

struct settling {
    struct hg_dispatch *dispatch;
    int64_t failing_since_ms; /* 0: the ledger answers */
    bool told;
};

static void note_failure(struct settling *settling, const struct hg_error *err)
{
    int64_t now = hg_time_monotonic_ms();
    settling->failing_since_ms = settling->failing_since_ms ? settling->failing_since_ms : now;
    if (!settling->told && now - settling->failing_since_ms >= TELL_AFTER_MS) {
        hg_log_error("the ledger does not say yet whether an attempt has committed", err);
        settling->told = true;
    }
}

static void settle(struct settling *settling, struct hg_attempt *attempt)
{
    struct hg_dispatch *dispatch = settling->dispatch;
    struct hg_error err = HG_ERROR_INIT;
    struct hg_ledger_done done = {0};
    char number[16];
    HG_CLEANUP(hg_log_leave) struct hg_log_scope of_run;
    HG_CLEANUP(hg_log_leave) struct hg_log_scope of_attempt;
    (void)snprintf(number, sizeof number, "%d", attempt->task.attempt);
    hg_log_enter(&of_run, "run_id", attempt->task.run_id);
    hg_log_enter(&of_attempt, "#attempt", number);
    int r = ask_ledger(dispatch, attempt, &done, &err);
    if (r < 0) {
        note_failure(settling, &err);
        HG_LOCK(&dispatch->mutex);
        attempt->try_at_ms = hg_time_monotonic_ms() + RETRY_MS;
        return;
    }
    settling->failing_since_ms = 0;
    settling->told = false;
    HG_LOCK(&dispatch->mutex);
    attempt->rows_committed = done.rows_loaded;
    attempt->rows_rejected = done.rows_rejected;
    if (done.found) {
        take_as_done(attempt, &done);
    }
    hg_attempts_settled(dispatch, attempt);
}

/* The one that has waited longest, NULL when none is in doubt (mutex held). */
static struct hg_attempt *first_in_doubt(const struct hg_dispatch *dispatch)
{
    struct hg_attempt *first = NULL;
    for (struct hg_attempt *a = dispatch->attempts.first; a; a = a->next) {
        if (a->in_doubt && (!first || a->try_at_ms < first->try_at_ms)) {
            first = a;
        }
    }
    return first;
}

/* Waits for one that may be asked about; NULL at the end. It stays valid while it is in doubt. */
static struct hg_attempt *wait_for_doubt(struct hg_dispatch *dispatch)
{
    HG_LOCK(&dispatch->mutex);
    for (;;) {
        struct timespec until;
        int64_t now = hg_time_monotonic_ms();
        struct hg_attempt *attempt = first_in_doubt(dispatch);
        if (dispatch->drained && (!attempt || now >= dispatch->settler.until_ms)) {
            return NULL;
        }
        if (attempt && attempt->try_at_ms <= now) {
            return attempt;
        }
        hg_time_monotonic_after(attempt ? attempt->try_at_ms - now : HG_LEASE_MS, &until);
        (void)pthread_cond_timedwait(&dispatch->settler.doubt, &dispatch->mutex, &until);
    }
}

static void *settle_all(void *arg)
{
    struct settling settling = {.dispatch = arg};
    struct hg_attempt *attempt;
    while ((attempt = wait_for_doubt(settling.dispatch)) != NULL) {
        settle(&settling, attempt);
    }
    return NULL;
}

int hg_settler_start(struct hg_dispatch *dispatch, struct hg_error *err)
{
    int e = pthread_create(&dispatch->settler.thread, NULL, settle_all, dispatch);
    if (e != 0) {
        return hg_error_errno(err, e, "cannot start the thread that asks the ledger");
    }
    dispatch->settler.has_thread = true;
    return HG_OK;
}

void hg_settler_stop(struct hg_dispatch *dispatch)
{
    if (dispatch->settler.has_thread) {
        (void)pthread_join(dispatch->settler.thread, NULL);
        dispatch->settler.has_thread = false;
    }
}
