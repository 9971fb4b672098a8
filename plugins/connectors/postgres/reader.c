#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include "headgate/error.h"

/* A batch ends early when its texts have so many bytes. */
#define BATCH_TEXT_BYTES (16 * 1024 * 1024)
/* What is handed over of a bad row. */
#define RAW_BYTES 65536
/* "PGCOPY\n\377\r\n\0", flags, and the length of what may follow. */
#define HEAD_BYTES 19

/* ------------------------------------------------------------------------------------------ */
/* Rows                                                                                         */
/* ------------------------------------------------------------------------------------------ */

/* The row in words, for whoever looks into quarantine. */
static char *print_row(const struct pg_reader *r, size_t *ret_n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_n);
    if (!out) {
        return NULL;
    }
    for (size_t i = 0; i < r->plan.n_columns; i++) {
        fprintf(out, "%s%s: ", i > 0 ? ", " : "", r->plan.columns[i].name);
        if (r->fields[i].n < 0) {
            fputs("null", out);
        }
        pg_field_print(r->plan.columns[i].code, &r->fields[i], out);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static hg_status reject_row(struct pg_reader *r,
                            size_t column,
                            const char *reason,
                            struct hg_error *err)
{
    char position[256];
    size_t n = 0;
    snprintf(position, sizeof position, "%s, row %lld", r->plan.name, (long long)r->rows);
    r->rejected++;
    if (!r->reject) {
        hg_fail(err, HG_EDATA, "%s: %s: %s", position, r->plan.columns[column].name, reason);
        return hg_fail_hint(err, HG_EDATA, "The host does not take rejected rows.");
    }
    char *raw = print_row(r, &n);
    if (!raw) {
        return hg_fail_nomem(err);
    }
    struct hg_reject_row rejected = {
        .struct_size = sizeof rejected,
        .position = position,
        .column = r->plan.columns[column].name,
        .reason = reason,
        .raw = raw,
        .raw_size = n < RAW_BYTES ? n : RAW_BYTES,
    };
    hg_status status = r->reject->reject(r->host, &rejected, err);
    free(raw);
    return status;
}

static hg_status take_row(struct pg_reader *r, const char *message, int n, struct hg_error *err)
{
    char reason[160] = "";
    size_t column = 0;
    bool known = false;
    hg_status status = pg_row_split(message, n, r->fields, r->plan.n_columns, err);
    r->rows++;
    if (!status && r->plan.cursor >= 0) {
        status = pg_cursor_row(&r->cursor, &r->plan, r->fields, &known, err);
    }
    if (status || known) {
        return status;
    }
    status = hg_batch_reserve(r->batch, 1);
    if (status) {
        return hg_batch_explain(r->batch, 0, status, err);
    }
    status = pg_row_add(
        &r->plan, r->conn.checks_utf8, r->fields, r->batch, &column, reason, sizeof reason, err);
    if (!status) {
        hg_batch_commit(r->batch, 1);
        return HG_OK;
    }
    hg_batch_drop_row(r->batch);
    return reason[0] ? reject_row(r, column, reason, err) : status;
}

/* The head comes in one message with the first row. *ret_n: bytes of it. */
static hg_status pass_head(
    struct pg_reader *r, const char *message, int n, int *ret_n, struct hg_error *err)
{
    static const char signature[11] = {
        'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', '\0'};
    *ret_n = 0;
    if (r->began) {
        return HG_OK;
    }
    r->began = true;
    if (n < HEAD_BYTES || memcmp(message, signature, sizeof signature) != 0) {
        return hg_fail(err, HG_EDATA, "the other database sent what is no binary COPY");
    }
    const unsigned char *p = (const unsigned char *)message + HEAD_BYTES - 4;
    uint32_t more = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    if (more > (uint32_t)(n - HEAD_BYTES)) {
        return hg_fail(err, HG_EDATA, "the other database sent what is no binary COPY");
    }
    *ret_n = HEAD_BYTES + (int)more;
    return HG_OK;
}

static hg_status take_message(struct pg_reader *r, const char *message, int n, struct hg_error *err)
{
    int head;
    hg_status status = pass_head(r, message, n, &head, err);
    message += head;
    n -= head;
    /* A head alone, or the mark behind the last row. */
    bool is_end = n == 2 && message[0] == '\xFF' && message[1] == '\xFF';
    return status || n == 0 || is_end ? status : take_row(r, message, n, err);
}

static bool is_full(const struct pg_reader *r)
{
    int64_t bytes = 0;
    if (r->batch->n_rows >= r->batch_rows) {
        return true;
    }
    for (size_t i = 0; i < r->plan.n_given; i++) {
        bytes += r->batch->columns[i].n_bytes;
    }
    return bytes >= BATCH_TEXT_BYTES;
}

static hg_status end(struct pg_reader *r, struct hg_error *err)
{
    char text[400];
    (void)err;
    snprintf(text,
             sizeof text,
             "%s: %lld rows read, %lld of them rejected",
             r->plan.name,
             (long long)r->rows,
             (long long)r->rejected);
    r->host->log(r->host, HG_LOG_INFO, text);
    r->done = true;
    pg_conn_close(&r->conn);
    return HG_OK;
}

hg_status pg_reader_next(struct pg_reader *r, struct ArrowArray *ret, struct hg_error *err)
{
    hg_status status = HG_OK;
    while (!status && !r->done && !is_full(r)) {
        char *message = NULL;
        int n;
        status = pg_conn_row(&r->conn, &message, &n, err);
        if (!status) {
            status = n < 0 ? end(r, err) : take_message(r, message, n, err);
        }
        PQfreemem(message);
    }
    if (!status && r->plan.cursor >= 0) {
        status = pg_cursor_put(&r->cursor, &r->plan, r->host, err);
    }
    if (status) {
        return status;
    }
    if (r->batch->n_rows == 0) {
        ret->release = NULL;
        return HG_OK;
    }
    r->total += r->batch->n_rows;
    r->host->progress(r->host, r->total, -1);
    return hg_batch_finish(r->batch, ret, err);
}

/* ------------------------------------------------------------------------------------------ */
/* Starting                                                                                     */
/* ------------------------------------------------------------------------------------------ */

/* COPY takes no parameters: they are settings of this transaction. */
static hg_status bind(struct pg_reader *r, struct hg_error *err)
{
    char lag[40];
    PGresult *result = NULL;
    snprintf(lag, sizeof lag, "%lld seconds", (long long)r->config->lag_seconds);
    const char *const values[] = {r->cursor.value ? r->cursor.value : "", lag};
    hg_status status = pg_conn_run(&r->conn,
                                   "SELECT set_config('headgate.cursor', $1, true),"
                                   " set_config('headgate.lag', $2, true)",
                                   2,
                                   values,
                                   &result,
                                   err);
    PQclear(result);
    return status;
}

static hg_status check_lag(const struct pg_reader *r, struct hg_error *err)
{
    if (r->config->lag_seconds == 0 || r->plan.cursor < 0) {
        return HG_OK;
    }
    enum pg_code code = r->plan.columns[r->plan.cursor].code;
    if (code == PG_DATE || code == PG_TIMESTAMP || code == PG_TIMESTAMPTZ) {
        return HG_OK;
    }
    hg_fail(err, HG_EINVAL, "lag_seconds wants a cursor that is a time");
    return hg_fail_pointer(err, HG_EINVAL, "/lag_seconds");
}

static hg_status start_copy(struct pg_reader *r, struct hg_error *err)
{
    char *sql = pg_plan_copy(&r->plan, r->cursor.value != NULL, r->config->lag_seconds > 0);
    if (!sql) {
        return hg_fail_nomem(err);
    }
    hg_status status = pg_conn_copy(&r->conn, sql, err);
    free(sql);
    return status;
}

static hg_status make_batch(struct pg_reader *r, struct hg_error *err)
{
    struct hg_column *columns = NULL;
    r->fields = calloc(r->plan.n_columns, sizeof *r->fields);
    if (!r->fields) {
        return hg_fail_nomem(err);
    }
    hg_status status = pg_plan_columns(&r->plan, &columns, err);
    if (status) {
        return status;
    }
    status = hg_batch_new(columns, r->plan.n_given, &r->batch, err);
    free(columns);
    return status;
}

static hg_status start(struct pg_reader *r,
                       struct src_cancel *cancel,
                       const struct hg_read_request *request,
                       struct hg_error *err)
{
    hg_status status = pg_conn_open(r->config, cancel, &r->conn, err);
    if (!status) {
        status = pg_plan_make(&r->conn, r->config, request->stream, &r->plan, err);
    }
    if (!status && r->plan.cursor >= 0) {
        status = pg_cursor_read(request->state_json, r->config->cursor, &r->cursor, err);
        if (!status) {
            status = bind(r, err);
        }
    }
    if (!status) {
        status = check_lag(r, err);
    }
    if (!status) {
        status = make_batch(r, err);
    }
    return status ? status : start_copy(r, err);
}

hg_status pg_reader_new(const struct hg_host *host,
                        const struct pg_config *config,
                        struct src_cancel *cancel,
                        const struct hg_read_request *request,
                        struct pg_reader **ret,
                        struct hg_error *err)
{
    struct pg_reader *r = calloc(1, sizeof *r);
    if (!r) {
        return hg_fail_nomem(err);
    }
    r->host = host;
    r->config = config;
    r->batch_rows = request->batch_rows ? request->batch_rows : 16384;
    r->reject = host->get_extension(host, HG_EXT_REJECT);
    hg_status status = start(r, cancel, request, err);
    if (status) {
        pg_reader_free(r);
        return status;
    }
    *ret = r;
    return HG_OK;
}

void pg_reader_free(struct pg_reader *r)
{
    if (!r) {
        return;
    }
    pg_conn_close(&r->conn);
    pg_cursor_done(&r->cursor);
    pg_plan_done(&r->plan);
    hg_batch_free(r->batch);
    free(r->fields);
    free(r);
}
