#include "flow/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/time.h"

/* How long to wait before a fence is asked for again, and how long settling asks. */
enum { PAUSE_MIN_MS = 5, PAUSE_MAX_MS = 50, SETTLE_MS = 200, TELL_AFTER_MS = 500 };
enum { NUMBER_TEXT = 24 };

static const struct hg_statement take_fence = {
    "flow_take_fence",
    "select headgate.take_fence($1, $2, $3::bigint, $4::integer, $5::bigint[]) as outcome",
    5};

static const struct hg_statement share_fence = {
    "flow_share_fence", "select headgate.share_fence($1, $2, $3::bigint)", 3};

static const struct hg_statement find_holder = {
    "flow_find_holder",
    "select pid, fence, role from headgate.fence_holder(headgate.fence_place($1, $2))"
    " where pid is not null",
    2};

/* Committed before anybody looks who has the place: whoever takes it behind that sees the bar. */
static const struct hg_statement bar_fences = {
    "flow_bar_fences",
    "insert into headgate.fence_bar (pipeline_id, task_key, fence, spared)"
    " values ($1, $2, $3::bigint, $4::bigint[]) on conflict do nothing",
    4};

static const struct hg_statement is_left_alone = {
    "flow_is_left_alone",
    "select pid is null or coalesce(fence = any ($3::bigint[]), false) as yes"
    " from headgate.fence_holder(headgate.fence_place($1, $2))",
    3};

#define IDLE_LIMIT "set local idle_in_transaction_session_timeout = '10s'"

static const struct hg_statement find_done = {
    "flow_find_done",
    "select coalesce(bool_or(final), false) as final, count(*) filter (where not final) as n_parts,"
    " coalesce(sum(rows_extracted), 0)::bigint as rows_extracted,"
    " coalesce(sum(rows_loaded), 0)::bigint as rows_loaded,"
    " coalesce(sum(rows_rejected), 0)::bigint as rows_rejected from headgate.ledger"
    " where run_id = $1::uuid and task_key = $2",
    2};

static const struct hg_statement find_state = {
    "flow_find_state",
    "select state::text as state from headgate.cursor where pipeline_id = $1 and job_id = $2",
    2};

static const struct hg_statement put_state = {
    "flow_put_state",
    "insert into headgate.cursor (pipeline_id, job_id, state, run_id)"
    " values ($1, $2, $3::jsonb, $4::uuid) on conflict (pipeline_id, job_id)"
    " do update set state = excluded.state, run_id = excluded.run_id, updated_at = now()",
    4};

static const struct hg_statement add_row = {
    "flow_add_ledger",
    "insert into headgate.ledger (pipeline_id, run_id, task_key, attempt, fence, table_name, mode,"
    " rows_extracted, rows_loaded, rows_rejected, part, final)"
    " values ($1, $2::uuid, $3, $4::integer, $5::bigint, $6, $7, $8::bigint, $9::bigint,"
    " $10::bigint, $11::integer, $11::integer = 0)",
    11};

static const char *number(char text[NUMBER_TEXT], int64_t value)
{
    (void)snprintf(text, NUMBER_TEXT, "%lld", (long long)value);
    return text;
}

int hg_ledger_taken_over(const char *key, int64_t fence, struct hg_error *err)
{
    return hg_error_set(err,
                        HG_ECONFLICT,
                        "a newer attempt of task \"%s\" has taken over from fence %lld",
                        key,
                        (long long)fence);
}

/* What headgate.take_fence says; no word of it may pass for a fence that is taken. */
static int outcome_of(const char *text, enum hg_fence *ret, struct hg_error *err)
{
    static const char *const words[] = {
        [HG_FENCE_TAKEN] = "taken",
        [HG_FENCE_REFUSED] = "fenced",
        [HG_FENCE_BUSY] = "busy",
        [HG_FENCE_ENDED] = "ended",
    };
    for (size_t i = 0; text && i < HG_COUNT(words); i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = (enum hg_fence)i;
            return HG_OK;
        }
    }
    return hg_error_set(
        err, HG_EINTERNAL, "headgate.take_fence answers \"%s\"", text ? text : "null");
}

static const char *spared_of(const struct hg_ledger_attempt *attempt)
{
    return attempt->spared ? attempt->spared : "{}";
}

static int take(struct hg_db *db,
                const struct hg_ledger_attempt *attempt,
                const char *end_after_ms,
                enum hg_fence *ret,
                struct hg_error *err)
{
    char fence[NUMBER_TEXT];
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {attempt->pipeline_id,
                                  attempt->key,
                                  number(fence, attempt->fence),
                                  end_after_ms,
                                  spared_of(attempt)};
    int r = hg_db_exec(db, &take_fence, params, &result, err);
    return r < 0 ? r : outcome_of(hg_result_text(result, 0, "outcome"), ret, err);
}

