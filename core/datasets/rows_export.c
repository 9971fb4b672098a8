#include "datasets/rows_export.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "datasets/rows_select.h"
#include "datasets/user_query.h"

enum {
    ROWS_A_QUERY = 5000,
    BLOCKS_A_QUERY = 256,
    WRITE_BYTES = 64 * 1024,
    QUERY_MS = 30 * 60 * 1000,
};

/* How the rows are asked for. */
enum way {
    BY_KEY = 1, /* ROWS_A_QUERY behind the last key */
    BY_BLOCK,   /* BLOCKS_A_QUERY of the table's file */
    AT_ONCE,
};

struct exporting {
    const char *schema_table;
    const struct hg_rows_query *query;
    enum hg_rows_format format;
    const struct hg_rows_sink *sink;
    struct hg_rows_select rows;
    enum way way;
    int64_t n_blocks;
    struct hg_buf out;
    json_t *last; /* what the last row is sorted by; NULL before the first */
    int64_t n;    /* rows of the query that runs */
};

/* pg_relation_size is 0 for what has no file of its own. */
static const struct hg_statement table_extent = {
    "rows_extent",
    "select relkind in ('r', 'm') as has_file,"
    " pg_relation_size(oid) / current_setting('block_size')::bigint as blocks"
    " from pg_class where oid = to_regclass($1)",
    1};

static void exporting_free(struct exporting *exporting)
{
    hg_rows_select_free(&exporting->rows);
    hg_buf_free(&exporting->out);
    json_decref(exporting->last);
}

static bool has_key(const struct hg_rows_select *rows)
{
    return rows->n_sorts > 0 && strcmp(rows->sorts[rows->n_sorts - 1].name, "ctid") != 0;
}

/* A view has no physical place to sort by, and what is asked for at once needs none. */
static void drop_place(struct hg_rows_select *rows)
{
    rows->n_sorts -= !has_key(rows);
}

/* ---- text ---- */

/* A line of nothing but \. ends the input of COPY. */
static bool needs_quotes(const char *text)
{
    size_t n = strlen(text);
    return n == 0 || strcmp(text, "\\.") == 0 || strcspn(text, ",\"\r\n") < n || text[0] == ' ' ||
           text[n - 1] == ' ';
}

static void put_field(struct hg_buf *out, const char *text)
{
    if (!text) {
        return;
    }
    if (!needs_quotes(text)) {
        hg_buf_puts(out, text);
        return;
    }
    hg_buf_putc(out, '"');
    for (const char *quote; (quote = strchr(text, '"')) != NULL; text = quote + 1) {
        hg_buf_append(out, text, (size_t)(quote - text) + 1);
        hg_buf_putc(out, '"');
    }
    hg_buf_puts(out, text);
    hg_buf_putc(out, '"');
}

static void put_csv(struct exporting *exporting, const json_t *cells)
{
    for (int i = 0; i < exporting->rows.n_shown; i++) {
        if (i > 0) {
            hg_buf_putc(&exporting->out, ',');
        }
        put_field(&exporting->out, json_string_value(json_array_get(cells, (size_t)i)));
    }
}

static int add_bytes(const char *bytes, size_t n, void *out)
{
    hg_buf_append(out, bytes, n);
    return 0;
}

/* Takes the value over. */
static void put_json(struct hg_buf *out, json_t *value)
{
    if (!value || json_dump_callback(value, add_bytes, out, JSON_COMPACT | JSON_ENCODE_ANY) < 0) {
        out->failed = true;
    }
    json_decref(value);
}

/* Whether PostgreSQL's text goes out as it is, so that no number loses a digit on the way. */
static bool is_json(const struct hg_rows_column *column, const char *text)
{
    bool is_finite = strspn(text + (text[0] == '-'), "0123456789") > 0;
    return column->kind != HG_ROWS_TEXT && (column->kind != HG_ROWS_FLOAT || is_finite);
}

/* Line ends stand between the tokens of a json only. */
static void put_in_line(struct hg_buf *out, const char *text)
{
    for (const char *end; *(end = text + strcspn(text, "\r\n")); text = end + 1) {
        hg_buf_append(out, text, (size_t)(end - text));
        hg_buf_putc(out, ' ');
    }
    hg_buf_puts(out, text);
}

static void put_value(struct hg_buf *out, const struct hg_rows_column *column, const char *text)
{
    if (!text) {
        hg_buf_puts(out, "null");
    } else if (is_json(column, text)) {
        put_in_line(out, text);
    } else {
        put_json(out, json_string(text));
    }
}

