#include "flow/stage_input.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "flow/ledger.h"
#include "flow/reader.h"
#include "flow/session.h"
#include "flow/watch.h"
#include "headgate/batch.h"
#include "store/array.h"
#include "store/db.h"

/* This run's stage, and before it those that the task was meant to read and has not. */
static const struct hg_statement find_stages = {
    "flow_stage_find",
    "select s.seq, s.table_name, s.columns::text as columns, s.n_rows, s.in_order, s.incremental,"
    " s.source,"
    " s.run_id::text as run_id"
    " from headgate.stage s join headgate.stage_reader r on r.seq = s.seq and r.task_key = $4"
    " where s.pipeline_id = $1 and s.task_key = $2 and s.seq <= (select o.seq from headgate.stage o"
    " where o.run_id = $3::uuid and o.task_key = $2) order by s.seq",
    4};

static const struct hg_statement take_stages = {
    "flow_stage_take", "select headgate.stage_take($1, $2::bigint[])", 2};

struct hg_stage_input {
    struct hg_flow *flow;
    PGresult *stages; /* to be read in this order; the last is this run's */
    int n_stages;
    int next;          /* index of the one to be opened next */
    json_t *described; /* columns of this run's stage */
    struct hg_column *columns;
    size_t n_columns;
    struct hg_flow_schema schema;
    struct hg_db *db;
    struct hg_reader *reader; /* NULL between two stages */
    bool incremental;
};

const struct hg_flow_schema *hg_stage_input_schema(const struct hg_stage_input *input)
{
    return &input->schema;
}

bool hg_stage_input_incremental(const struct hg_stage_input *input)
{
    return input && input->incremental;
}

static void disconnect_reader(struct hg_stage_input *input)
{
    hg_reader_close(HG_TAKE(input->reader));
    hg_flow_watch_reader(input->flow->watch, NULL);
    hg_db_returnp(&input->db);
}

void hg_stage_input_close(struct hg_stage_input *input)
{
    if (!input) {
        return;
    }
    disconnect_reader(input);
    hg_flow_schema_free(&input->schema);
    free(input->columns);
    json_decref(input->described);
    PQclear(input->stages);
    free(input);
}

/* ---- opening ---- */

static int find(struct hg_stage_input *input, struct hg_error *err)
{
    const struct hg_flow *flow = input->flow;
    const char *source = NULL;
    int r = hg_flow_text(flow->task, "reads", &source, err);
    if (r < 0) {
        return r;
    }
    const char *const params[] = {flow->pipeline_id, source, flow->run_id, flow->key};
    r = hg_db_exec(flow->db, &find_stages, params, &input->stages, err);
    input->n_stages = r == HG_OK ? PQntuples(input->stages) : 0;
    int last = input->n_stages - 1;
    const char *run = last >= 0 ? hg_result_text(input->stages, last, "run_id") : NULL;
    if (r == HG_OK && (!run || strcmp(run, flow->run_id) != 0)) {
        hg_error_set(err,
                     HG_ENOTFOUND,
                     "the rows that this run staged in \"%s\" are no longer there: a later run of "
                     "the pipeline has taken over",
                     source);
        return hg_error_hint(err, "There is nothing left to retry. Trigger a new run.");
    }
    return r < 0 ? r
                 : hg_flow_from(input->flow, hg_result_text(input->stages, last, "source"), err);
}

static int describe(struct hg_stage_input *input, struct hg_error *err)
{
    struct ArrowSchema arrow = {0};
    const char *text = hg_result_text(input->stages, input->n_stages - 1, "columns");
    input->described = hg_json_read_text(text ? text : "", 0, NULL);
    input->n_columns = json_array_size(input->described);
    input->columns = calloc(input->n_columns + 1, sizeof *input->columns);
    if (!input->described || !input->columns) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < input->n_columns; i++) {
        const json_t *form = json_array_get(input->described, i);
        const struct hg_flow_column column = {
            .name = json_string_value(json_object_get(form, "name")),
            .type = (int)json_integer_value(json_object_get(form, "type")),
            .precision = (int)json_integer_value(json_object_get(form, "precision")),
            .scale = (int)json_integer_value(json_object_get(form, "scale")),
            .utc = json_is_true(json_object_get(form, "utc")),
            .json = json_is_true(json_object_get(form, "json")),
        };
        input->columns[i] = hg_flow_column_build(&column);
    }
    int r = hg_batch_schema(input->columns, input->n_columns, &arrow, err);
    return r < 0 ? r : hg_flow_schema_take(&arrow, &input->schema, err);
}

/* The columns of a stage, NULL without memory. Owned by the caller. */
static json_t *columns_of(const struct hg_stage_input *input, int stage)
{
    const char *text = hg_result_text(input->stages, stage, "columns");
    return hg_json_read_text(text ? text : "", 0, NULL);
}

static const json_t *find_column(const json_t *columns, const char *name)
{
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *column = json_array_get(columns, i);
        if (strcmp(json_string_value(json_object_get(column, "name")), name) == 0) {
            return column;
        }
    }
    return NULL;
}

