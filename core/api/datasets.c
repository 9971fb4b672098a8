#include "api/datasets.h"

#include <string.h>

#include "api/context.h"

int hg_api_datasets_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    int r = hg_api_page(request, &page, err);
    r = r < 0 ? r : hg_datasets_list(hg_api_of(request)->options.pipelines, &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}

/* "schema.table", one dot with something on both sides; what is none names nothing. */
static int check_name(const char *name, struct hg_error *err)
{
    const char *dot = strchr(name, '.');
    if (!dot || dot == name || !dot[1] || strchr(dot + 1, '.')) {
        (void)hg_error_set(err, HG_ENOTFOUND, "there is no dataset \"%.128s\"", name);
        return hg_error_hint(err, "A dataset is named schema.table.");
    }
    return HG_OK;
}

int hg_api_datasets_rows(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_rows_query query = {
        .columns = hg_http_query(request, "columns"),
        .order = hg_http_query(request, "order"),
        .from = hg_http_query(request, "from"),
        .to = hg_http_query(request, "to"),
    };
    json_t *answer = NULL;
    const char *name = hg_http_param(request, 0);
    int r = check_name(name, err);
    r = r < 0 ? r : hg_api_page(request, &query.page, err);
    r = r < 0 ? r
              : hg_datasets_rows(hg_api_of(request)->options.pipelines, name, &query, &answer, err);
    return hg_api_answer(request, r, answer, err);
}