static int find(struct hg_db *db,
                const struct hg_ledger_attempt *attempt,
                struct hg_ledger_done *ret_done,
                struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {attempt->run_id, attempt->key};
    int r = hg_db_exec(db, &find_done, params, &result, err);
    if (r < 0) {
        return r;
    }
    *ret_done = (struct hg_ledger_done){
        .found = hg_result_bool(result, 0, "final"),
        .n_parts = (int)hg_result_int64(result, 0, "n_parts", 0),
        .rows_extracted = hg_result_int64(result, 0, "rows_extracted", 0),
        .rows_loaded = hg_result_int64(result, 0, "rows_loaded", 0),
        .rows_rejected = hg_result_int64(result, 0, "rows_rejected", 0),
    };
    return HG_OK;
}

/* ---- waiting for an older attempt ---- */

static int longer(int pause)
{
    return pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2;
}

struct hg_ledger_wait hg_ledger_wait_begin(const struct hg_flow *flow)
{
    const json_t *lease = json_object_get(flow->task, "lease_ms");
    int64_t lease_ms = json_is_integer(lease) ? json_integer_value(lease) : HG_LEASE_MS;
    int64_t now_ms = hg_time_monotonic_ms();
    return (struct hg_ledger_wait){
        .until_ms = now_ms + lease_ms,
        .tell_at_ms = now_ms + TELL_AFTER_MS,
        .pause_ms = PAUSE_MIN_MS,
    };
}

const char *hg_ledger_end_after(const struct hg_ledger_wait *wait)
{
    return hg_time_monotonic_ms() < wait->until_ms ? NULL : "0";
}

static int holder_of(struct hg_db *db,
                     const char *pipeline_id,
                     const char *key,
                     PGresult **ret,
                     struct hg_error *err)
{
    const char *const params[] = {pipeline_id, key};
    return hg_db_exec(db, &find_holder, params, ret, err);
}

static int tell_holder(struct hg_flow *flow, struct hg_ledger_wait *wait, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = holder_of(flow->db, flow->pipeline_id, flow->key, &result, err);
    if (r < 0 || PQntuples(result) == 0) {
        return r;
    }
    const char *pid = hg_result_text(result, 0, "pid");
    const char *fence = hg_result_text(result, 0, "fence");
    wait->told = true;
    if (fence) {
        hg_flow_log(flow,
                    flow->current,
                    HG_LOG_WARNING,
                    "waiting for an older attempt (fence %s), whose transaction is open in the "
                    "server's session %s",
                    fence,
                    pid);
        return HG_OK;
    }
    hg_flow_log(flow,
                flow->current,
                HG_LOG_WARNING,
                "waiting for the server's session %s, of the role \"%s\": it is no attempt of this "
                "task and holds the advisory lock of it; select pg_terminate_backend(%s); ends it",
                pid,
                hg_result_text(result, 0, "role"),
                pid);
    return HG_OK;
}

int hg_ledger_wait(struct hg_flow *flow,
                   struct hg_ledger_wait *wait,
                   enum hg_fence fence,
                   struct hg_error *err)
{
    int r = HG_OK;
    if (fence == HG_FENCE_ENDED && !wait->ended) {
        hg_flow_log(flow,
                    flow->current,
                    HG_LOG_WARNING,
                    "an older attempt had not let go of the task; its connections are ended");
        wait->ended = true;
    } else if (!wait->told && hg_time_monotonic_ms() >= wait->tell_at_ms) {
        r = tell_holder(flow, wait, err);
    }
    r = r < 0 ? r : hg_flow_cancelled(flow, err);
    if (r == HG_OK) {
        hg_time_pause_ms(wait->pause_ms);
        wait->pause_ms = longer(wait->pause_ms);
    }
    return r;
}

const char *hg_ledger_spared(const struct hg_flow *flow)
{
    const char *spared = json_string_value(json_object_get(flow->task, "spared"));
    return spared ? spared : "{}";
}

static struct hg_ledger_attempt attempt_of(const struct hg_flow *flow)
{
    return (struct hg_ledger_attempt){.pipeline_id = flow->pipeline_id,
                                      .run_id = flow->run_id,
                                      .key = flow->key,
                                      .fence = flow->fence,
                                      .spared = hg_ledger_spared(flow)};
}

