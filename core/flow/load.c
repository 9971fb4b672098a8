#include "flow/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/ledger.h"
#include "flow/merge.h"
#include "flow/order.h"
#include "flow/quarantine.h"
#include "flow/rows.h"
#include "flow/sender.h"
#include "flow/stage.h"
#include "flow/target.h"
#include "flow/text.h"
#include "store/quote.h"

enum { MESSAGE_BYTES = 512 };

struct hg_load {
    struct hg_flow *flow;
    const struct hg_flow_schema *schema;
    size_t job;
    struct hg_target target;
    struct hg_encoder *encoder; /* for what the COPY now goes into */
    struct hg_sender *sender;   /* NULL while no COPY is open */
    bool merge;
    bool staged;   /* the rows go into the staging table of a merge */
    bool distinct; /* the keys of the staging table strictly increase so far */
    struct hg_order *order;
    int64_t rows_before; /* that the job has loaded in earlier parts */
    int64_t rows_direct;
    int64_t rows_staged;
    bool stage; /* the table is a stage, see stage.h */
    char stage_name[HG_STAGE_NAME_BYTES];
    struct hg_stage_words *words; /* NULL when the positions are words already, or none */
    int64_t last_seq;
    bool disordered;
    uint8_t *bad; /* a bit for each row of a batch */
    int32_t *good_rows;
    int64_t room; /* rows that there is room for in both */
};

/* ---- opening ---- */

static int run_on_table(struct hg_load *load,
                        const char *before,
                        const char *after,
                        PGresult **ret,
                        struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    hg_buf_printf(&sql, "%s %s %s", before, hg_buf_text(&load->target.quoted), after);
    int r = hg_buf_failed(&sql) ? hg_error_nomem(err)
                                : hg_db_simple(load->flow->db, hg_buf_text(&sql), ret, err);
    hg_buf_free(&sql);
    return r;
}

static int begin_append(struct hg_load *load, struct hg_error *err)
{
    (void)load;
    (void)err;
    return HG_OK;
}

/*
 * Two replacing loads at once would each delete what it sees and leave both their rows, so the
 * table is closed to writers; readers go on with the old rows until the commit.
 */
static int begin_replace(struct hg_load *load, struct hg_error *err)
{
    if (load->target.created) {
        return HG_OK;
    }
    int r = run_on_table(load, "lock table", "in share row exclusive mode", NULL, err);
    return r < 0 ? r : run_on_table(load, "delete from", "", NULL, err);
}

/* Whether the table has no row and nobody else can add one. */
static int is_ours_and_empty(struct hg_load *load, bool *ret, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    struct hg_error busy = HG_ERROR_INIT;
    int r = hg_db_simple(load->flow->db, "savepoint headgate_lock", NULL, err);
    if (r < 0) {
        return r;
    }
    /* Someone who writes just now is no reason to wait: staging works as well. */
    if (run_on_table(load, "lock table", "in share row exclusive mode nowait", NULL, &busy) < 0) {
        *ret = false;
        return hg_db_simple(load->flow->db, "rollback to savepoint headgate_lock", NULL, err);
    }
    r = run_on_table(load, "select exists (select from", ") as some", &result, err);
    if (r < 0) {
        return r;
    }
    *ret = !hg_result_bool(result, 0, "some");
    /* Released, so that what follows belongs to the transaction itself; see hg_merge_run. */
    return hg_db_simple(load->flow->db,
                        *ret ? "release savepoint headgate_lock"
                             : "rollback to savepoint headgate_lock",
                        NULL,
                        err);
}

static int begin_merge(struct hg_load *load, struct hg_error *err)
{
    bool direct = load->target.created;
    int r = hg_order_new(load->schema, load->target.key, load->target.n_key, &load->order, err);
    load->merge = true;
    load->distinct = load->target.plain_key;
    if (r == HG_OK && !load->target.created && load->target.plain_key) {
        r = is_ours_and_empty(load, &direct, err);
    }
    load->staged = !direct || !load->target.plain_key;
    return r;
}

