#include "record.h"

#include <stdio.h>
#include <stdlib.h>

#include "headgate/error.h"
#include "headgate/json.h"
#include "headgate/text.h"
#include "jsonb.h"

#define NESTING_MAX 512

hg_status jsonl_record_init(struct jsonl_record *ret,
                            const struct src_settings *settings,
                            struct hg_error *err)
{
    hg_status status = HG_OK;
    *ret = (struct jsonl_record){.settings = settings};
    ret->cells = calloc(settings->n_columns, sizeof *ret->cells);
    if (!ret->cells) {
        return hg_fail_nomem(err);
    }
    for (size_t i = 0; i < settings->n_columns && !status; i++) {
        status = jsonl_paths_add(&ret->root, i, &settings->columns[i], err);
    }
    return status;
}

void jsonl_record_done(struct jsonl_record *r)
{
    jsonl_paths_done(&r->root);
    free(r->cells);
    free(r->bytes);
    free(r->quoted);
    *r = (struct jsonl_record){0};
}

/* ------------------------------------------------------------------------------------------ */
/* From JSON to cells                                                                           */
/* ------------------------------------------------------------------------------------------ */

/* The same key twice in an object: the last one counts, as in PostgreSQL. */
static void forget(struct jsonl_record *r, const struct jsonl_node *node)
{
    for (size_t i = 0; i < node->n_columns; i++) {
        r->cells[node->columns[i]] = (struct jsonl_cell){0};
    }
    for (size_t i = 0; i < node->n_children; i++) {
        forget(r, &node->children[i]);
    }
}

static hg_status keep(struct jsonl_record *r,
                      const struct jsonl_node *node,
                      enum jsonl_kind kind,
                      const char *text,
                      size_t n,
                      struct hg_error *err)
{
    /* The fast ways of numbers and dates read up to 16 bytes beyond the end. */
    if (r->n + n + 16 > r->room) {
        size_t room = (r->n + n + 16) * 2;
        char *bytes = realloc(r->bytes, room);
        if (!bytes) {
            return hg_fail_nomem(err);
        }
        r->bytes = bytes;
        r->room = room;
    }
    if (n > 0) {
        memcpy(r->bytes + r->n, text, n);
    }
    memset(r->bytes + r->n + n, 0, 16);
    for (size_t i = 0; i < node->n_columns; i++) {
        r->cells[node->columns[i]] = (struct jsonl_cell){kind, r->n, n};
    }
    r->n += n;
    return HG_OK;
}

static hg_status take(struct jsonl_record *r,
                      struct hg_json_reader *reader,
                      const struct jsonl_node *node,
                      const struct hg_json_token *token,
                      struct hg_error *err);

static hg_status take_children(struct jsonl_record *r,
                               struct hg_json_reader *reader,
                               const struct jsonl_node *node,
                               struct hg_error *err)
{
    struct hg_json_token token;
    for (uint64_t i = 0;; i++) {
        char number[24];
        hg_status status = hg_json_next(reader, &token, err);
        if (status || token.type == HG_JSON_OBJECT_END || token.type == HG_JSON_ARRAY_END) {
            return status;
        }
        bool is_key = token.type == HG_JSON_KEY;
        int n = is_key ? 0 : snprintf(number, sizeof number, "%llu", (unsigned long long)i);
        const struct jsonl_node *child = is_key ? jsonl_paths_find(node, token.text, token.n)
                                                : jsonl_paths_find(node, number, (size_t)n);
        if (!child) {
            hg_json_skip(reader);
            continue;
        }
        if (is_key) {
            status = hg_json_next(reader, &token, err);
        }
        if (!status) {
            status = take(r, reader, child, &token, err);
        }
        if (status) {
            return status;
        }
    }
}

static hg_status new_reader(const struct jsonl_record *r,
                            const char *text,
                            size_t n,
                            struct hg_json_reader **ret,
                            struct hg_error *err)
{
    const struct hg_json_options options = {
        .max_depth = NESTING_MAX,
        .max_text_bytes = (size_t)r->settings->max_line_bytes * 2,
    };
    return hg_json_reader_text(&options, text, n, ret, err);
}