static int refuse(const struct hg_stage_input *input,
                  int stage,
                  const char *name,
                  bool there,
                  struct hg_error *err)
{
    hg_error_set(err,
                 HG_EINVAL,
                 "run %s has staged %s rows for \"%s\" that are not loaded yet, and their column "
                 "\"%s\" %s",
                 hg_result_text(input->stages, stage, "run_id"),
                 hg_result_text(input->stages, stage, "n_rows"),
                 input->flow->key,
                 name,
                 there ? "has another type since" : "is no longer there");
    return hg_error_hint(
        err,
        "Retry that run first, it loads what it has staged; then this one. If its rows are not "
        "wanted: select headgate.stage_drop(%s); in the warehouse.",
        hg_result_text(input->stages, stage, "seq"));
}

/*
 * Stages of several runs are read as one stream, by the columns of this run's. A column that came
 * since is null in the rows of before; one that went, or is of another type, would be a loss.
 */
static int fit(const struct hg_stage_input *input, int stage, struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *columns = columns_of(input, stage);
    if (!columns) {
        return hg_error_nomem(err);
    }
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *column = json_array_get(columns, i);
        const char *name = json_string_value(json_object_get(column, "name"));
        const json_t *own = find_column(input->described, name);
        if (!(own && json_equal(own, column)) && strcmp(name, HG_FLOW_POSITION) != 0) {
            return refuse(input, stage, name, own != NULL, err);
        }
    }
    return HG_OK;
}

static int fit_all(struct hg_stage_input *input, struct hg_error *err)
{
    int r = HG_OK;
    for (int i = 0; r == HG_OK && i < input->n_stages; i++) {
        input->incremental |= hg_result_bool(input->stages, i, "incremental");
        r = hg_result_int64(input->stages, i, "n_rows", 0) > 0 ? fit(input, i, err) : HG_OK;
    }
    return r;
}

static int connect_reader(struct hg_stage_input *input, struct hg_error *err)
{
    const char *warehouse = NULL;
    int r = hg_flow_text(input->flow->task, "warehouse", &warehouse, err);
    r = r < 0 ? r : hg_flow_connect(warehouse, &input->db, err);
    if (r < 0) {
        return r;
    }
    hg_flow_watch_reader(input->flow->watch, input->db);
    /* A scan that joins another's begins in the middle of the table. */
    r = hg_db_simple(input->db, "begin read only; set local synchronize_seqscans = off", NULL, err);
    return r < 0 ? r : hg_ledger_share(input->flow, input->db, err);
}

int hg_stage_input_open(struct hg_flow *flow, struct hg_stage_input **ret, struct hg_error *err)
{
    struct hg_stage_input *input = calloc(1, sizeof *input);
    if (!input) {
        return hg_error_nomem(err);
    }
    input->flow = flow;
    input->schema.position = -1;
    int r = find(input, err);
    r = r < 0 ? r : describe(input, err);
    if (r == HG_OK && hg_flow_replaces(flow)) {
        input->next = input->n_stages - 1; /* those before it were replaced by it */
    } else {
        r = r < 0 ? r : fit_all(input, err);
    }
    r = r < 0 ? r : connect_reader(input, err);
    if (r < 0) {
        hg_stage_input_close(input);
        return r;
    }
    *ret = input;
    return HG_OK;
}

/* ---- reading ---- */

static int open_next(struct hg_stage_input *input, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    int stage = input->next++;
    HG_CLEANUP(hg_json_decrefp) json_t *columns = columns_of(input, stage);
    hg_buf_puts(&sql, "select ");
    for (size_t i = 0; i < input->n_columns; i++) {
        hg_buf_puts(&sql, i > 0 ? ", " : "");
        if (find_column(columns, input->columns[i].name)) {
            hg_quote_ident(&sql, input->columns[i].name);
        } else {
            hg_buf_puts(&sql, "null");
        }
    }
    hg_buf_puts(&sql, " from ");
    int r = hg_quote_table(&sql, hg_result_text(input->stages, stage, "table_name"), err);
    if (!hg_result_bool(input->stages, stage, "in_order")) {
        hg_buf_puts(&sql, " order by \"_hg_seq\"");
    }
    if (r == HG_OK && (!columns || hg_buf_failed(&sql))) {
        r = hg_error_nomem(err);
    }
    return r < 0 ? r
                 : hg_reader_open(input->db,
                                  hg_buf_text(&sql),
                                  input->columns,
                                  input->n_columns,
                                  &input->reader,
                                  err);
}

int hg_stage_input_next(struct hg_stage_input *input, struct ArrowArray *ret, struct hg_error *err)
{
    for (;;) {
        if (!input->reader && input->next == input->n_stages) {
            return HG_OK;
        }
        int r = input->reader ? HG_OK : open_next(input, err);
        r = r < 0 ? r : hg_reader_next(input->reader, ret, err);
        if (r < 0 || ret->release) {
            return r;
        }
        hg_reader_close(HG_TAKE(input->reader));
    }
}

int hg_stage_input_take(struct hg_stage_input *input, struct hg_error *err)
{
    HG_CLEANUP(hg_buf_free) struct hg_buf stages = HG_BUF_INIT;
    for (int i = 0; i < input->n_stages; i++) {
        hg_array_put(&stages, hg_result_text(input->stages, i, "seq"));
    }
    const char *const params[] = {input->flow->key, hg_array_text(&stages)};
    /* The last reader drops the table, which waits for all who still read it: us. */
    disconnect_reader(input);
    return params[1] ? hg_db_exec(input->flow->db, &take_stages, params, NULL, err)
                     : hg_error_nomem(err);
}
