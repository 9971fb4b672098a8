#include "store/page.h"

#include <stdio.h>

#include "base/mem.h"
#include "store/result.h"

enum { PARAMS_MAX = 8 };

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

int hg_page_answer(const PGresult *result,
                   const struct hg_page *page,
                   json_t **ret,
                   struct hg_error *err)
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

int hg_page_ask(const struct hg_page_query *query,
                const struct hg_page *page,
                json_t **ret,
                struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *params[PARAMS_MAX];
    char limit[16];
    int n = query->list->n_params;
    if (n < 2 || n > PARAMS_MAX) {
        return hg_error_set(err, HG_EINTERNAL, "%s is no statement of a list", query->list->name);
    }
    for (int i = 0; i < n - 2; i++) {
        params[i] = query->filters[i];
    }
    (void)snprintf(limit, sizeof limit, "%d", page->limit);
    params[n - 2] = page->cursor;
    params[n - 1] = limit;
    int r = hg_page_check(page, query->is_key, err);
    r = r < 0 ? r : hg_pool_borrow(query->pool, query->wait_ms, &db, err);
    r = r < 0 ? r : hg_db_exec(db, query->list, params, &result, err);
    return r < 0 ? r : hg_page_answer(result, page, ret, err);
}