static void put_jsonl(struct exporting *exporting, const json_t *cells)
{
    struct hg_buf *out = &exporting->out;
    for (int i = 0; i < exporting->rows.n_shown; i++) {
        const struct hg_rows_column *column = &exporting->rows.shown[i];
        hg_buf_putc(out, i > 0 ? ',' : '{');
        put_json(out, json_string(column->name));
        hg_buf_putc(out, ':');
        put_value(out, column, json_string_value(json_array_get(cells, (size_t)i)));
    }
    hg_buf_puts(out, exporting->rows.n_shown > 0 ? "}" : "{}");
}

static void put_names(struct exporting *exporting)
{
    for (int i = 0; i < exporting->rows.n_shown; i++) {
        if (i > 0) {
            hg_buf_putc(&exporting->out, ',');
        }
        put_field(&exporting->out, exporting->rows.shown[i].name);
    }
    hg_buf_putc(&exporting->out, '\n');
}

/* Hands over what has gathered, once it is `at_least` so much. */
static int hand_over(struct exporting *exporting, size_t at_least, struct hg_error *err)
{
    struct hg_buf *out = &exporting->out;
    if (hg_buf_failed(out)) {
        return hg_error_nomem(err);
    }
    if (out->len == 0 || out->len < at_least) {
        return HG_OK;
    }
    int r = exporting->sink->write(exporting->sink->arg, hg_buf_text(out), out->len, err);
    hg_buf_reset(out);
    return r;
}

/* ---- rows ---- */

static int on_row(void *arg, const char *item, struct hg_error *err)
{
    struct exporting *exporting = arg;
    HG_CLEANUP(hg_json_decrefp) json_t *cells = hg_json_read_text(item, 0, NULL);
    if (!cells) {
        return hg_error_nomem(err);
    }
    (exporting->format == HG_ROWS_CSV ? put_csv : put_jsonl)(exporting, cells);
    hg_buf_putc(&exporting->out, '\n');
    exporting->n++;
    if (exporting->way == BY_KEY && exporting->n == ROWS_A_QUERY) {
        json_decref(exporting->last);
        exporting->last = hg_rows_cursor(&exporting->rows, cells);
        if (!exporting->last) {
            return hg_error_nomem(err);
        }
    }
    return hand_over(exporting, WRITE_BYTES, err);
}

static bool is_wanted(void *arg)
{
    const struct exporting *exporting = arg;
    return exporting->sink->is_wanted(exporting->sink->arg);
}

static int ask(struct exporting *exporting, struct hg_db *db, int64_t limit, struct hg_error *err)
{
    struct hg_rows_select *rows = &exporting->rows;
    const struct hg_user_rows taker = {on_row, is_wanted, exporting};
    int r = hg_rows_select_end(rows, limit, err);
    exporting->n = 0;
    r = r < 0 ? r : hg_user_each(db, hg_buf_text(&rows->sql), &rows->values, &taker, err);
    return hg_rows_input_error(err, r);
}

static int begin(struct exporting *exporting, struct hg_error *err)
{
    return hg_rows_select_begin(&exporting->rows, exporting->schema_table, exporting->query, err);
}

static int by_key(struct exporting *exporting, struct hg_db *db, struct hg_error *err)
{
    int r;
    do {
        r = begin(exporting, err);
        if (r == HG_OK && exporting->last) {
            hg_rows_select_behind(&exporting->rows, exporting->last);
        }
        r = r < 0 ? r : ask(exporting, db, ROWS_A_QUERY, err);
    } while (r == HG_OK && exporting->n == ROWS_A_QUERY);
    return r;
}

static void put_bound(struct hg_rows_select *rows, const char *operator, int64_t block)
{
    char place[32];
    (void)snprintf(place, sizeof place, "(%" PRId64 ",0)", block);
    hg_buf_printf(&rows->sql, " and t.ctid %s ", operator);
    hg_rows_select_param(rows, place, "tid");
}

static int by_block(struct exporting *exporting, struct hg_db *db, struct hg_error *err)
{
    struct hg_rows_select *rows = &exporting->rows;
    int r = HG_OK;
    rows->n_sorts = 0;
    for (int64_t at = 0; r == HG_OK && at < exporting->n_blocks; at += BLOCKS_A_QUERY) {
        r = begin(exporting, err);
        put_bound(rows, ">=", at);
        if (at + BLOCKS_A_QUERY < exporting->n_blocks) {
            put_bound(rows, "<", at + BLOCKS_A_QUERY);
        }
        r = r < 0 ? r : ask(exporting, db, -1, err);
    }
    return r;
}

static int at_once(struct exporting *exporting, struct hg_db *db, struct hg_error *err)
{
    drop_place(&exporting->rows);
    int r = begin(exporting, err);
    return r < 0 ? r : ask(exporting, db, -1, err);
}

