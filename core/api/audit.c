#include "api/audit.h"

#include "api/context.h"
#include "auth/audit.h"

int hg_api_audit_list(struct hg_http_request *request, struct hg_error *err)
{
    struct hg_page page;
    json_t *answer = NULL;
    int r = hg_api_page(request, &page, err);
    if (r < 0) {
        return r;
    }
    const struct hg_audit_query query = {
        .actor = hg_http_query(request, "actor"),
        .action = hg_http_query(request, "action"),
        .page = page,
    };
    r = hg_audit_list(hg_api_of(request)->auth, &query, &answer, err);
    return hg_api_answer(request, r, answer, err);
}