static int begin(struct hg_flow *flow, struct hg_error *err)
{
    const struct hg_ledger_attempt attempt = attempt_of(flow);
    struct hg_ledger_wait wait = hg_ledger_wait_begin(flow);
    for (;;) {
        enum hg_fence fence = HG_FENCE_TAKEN;
        int r = hg_db_begin(flow->db, err);
        r = r < 0 ? r : take(flow->db, &attempt, hg_ledger_end_after(&wait), &fence, err);
        if (r == HG_OK && fence == HG_FENCE_REFUSED) {
            flow->fenced = true;
            return hg_ledger_taken_over(flow->key, flow->fence, err);
        }
        if (r < 0 || fence == HG_FENCE_TAKEN) {
            return r;
        }
        hg_db_rollback(flow->db); /* so that the transaction begins when its work does */
        r = hg_ledger_wait(flow, &wait, fence, err);
        if (r < 0) {
            return r;
        }
    }
}

int hg_ledger_begin(struct hg_flow *flow, struct hg_ledger_done *ret_done, struct hg_error *err)
{
    const struct hg_ledger_attempt attempt = attempt_of(flow);
    int r = begin(flow, err);
    r = r < 0 ? r : find(flow->db, &attempt, ret_done, err);
    HG_FAULT("flow.begun");
    return r;
}

int hg_ledger_share(struct hg_flow *flow, struct hg_db *db, struct hg_error *err)
{
    char text[NUMBER_TEXT];
    const char *const params[] = {flow->pipeline_id, flow->key, number(text, flow->fence)};
    return hg_db_exec(db, &share_fence, params, NULL, err);
}

/* ---- settling ---- */

/* How long a transaction has been open that is ended: 0 is any. */
static int64_t end_after_ms(const struct hg_ledger_attempt *attempt)
{
    int64_t since_ms = attempt->asking_since_ms;
    bool long_asked = since_ms > 0 && hg_time_monotonic_ms() - since_ms >= attempt->lease_ms;
    return long_asked ? 0 : attempt->lease_ms;
}

static int settle(struct hg_db *db,
                  const struct hg_ledger_attempt *attempt,
                  enum hg_fence *ret_fence,
                  struct hg_ledger_done *ret_done,
                  struct hg_error *err)
{
    char end_after[NUMBER_TEXT];
    int r = hg_db_begin(db, err);
    /* The server does not wait for us either, should this host be frozen just here. */
    r = r < 0 ? r : hg_db_simple(db, IDLE_LIMIT, NULL, err);
    r = r < 0 ? r : take(db, attempt, number(end_after, end_after_ms(attempt)), ret_fence, err);
    if (r == HG_OK && *ret_fence == HG_FENCE_TAKEN) {
        r = find(db, attempt, ret_done, err);
        r = r < 0 ? r : hg_db_commit(db, err);
    }
    if (r < 0 || *ret_fence != HG_FENCE_TAKEN) {
        hg_db_rollback(db);
    }
    return r;
}

static int look_who_has_it(struct hg_db *db,
                           const struct hg_ledger_attempt *attempt,
                           bool *ret_alone,
                           struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {attempt->pipeline_id, attempt->key, spared_of(attempt)};
    int r = hg_db_exec(db, &is_left_alone, params, &result, err);
    *ret_alone = r == HG_OK && hg_result_bool(result, 0, "yes");
    return r;
}

/*
 * Without the place: another run of the pipeline has it, perhaps for hours, or has had a fence
 * above ours. An attempt that has not got it has nothing open that it could commit; it is barred
 * from taking it, and what it has committed is there to be seen. *ret_certain is false while
 * somebody has it who may be the attempt. Only the look behind the bar counts, the first spares a
 * row.
 */
static int settle_beside(struct hg_db *db,
                         const struct hg_ledger_attempt *attempt,
                         bool *ret_certain,
                         struct hg_ledger_done *ret_done,
                         struct hg_error *err)
{
    char fence[NUMBER_TEXT];
    const char *const bar[] = {
        attempt->pipeline_id, attempt->key, number(fence, attempt->fence), spared_of(attempt)};
    int r = look_who_has_it(db, attempt, ret_certain, err);
    if (r < 0 || !*ret_certain) {
        return r;
    }
    r = hg_db_exec(db, &bar_fences, bar, NULL, err);
    r = r < 0 ? r : look_who_has_it(db, attempt, ret_certain, err);
    return r == HG_OK && *ret_certain ? find(db, attempt, ret_done, err) : r;
}