static const struct mode {
    const char *name;
    int (*begin)(struct hg_load *load, struct hg_error *err);
    bool key;
} modes[] = {
    {"append", begin_append, false},
    {"replace", begin_replace, false},
    {"merge", begin_merge, true},
};

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; name && i < HG_COUNT(modes); i++) {
        if (strcmp(modes[i].name, name) == 0) {
            return &modes[i];
        }
    }
    return NULL;
}

static int open_stage(struct hg_load *load, struct hg_error *err)
{
    const struct hg_flow_schema *schema = load->schema;
    load->stage = true;
    load->job = load->flow->n_jobs - 1;
    hg_stage_name(load->flow, load->stage_name);
    int r = hg_ledger_as_self(load->flow, err);
    r = r < 0 ? r : hg_target_make_stage(&load->target, load->flow, schema, load->stage_name, err);
    if (r == HG_OK && schema->position >= 0 &&
        schema->columns[schema->position].type != HG_TYPE_UTF8) {
        r = hg_stage_words_new(schema, &load->words, err);
    }
    return r;
}

static int open_load(struct hg_load *load, const json_t *spec, struct hg_error *err)
{
    const char *table = NULL;
    const char *name = json_string_value(json_object_get(spec, "mode"));
    const struct mode *mode = find_mode(name);
    load->job = hg_flow_job(load->flow, json_string_value(json_object_get(spec, "job")));
    hg_flow_at_work(load->flow, load->job);
    if (!mode) {
        return hg_error_set(
            err, HG_EINVAL, "load mode \"%s\" is not append, replace or merge", name ? name : "");
    }
    int r = hg_flow_text(spec, "table", &table, err);
    r = r < 0 ? r : hg_ledger_as_user(load->flow, err);
    if (r < 0) {
        return r;
    }
    HG_CLEANUP(hg_json_decrefp) json_t *none = json_array();
    const json_t *key = json_object_get(spec, "key");
    load->rows_before = load->flow->jobs[load->job].rows_out;
    r = hg_target_open(
        &load->target, load->flow, load->schema, table, mode->key ? (key ? key : none) : NULL, err);
    return r < 0 ? r : mode->begin(load, err);
}

int hg_load_new(struct hg_flow *flow,
                const struct hg_flow_schema *schema,
                struct hg_load **ret,
                struct hg_error *err)
{
    struct hg_load *load = calloc(1, sizeof *load);
    if (!load) {
        return hg_error_nomem(err);
    }
    load->flow = flow;
    load->schema = schema;
    int r = hg_stage_is_written(flow) ? open_stage(load, err)
                                      : open_load(load, json_object_get(flow->task, "load"), err);
    if (r < 0) {
        hg_load_free(load);
        return r;
    }
    *ret = load;
    return HG_OK;
}

void hg_load_free(struct hg_load *load)
{
    if (!load) {
        return;
    }
    hg_sender_abort(load->sender);
    hg_encoder_free(load->encoder);
    hg_order_free(load->order);
    hg_target_free(&load->target);
    hg_stage_words_free(load->words);
    free(load->bad);
    free(load->good_rows);
    free(load);
}

/* ---- the COPY ---- */

static int open_copy(struct hg_load *load, struct hg_error *err)
{
    struct hg_buf sql = HG_BUF_INIT;
    int r = load->staged ? hg_merge_stage(load->flow, load->schema, &load->target, err) : HG_OK;
    if (load->staged) {
        hg_merge_copy_sql(load->schema, &load->target, &sql);
    } else {
        hg_buf_printf(&sql, "copy %s (", hg_buf_text(&load->target.quoted));
        hg_target_columns(&load->target, load->schema, "", &sql);
        hg_buf_puts(&sql, load->stage ? ", \"_hg_seq\"" : "");
        hg_buf_puts(&sql, ") from stdin (format binary)");
    }
    hg_encoder_free(HG_TAKE(load->encoder));
    r = r < 0 ? r
              : hg_encoder_new(load->schema,
                               load->target.columns,
                               load->target.n_columns,
                               load->staged || load->stage,
                               &load->encoder,
                               err);
    if (r == HG_OK && hg_buf_failed(&sql)) {
        r = hg_error_nomem(err);
    }
    r = r < 0 ? r : hg_sender_start(load->flow->db, hg_buf_text(&sql), &load->sender, err);
    hg_buf_free(&sql);
    return r;
}

