#include "datasets/rows_select.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/array.h"

/* key_position: place in the primary key, from 1, or null. */
static const struct hg_statement table_columns = {
    "rows_columns",
    "select a.attname as name, format_type(a.atttypid, a.atttypmod) as type,"
    " a.attnotnull as not_null, a.atttypid = 'timestamptz'::regtype as is_time,"
    " array_position(i.indkey::int2[], a.attnum) as key_position"
    " from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary"
    " where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped"
    " order by a.attnum",
    1};

/* ---- which columns ---- */

static int find_column(const struct hg_rows_select *rows, const char *name)
{
    for (int row = 0; row < PQntuples(rows->catalog); row++) {
        if (strcmp(hg_result_text(rows->catalog, row, "name"), name) == 0) {
            return row;
        }
    }
    return -1;
}

static int no_column(const char *parameter, const char *name, struct hg_error *err)
{
    hg_error_set(err, HG_EINVAL, "%s: the dataset has no column \"%.64s\"", parameter, name);
    (void)hg_error_at(err, "/%s", parameter);
    return HG_EINVAL;
}

static enum hg_rows_kind kind_of(const char *type)
{
    static const struct {
        const char *type;
        enum hg_rows_kind kind;
    } kinds[] = {
        {"boolean", HG_ROWS_BOOLEAN},
        {"smallint", HG_ROWS_INTEGER},
        {"integer", HG_ROWS_INTEGER},
        {"real", HG_ROWS_FLOAT},
        {"double precision", HG_ROWS_FLOAT},
        {"json", HG_ROWS_JSON},
        {"jsonb", HG_ROWS_JSON},
    };
    for (size_t i = 0; i < HG_COUNT(kinds); i++) {
        if (strcmp(type, kinds[i].type) == 0) {
            return kinds[i].kind;
        }
    }
    return HG_ROWS_TEXT;
}

static void show(struct hg_rows_select *rows, int row)
{
    const char *type = hg_result_text(rows->catalog, row, "type");
    rows->shown[rows->n_shown++] = (struct hg_rows_column){
        hg_result_text(rows->catalog, row, "name"),
        type,
        kind_of(type),
        hg_result_bool(rows->catalog, row, "is_time"),
    };
}

static int choose_columns(struct hg_rows_select *rows, const char *columns, struct hg_error *err)
{
    int n = PQntuples(rows->catalog);
    rows->shown = calloc((size_t)n + 1, sizeof *rows->shown);
    rows->names = columns ? strdup(columns) : NULL;
    if (!rows->shown || (columns && !rows->names)) {
        return hg_error_nomem(err);
    }
    for (int row = 0; !columns && row < n; row++) {
        show(rows, row);
    }
    char *rest = rows->names;
    for (char *name = rest ? strsep(&rest, ",") : NULL; name; name = strsep(&rest, ",")) {
        int row = find_column(rows, name);
        if (row < 0 || rows->n_shown == n) {
            return no_column("columns", name, err);
        }
        show(rows, row);
    }
    return HG_OK;
}

/* ---- in which order ---- */

static void add_sort(struct hg_rows_select *rows, int row, bool descending)
{
    const char *name = hg_result_text(rows->catalog, row, "name");
    for (int i = 0; i < rows->n_sorts; i++) {
        if (strcmp(rows->sorts[i].name, name) == 0) {
            return;
        }
    }
    rows->sorts[rows->n_sorts++] = (struct hg_rows_sort){
        name,
        hg_result_text(rows->catalog, row, "type"),
        descending,
        !hg_result_bool(rows->catalog, row, "not_null"),
    };
}

static int choose_order(struct hg_rows_select *rows, const char *order, struct hg_error *err)
{
    if (order) {
        bool descending = order[0] == '-';
        int row = find_column(rows, order + descending);
        if (row < 0) {
            return no_column("order", order + descending, err);
        }
        add_sort(rows, row, descending);
    }
    int n_key = 0;
    for (int position = 1; position <= HG_ROWS_SORT_MAX - 2; position++) {
        for (int row = 0; row < PQntuples(rows->catalog); row++) {
            /* indkey is counted from 0 */
            if (hg_result_int64(rows->catalog, row, "key_position", -1) == position - 1) {
                add_sort(rows, row, false);
                n_key++;
            }
        }
    }
    if (n_key == 0) {
        rows->sorts[rows->n_sorts++] = (struct hg_rows_sort){"ctid", "tid", false, false};
    }
    return HG_OK;
}

/* ---- the statement ---- */

/* Qualified, since an output column has the name of the table's as well. */
static void put_name(struct hg_rows_select *rows, const char *name)
{
    hg_buf_puts(&rows->sql, "t.");
    hg_quote_ident(&rows->sql, name);
}

