#include "flow/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "flow/rows.h"
#include "flow/text.h"
#include "headgate/batch.h"
#include "store/array.h"
#include "store/db.h"

static const struct hg_statement put_stage = {
    "flow_stage_put",
    "select headgate.stage_put($1, $2, $3::uuid, $4, $5::jsonb, $6::jsonb, $7::jsonb, $8::bigint,"
    " $9::boolean, $10::boolean, $11::boolean, $12::text[], $13)",
    13};

static const struct hg_statement leave_stages = {
    "flow_stage_leave", "select headgate.stage_leave($1, $2, $3::text[])", 3};

bool hg_stage_is_written(const struct hg_flow *flow)
{
    return json_object_get(flow->task, "stage") != NULL;
}

bool hg_stage_is_read(const struct hg_flow *flow)
{
    return json_object_get(flow->task, "reads") != NULL;
}

/* A fence is given once, so that no two attempts write the same table. */
void hg_stage_name(const struct hg_flow *flow, char ret[HG_STAGE_NAME_BYTES])
{
    int n = snprintf(ret, HG_STAGE_NAME_BYTES, "headgate_stage.r");
    for (const char *at = flow->run_id; *at; at++) {
        if (*at != '-') {
            ret[n++] = *at;
        }
    }
    (void)snprintf(ret + n, HG_STAGE_NAME_BYTES - (size_t)n, "_f%" PRId64, flow->fence);
}

/* A position is stored in words. */
static int type_of(const struct hg_flow_schema *schema, size_t i)
{
    return (int)i == schema->position ? HG_TYPE_UTF8 : schema->columns[i].type;
}

static char *columns_text(const struct hg_flow_schema *schema)
{
    HG_CLEANUP(hg_json_decrefp) json_t *list = json_array();
    for (size_t i = 0; i < schema->n_columns; i++) {
        const struct hg_flow_column *column = &schema->columns[i];
        if (json_array_append_new(list,
                                  json_pack("{s:s, s:i, s:i, s:i, s:b, s:b}",
                                            "name",
                                            column->name,
                                            "type",
                                            type_of(schema, i),
                                            "precision",
                                            column->precision,
                                            "scale",
                                            column->scale,
                                            "utc",
                                            column->utc,
                                            "json",
                                            column->json)) < 0) {
            return NULL;
        }
    }
    return json_dumps(list, JSON_COMPACT);
}

static int refuse_mixed(const struct hg_flow *flow, struct hg_error *err)
{
    hg_error_set(err,
                 HG_EINVAL,
                 "the rows of \"%s\" go to a load that replaces its table and to another that does"
                 " not, and its source gives only what is new",
                 flow->key);
    return hg_error_hint(err,
                         "A replacing load needs all rows, each time. Read the source a second "
                         "time, in an extract of its own, for that load.");
}

int hg_stage_leave(struct hg_flow *flow, struct hg_error *err)
{
    const char *const params[] = {
        flow->pipeline_id, flow->key, hg_flow_replaces(flow) ? NULL : "{}"};
    return hg_db_exec(flow->db, &leave_stages, params, NULL, err);
}

int hg_stage_put(struct hg_flow *flow, const struct hg_stage_facts *facts, struct hg_error *err)
{
    const json_t *part = json_object_get(flow->task, "stage");
    char name[HG_STAGE_NAME_BYTES];
    char n_rows[24];
    HG_CLEANUP(hg_freep) char *state = HG_TAKE(flow->state);
    HG_CLEANUP(hg_freep) char *columns = columns_text(facts->schema);
    HG_CLEANUP(hg_buf_free) struct hg_buf readers = HG_BUF_INIT;
    size_t i;
    const json_t *reader;
    if (state && json_is_true(json_object_get(part, "mixed"))) {
        return refuse_mixed(flow, err);
    }
    json_array_foreach (json_object_get(part, "readers"), i, reader) {
        hg_array_put(&readers, json_string_value(reader));
    }
    const char *readers_text = hg_array_text(&readers);
    if (!columns || !readers_text) {
        return hg_error_nomem(err);
    }
    hg_stage_name(flow, name);
    (void)snprintf(n_rows, sizeof n_rows, "%" PRId64, facts->n_rows);
    bool incremental = !hg_flow_replaces(flow) && (state || facts->incremental);
    const char *const params[] = {flow->pipeline_id,
                                  flow->key,
                                  flow->run_id,
                                  name,
                                  columns,
                                  facts->started_from,
                                  state,
                                  n_rows,
                                  facts->in_order ? "true" : "false",
                                  incremental ? "true" : "false",
                                  hg_stage_is_read(flow) ? "false" : "true",
                                  readers_text,
                                  flow->source};
    return hg_db_exec(flow->db, &put_stage, params, NULL, err);
}

