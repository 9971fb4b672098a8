#include <stdio.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/uuid.h"
#include "datasets/datasets.h"
#include "store/pool.h"
#include "store/sql_time.h"

/* clang-format off */

static const struct hg_statement list_quarantine = {
    "quarantine_list",
    "select q.id as cursor_key, json_build_object('id', q.id::text, 'pipeline_id', q.pipeline_id,"
    " 'run_id', q.run_id, 'job_id', q.job_id, 'at', " HG_SQL_TIME("q.at") ","
    " 'source', q.source, 'position', q.position, 'reasons', q.reasons, 'row', q.row_data,"
    " 'raw', q.raw) as item from headgate.quarantine q"
    " where ($1::text is null or q.pipeline_id = $1) and ($2::uuid is null or q.run_id = $2::uuid)"
    " and q.id > coalesce($3::bigint, 0) order by q.id limit $4::int + 1",
    4};

/* clang-format on */

static bool is_number(const char *text)
{
    int64_t number;
    return hg_parse_int64(text, 0, INT64_MAX, &number, NULL) == HG_OK;
}

int hg_quarantine_list(struct hg_pool *warehouse,
                       const char *pipeline_id,
                       const char *run_id,
                       const struct hg_page *page,
                       json_t **ret,
                       struct hg_error *err)
{
    const char *const filters[] = {pipeline_id, run_id};
    const struct hg_page_query query = {.pool = warehouse,
                                        .wait_ms = HG_BORROW_MS,
                                        .list = &list_quarantine,
                                        .filters = filters,
                                        .is_key = is_number};
    if (run_id && !hg_uuid_is_valid(run_id)) {
        return hg_error_set(err, HG_EINVAL, "\"%.64s\" is not the id of a run", run_id);
    }
    return hg_page_ask(&query, page, ret, err);
}