void hg_rows_select_param(struct hg_rows_select *rows, const char *value, const char *type)
{
    hg_array_put(&rows->values, value);
    hg_buf_printf(&rows->sql, "($1)[%d]::%s", ++rows->n_values, type);
}

/* The row comes after the cursor's in one column: larger, or smaller, or null (nulls are last). */
static void put_after(struct hg_rows_select *rows,
                      const struct hg_rows_sort *sort,
                      const char *value)
{
    if (!value) {
        hg_buf_puts(&rows->sql, "false");
        return;
    }
    hg_buf_putc(&rows->sql, '(');
    put_name(rows, sort->name);
    hg_buf_puts(&rows->sql, sort->descending ? " < " : " > ");
    hg_rows_select_param(rows, value, sort->type);
    if (sort->nullable) {
        hg_buf_puts(&rows->sql, " or ");
        put_name(rows, sort->name);
        hg_buf_puts(&rows->sql, " is null");
    }
    hg_buf_putc(&rows->sql, ')');
}

static void put_same(struct hg_rows_select *rows,
                     const struct hg_rows_sort *sort,
                     const char *value)
{
    put_name(rows, sort->name);
    if (value) {
        hg_buf_puts(&rows->sql, " = ");
        hg_rows_select_param(rows, value, sort->type);
    } else {
        hg_buf_puts(&rows->sql, " is null");
    }
}

/* (a, b) > (x, y): what an index of these columns goes straight to. */
static void put_tuple_after(struct hg_rows_select *rows, const json_t *cursor)
{
    hg_buf_puts(&rows->sql, " and (");
    for (int i = 0; i < rows->n_sorts; i++) {
        hg_buf_puts(&rows->sql, i > 0 ? ", " : "");
        put_name(rows, rows->sorts[i].name);
    }
    hg_buf_puts(&rows->sql, ") > (");
    for (int i = 0; i < rows->n_sorts; i++) {
        const char *value = json_string_value(json_array_get(cursor, (size_t)i));
        hg_buf_puts(&rows->sql, i > 0 ? ", " : "");
        hg_rows_select_param(rows, value, rows->sorts[i].type);
    }
    hg_buf_putc(&rows->sql, ')');
}

static bool is_a_tuple(const struct hg_rows_select *rows)
{
    bool plain = true;
    for (int i = 0; i < rows->n_sorts; i++) {
        plain = plain && !rows->sorts[i].descending && !rows->sorts[i].nullable;
    }
    return plain;
}

/* a after, or a same and (b after, or b same and (...)) */
static void put_each_after(struct hg_rows_select *rows, const json_t *cursor)
{
    hg_buf_puts(&rows->sql, " and (");
    for (int i = 0; i < rows->n_sorts; i++) {
        const char *value = json_string_value(json_array_get(cursor, (size_t)i));
        put_after(rows, &rows->sorts[i], value);
        if (i + 1 < rows->n_sorts) {
            hg_buf_puts(&rows->sql, " or (");
            put_same(rows, &rows->sorts[i], value);
            hg_buf_puts(&rows->sql, " and (");
        }
    }
    for (int i = 0; i + 1 < rows->n_sorts; i++) {
        hg_buf_puts(&rows->sql, "))");
    }
    hg_buf_putc(&rows->sql, ')');
}

void hg_rows_select_behind(struct hg_rows_select *rows, const json_t *cursor)
{
    (is_a_tuple(rows) ? put_tuple_after : put_each_after)(rows, cursor);
}

static int put_bounds(struct hg_rows_select *rows,
                      const struct hg_rows_query *query,
                      struct hg_error *err)
{
    const struct {
        const char *value;
        const char *operator;
    } bounds[] = {{query->from, " >= "}, {query->to, " <= "}};
    for (size_t i = 0; i < HG_COUNT(bounds); i++) {
        if (!bounds[i].value) {
            continue;
        }
        if (!query->order) {
            return hg_error_set(
                err, HG_EINVAL, "from and to bound the order column: name it with order=");
        }
        hg_buf_puts(&rows->sql, " and ");
        put_name(rows, rows->sorts[0].name);
        hg_buf_puts(&rows->sql, bounds[i].operator);
        hg_rows_select_param(rows, bounds[i].value, rows->sorts[0].type);
    }
    return HG_OK;
}

/*
 * A time as RFC 3339: milliseconds, and microseconds where it has them. to_char has no word for
 * infinity.
 */
