#include <stdio.h>

#include "base/mem.h"
#include "base/parse.h"
#include "pipeline/page.h"
#include "pipeline/service.h"
#include "pipeline/sql_json.h"
#include "pipeline/state.h"

static const struct hg_statement list_quarantine = {
    "quarantine_list",
    "select q.id as cursor_key, json_build_object('id', q.id::text, 'pipeline_id', q.pipeline_id,"
    " 'run_id', q.run_id, 'job_id', q.job_id, 'at', " HG_SQL_TIME(
        "q.at") ","
                " 'source', q.source, 'position', q.position, 'reasons', q.reasons, 'row', "
                "q.row_data,"
                " 'raw', q.raw) as item from headgate.quarantine q"
                " where ($1::text is null or q.pipeline_id = $1) and ($2::uuid is null or q.run_id "
                "= $2::uuid)"
                " and q.id > $3::bigint order by q.id limit $4::int + 1",
    4};

int hg_quarantine_list(struct hg_pipelines *service,
                       const char *pipeline_id,
                       const char *run_id,
                       const struct hg_page *page,
                       json_t **ret,
                       struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    char limit[16];
    int64_t after = 0;
    (void)snprintf(limit, sizeof limit, "%d", page->limit);
    if (run_id && !hg_uuid_is_valid(run_id)) {
        return hg_error_set(err, HG_EINVAL, "\"%.64s\" is not the id of a run", run_id);
    }
    int r = page->cursor ? hg_parse_int64(page->cursor, 0, INT64_MAX, &after, err) : HG_OK;
    const char *const params[] = {pipeline_id, run_id, page->cursor ? page->cursor : "0", limit};
    r = r < 0 ? r : hg_pool_borrow(service->options.warehouse, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &list_quarantine, params, &result, err);
    return r < 0 ? r : hg_page_answer(result, page, ret, err);
}
