#include "flow/transform.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/parse.h"
#include "flow/ledger.h"
#include "store/array.h"

enum { SETTING_BYTES = 128 };

/* "params.since" is in headgate.p_params_since, as the script was rewritten to read it. */
static void setting_name(const char *name, char ret[SETTING_BYTES])
{
    int n = snprintf(ret, SETTING_BYTES, "headgate.p_");
    for (; *name && n < SETTING_BYTES - 1; name++) {
        bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= '0' && *name <= '9');
        ret[n++] = plain ? *name : '_';
    }
    ret[n] = '\0';
}

/* The script reads an empty text as NULL. */
static char *value_text(const json_t *value)
{
    if (!value || json_is_null(value)) {
        return strdup("");
    }
    return json_is_string(value) ? strdup(json_string_value(value))
                                 : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* The settings and their values, as two arrays. */
static int put_params(const json_t *params,
                      struct hg_buf *names,
                      struct hg_buf *values,
                      struct hg_error *err)
{
    const char *name;
    json_t *param;
    json_object_foreach ((json_t *)(uintptr_t)params, name, param) {
        char setting[SETTING_BYTES];
        HG_CLEANUP(hg_freep) char *text = value_text(json_object_get(param, "value"));
        if (!text) {
            return hg_error_nomem(err);
        }
        setting_name(name, setting);
        hg_array_put(names, setting);
        hg_array_put(values, text);
    }
    return HG_OK;
}

/* Puts "line:column: " of a place in the script, counted in characters from 1, before the message.
 */
static int add_place(const char *sql, int64_t position, struct hg_error *err)
{
    int line = 1;
    int column = 1;
    for (const char *at = sql; *at && position > 1; at++) {
        bool starts_character = ((unsigned char)at[1] & 0xc0) != 0x80;
        column += *at != '\n' && starts_character;
        position -= starts_character;
        if (*at == '\n') {
            line++;
            column = 1;
        }
    }
    return hg_error_wrap(err, "%d:%d", line, column);
}

static int script_error(struct hg_flow *flow,
                        const PGresult *result,
                        const char *sql,
                        const char *file,
                        struct hg_error *err)
{
    int64_t position = 0;
    const char *place = PQresultErrorField(result, PG_DIAG_INTERNAL_POSITION);
    const char *query = PQresultErrorField(result, PG_DIAG_INTERNAL_QUERY);
    int r = hg_db_error(hg_db_conn(flow->db), result, err);
    /* Only a place in the script itself: the query may also be one of a function it calls. */
    if (place && query && strcmp(query, sql) == 0 &&
        hg_parse_int64(place, 1, INT64_MAX, &position, NULL) == HG_OK) {
        r = add_place(sql, position, err);
    }
    return file && err ? hg_error_wrap(err, "%s", file) : r;
}

/* Borrowed from the result. */
static const char *outcome_of(const PGresult *result)
{
    const char *outcome = PQntuples(result) == 1 ? hg_result_text(result, 0, "outcome") : NULL;
    return outcome ? outcome : "";
}

/* Whether an older attempt is in the way. */
static bool is_held(const PGresult *result, enum hg_fence *ret)
{
    const char *outcome = outcome_of(result);
    bool ended = strcmp(outcome, "ended") == 0;
    *ret = ended ? HG_FENCE_ENDED : HG_FENCE_BUSY;
    return ended || strcmp(outcome, "busy") == 0;
}

/* What headgate.run_transform says of it. */
static int take_outcome(struct hg_flow *flow, const PGresult *result, struct hg_error *err)
{
    const char *outcome = outcome_of(result);
    int64_t n_rows = hg_result_int64(result, 0, "n_rows", 0);
    bool found = strcmp(outcome, "found") == 0;
    if (strcmp(outcome, "fenced") == 0) {
        flow->fenced = true;
        return hg_ledger_taken_over(flow->key, flow->fence, err);
    }
    if (!found && strcmp(outcome, "done") != 0) {
        return hg_error_set(
            err,
            HG_EINTERNAL,
            "headgate.run_transform says \"%.32s\", which this version does not know",
            outcome);
    }
    flow->committed = true;
    flow->jobs[0].rows_out = n_rows;
    if (found) {
        hg_flow_log(flow, 0, HG_LOG_INFO, "an earlier attempt of this run has committed already");
        return HG_OK;
    }
    hg_flow_log(flow,
                0,
                HG_LOG_INFO,
                "the script's last statement gave or changed %" PRId64 " row%s",
                n_rows,
                n_rows == 1 ? "" : "s");
    return HG_OK;
}

/* Once no older attempt is in the way. */
static int run_alone(struct hg_flow *flow,
                     const char *sql,
                     const char *names,
                     const char *values,
                     PGresult **ret,
                     struct hg_error *err)
{
    char attempt[24];
    char fence[24];
    (void)snprintf(attempt, sizeof attempt, "%" PRId64, flow->attempt);
    (void)snprintf(fence, sizeof fence, "%" PRId64, flow->fence);
    struct hg_ledger_wait wait = hg_ledger_wait_begin(flow);
    for (;;) {
        enum hg_fence held = HG_FENCE_BUSY;
        const char *const params[] = {flow->pipeline_id,
                                      flow->key,
                                      flow->run_id,
                                      attempt,
                                      fence,
                                      hg_ledger_end_after(&wait),
                                      names,
                                      values,
                                      sql,
                                      hg_ledger_spared(flow)};
        PGresult *result = PQexecParams(
            hg_db_conn(flow->db),
            "select outcome, n_rows from headgate.run_transform($1, $2, $3::uuid,"
            " $4::int, $5::bigint, $6::int, $7::text[], $8::text[], $9, $10::bigint[])",
            (int)HG_COUNT(params),
            NULL,
            params,
            NULL,
            NULL,
            0);
        if (PQresultStatus(result) != PGRES_TUPLES_OK || !is_held(result, &held)) {
            *ret = result;
            return HG_OK;
        }
        PQclear(result);
        int r = hg_ledger_wait(flow, &wait, held, err);
        if (r < 0) {
            return r;
        }
    }
}

static int run_script(struct hg_flow *flow,
                      const json_t *part,
                      const char *names,
                      const char *values,
                      struct hg_error *err)
{
    const char *sql = NULL;
    int r = hg_flow_text(part, "sql", &sql, err);
    if (r < 0) {
        return r;
    }
    HG_FAULT("flow.begun");
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    r = run_alone(flow, sql, names, values, &result, err);
    HG_FAULT("flow.committed");
    if (r < 0) {
        return r;
    }
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        return script_error(
            flow, result, sql, json_string_value(json_object_get(part, "file")), err);
    }
    return take_outcome(flow, result, err);
}

int hg_transform_run(struct hg_flow *flow, struct hg_error *err)
{
    const json_t *part = json_object_get(flow->task, "transform");
    HG_CLEANUP(hg_buf_free) struct hg_buf names = HG_BUF_INIT;
    HG_CLEANUP(hg_buf_free) struct hg_buf values = HG_BUF_INIT;
    int r = put_params(json_object_get(part, "params"), &names, &values, err);
    if (r < 0) {
        return r;
    }
    const char *names_text = hg_array_text(&names);
    const char *values_text = hg_array_text(&values);
    return names_text && values_text ? run_script(flow, part, names_text, values_text, err)
                                     : hg_error_nomem(err);
}