static int close_copy(struct hg_load *load, struct hg_error *err)
{
    int64_t n_rows = 0;
    if (!load->sender) {
        return HG_OK;
    }
    int r = hg_sender_finish(HG_TAKE(load->sender), &n_rows, err);
    if (r < 0) {
        return hg_error_wrap(err, "cannot copy rows into table %s", load->target.name);
    }
    *(load->staged ? &load->rows_staged : &load->rows_direct) += n_rows;
    return HG_OK;
}

static int send_tile(struct hg_load *load,
                     const struct hg_flow_batch *batch,
                     const int32_t *rows,
                     int n,
                     struct hg_error *err)
{
    int r = load->sender ? HG_OK : open_copy(load, err);
    if (r < 0) {
        return r;
    }
    size_t n_bytes = hg_encoder_measure(load->encoder, batch, rows, n);
    uint8_t *to = hg_sender_room(load->sender, n_bytes);
    if (!to) {
        r = close_copy(load, err); /* says why it was given up */
        return r < 0 ? r : hg_error_set(err, HG_EINTERNAL, "a copy ended early and well");
    }
    hg_encoder_write(load->encoder, batch, rows, n, to);
    hg_sender_advance(load->sender, n_bytes);
    return HG_OK;
}

/* ---- merge: from the table to the staging table ---- */

static int go_over_to_staging(struct hg_load *load, struct hg_error *err)
{
    int r = close_copy(load, err);
    if (r == HG_OK && load->target.created) {
        r = hg_target_add_key(&load->target, load->flow, load->schema, err);
        load->target.created = false;
    }
    load->staged = true;
    return r;
}

int hg_load_out_of_order(struct hg_load *load, struct hg_error *err)
{
    if (!load->merge || load->staged) {
        return HG_OK;
    }
    hg_flow_at_work(load->flow, load->job);
    hg_order_reset(load->order);
    return go_over_to_staging(load, err);
}

/* Sends rows while the keys increase, then what follows into the staging table. */
static int send_merge_tile(struct hg_load *load,
                           const struct hg_flow_batch *batch,
                           const int32_t *rows,
                           int n,
                           struct hg_error *err)
{
    while (n > 0) {
        int64_t run = load->distinct ? hg_order_run(load->order, batch, rows, n) : n;
        if (run < 0) {
            return hg_error_nomem(err);
        }
        int r = run > 0 ? send_tile(load, batch, rows, (int)run, err) : HG_OK;
        rows += run;
        n -= (int)run;
        if (r == HG_OK && n > 0 && load->staged) {
            load->distinct = false;
        } else if (r == HG_OK && n > 0) {
            r = go_over_to_staging(load, err);
            hg_order_reset(load->order);
        }
        if (r < 0) {
            return r;
        }
    }
    return HG_OK;
}

/* ---- rows ---- */

static int make_room(struct hg_load *load, int64_t n_rows, struct hg_error *err)
{
    if (n_rows > load->room) {
        uint8_t *bad = realloc(load->bad, (size_t)(n_rows + 7) / 8);
        load->bad = bad ? bad : load->bad;
        int32_t *good = realloc(load->good_rows, (size_t)n_rows * sizeof *good);
        load->good_rows = good ? good : load->good_rows;
        if (!bad || !good) {
            return hg_error_nomem(err);
        }
        load->room = n_rows;
    }
    memset(load->bad, 0, (size_t)(n_rows + 7) / 8);
    return HG_OK;
}