/* Says who is in the way. */
static int still_open(struct hg_db *db,
                      const struct hg_ledger_attempt *attempt,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = holder_of(db, attempt->pipeline_id, attempt->key, &result, err);
    if (r < 0) {
        return r;
    }
    if (PQntuples(result) > 0 && !hg_result_text(result, 0, "fence")) {
        const char *pid = hg_result_text(result, 0, "pid");
        hg_error_set(err,
                     HG_EUNAVAILABLE,
                     "the server's session %s, of the role \"%s\", holds the advisory lock of task "
                     "\"%s\" and is no attempt of it",
                     pid,
                     hg_result_text(result, 0, "role"),
                     attempt->key);
        (void)hg_error_hint(err, "select pg_terminate_backend(%s); ends it.", pid);
    } else {
        hg_error_set(err,
                     HG_EUNAVAILABLE,
                     "an attempt of task \"%s\" still has its transaction open",
                     attempt->key);
    }
    if (err) {
        err->retryable = 1;
    }
    return HG_EUNAVAILABLE;
}

int hg_ledger_settle(struct hg_db *db,
                     const struct hg_ledger_attempt *attempt,
                     struct hg_ledger_done *ret_done,
                     struct hg_error *err)
{
    int64_t until_ms = hg_time_monotonic_ms() + SETTLE_MS;
    for (int pause = PAUSE_MIN_MS;; pause = longer(pause)) {
        enum hg_fence fence = HG_FENCE_BUSY;
        bool certain = false;
        int r = settle(db, attempt, &fence, ret_done, err);
        if (r == HG_OK && (fence == HG_FENCE_BUSY || fence == HG_FENCE_REFUSED)) {
            r = settle_beside(db, attempt, &certain, ret_done, err);
        }
        if (r < 0 || fence == HG_FENCE_TAKEN || certain) {
            return r;
        }
        if (hg_time_monotonic_ms() >= until_ms) {
            return still_open(db, attempt, err);
        }
        hg_time_pause_ms(pause);
    }
}

/* ---- cursor and ledger ---- */

int hg_ledger_state(struct hg_flow *flow, char **ret_state, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {flow->pipeline_id, flow->key};
    int r = hg_db_exec(flow->db, &find_state, params, &result, err);
    if (r < 0) {
        return r;
    }
    const char *text = PQntuples(result) > 0 ? hg_result_text(result, 0, "state") : NULL;
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) {
        return hg_error_nomem(err);
    }
    *ret_state = copy;
    return HG_OK;
}

static int write_state(struct hg_flow *flow, struct hg_error *err)
{
    const char *const params[] = {flow->pipeline_id, flow->key, flow->state, flow->run_id};
    return flow->state ? hg_db_exec(flow->db, &put_state, params, NULL, err) : HG_OK;
}

/*
 * What is on a table (a trigger, a default) may have said that the commit need not wait for the
 * disk, and so may the server's settings: a run that is said to have succeeded has its rows.
 */
static int be_durable(struct hg_flow *flow, struct hg_error *err)
{
    return hg_db_simple(flow->db,
                        "set local role none;"
                        " select pg_catalog.set_config('synchronous_commit', 'on', true)"
                        " where pg_catalog.current_setting('synchronous_commit') = 'off'",
                        NULL,
                        err);
}

int hg_ledger_commit(struct hg_flow *flow, const struct hg_ledger_row *row, struct hg_error *err)
{
    char text[6][NUMBER_TEXT];
    int r = be_durable(flow, err);
    r = r < 0 ? r : write_state(flow, err);
    if (r < 0) {
        return r;
    }
    const char *const params[] = {flow->pipeline_id,
                                  flow->run_id,
                                  flow->key,
                                  number(text[0], flow->attempt),
                                  number(text[1], flow->fence),
                                  row->table,
                                  row->mode,
                                  number(text[2], row->rows_extracted),
                                  number(text[3], row->rows_loaded),
                                  number(text[4], row->rows_rejected),
                                  number(text[5], row->part)};
    r = hg_db_exec(flow->db, &add_row, params, NULL, err);
    HG_FAULT("flow.commits");
    r = r < 0 ? r : hg_db_commit(flow->db, err);
    if (row->part == 0) {
        HG_FAULT("flow.committed");
        flow->committed = r == HG_OK;
    } else {
        HG_FAULT("flow.checkpointed");
    }
    return r;
}

int hg_ledger_as_user(struct hg_flow *flow, struct hg_error *err)
{
    return hg_db_simple(flow->db, "set local role headgate_user", NULL, err);
}

int hg_ledger_as_self(struct hg_flow *flow, struct hg_error *err)
{
    return hg_db_simple(flow->db, "set local role none", NULL, err);
}
