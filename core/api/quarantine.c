#include "api/quarantine.h"

#include "api/context.h"
#include "base/uuid.h"
#include "datasets/datasets.h"

int hg_api_quarantine_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    const char *pipeline = hg_http_query(request, "pipeline");
    const char *run = hg_http_query(request, "run");
    int r = hg_api_page(request, &page, err);
    if (r == HG_OK && run && !hg_uuid_is_valid(run)) {
        r = hg_http_bad_request(
            request, err, "the parameter \"run\" is \"%.64s\", expected a run's id", run);
    }
    r = r < 0 ? r
              : hg_quarantine_list(
                    hg_api_of(request)->options.warehouse, pipeline, run, &page, &answer, err);
    return hg_api_answer(request, r, answer, err);
}