/* Columns are within a container that is a column itself: its text is read a second time. */
static hg_status take_again(struct jsonl_record *r,
                            const struct jsonl_node *node,
                            const char *text,
                            size_t n,
                            struct hg_error *err)
{
    struct hg_json_reader *reader;
    struct hg_json_token token;
    char *copy = hg_text_copy(text, n);
    if (!copy) {
        return hg_fail_nomem(err);
    }
    hg_status status = new_reader(r, copy, n, &reader, err);
    if (!status) {
        status = hg_json_next(reader, &token, err);
        if (!status) {
            status = take_children(r, reader, node, err);
        }
        hg_json_reader_free(reader);
    }
    free(copy);
    return status;
}

static hg_status take_nested(struct jsonl_record *r,
                             struct hg_json_reader *reader,
                             const struct jsonl_node *node,
                             struct hg_error *err)
{
    struct hg_json_token token;
    if (node->n_columns == 0) {
        return take_children(r, reader, node, err);
    }
    hg_json_capture(reader);
    hg_status status = hg_json_next(reader, &token, err);
    if (!status) {
        status = keep(r, node, JSONL_NESTED, token.text, token.n, err);
    }
    if (!status && node->n_children > 0) {
        status = take_again(r, node, token.text, token.n, err);
    }
    return status;
}

static hg_status take(struct jsonl_record *r,
                      struct hg_json_reader *reader,
                      const struct jsonl_node *node,
                      const struct hg_json_token *token,
                      struct hg_error *err)
{
    forget(r, node);
    switch (token->type) {
    case HG_JSON_OBJECT_BEGIN:
    case HG_JSON_ARRAY_BEGIN:
        return take_nested(r, reader, node, err);
    case HG_JSON_STRING:
        return keep(r, node, JSONL_TEXT, token->text, token->n, err);
    case HG_JSON_NUMBER:
        return keep(r, node, JSONL_BARE, token->text, token->n, err);
    case HG_JSON_TRUE:
        return keep(r, node, JSONL_BARE, "true", 4, err);
    case HG_JSON_FALSE:
        return keep(r, node, JSONL_BARE, "false", 5, err);
    default:
        return HG_OK;
    }
}

