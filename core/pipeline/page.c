#include "pipeline/page.h"

#include <stdio.h>

#include "base/mem.h"
#include "pipeline/state.h"

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
