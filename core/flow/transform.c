#include "flow/transform.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/parse.h"
#include "flow/ledger.h"

static const struct hg_statement set_param = {
    "flow_set_param", "select set_config($1, $2, true)", 2};

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

static int set_params(struct hg_flow *flow, const json_t *params, struct hg_error *err)
{
    int r = HG_OK;
    json_t *list = (json_t *)(uintptr_t)params; /* jansson iterates over what is not const */
    for (void *at = json_object_iter(list); r == HG_OK && at;
         at = json_object_iter_next(list, at)) {
        char setting[SETTING_BYTES];
        HG_CLEANUP(hg_freep)
        char *text = value_text(json_object_get(json_object_iter_value(at), "value"));
        setting_name(json_object_iter_key(at), setting);
        const char *const values[] = {setting, text};
        r = text ? hg_db_exec(flow->db, &set_param, values, NULL, err) : hg_error_nomem(err);
    }
    return r;
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

static int run_script(struct hg_flow *flow, const json_t *part, struct hg_error *err)
{
    const char *sql = NULL;
    int r = hg_flow_text(part, "sql", &sql, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(hg_resultp)
    PGresult *result = PQexecParams(
        hg_db_conn(flow->db), "select headgate.run_sql($1)", 1, NULL, &sql, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        return script_error(
            flow, result, sql, json_string_value(json_object_get(part, "file")), err);
    }
    flow->jobs[0].rows_out = hg_result_int64(result, 0, "run_sql", 0);
    return HG_OK;
}

int hg_transform_run(struct hg_flow *flow, struct hg_error *err)
{
    const json_t *part = json_object_get(flow->task, "transform");
    struct hg_ledger_done done = {0};
    int r = hg_ledger_begin(flow, &done, err);
    if (r == HG_OK && done.found) {
        hg_db_rollback(flow->db);
        hg_flow_log(flow, 0, HG_LOG_INFO, "an earlier attempt of this run has committed already");
        flow->jobs[0].rows_out = done.rows_loaded;
        flow->committed = true;
        return HG_OK;
    }
    r = r < 0 ? r : set_params(flow, json_object_get(part, "params"), err);
    r = r < 0 ? r : run_script(flow, part, err);
    HG_FAULT("transform.ran");
    r = r < 0 ? r : hg_flow_cancelled(flow, err);
    const struct hg_ledger_row row = {.rows_loaded = flow->jobs[0].rows_out};
    r = r < 0 ? r : hg_ledger_commit(flow, &row, err);
    if (r == HG_OK) {
        hg_flow_log(flow,
                    0,
                    HG_LOG_INFO,
                    "the script's last statement gave or changed %" PRId64 " row%s",
                    row.rows_loaded,
                    row.rows_loaded == 1 ? "" : "s");
    }
    return r;
}
