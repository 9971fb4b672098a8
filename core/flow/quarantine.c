#include "flow/quarantine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/context.h"
#include "flow/encode.h"
#include "flow/sender.h"
#include "flow/temp.h"
#include "flow/text.h"

enum { MEMORY_BYTES = 4 * 1024 * 1024, RAW_BYTES_MAX = 8 * 1024, UUID_BYTES = 16 };

struct hg_quarantine {
    struct hg_flow *flow;
    struct hg_temp *rows;
    int64_t n_kept;
    int64_t n_lost;   /* counted, not kept */
    int64_t rows_max; /* kept */
    struct hg_buf buf;
    uint8_t run_id[UUID_BYTES];
};

static void parse_uuid(const char *text, uint8_t ret[UUID_BYTES])
{
    int n = 0;
    for (const char *c = text; *c && n < 2 * UUID_BYTES; c++) {
        if (*c == '-') {
            continue;
        }
        unsigned digit = *c <= '9' ? (unsigned)(*c - '0') : ((unsigned)*c | 32u) - 'a' + 10u;
        ret[n / 2] = (uint8_t)(n % 2 ? ret[n / 2] | digit : digit << 4);
        n++;
    }
}

int hg_quarantine_new(struct hg_flow *flow, struct hg_quarantine **ret, struct hg_error *err)
{
    struct hg_quarantine *quarantine = calloc(1, sizeof *quarantine);
    if (!quarantine) {
        return hg_error_nomem(err);
    }
    quarantine->flow = flow;
    quarantine->rows_max = json_integer_value(json_object_get(flow->task, "quarantine_rows"));
    parse_uuid(flow->run_id, quarantine->run_id);
    int r = hg_temp_new(1, MEMORY_BYTES, &quarantine->rows, err);
    if (r < 0) {
        hg_quarantine_free(quarantine);
        return r;
    }
    *ret = quarantine;
    return HG_OK;
}

void hg_quarantine_free(struct hg_quarantine *quarantine)
{
    if (quarantine) {
        hg_temp_free(quarantine->rows);
        hg_buf_free(&quarantine->buf);
        free(quarantine);
    }
}

/* ---- encoding ---- */

static void put_null(struct hg_buf *buf)
{
    hg_buf_put_be32(buf, UINT32_MAX);
}

/* The length before a field is known once the field is written. */
static void set_length(struct hg_buf *buf, size_t start)
{
    if (hg_buf_failed(buf)) {
        return;
    }
    size_t n = buf->len - start - 4;
    for (int i = 0; i < 4; i++) {
        buf->data[start + (size_t)i] = (char)(n >> (24 - 8 * i));
    }
}

static void put_text(struct hg_buf *buf, const char *text, size_t n)
{
    if (!text) {
        put_null(buf);
        return;
    }
    size_t start = buf->len;
    hg_buf_put_be32(buf, 0);
    hg_clean_text(buf, text, n);
    set_length(buf, start);
}

static void put_jsonb(struct hg_buf *buf, const char *json)
{
    if (!json) {
        put_null(buf);
        return;
    }
    hg_buf_put_be32(buf, (uint32_t)strlen(json) + 1);
    hg_buf_putc(buf, 1);
    hg_buf_puts(buf, json);
}

static const char copy_sql[] =
    "copy headgate.quarantine (pipeline_id, run_id, job_id, source, position, reasons, row_data,"
    " raw) from stdin (format binary)";

static void put_row(struct hg_quarantine *quarantine, const struct hg_rejected *row)
{
    struct hg_buf *buf = &quarantine->buf;
    const struct hg_flow *flow = quarantine->flow;
    const char *job = flow->jobs[row->job].id;
    size_t raw_n = row->raw_n < RAW_BYTES_MAX ? row->raw_n : RAW_BYTES_MAX;
    hg_buf_reset(buf);
    hg_buf_put_be16(buf, 8);
    put_text(buf, flow->pipeline_id, strlen(flow->pipeline_id));
    hg_buf_put_be32(buf, UUID_BYTES);
    hg_buf_append(buf, quarantine->run_id, UUID_BYTES);
    put_text(buf, job, strlen(job));
    put_text(buf, flow->source, flow->source ? strlen(flow->source) : 0);
    put_text(buf, row->position, row->position ? strlen(row->position) : 0);
    put_jsonb(buf, row->reasons);
    put_jsonb(buf, row->row);
    put_text(buf, row->raw, raw_n);
}