static void put_time(struct hg_rows_select *rows, const char *name)
{
    hg_buf_puts(&rows->sql, "coalesce(to_char(");
    put_name(rows, name);
    hg_buf_puts(&rows->sql, " at time zone 'UTC', case when extract(microseconds from ");
    put_name(rows, name);
    hg_buf_puts(&rows->sql,
                ")::int % 1000 = 0 then 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'"
                " else 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"' end), ");
    put_name(rows, name);
    hg_buf_puts(&rows->sql, "::text)");
}

/* Each row is an array of texts: what is shown, then what it is sorted by. */
static void put_select(struct hg_rows_select *rows)
{
    hg_buf_puts(&rows->sql, "select to_json(array[");
    for (int i = 0; i < rows->n_shown; i++) {
        hg_buf_puts(&rows->sql, i > 0 ? ", " : "");
        (rows->shown[i].is_time ? put_time : put_name)(rows, rows->shown[i].name);
        hg_buf_puts(&rows->sql, "::text");
    }
    for (int i = 0; i < rows->n_sorts; i++) {
        hg_buf_puts(&rows->sql, rows->n_shown + i > 0 ? ", " : "");
        put_name(rows, rows->sorts[i].name);
        hg_buf_puts(&rows->sql, "::text");
    }
    hg_buf_puts(&rows->sql, "])");
}

int hg_rows_select_begin(struct hg_rows_select *rows,
                         const char *schema_table,
                         const struct hg_rows_query *query,
                         struct hg_error *err)
{
    hg_buf_reset(&rows->sql);
    hg_buf_reset(&rows->values);
    rows->n_values = 0;
    put_select(rows);
    hg_buf_puts(&rows->sql, " from ");
    int r = hg_quote_table(&rows->sql, schema_table, err);
    hg_buf_puts(&rows->sql, " t where true");
    return r < 0 ? r : put_bounds(rows, query, err);
}

int hg_rows_select_end(struct hg_rows_select *rows, int64_t limit, struct hg_error *err)
{
    char text[24];
    for (int i = 0; i < rows->n_sorts; i++) {
        hg_buf_puts(&rows->sql, i > 0 ? ", " : " order by ");
        put_name(rows, rows->sorts[i].name);
        hg_buf_puts(&rows->sql, rows->sorts[i].descending ? " desc nulls last" : "");
    }
    if (limit >= 0) {
        (void)snprintf(text, sizeof text, "%" PRId64, limit);
        hg_buf_puts(&rows->sql, " limit ");
        hg_rows_select_param(rows, text, "bigint");
    }
    return hg_buf_failed(&rows->sql) || hg_buf_failed(&rows->values) ? hg_error_nomem(err) : HG_OK;
}

/* ---- what it gives ---- */

json_t *hg_rows_value(const struct hg_rows_column *column, const char *text)
{
    json_t *value = NULL;
    double number;
    if (!text) {
        return json_null();
    }
    switch (column->kind) {
    case HG_ROWS_BOOLEAN:
        return json_boolean(text[0] == 't');
    case HG_ROWS_INTEGER:
        return json_integer(strtol(text, NULL, 10));
    case HG_ROWS_FLOAT:
        number = strtod(text, NULL);
        return isfinite(number) ? json_real(number) : json_string(text);
    case HG_ROWS_JSON:
        value = hg_json_read_text(text, JSON_DECODE_ANY, NULL);
        return value ? value : json_string(text); /* it has numbers that ours cannot hold */
    case HG_ROWS_TEXT:
    default:
        return json_string(text);
    }
}

json_t *hg_rows_cursor(const struct hg_rows_select *rows, const json_t *cells)
{
    json_t *cursor = json_array();
    for (int i = 0; cursor && i < rows->n_sorts; i++) {
        (void)json_array_append(cursor, json_array_get(cells, (size_t)rows->n_shown + (size_t)i));
    }
    return cursor;
}

/* Values that do not fit their column are the caller's mistake, not the database's. */
int hg_rows_input_error(struct hg_error *err, int r)
{
    /* 42883: no operator, say no order of a type such as json; 53400: too much to put in order. */
    if (err && (strncmp(err->sqlstate, "22", 2) == 0 || strcmp(err->sqlstate, "42883") == 0 ||
                strcmp(err->sqlstate, "53400") == 0)) {
        err->code = HG_EINVAL;
        return HG_EINVAL;
    }
    return r;
}

/* ---- the whole ---- */

void hg_rows_select_free(struct hg_rows_select *rows)
{
    PQclear(rows->catalog);
    free(rows->shown);
    free(rows->names);
    hg_buf_free(&rows->sql);
    hg_buf_free(&rows->values);
}

int hg_rows_select_new(struct hg_db *db,
                       const char *schema_table,
                       const struct hg_rows_query *query,
                       struct hg_rows_select *ret,
                       struct hg_error *err)
{
    const char *const table[] = {schema_table};
    int r = hg_db_exec(db, &table_columns, table, &ret->catalog, err);
    r = r < 0 ? r : choose_columns(ret, query->columns, err);
    return r < 0 ? r : choose_order(ret, query->order, err);
}
