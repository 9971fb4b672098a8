/*
 * What a pipeline's file has said: a version whenever it changed. A run names its version.
 */
#include "base/mem.h"
#include "base/parse.h"
#include "pipeline/page.h"
#include "pipeline/service.h"
#include "pipeline/sql_json.h"
#include "pipeline/state.h"

/* clang-format off */
#define VERSION                                                                                    \
    "'version', v.version, 'is_current', v.version = p.version,"                                   \
    " 'created_at', " HG_SQL_TIME("v.created_at")
/* clang-format on */

static const struct hg_statement list = {
    "versions_list",
    "select v.version::text as cursor_key, json_build_object(" VERSION ") as item"
    " from pipeline_version v join pipeline p on p.id = v.pipeline_id where v.pipeline_id = $1"
    " and ($2::int is null or v.version < $2::int) order by v.version desc limit $3::int + 1",
    3};

static const struct hg_statement get = {
    "versions_get",
    "select json_build_object(" VERSION ", 'definition', v.definition) as item"
    " from pipeline_version v join pipeline p on p.id = v.pipeline_id where v.pipeline_id = $1"
    " and v.version = $2::int",
    2};

static bool is_version(const char *text)
{
    int64_t version;
    return hg_parse_int64(text, 1, INT32_MAX, &version, NULL) == HG_OK;
}

int hg_versions_list(struct hg_pipelines *service,
                     const char *pipeline_id,
                     const struct hg_page *page,
                     json_t **ret,
                     struct hg_error *err)
{
    return hg_page_of_pipeline(service, &list, pipeline_id, NULL, page, is_version, ret, err);
}

int hg_versions_get(struct hg_pipelines *service,
                    const char *pipeline_id,
                    const char *version,
                    json_t **ret,
                    struct hg_error *err)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    HG_CLEANUP(hg_resultp) PGresult *result = NULL;
    const char *const params[] = {pipeline_id, version};
    int r = is_version(version) ? HG_OK : HG_ENOTFOUND;
    r = r < 0 ? r : hg_pool_borrow(service->options.metadata, HG_BORROW_MS, &db, err);
    r = r < 0 ? r : hg_db_exec(db, &get, params, &result, err);
    if (r == HG_ENOTFOUND || (r == HG_OK && PQntuples(result) == 0)) {
        return hg_error_set(
            err, HG_ENOTFOUND, "pipeline \"%.64s\" has no version \"%.20s\"", pipeline_id, version);
    }
    if (r < 0) {
        return r;
    }
    json_t *item = hg_result_json(result, 0, "item");
    if (!item) {
        return hg_error_nomem(err);
    }
    *ret = item;
    return HG_OK;
}