static void log_row(struct hg_flow *flow, const struct hg_rejected *row)
{
    struct hg_flow_job *job = &flow->jobs[row->job];
    if (job->n_logged_rejects >= HG_QUARANTINE_LOG_ROWS) {
        return;
    }
    job->n_logged_rejects++;
    hg_flow_log(flow,
                row->job,
                HG_LOG_WARNING,
                "rejected %s: %s",
                row->position ? row->position : "a row",
                row->message);
}

bool hg_quarantine_only_counts(struct hg_quarantine *quarantine, size_t job)
{
    struct hg_flow_job *rejecting = &quarantine->flow->jobs[job];
    if (quarantine->n_kept < quarantine->rows_max ||
        rejecting->n_logged_rejects < HG_QUARANTINE_LOG_ROWS) {
        return false;
    }
    rejecting->rows_rejected++;
    quarantine->n_lost++;
    return true;
}

int hg_quarantine_add(struct hg_quarantine *quarantine,
                      const struct hg_rejected *row,
                      struct hg_error *err)
{
    quarantine->flow->jobs[row->job].rows_rejected++;
    log_row(quarantine->flow, row);
    if (quarantine->n_kept >= quarantine->rows_max) {
        quarantine->n_lost++;
        return HG_OK;
    }
    put_row(quarantine, row);
    if (hg_buf_failed(&quarantine->buf)) {
        return hg_error_nomem(err);
    }
    int r = hg_temp_write(quarantine->rows, 0, quarantine->buf.data, quarantine->buf.len, err);
    quarantine->n_kept += r == HG_OK;
    return r;
}

/* ---- the copy ---- */

void hg_quarantine_log_totals(const struct hg_quarantine *quarantine)
{
    struct hg_flow *flow = quarantine->flow;
    for (size_t i = 0; i < flow->n_jobs; i++) {
        if (flow->jobs[i].rows_rejected > 0) {
            hg_flow_log(flow,
                        i,
                        HG_LOG_WARNING,
                        "%lld row%s rejected in all; see the quarantine for the reasons",
                        (long long)flow->jobs[i].rows_rejected,
                        flow->jobs[i].rows_rejected == 1 ? " was" : "s were");
        }
    }
    if (quarantine->n_lost > 0) {
        hg_flow_warn(flow,
                     flow->n_jobs - 1,
                     "quarantine keeps the first %lld rejected rows of a load; %lld more are "
                     "counted, not kept (quarantine.rows_max in headgate.yaml)",
                     (long long)quarantine->rows_max,
                     (long long)quarantine->n_lost);
    }
}

static int send_rows(struct hg_quarantine *quarantine,
                     struct hg_sender *sender,
                     struct hg_error *err)
{
    enum { PIECE_BYTES = 32 * 1024 };
    struct hg_temp_reader reader = {0};
    int64_t left = hg_temp_size(quarantine->rows, 0);
    while (left > 0) {
        size_t n = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        uint8_t *to = hg_sender_room(sender, n);
        if (!to) {
            return HG_OK; /* hg_sender_finish says why */
        }
        int r = hg_temp_read(quarantine->rows, &reader, to, n, err);
        if (r < 0) {
            return r;
        }
        hg_sender_advance(sender, n);
        left -= (int64_t)n;
    }
    return HG_OK;
}

int hg_quarantine_copy(struct hg_quarantine *quarantine, struct hg_error *err)
{
    struct hg_sender *sender = NULL;
    int64_t n_rows = 0;
    if (hg_temp_size(quarantine->rows, 0) == 0) {
        return HG_OK;
    }
    int r = hg_sender_start(quarantine->flow->db, copy_sql, &sender, err);
    if (r < 0) {
        return hg_error_wrap(err, "cannot write the rejected rows to quarantine");
    }
    r = send_rows(quarantine, sender, err);
    if (r < 0) {
        hg_sender_abort(sender);
        return r;
    }
    r = hg_sender_finish(sender, &n_rows, err);
    if (r < 0) {
        return hg_error_wrap(err, "cannot write the rejected rows to quarantine");
    }
    hg_temp_free(HG_TAKE(quarantine->rows));
    return hg_temp_new(1, MEMORY_BYTES, &quarantine->rows, err);
}