static hg_status parse(struct jsonl_record *r, const char *line, size_t n, struct hg_error *err)
{
    struct hg_json_reader *reader;
    struct hg_json_token token;
    hg_status status = new_reader(r, line, n, &reader, err);
    if (status) {
        return status;
    }
    status = hg_json_next(reader, &token, err);
    if (!status && token.type != HG_JSON_OBJECT_BEGIN && token.type != HG_JSON_ARRAY_BEGIN) {
        status = hg_fail(err,
                         HG_EDATA,
                         "the line holds %s where an object was expected",
                         hg_json_type_name(token.type));
    }
    if (!status) {
        status = take(r, reader, &r->root, &token, err);
    }
    if (!status) {
        status = hg_json_next(reader, &token, err); /* fails where there is more */
    }
    hg_json_reader_free(reader);
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* From cells to the batch                                                                      */
/* ------------------------------------------------------------------------------------------ */

static hg_status reject(struct jsonl_fault *fault, const char *column, const char *reason)
{
    fault->column = column;
    snprintf(fault->reason, sizeof fault->reason, "%s", reason);
    return HG_EDATA;
}

/* The decoded string as JSON. */
static hg_status quote(
    struct jsonl_record *r, const char *text, size_t n, size_t *ret_n, struct hg_error *err)
{
    if (n * 6 + 2 > r->quoted_room) {
        char *quoted = realloc(r->quoted, n * 6 + 2);
        if (!quoted) {
            return hg_fail_nomem(err);
        }
        r->quoted = quoted;
        r->quoted_room = n * 6 + 2;
    }
    *ret_n = jsonl_jsonb_quote(text, n, r->quoted);
    return HG_OK;
}

static hg_status add_json(struct jsonl_record *r,
                          const struct jsonl_cell *cell,
                          const struct src_column *column,
                          struct hg_batch *batch,
                          size_t i,
                          struct jsonl_fault *fault,
                          struct hg_error *err)
{
    const char *text = r->bytes + cell->at;
    size_t n = cell->n;
    if (cell->kind == JSONL_TEXT) {
        hg_status status = quote(r, text, n, &n, err);
        if (status) {
            return status;
        }
        text = r->quoted;
    }
    const char *why = jsonl_jsonb_refuses(text, n);
    if (why) {
        return reject(fault, column->name, why);
    }
    hg_status status = hg_batch_append_bytes(batch, i, text, n);
    return status ? hg_batch_explain(batch, i, status, err) : HG_OK;
}

static hg_status add_text(struct jsonl_record *r,
                          const struct jsonl_cell *cell,
                          const struct src_column *column,
                          struct hg_batch *batch,
                          size_t i,
                          struct jsonl_fault *fault,
                          struct hg_error *err)
{
    const char *text = r->bytes + cell->at;
    if (memchr(text, 0, cell->n)) {
        return reject(fault, column->name, "the text holds the character \\u0000");
    }
    hg_status status = hg_batch_append_bytes(batch, i, text, cell->n);
    return status ? hg_batch_explain(batch, i, status, err) : HG_OK;
}

static hg_status append_value(struct hg_batch *batch,
                              size_t i,
                              int32_t type,
                              const union src_value *value)
{
    switch (type) {
    case HG_TYPE_BOOL:
        return hg_batch_append_bool(batch, i, value->b);
    case HG_TYPE_INT32:
        return hg_batch_append_int32(batch, i, value->i32);
    case HG_TYPE_INT64:
        return hg_batch_append_int64(batch, i, value->i64);
    case HG_TYPE_FLOAT64:
        return hg_batch_append_float64(batch, i, value->f64);
    case HG_TYPE_DECIMAL128:
        return hg_batch_append_decimal(batch, i, value->i128);
    case HG_TYPE_DATE32:
        return hg_batch_append_date32(batch, i, value->i32);
    default:
        return hg_batch_append_timestamp_us(batch, i, value->i64);
    }
}

static hg_status add_value(struct jsonl_record *r,
                           const struct jsonl_cell *cell,
                           const struct src_column *column,
                           struct hg_batch *batch,
                           size_t i,
                           struct jsonl_fault *fault,
                           struct hg_error *err)
{
    const char *text = r->bytes + cell->at;
    union src_value value = {.i128 = 0};
    if (cell->kind == JSONL_NESTED) {
        char type[32];
        src_type_text(column, type, sizeof type);
        fault->column = column->name;
        snprintf(fault->reason,
                 sizeof fault->reason,
                 "%s was found where a value of type %s was expected",
                 text[0] == '{' ? "an object" : "a list",
                 type);
        return HG_EDATA;
    }
    enum src_verdict verdict = src_value_read(&r->settings->cells, column, text, cell->n, &value);
    if (verdict != SRC_FITS) {
        fault->column = column->name;
        src_value_explain(column, verdict, text, cell->n, fault->reason, sizeof fault->reason);
        return HG_EDATA;
    }
    hg_status status = append_value(batch, i, column->type, &value);
    return status ? hg_batch_explain(batch, i, status, err) : HG_OK;
}

static hg_status add_cell(struct jsonl_record *r,
                          struct hg_batch *batch,
                          size_t i,
                          struct jsonl_fault *fault,
                          struct hg_error *err)
{
    const struct src_column *column = &r->settings->columns[i];
    const struct jsonl_cell *cell = &r->cells[i];
    bool is_marker = (cell->kind == JSONL_TEXT || cell->kind == JSONL_BARE) &&
                     column->missing.n > 0 &&
                     src_is_marker(&column->missing, r->bytes + cell->at, cell->n);
    if (cell->kind == JSONL_MISSING || is_marker) {
        if (column->required) {
            return reject(fault, column->name, "there is no value, but the column is required");
        }
        hg_status status = hg_batch_append_null(batch, i);
        return status ? hg_batch_explain(batch, i, status, err) : HG_OK;
    }
    if (column->json) {
        return add_json(r, cell, column, batch, i, fault, err);
    }
    if (column->type == HG_TYPE_UTF8) {
        return add_text(r, cell, column, batch, i, fault, err);
    }
    return add_value(r, cell, column, batch, i, fault, err);
}

hg_status jsonl_record_add(struct jsonl_record *r,
                           const char *line,
                           size_t n,
                           struct hg_batch *batch,
                           struct jsonl_fault *ret_fault,
                           struct hg_error *err)
{
    struct hg_error why = HG_ERROR_INIT;
    r->n = 0;
    forget(r, &r->root);
    hg_status status = parse(r, line, n, &why);
    if (status == HG_EDATA || status == HG_ETOOBIG) {
        return reject(ret_fault, NULL, why.message);
    }
    if (status) {
        return hg_fail(err, status, "%s", why.message);
    }
    for (size_t i = 0; i < r->settings->n_columns && !status; i++) {
        status = add_cell(r, batch, i, ret_fault, err);
    }
    return status;
}
