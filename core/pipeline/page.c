#include "pipeline/page.h"

#include <stdio.h>

#include "base/mem.h"
#include "pipeline/state.h"

int hg_page_check(const struct hg_page *page,
                  bool (*is_key)(const char *text),
                  struct hg_error *err)
{
    if (!page->cursor || is_key(page->cursor)) {
        return HG_OK;
    }
    (void)hg_error_set(err, HG_EINVAL, "the cursor was not made by this list");
    return hg_error_hint(err,
                         "Leave it out for the first page, then pass on next_cursor as it is.");
}

/*
 * Statements of lists give two columns, `item` (JSON) and `cursor_key`, and one row more than
 * asked.
 */
int hg_page_answer(PGresult *result, const struct hg_page *page, json_t **ret, struct hg_error *err)
{
    int n = PQntuples(result);
    int shown = n < page->limit ? n : page->limit;
    HG_CLEANUP(hg_json_decrefp) json_t *items = json_array();
    for (int row = 0; row < shown; row++) {
        json_t *item = hg_result_json(result, row, "item");
        if (!item || json_array_append_new(items, item) < 0) {
            return hg_error_nomem(err);
        }
    }
    const char *next =
        n > shown && shown > 0 ? hg_result_text(result, shown - 1, "cursor_key") : NULL;
    json_t *answer = json_pack("{s:O, s:s?}", "items", items, "next_cursor", next);
    if (!answer) {
        return hg_error_nomem(err);
    }
    *ret = answer;
    return HG_OK;
}

static const struct hg_statement has_pipeline = {
    "page_has_pipeline", "select from pipeline where id = $1", 1};

int hg_page_of_pipeline(struct hg_pipelines *service,
                        const struct hg_statement *list,
                        const char *pipeline_id,
                        const char *filter,
                        const struct hg_page *page,
                        bool (*is_key)(const char *text),
                        json_t **ret,
                        struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *found = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char limit[16];
    (void)snprintf(limit, sizeof limit, "%d", page->limit);
    const char *const params[] = {pipeline_id, page->cursor, limit, filter};
    int r = hg_page_check(page, is_key, err);
    r = r < 0 ? r : hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &has_pipeline, params, &found, err);
    if (r == HG_OK && PQntuples(found) == 0) {
        return hg_error_set(err, HG_ENOTFOUND, "there is no pipeline \"%.64s\"", pipeline_id);
    }
    r = r < 0 ? r : hg_db_exec(db, list, params, &result, err);
    return r < 0 ? r : hg_page_answer(result, page, ret, err);
}
