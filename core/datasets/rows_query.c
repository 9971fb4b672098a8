#include "datasets/rows_query.h"

#include "base/json.h"
#include "base/mem.h"
#include "datasets/rows_select.h"
#include "datasets/user_query.h"

static json_t *row_form(const struct hg_rows_select *rows, const json_t *cells)
{
    json_t *values = json_array();
    for (int i = 0; i < rows->n_shown; i++) {
        const char *text = json_string_value(json_array_get(cells, (size_t)i));
        (void)json_array_append_new(values, hg_rows_value(&rows->shown[i], text));
    }
    return values;
}

static char *cursor_of(const struct hg_rows_select *rows, const json_t *cells)
{
    HG_CLEANUP(hg_json_decrefp) json_t *cursor = hg_rows_cursor(rows, cells);
    return json_dumps(cursor, JSON_COMPACT);
}

static json_t *columns_form(const struct hg_rows_select *rows)
{
    json_t *columns = json_array();
    for (int i = 0; i < rows->n_shown; i++) {
        (void)json_array_append_new(
            columns,
            json_pack("{s:s, s:s}", "name", rows->shown[i].name, "type", rows->shown[i].type));
    }
    return columns;
}

static int answer(const struct hg_rows_select *rows,
                  const PGresult *result,
                  int limit,
                  json_t **ret,
                  struct hg_error *err)
{
    int n = PQntuples(result);
    int shown = n < limit ? n : limit;
    HG_CLEANUP(hg_json_decrefp) json_t *list = json_array();
    HG_CLEANUP(hg_freep) char *next = NULL;
    for (int row = 0; row < shown; row++) {
        HG_CLEANUP(hg_json_decrefp) json_t *cells = hg_result_json(result, row, "item");
        if (!cells || json_array_append_new(list, row_form(rows, cells)) < 0) {
            return hg_error_nomem(err);
        }
        next = row == shown - 1 && n > shown ? cursor_of(rows, cells) : NULL;
    }
    json_t *form = json_pack(
        "{s:o, s:O, s:s?}", "columns", columns_form(rows), "rows", list, "next_cursor", next);
    if (!form) {
        return hg_error_nomem(err);
    }
    *ret = form;
    return HG_OK;
}

/* *ret is an array of texts and nulls, owned by the caller, or NULL without a cursor. */
static int read_cursor(const struct hg_rows_select *rows,
                       const char *text,
                       json_t **ret,
                       struct hg_error *err)
{
    *ret = text ? hg_json_read_text(text, 0, NULL) : NULL;
    if (text && json_array_size(*ret) != (size_t)rows->n_sorts) {
        hg_error_set(err, HG_EINVAL, "the cursor was not made by this list");
        hg_error_hint(err,
                      "Leave it out for the first page, then pass on next_cursor as it is, "
                      "with the same order.");
        return HG_EINVAL;
    }
    return HG_OK;
}

int hg_rows_query_run(struct hg_db *db,
                      const char *schema_table,
                      const struct hg_rows_query *query,
                      json_t **ret,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_rows_select_free) struct hg_rows_select rows = {0};
    HG_CLEANUP(hg_json_decrefp) json_t *cursor = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    int r = hg_rows_select_new(db, schema_table, query, &rows, err);
    r = r < 0 ? r : read_cursor(&rows, query->page.cursor, &cursor, err);
    r = r < 0 ? r : hg_rows_select_begin(&rows, schema_table, query, err);
    if (r == HG_OK && cursor) {
        hg_rows_select_behind(&rows, cursor);
    }
    r = r < 0 ? r : hg_rows_select_end(&rows, query->page.limit + 1, err);
    r = r < 0 ? r : hg_user_query(db, hg_buf_text(&rows.sql), &rows.values, 0, &result, err);
    return r < 0 ? hg_rows_input_error(err, r) : answer(&rows, result, query->page.limit, ret, err);
}
