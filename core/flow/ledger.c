#include "flow/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"

enum { NUMBER_TEXT = 24 };

static const struct hg_statement take_fence = {
    "flow_take_fence",
    "insert into headgate.ledger_head as h (pipeline_id, task_key, fence)"
    " values ($1, $2, $3::bigint) on conflict (pipeline_id, task_key)"
    " do update set fence = excluded.fence where h.fence <= excluded.fence returning h.fence",
    3};

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

static int take(struct hg_db *db, const struct hg_ledger_attempt *attempt, struct hg_error *err)
{
    char fence[NUMBER_TEXT];
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {
        attempt->pipeline_id, attempt->key, number(fence, attempt->fence)};
    int r = hg_db_exec(db, &take_fence, params, &result, err);
    if (r == HG_OK && PQntuples(result) == 0) {
        return hg_ledger_taken_over(attempt->key, attempt->fence, err);
    }
    return r;
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

int hg_ledger_begin(struct hg_flow *flow, struct hg_ledger_done *ret_done, struct hg_error *err)
{
    const struct hg_ledger_attempt attempt = {
        flow->pipeline_id, flow->run_id, flow->key, flow->fence};
    int r = hg_db_begin(flow->db, err);
    r = r < 0 ? r : take(flow->db, &attempt, err);
    r = r < 0 ? r : find(flow->db, &attempt, ret_done, err);
    HG_FAULT("flow.begun");
    return r;
}

int hg_ledger_settle(struct hg_db *db,
                     const struct hg_ledger_attempt *attempt,
                     struct hg_ledger_done *ret_done,
                     struct hg_error *err)
{
    int r = hg_db_begin(db, err);
    r = r < 0 ? r : hg_db_simple(db, "set local lock_timeout = '200ms'", NULL, err);
    r = r < 0 ? r : take(db, attempt, err);
    r = r < 0 ? r : find(db, attempt, ret_done, err);
    r = r < 0 ? r : hg_db_commit(db, err);
    if (r < 0) {
        hg_db_rollback(db);
    }
    return r;
}

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

int hg_ledger_commit(struct hg_flow *flow, const struct hg_ledger_row *row, struct hg_error *err)
{
    char text[6][NUMBER_TEXT];
    int r = hg_ledger_as_self(flow, err);
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
