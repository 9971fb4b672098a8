#include "flow/stage_input.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "flow/ledger.h"
#include "flow/reader.h"
#include "headgate/batch.h"
#include "store/array.h"
#include "store/db.h"

/* This run's stage, and before it those that the task was meant to read and has not. */
static const struct hg_statement find_stages = {
    "flow_stage_find",
    "select s.seq, s.table_name, s.columns::text as columns, s.n_rows, s.in_order, s.incremental,"
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

void hg_stage_input_close(struct hg_stage_input *input)
{
    if (!input) {
        return;
    }
    hg_reader_close(input->reader);
    hg_db_returnp(&input->db);
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
    return r;
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

/* Stages of several runs are read as one stream, so they must look alike. */
static int compare(struct hg_stage_input *input, struct hg_error *err)
{
    const char *own = hg_result_text(input->stages, input->n_stages - 1, "columns");
    for (int i = 0; i < input->n_stages; i++) {
        const char *other = hg_result_text(input->stages, i, "columns");
        input->incremental |= hg_result_bool(input->stages, i, "incremental");
        if (strcmp(own, other) != 0) {
            hg_error_set(
                err,
                HG_EINVAL,
                "run %s has left rows to \"%s\" whose columns differ from those of this run",
                hg_result_text(input->stages, i, "run_id"),
                input->flow->key);
            return hg_error_hint(
                err, "Retry that run first: it loads what it has staged. Then retry this one.");
        }
    }
    return HG_OK;
}

static int connect_reader(struct hg_stage_input *input, struct hg_error *err)
{
    const char *warehouse = NULL;
    int r = hg_flow_text(input->flow->task, "warehouse", &warehouse, err);
    r = r < 0 ? r : hg_db_connect(warehouse, "headgate worker", &input->db, err);
    /* A scan that joins another's begins in the middle of the table. */
    r = r < 0 ? r
              : hg_db_simple(
                    input->db, "begin read only; set local synchronize_seqscans = off", NULL, err);
    return r < 0 ? r : hg_ledger_share(input->db, input->flow->fence, err);
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
        r = r < 0 ? r : compare(input, err);
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
    hg_buf_puts(&sql, "select ");
    for (size_t i = 0; i < input->n_columns; i++) {
        hg_buf_puts(&sql, i > 0 ? ", " : "");
        hg_quote_ident(&sql, input->columns[i].name);
    }
    hg_buf_puts(&sql, " from ");
    int r = hg_quote_table(&sql, hg_result_text(input->stages, stage, "table_name"), err);
    if (!hg_result_bool(input->stages, stage, "in_order")) {
        hg_buf_puts(&sql, " order by \"_hg_seq\"");
    }
    if (r == HG_OK && hg_buf_failed(&sql)) {
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
    hg_db_returnp(&input->db);
    return params[1] ? hg_db_exec(input->flow->db, &take_stages, params, NULL, err)
                     : hg_error_nomem(err);
}