/* ---- positions in words ---- */

struct hg_stage_words {
    struct hg_flow_schema schema; /* of one column of text */
    struct hg_batch *builder;
    struct ArrowArray array;
    struct hg_flow_view *views;
    struct hg_buf text;
    struct hg_buf clean;
};

static const struct hg_column words_column = {
    .name = "words", .type = HG_TYPE_UTF8, .nullable = true};

int hg_stage_words_new(const struct hg_flow_schema *schema,
                       struct hg_stage_words **ret,
                       struct hg_error *err)
{
    struct ArrowSchema arrow = {0};
    struct hg_stage_words *words = calloc(1, sizeof *words);
    if (!words) {
        return hg_error_nomem(err);
    }
    words->schema.position = -1;
    words->views = calloc(schema->n_columns, sizeof *words->views);
    int r = words->views ? hg_batch_schema(&words_column, 1, &arrow, err) : hg_error_nomem(err);
    r = r < 0 ? r : hg_flow_schema_take(&arrow, &words->schema, err);
    r = r < 0 ? r : hg_batch_new(&words_column, 1, &words->builder, err);
    if (r < 0) {
        hg_stage_words_free(words);
        return r;
    }
    *ret = words;
    return HG_OK;
}

void hg_stage_words_free(struct hg_stage_words *words)
{
    if (!words) {
        return;
    }
    if (words->array.release) {
        words->array.release(&words->array);
    }
    hg_batch_free(words->builder);
    hg_flow_schema_free(&words->schema);
    hg_buf_free(&words->text);
    hg_buf_free(&words->clean);
    free(words->views);
    free(words);
}

static int add_words(struct hg_stage_words *words,
                     const struct hg_flow_batch *batch,
                     int64_t row,
                     struct hg_error *err)
{
    const char *text = hg_row_position(&words->text, batch, row);
    hg_buf_reset(&words->clean);
    hg_clean_text(&words->clean, text ? text : "", text ? strlen(text) : 0);
    int r = hg_buf_failed(&words->text) || hg_buf_failed(&words->clean) ? HG_ENOMEM : HG_OK;
    r = r < 0 ? r
              : hg_batch_append_text(words->builder, 0, text ? hg_buf_text(&words->clean) : NULL);
    r = r < 0 ? r : hg_batch_end_row(words->builder);
    return r < 0 ? hg_batch_explain(words->builder, 0, r, err) : HG_OK;
}

int hg_stage_words_put(struct hg_stage_words *words,
                       const struct hg_flow_batch *batch,
                       struct hg_flow_batch *ret,
                       struct hg_error *err)
{
    int r = HG_OK;
    if (words->array.release) {
        words->array.release(&words->array);
    }
    for (int64_t row = 0; r == HG_OK && row < batch->n_rows; row++) {
        r = add_words(words, batch, row, err);
    }
    r = r < 0 ? r : hg_batch_finish(words->builder, &words->array, err);
    if (r < 0) {
        return r;
    }
    memcpy(words->views, batch->views, batch->schema->n_columns * sizeof *words->views);
    r = hg_flow_views(&words->schema, &words->array, &words->views[batch->schema->position], err);
    if (r == HG_OK) {
        *ret = *batch;
        ret->views = words->views;
    }
    return r;
}
