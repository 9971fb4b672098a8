#include "store/page.h"

#include "base/mem.h"
#include "store/result.h"

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