/* ---- the whole ---- */

/*
 * Before the first statement that needs a snapshot: what TRUNCATE or a change of a column's type
 * has made of the table is not seen by an older one, which would find it empty. A materialized view
 * cannot be locked; it comes as it stood before a REFRESH, or after.
 */
static int hold(struct hg_db *db, const char *schema_table, struct hg_error *err)
{
    static const char wrong_object_type[] = "42809";
    HG_CLEANUP(hg_buf_free) struct hg_buf sql = HG_BUF_INIT;
    struct hg_error why = HG_ERROR_INIT;
    hg_buf_puts(&sql, "savepoint held; lock table ");
    int r = hg_quote_table(&sql, schema_table, err);
    hg_buf_puts(&sql, " in access share mode");
    if (r < 0 || hg_buf_failed(&sql)) {
        return r < 0 ? r : hg_error_nomem(err);
    }
    r = hg_db_simple(db, hg_buf_text(&sql), NULL, &why);
    if (r < 0 && strcmp(why.sqlstate, wrong_object_type) == 0) {
        return hg_db_simple(db, "rollback to held", NULL, err);
    }
    if (r < 0 && err) {
        *err = why;
    }
    return r;
}

static int check_columns(const struct hg_rows_select *rows, struct hg_error *err)
{
    for (int i = 0; i < rows->n_shown; i++) {
        for (int k = 0; k < i; k++) {
            if (strcmp(rows->shown[i].name, rows->shown[k].name) == 0) {
                (void)hg_error_set(
                    err, HG_EINVAL, "columns: \"%.64s\" is named twice", rows->shown[i].name);
                return hg_error_at(err, "/columns");
            }
        }
    }
    return HG_OK;
}

/* Columns, order and way. */
static int look(struct exporting *exporting, struct hg_db *db, struct hg_error *err)
{
    HG_CLEANUP(hg_resultp) PGresult *extent = NULL;
    const char *const table[] = {exporting->schema_table};
    int r =
        hg_rows_select_new(db, exporting->schema_table, exporting->query, &exporting->rows, err);
    r = r < 0 ? r : hg_db_exec(db, &table_extent, table, &extent, err);
    if (r < 0) {
        return r;
    }
    bool has_file = PQntuples(extent) > 0 && hg_result_bool(extent, 0, "has_file");
    exporting->n_blocks = has_file ? hg_result_int64(extent, 0, "blocks", 0) : 0;
    exporting->way = exporting->query->order     ? AT_ONCE
                     : has_key(&exporting->rows) ? BY_KEY
                     : has_file                  ? BY_BLOCK
                                                 : AT_ONCE;
    return HG_OK;
}

int hg_rows_export_check(struct hg_db *db,
                         const char *schema_table,
                         const struct hg_rows_query *query,
                         struct hg_error *err)
{
    HG_CLEANUP(hg_rows_select_free) struct hg_rows_select rows = {0};
    HG_CLEANUP(hg_resultp) PGresult *none = NULL;
    int r = hg_rows_select_new(db, schema_table, query, &rows, err);
    r = r < 0 ? r : check_columns(&rows, err);
    r = r < 0 ? r : hg_rows_select_begin(&rows, schema_table, query, err);
    drop_place(&rows);
    r = r < 0 ? r : hg_rows_select_end(&rows, 0, err);
    r = r < 0 ? r : hg_user_query(db, hg_buf_text(&rows.sql), &rows.values, 0, &none, err);
    return hg_rows_input_error(err, r);
}

int hg_rows_export_run(struct hg_db *db,
                       const char *schema_table,
                       const struct hg_rows_query *query,
                       enum hg_rows_format format,
                       const struct hg_rows_sink *sink,
                       struct hg_error *err)
{
    static int (*const ways[])(struct exporting *, struct hg_db *, struct hg_error *) = {
        [BY_KEY] = by_key, [BY_BLOCK] = by_block, [AT_ONCE] = at_once};
    HG_CLEANUP(exporting_free)
    struct exporting exporting = {
        .schema_table = schema_table, .query = query, .format = format, .sink = sink};
    int r = hg_user_begin(db, QUERY_MS, err);
    if (r < 0) {
        return r;
    }
    r = hold(db, schema_table, err);
    r = r < 0 ? r : look(&exporting, db, err);
    if (r == HG_OK && format == HG_ROWS_CSV) {
        put_names(&exporting);
    }
    r = r < 0 ? r : ways[exporting.way](&exporting, db, err);
    r = r < 0 ? r : hand_over(&exporting, 0, err);
    if (r == HG_OK) {
        hg_db_rollback(db); /* else the connection is closed, which ends all of it */
    }
    return r;
}