static int reject_row(struct hg_load *load,
                      const struct hg_flow_batch *batch,
                      int64_t row,
                      struct hg_error *err)
{
    struct hg_buf reasons = HG_BUF_INIT;
    struct hg_buf json = HG_BUF_INIT;
    struct hg_buf position = HG_BUF_INIT;
    char message[MESSAGE_BYTES];
    char first[MESSAGE_BYTES] = "";
    if (hg_quarantine_only_counts(load->flow->quarantine, load->job)) {
        return HG_OK;
    }
    hg_buf_putc(&reasons, '[');
    for (size_t i = 0; i < load->target.n_columns; i++) {
        const struct hg_guard *guard = &load->target.guards[i];
        if (hg_guard_explain(guard, batch, row, message, sizeof message)) {
            hg_reason_append(&reasons, NULL, load->schema->columns[guard->column].name, message);
            (void)snprintf(first, first[0] ? 0 : sizeof first, "%s", message);
        }
    }
    hg_buf_putc(&reasons, ']');
    hg_row_to_json(&json, batch, row);
    const struct hg_rejected rejected = {.job = load->job,
                                         .position = hg_row_position(&position, batch, row),
                                         .reasons = hg_buf_text(&reasons),
                                         .message = first,
                                         .row = hg_buf_text(&json)};
    int r = hg_buf_failed(&reasons) || hg_buf_failed(&json)
                ? hg_error_nomem(err)
                : hg_quarantine_add(load->flow->quarantine, &rejected, err);
    hg_buf_free(&reasons);
    hg_buf_free(&json);
    hg_buf_free(&position);
    return r;
}

/* The rows without the bad ones, which go to quarantine. */
static int keep_good(struct hg_load *load,
                     const struct hg_flow_batch *batch,
                     const int32_t *rows,
                     int64_t n,
                     int64_t *ret_n,
                     struct hg_error *err)
{
    int64_t n_good = 0;
    int r = make_room(load, batch->n_rows, err);
    for (size_t i = 0; r == HG_OK && i < load->target.n_columns; i++) {
        hg_guard_find(&load->target.guards[i], batch, load->bad);
    }
    for (int64_t i = 0; r == HG_OK && i < n; i++) {
        if (hg_bit(load->bad, rows[i])) {
            r = reject_row(load, batch, rows[i], err);
        } else {
            load->good_rows[n_good++] = rows[i];
        }
    }
    *ret_n = n_good;
    return r;
}

static void watch_order(struct hg_load *load,
                        const struct hg_flow_batch *batch,
                        const int32_t *rows,
                        int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        load->disordered |= batch->seq[rows[i]] < load->last_seq;
        load->last_seq = batch->seq[rows[i]];
    }
}

bool hg_load_in_order(const struct hg_load *load)
{
    return !load->disordered;
}

int hg_load_rows(struct hg_load *load,
                 const struct hg_flow_batch *batch,
                 const int32_t *rows,
                 int64_t n,
                 struct hg_error *err)
{
    struct hg_flow_batch with_words;
    struct hg_flow_job *job = &load->flow->jobs[load->job];
    int64_t n_good = 0;
    hg_flow_at_work(load->flow, load->job);
    if (load->stage) {
        watch_order(load, batch, rows, n);
    } else {
        job->rows_in += n; /* a stage is no job: the last one's rows have been counted */
    }
    int r = keep_good(load, batch, rows, n, &n_good, err);
    if (r == HG_OK && load->words) {
        r = hg_stage_words_put(load->words, batch, &with_words, err);
        batch = &with_words;
    }
    for (int64_t at = 0; r == HG_OK && at < n_good; at += HG_TILE_ROWS) {
        int tile = n_good - at < HG_TILE_ROWS ? (int)(n_good - at) : HG_TILE_ROWS;
        r = load->merge ? send_merge_tile(load, batch, load->good_rows + at, tile, err)
                        : send_tile(load, batch, load->good_rows + at, tile, err);
    }
    if (r == HG_OK && !load->stage) {
        job->rows_out += n_good;
    }
    return r;
}

int hg_load_finish(struct hg_load *load, struct hg_error *err)
{
    int64_t n_merged = 0;
    hg_flow_at_work(load->flow, load->job);
    int r = close_copy(load, err);
    if (r == HG_OK && load->merge && load->target.created) {
        r = hg_target_add_key(&load->target, load->flow, load->schema, err);
    }
    if (r == HG_OK && load->rows_staged > 0) {
        const struct hg_merge_facts facts = {load->distinct, load->rows_staged, load->rows_direct};
        r = hg_merge_run(load->flow, load->schema, &load->target, &facts, &n_merged, err);
    }
    if (r == HG_OK) {
        load->flow->jobs[load->job].rows_out = load->rows_before + load->rows_direct + n_merged;
    }
    return r;
}
